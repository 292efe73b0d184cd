//! Objects that people write: collections, graphs, references, saved searches. Each is a row of [`AUTHORED`]; the handlers
//! that make, change, remove, list, fill and share them are the same for all.
//!
//! | module | what |
//! |---|---|
//! | [`change`] | `POST /{collection}`, `PATCH` and `DELETE /{collection}/{id}` |
//! | [`fields`] | what may be written, as rows |
//! | [`members`] | what is in them: `POST` and `DELETE /{collection}/{id}/{relationship}` |
//! | [`listing`], [`filter`] | `GET /{collection}` with its filter and order |
//! | [`sharing`] | viewers and editors |
//! | [`search`], [`aggregations`] | among the items of a collection; what they have in common |
//! | [`export`], [`tree`] | a collection as a document, and as a tree of ATT&CK |
//!
//! To add a type: a row in its object's file, a line in [`AUTHORED`], and one in `objects::sight` where it can be private.

use assay_model::privilege::Privilege;
use assay_model::quota::Quota;
use assay_model::record::{Key, Record};
use assay_model::{Code, Error, Kind, Link, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::app::App;
use crate::gate::Paid;
use crate::identity::Identity;
use crate::objects::{self, Viewer};
use crate::route::Call;

pub(crate) mod aggregations;
pub(crate) mod change;
pub(crate) mod export;
pub(crate) mod fields;
pub(crate) mod filter;
pub(crate) mod listing;
pub(crate) mod members;
pub(crate) mod search;
pub(crate) mod sharing;
pub(crate) mod tree;

/// Every type, in the order of the documentation.
pub(crate) const AUTHORED: &[&Authored] =
    &[&objects::collection::ROW, &objects::graph::ROW, &objects::reference::ROW, &objects::saved_search::ROW];

/// What attributes name, with the link that leads there.
pub(crate) type Names = fn(&Map<String, Value>) -> Vec<(Link, Key)>;

/// What a type of written object is.
pub(crate) struct Authored {
    /// Its row in the table of kinds.
    pub(crate) kind: Kind,
    /// Its name in messages.
    pub(crate) title: &'static str,
    /// What may be written.
    pub(crate) fields: &'static [fields::Field],
    /// What a new one has beside what was written.
    pub(crate) fresh: fn(&mut Map<String, Value>),
    /// What must hold of what was written, all of it.
    pub(crate) check: fn(&Map<String, Value>) -> Result<()>,
    /// The id of a new one.
    pub(crate) id: fn(&App, &Map<String, Value>) -> String,
    /// The attribute that says when it changed last.
    pub(crate) modified: &'static str,
    /// From it to its owner.
    pub(crate) owned: Link,
    /// From it to the list of all of its type.
    pub(crate) listed: Link,
    /// The privilege that making it, or making it private, needs.
    pub(crate) private: Option<Privilege>,
    /// What counts the ones made, where that is counted.
    pub(crate) quota: Option<&'static [Quota]>,
    /// What counts those that are private, as long as they are, where that is counted.
    pub(crate) hidden: Option<&'static [Quota]>,
    /// What can be put into it and taken out.
    pub(crate) members: &'static [members::Membership],
    /// The attribute that counts its members of every kind, where it has one.
    pub(crate) total: Option<&'static str>,
    /// What its attributes name; kept as links, so that it is found from there.
    pub(crate) names: Names,
    /// With whom it is shared.
    pub(crate) sharing: sharing::Sharing,
    /// From it to a group that it is shared with, where it is found from there.
    pub(crate) shared: Option<Link>,
    /// What `order` takes, with the attribute that is meant.
    pub(crate) orders: &'static [(&'static str, &'static str)],
    /// What `filter` takes, with where it looks.
    pub(crate) filters: &'static [(&'static str, filter::Place)],
}

/// A written object as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Work {
    pub(crate) attributes: Map<String, Value>,
    /// The account that made it.
    pub(crate) owner: String,
    /// That account's group, at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) viewers: Vec<sharing::Grantee>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) editors: Vec<sharing::Grantee>,
    /// The ledgers on which it counts while it is private.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) counted_on: Vec<String>,
}

impl Work {
    /// Attributes alone, for a filter to look at.
    fn of_attributes(attributes: Map<String, Value>) -> Self {
        Self {
            attributes,
            owner: String::new(),
            group: None,
            viewers: Vec::new(),
            editors: Vec::new(),
            counted_on: Vec::new(),
        }
    }

    /// Whether only those see it with whom it is shared.
    pub(crate) fn is_private(&self) -> bool {
        self.attributes.get("private").and_then(Value::as_bool).unwrap_or(false)
    }

    /// Moves a counting attribute.
    pub(crate) fn add(&mut self, counter: &str, by: i64) {
        let before = self.attributes.get(counter).and_then(Value::as_i64).unwrap_or(0);
        self.attributes.insert(counter.to_owned(), (before + by).max(0).into());
    }
}

/// What a caller is to a written object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// May not know that it exists.
    Nobody,
    /// Sees it.
    Viewer,
    /// Changes it.
    Editor,
    /// Removes it.
    Owner,
}

impl Standing {
    /// Of a caller towards an object.
    pub(crate) fn towards(paid: &Paid, work: &Work) -> Self {
        let Some(identity) = paid.identity() else { return Self::Nobody };
        let among = |list: &[sharing::Grantee]| list.iter().any(|grantee| grantee.is(identity));
        if identity.is_staff() || *identity.account == *work.owner {
            Self::Owner
        } else if among(&work.editors) {
            Self::Editor
        } else if !work.is_private() || among(&work.viewers) {
            Self::Viewer
        } else {
            Self::Nobody
        }
    }
}

/// Whether a caller sees a written object.
pub(crate) fn sees(record: &Record, viewer: &Viewer<'_>) -> Result<bool> {
    let work: Work = record.parse()?;
    Ok(Standing::towards(viewer.paid, &work) >= Standing::Viewer)
}

impl Authored {
    /// The row of the type that a call is about.
    pub(crate) fn of_call(call: &Call) -> Result<&'static Self> {
        let kind = call.route.object.map(|object| object.kind);
        let found = AUTHORED.iter().copied().find(|row| Some(row.kind) == kind);
        found.ok_or_else(|| Error::new(Code::Internal, "a route is about nothing that people write"))
    }

    /// How the type is shown.
    pub(crate) fn object(&self) -> Result<&'static objects::ObjectType> {
        objects::of(self.kind).ok_or_else(|| Error::new(Code::Internal, "a written kind without endpoints"))
    }

    /// The list of all of its type.
    pub(crate) fn topic(&self) -> Key {
        Key::shared(Kind::Topic, self.kind.collection())
    }
}

/// The object that the path names, for a caller who may do that much with it; with its version.
pub(crate) async fn governed(call: &Call, needed: Standing) -> Result<(Work, Key, u64)> {
    let row = Authored::of_call(call)?;
    let record = (row.object()?.locate)(&call.viewer(), call.arguments.path("id")).await?;
    let work: Work = record.parse()?;
    let standing = Standing::towards(&call.paid, &work);
    if standing < needed {
        let who = if needed == Standing::Owner { "its owner" } else { "its owner and its editors" };
        return Err(crate::accounts::rights::forbidden(&format!("it is for {who}")));
    }
    Ok((work, record.key.clone(), record.version))
}

/// Who calls.
fn caller(call: &Call) -> Result<&Identity> {
    call.paid.account().map(|identity| &**identity)
}

/// The record of a written object that the caller sees, by its id as it stands.
pub(crate) async fn locate(viewer: &Viewer<'_>, kind: Kind, title: &str, id: &str) -> Result<std::sync::Arc<Record>> {
    let record = objects::by_id(viewer, kind, title, id).await?;
    if objects::sight::sees(&record, viewer).await? { Ok(record) } else { Err(Error::not_found(title, id)) }
}
