//! Objects and relationships as data. An object type is a file with its [`ObjectType`] and a line in [`OBJECTS`]; a
//! relationship is a line in the type's file. Handlers for all of them are the three functions of [`serve`]; [`related`] reads the
//! members of a relationship.

use std::pin::Pin;
use std::sync::Arc;

use assay_model::privilege::Privilege;
use assay_model::record::{Key, Record};
use assay_model::{Error, Kind, Link, Result};
use assay_store::{End, Page, Range};
use serde_json::{Map, Value};

use crate::app::App;
use crate::gate::Paid;

pub mod activity_log_entry;
pub mod analysis;
pub mod api_key;
pub mod attack;
pub mod collection;
pub mod comment;
pub mod domain;
pub mod file;
pub mod graph;
pub mod group;
pub mod ip_address;
pub mod reference;
pub mod related;
pub mod request;
pub mod resolution;
pub mod saved_search;
pub mod screenshot;
pub mod serve;
pub(crate) mod sight;
pub mod ssl_cert;
pub mod submission;
pub mod threat_actor;
pub mod tier;
pub mod upstream;
pub mod url;
pub mod user;
pub mod vote;
pub mod webhook;
pub mod whois;

pub use related::Member;

/// Every type of object that has endpoints, in the order of the documentation.
pub const OBJECTS: &[&ObjectType] = &[
    &file::TYPE,
    &url::TYPE,
    &domain::TYPE,
    &ip_address::TYPE,
    &resolution::TYPE,
    &ssl_cert::TYPE,
    &whois::TYPE,
    &screenshot::TYPE,
    &analysis::TYPE,
    &submission::TYPE,
    &user::TYPE,
    &user::SERVICE,
    &group::TYPE,
    &api_key::TYPE,
    &tier::TYPE,
    &request::TYPE,
    &activity_log_entry::TYPE,
    &webhook::TYPE,
    &webhook::DELIVERY,
    &comment::TYPE,
    &vote::TYPE,
    &collection::TYPE,
    &graph::TYPE,
    &reference::TYPE,
    &saved_search::TYPE,
    &threat_actor::TYPE,
    &attack::TACTICS,
    &attack::TECHNIQUES,
    &upstream::TYPE,
];

/// The type of that kind, where it has endpoints.
pub fn of(kind: Kind) -> Option<&'static ObjectType> {
    OBJECTS.iter().copied().find(|object| object.kind == kind)
}

/// The type as which a record is shown: a service account is stored as an account and shown as what it is.
pub fn view_of(record: &Record) -> &'static ObjectType {
    match record.key.kind {
        Kind::User if user::is_service(record) => &user::SERVICE,
        kind => of(kind).unwrap_or(&user::TYPE),
    }
}

/// What a type of object is. Its kind is what it is shown as; what it is stored as is for `locate` to know.
pub struct ObjectType {
    /// Its row in the table of kinds.
    pub kind: Kind,
    /// Its name in messages and schemas.
    pub title: &'static str,
    /// What `{id}` may be, for the documentation.
    pub id: &'static str,
    /// What it has to do with other objects.
    pub relationships: &'static [Relationship],
    /// The object that an id names; 404 where there is none.
    pub locate: Locate,
    /// Its attributes as this caller sees them.
    pub attributes: Members,
    /// What the record alone does not say of it, read for an object by itself.
    pub more: Option<More>,
    /// Whether lists show it too.
    pub more_in_lists: bool,
    /// What stands beside `data` in the answer, in `meta`.
    pub meta: Option<fn(&Record) -> Result<Value>>,
    /// What `links` has beyond `self`.
    pub links: Option<Members>,
    /// The shape of the attributes, for the documentation.
    pub schema: Schema,
    /// What the arguments must look like, asked before anything is spent.
    pub check: fn(&crate::route::Arguments) -> Result<()>,
    /// The privilege that reading the object itself needs.
    pub needs: Option<Privilege>,
    /// Whether reading it is free, as at VirusTotal.
    pub free: bool,
}

/// Adds to the attributes of an object.
pub type More = for<'a> fn(&'a Record, &'a Viewer<'a>, &'a mut Map<String, Value>) -> Added<'a>;

/// The future of added attributes.
pub type Added<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// Members of a JSON object, made of a record for one caller.
pub type Members = fn(&Record, &Viewer<'_>) -> Result<Map<String, Value>>;

/// The future of a located record.
pub type Located<'a> = Pin<Box<dyn Future<Output = Result<Arc<Record>>> + Send + 'a>>;

/// Reads a page of a relationship of a record.
pub type Read = for<'a> fn(&'a Viewer<'a>, &'a Record, &'a Range) -> Reading<'a>;

/// The future of a page of a relationship.
pub type Reading<'a> = Pin<Box<dyn Future<Output = Result<Page<Member>>> + Send + 'a>>;

/// Finds the object that an id names.
pub type Locate = for<'a> fn(&'a Viewer<'a>, &'a str) -> Located<'a>;

/// The shape of attributes, for the documentation.
pub type Schema = fn(&mut schemars::SchemaGenerator) -> schemars::Schema;

impl ObjectType {
    /// A type of which nothing special is to be said: any key may read it, for one API request.
    pub const fn plain(kind: Kind, title: &'static str, locate: Locate, attributes: Members, schema: Schema) -> Self {
        Self {
            kind,
            title,
            id: "The object's id",
            relationships: &[],
            locate,
            attributes,
            more: None,
            more_in_lists: false,
            meta: None,
            links: None,
            schema,
            check: crate::route::any,
            needs: None,
            free: false,
        }
    }
}

/// Who looks, and from where.
pub struct Viewer<'a> {
    /// What every request works with.
    pub app: &'a App,
    /// Who.
    pub paid: &'a Paid,
    /// The address under which the client reached us.
    pub base: &'a str,
}

/// A line of an object's relationships.
#[derive(Debug)]
pub struct Relationship {
    /// Its name on the wire.
    pub name: &'static str,
    /// The type of what it leads to, for the documentation.
    pub returns: &'static str,
    /// Whether it leads to one object or to many.
    pub many: bool,
    /// What it means; `GET /metadata` says it too.
    pub description: &'static str,
    /// The privilege that it needs.
    pub needs: Option<Privilege>,
    /// Where it is known from.
    pub source: Source,
    /// Who may see it; whoever may see the object where it is not set.
    pub visible: Option<fn(&Record, &Viewer<'_>) -> bool>,
    /// Whether its members may be hidden from a caller who sees the object; see `sight.rs`.
    pub screened: bool,
    /// What is said about each member of it, out of the member's record.
    pub context: Option<fn(&Record) -> Result<Value>>,
    /// Whether a `filter` lets its members through, where it takes one: all of them or none.
    pub filter: Option<fn(&str) -> Result<bool>>,
}

/// Where a relationship is known from.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// A link in the store, read from this end.
    Link(Link, End),
    /// What is read for it from the store, in whatever way.
    Read(Read),
    /// The record itself says it.
    Computed(fn(&Record) -> Result<Option<Key>>),
    /// Nothing on this server observes it: an empty list.
    Unobserved,
}

impl Relationship {
    /// What the object points to.
    pub const fn forward(name: &'static str, link: Link, description: &'static str) -> Self {
        let returns = link.ends().1.wire();
        Self::known(name, returns, description, Source::Link(link, End::Tail))
    }

    /// What points to the object.
    pub const fn reverse(name: &'static str, link: Link, description: &'static str) -> Self {
        let tail = link.ends().0;
        let screened = matches!(tail, Kind::Comment | Kind::Collection | Kind::Graph | Kind::SavedSearch);
        Self { screened, ..Self::known(name, tail.wire(), description, Source::Link(link, End::Head)) }
    }

    /// What people say about the object: whoever sees the object sees it.
    pub const fn comments(link: Link) -> Self {
        Self { screened: false, ..Self::reverse("comments", link, "What people say about it, newest first") }
    }

    /// The caller's own vote on the object.
    pub const fn own_votes() -> Self {
        let source =
            Source::Read(|viewer, record, range| Box::pin(crate::community::votes::own(viewer, record, range)));
        Self::known("user_votes", Kind::Vote.wire(), "The caller's own vote on it", source)
    }

    /// What nothing on this server observes.
    pub const fn unobserved(name: &'static str, returns: &'static str, description: &'static str) -> Self {
        Self::known(name, returns, description, Source::Unobserved)
    }

    const fn known(name: &'static str, returns: &'static str, description: &'static str, source: Source) -> Self {
        Self {
            name,
            returns,
            many: true,
            description,
            needs: None,
            source,
            visible: None,
            screened: false,
            context: None,
            filter: None,
        }
    }

    /// Leads to objects that are shown as this type.
    #[must_use]
    pub const fn shown_as(mut self, kind: Kind) -> Self {
        self.returns = kind.wire();
        self
    }

    /// Is not for everybody who sees the object.
    #[must_use]
    pub const fn visible_to(mut self, visible: fn(&Record, &Viewer<'_>) -> bool) -> Self {
        self.visible = Some(visible);
        self
    }

    /// Says something about each member.
    #[must_use]
    pub const fn with_context(mut self, context: fn(&Record) -> Result<Value>) -> Self {
        self.context = Some(context);
        self
    }

    /// Takes a `filter`.
    #[must_use]
    pub const fn filtered_by(mut self, filter: fn(&str) -> Result<bool>) -> Self {
        self.filter = Some(filter);
        self
    }

    /// Leads to one object at the most.
    #[must_use]
    pub const fn one(mut self) -> Self {
        self.many = false;
        self
    }

    /// Needs a privilege.
    #[must_use]
    pub const fn needs(mut self, privilege: Privilege) -> Self {
        self.needs = Some(privilege);
        self
    }

    /// Is known from somewhere else than a link.
    #[must_use]
    pub const fn from(mut self, source: Source) -> Self {
        self.source = source;
        self
    }
}

/// Finds a record that is kept in memory.
type Find = fn(&App, &str) -> Option<Arc<Record>>;

/// Records that are kept in memory rather than in the store.
const KEPT: &[(Kind, Find)] = &[
    (Kind::AttackTactic, |app, id| app.settings.matrix.record(Kind::AttackTactic, id)),
    (Kind::AttackTechnique, |app, id| app.settings.matrix.record(Kind::AttackTechnique, id)),
];

/// The records of several keys, in the order of the keys.
pub(crate) async fn records(viewer: &Viewer<'_>, keys: &[Key]) -> Result<Vec<Option<Arc<Record>>>> {
    let kept = |key: &Key| KEPT.iter().find(|(kind, _)| *kind == key.kind);
    if !keys.iter().any(|key| kept(key).is_some()) {
        return Ok(viewer.app.store().read_many(keys).await?);
    }
    let mut records = Vec::with_capacity(keys.len());
    for key in keys {
        records.push(match kept(key) {
            Some((_, find)) => find(viewer.app, &key.id),
            None => viewer.app.store().read(key).await?,
        });
    }
    Ok(records)
}

/// The member `attributes` of a stored object.
pub(crate) fn stored_attributes(record: &Record) -> Result<Map<String, Value>> {
    #[derive(serde::Deserialize)]
    struct Stored {
        attributes: Map<String, Value>,
    }
    record.parse().map(|stored: Stored| stored.attributes)
}

/// The record of an id that is the key's id as it stands.
pub(crate) async fn by_id(viewer: &Viewer<'_>, kind: Kind, title: &str, id: &str) -> Result<Arc<Record>> {
    let key = Key::shared(kind, id);
    viewer.app.store().read(&key).await?.ok_or_else(|| Error::not_found(title, id))
}

/// What is known of an address, and what is thought of it.
pub(crate) fn report_of(record: &Record) -> Result<Map<String, Value>> {
    #[derive(serde::Deserialize)]
    struct Stored {
        attributes: Map<String, Value>,
        standing: Map<String, Value>,
    }
    let Stored { mut attributes, standing } = record.parse()?;
    attributes.extend(standing);
    Ok(attributes)
}

/// The same as a caller sees it.
fn address_attributes(record: &Record, viewer: &Viewer<'_>) -> Result<Map<String, Value>> {
    let mut attributes = report_of(record)?;
    if !viewer.paid.has(Privilege::AllInfo) {
        attributes.remove("favicon");
    }
    Ok(attributes)
}

/// The word that stands for a plain value of ours.
pub(crate) fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}

/// The members of a document of ours.
pub(crate) fn object_of<T: serde::Serialize>(attributes: &T) -> Map<String, Value> {
    match serde_json::to_value(attributes) {
        Ok(Value::Object(attributes)) => attributes,
        _ => Map::new(),
    }
}
