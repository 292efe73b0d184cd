//! Viewers and editors of a written object: users and groups. In go descriptors, out comes the list.
//!
//! | form | answer |
//! |---|---|
//! | `POST /{collection}/{id}/{list}` and `…/relationships/{list}` | the list |
//! | `GET …/relationships/{list}/{member}` | whether that user or group is on it |
//! | `DELETE …/relationships/{list}/{member}`, or without a member and with a body | nothing |

use assay_model::record::{Edge, Key, Record, body};
use assay_model::{Error, Kind, Result};
use assay_store::{Batch, Expect, Page, Position, Range};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Authored, Standing, Work, governed};
use crate::accounts::attributes::document;
use crate::accounts::deed::persist;
use crate::accounts::rights::{Standpoint, find_account, forbidden, shown};
use crate::identity::Identity;
use crate::objects::{self, Member, Viewer, serve};
use crate::route::{Call, Reply};

/// How long a list may be.
const LIST_MAX: usize = 200;

/// With whom objects of a type can be shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// With nobody.
    Never,
    /// With any user, and with groups that the caller knows.
    Anybody,
    /// With members of the owner's group, and with that group.
    OwnersGroup,
}

/// A user or a group that an object is shared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grantee {
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    pub(crate) id: String,
}

impl Grantee {
    /// Whether it is this caller, or its group.
    pub(crate) fn is(&self, identity: &Identity) -> bool {
        match self.kind {
            Kind::Group => identity.user.group.as_deref() == Some(&self.id),
            _ => *identity.account == *self.id,
        }
    }

    fn key(&self) -> Key {
        Key::shared(self.kind, self.id.as_str())
    }
}

/// Which list a path is about.
fn list_of<'a>(name: &str, work: &'a mut Work) -> &'a mut Vec<Grantee> {
    if name == "editors" { &mut work.editors } else { &mut work.viewers }
}

/// `viewers` or `editors`, as the path says it.
fn list_name(call: &Call) -> &'static str {
    if call.route.path.contains("/editors") { "editors" } else { "viewers" }
}

/// The viewers of an object, for its relationship.
pub(crate) fn viewers(_: &Viewer<'_>, record: &Record, range: &Range) -> Result<Page<Member>> {
    Ok(cut(record.parse::<Work>()?.viewers.iter().map(Grantee::key).collect(), range))
}

/// The editors of an object, for its relationship.
pub(crate) fn editors(_: &Viewer<'_>, record: &Record, range: &Range) -> Result<Page<Member>> {
    Ok(cut(record.parse::<Work>()?.editors.iter().map(Grantee::key).collect(), range))
}

/// A page of a list that is short enough to be in memory as a whole.
pub(crate) fn cut(keys: Vec<Key>, range: &Range) -> Page<Member> {
    let start = match &range.after {
        Some(Position::Id(place)) => place.parse().unwrap_or(usize::MAX),
        _ => 0,
    };
    let total = Some(keys.len() as u64);
    let rows = keys.into_iter().enumerate().skip(start).take(range.limit + 1);
    let rows = rows.map(|(place, key)| (Member::plain(key), Position::Id((place + 1).to_string()))).collect();
    Page::cut(rows, range.limit, total)
}

/// `POST …/{list}`: shares.
pub(crate) async fn grant(mut call: Call) -> Result<Reply> {
    let row = Authored::of_call(&call)?;
    let (work, ..) = governed(&call, Standing::Editor).await?;
    let wanted = written(&mut call, row, &work).await?;
    let list = list_name(&call);
    let app = &call.app;
    let granted = persist(|| async {
        let (mut work, key, version) = governed(&call, Standing::Editor).await?;
        let present = list_of(list, &mut work);
        for grantee in &wanted {
            if !present.contains(grantee) {
                present.push(grantee.clone());
            }
        }
        if present.len() > LIST_MAX {
            return Err(Error::invalid_argument(format!("there would be more than {LIST_MAX} {list}")).into());
        }
        let granted = present.clone();
        let mut batch = Batch::new();
        for group in wanted.iter().filter(|grantee| grantee.kind == Kind::Group) {
            if let Some(link) = row.shared {
                batch.link(Edge::new(key.clone(), link, group.key(), app.now()));
            }
        }
        batch.put(key, body(&work), Expect::Version(version));
        app.store().commit(batch).await?;
        Ok(granted)
    })
    .await?;
    let viewer = call.viewer();
    let keys: Vec<_> = granted.iter().map(Grantee::key).collect();
    let mut items = Vec::with_capacity(keys.len());
    for record in app.store().read_many(&keys).await?.into_iter().flatten() {
        items.push(serve::full(&viewer, objects::view_of(&record), &record, &call.arguments, &[], false).await?);
    }
    Ok(Reply::data(items))
}

/// `GET …/{list}/{member}`.
pub(crate) async fn is_granted(call: Call) -> Result<Reply> {
    let (mut work, ..) = governed(&call, Standing::Viewer).await?;
    let member = call.arguments.path("member");
    Ok(Reply::data(list_of(list_name(&call), &mut work).iter().any(|grantee| grantee.id == member)))
}

/// `DELETE …/{list}/{member}`, or with the list in the body: shares no more.
pub(crate) async fn revoke(mut call: Call) -> Result<Reply> {
    let row = Authored::of_call(&call)?;
    governed(&call, Standing::Editor).await?;
    let member = call.arguments.path("member").to_owned();
    let gone: Vec<String> = if member.is_empty() {
        descriptors(&mut call).await?.into_iter().map(|grantee| grantee.id).collect()
    } else {
        vec![member]
    };
    let list = list_name(&call);
    persist(|| async {
        let (mut work, key, version) = governed(&call, Standing::Editor).await?;
        let present = list_of(list, &mut work);
        let mut parted = Vec::new();
        for id in &gone {
            let place = present.iter().position(|grantee| grantee.id == *id);
            let place = place.ok_or_else(|| Error::not_found(list.trim_end_matches('s'), &shown(id)))?;
            parted.push(present.remove(place));
        }
        let mut batch = Batch::new();
        for grantee in parted.iter().filter(|grantee| grantee.kind == Kind::Group) {
            let still = work.viewers.contains(grantee) || work.editors.contains(grantee);
            if let Some(link) = row.shared.filter(|_| !still) {
                batch.unlink(key.clone(), link, grantee.key());
            }
        }
        batch.put(key, body(&work), Expect::Version(version));
        call.app.store().commit(batch).await?;
        Ok(())
    })
    .await?;
    Ok(Reply::value(&json!({})))
}

async fn descriptors(call: &mut Call) -> Result<Vec<Grantee>> {
    let written = document(call).await?;
    let shape = || Error::bad_request("the body must be {\"data\": [{\"type\": \"user\" or \"group\", \"id\": …}]}");
    let items = written.get("data").and_then(Value::as_array).ok_or_else(shape)?;
    if items.len() > LIST_MAX {
        return Err(Error::invalid_argument(format!("the body names more than {LIST_MAX}")));
    }
    let read = |item: &Value| {
        let kind = match item.get("type").and_then(Value::as_str) {
            Some("user" | "service_account") => Kind::User,
            Some("group") => Kind::Group,
            _ => return Err(shape()),
        };
        let id = item.get("id").and_then(Value::as_str).filter(|id| !id.is_empty()).ok_or_else(shape)?;
        Ok(Grantee { kind, id: id.to_owned() })
    };
    items.iter().map(read).collect()
}

/// The users and groups of the body that there are and that the object may be shared with.
async fn written(call: &mut Call, row: &Authored, work: &Work) -> Result<Vec<Grantee>> {
    let named = descriptors(call).await?;
    let mut wanted = Vec::with_capacity(named.len());
    for grantee in named {
        let (id, group) = if grantee.kind == Kind::Group {
            // A group that the caller is a stranger to is for it a group that is not there.
            let known = Standpoint::towards_group(&call.paid, &grantee.id) != Standpoint::Stranger;
            let record = call.app.store().read(&grantee.key()).await?.filter(|_| known);
            let id = record.ok_or_else(|| Error::not_found("Group", &shown(&grantee.id)))?.key.id.to_string();
            (id.clone(), Some(id))
        } else {
            let record = find_account(&call.app, &call.paid, "User", &grantee.id).await?;
            let group = record.parse::<assay_model::account::User>()?.group;
            (record.key.id.to_string(), group)
        };
        if row.sharing == Sharing::OwnersGroup && (group.is_none() || group != work.group) {
            return Err(forbidden("it can be shared inside its owner's group only"));
        }
        wanted.push(Grantee { kind: grantee.kind, id });
    }
    Ok(wanted)
}
