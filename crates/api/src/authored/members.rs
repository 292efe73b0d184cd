//! What is in a written object. Items come as descriptors (`relationships`, or the body of `POST` and `DELETE
//! /{collection}/{id}/{relationship}`) or out of a text (`raw_items`). Counts change in the commit that changes the members.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use assay_model::record::{Edge, Key, body};
use assay_model::{Error, Kind, Link, Result};
use assay_store::page::COUNTED;
use assay_store::{Batch, End, Expect, Range};
use serde_json::Value;

use super::{Authored, Standing, Work, governed};
use crate::accounts::attributes::{Written, document_of};
use crate::accounts::deed::{Attempt, persist};
use crate::app::App;
use crate::community::named::{self, Named};
use crate::route::{Call, Reply};

/// How many items an object may hold; lists are counted at least as far.
pub(crate) const ITEMS_MAX: usize = 10_000;
const _: () = assert!(ITEMS_MAX as u64 <= COUNTED);
/// The largest document of items.
const DOCUMENT_MAX: usize = 4 << 20;

/// A relationship whose members can be put in and taken out.
#[derive(Debug)]
pub(crate) struct Membership {
    /// Its name on the wire.
    pub(crate) name: &'static str,
    /// Of what.
    pub(crate) kind: Kind,
    /// From the object to its member.
    pub(crate) link: Link,
    /// The attribute that counts them.
    pub(crate) counter: Option<&'static str>,
}

/// Items that somebody wants in an object, or out of it, by relationship.
#[derive(Debug, Default)]
pub(crate) struct Wanted(Vec<(&'static Membership, Vec<Named>)>);

impl Wanted {
    /// Those that a document names beside its attributes.
    pub(crate) async fn of(call: &Call, row: &'static Authored, written: &Written) -> Result<Self> {
        let mut wanted = Self::default();
        if let Some(relationships) = written.beside.get("relationships").filter(|value| !value.is_null()) {
            let relationships = relationships
                .as_object()
                .ok_or_else(|| Error::invalid_argument("data.relationships must be an object"))?;
            for (name, value) in relationships {
                wanted.push(call, row, name, value.get("data").unwrap_or(&Value::Null)).await?;
            }
        }
        match written.beside.get("raw_items").filter(|_| !row.members.is_empty()) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => {
                let found = named::extract(call.app.store(), text, ITEMS_MAX).await?;
                for membership in row.members {
                    let items = found.iter().filter(|item| item.key.kind == membership.kind).cloned().collect();
                    wanted.0.push((membership, items));
                }
            }
            Some(_) => return Err(Error::invalid_argument("data.raw_items must be a text")),
        }
        Ok(wanted)
    }

    async fn push(&mut self, call: &Call, row: &'static Authored, name: &str, data: &Value) -> Result<()> {
        let membership = row.members.iter().find(|membership| membership.name == name).ok_or_else(|| {
            let known: Vec<_> = row.members.iter().map(|membership| membership.name).collect();
            let shown: String = name.chars().take(64).collect();
            Error::invalid_argument(format!("\"{shown}\" cannot be filled; there are {}", known.join(", ")))
        })?;
        let items = data.as_array().ok_or_else(|| {
            Error::invalid_argument(format!(
                "\"{name}\" must be {{\"data\": [{{\"type\": \"{}\", \"id\": …}}]}}",
                membership.kind
            ))
        })?;
        check_count(items.len())?;
        let items = named::read_all(call.app.store(), membership.kind, items).await?;
        self.0.push((membership, items));
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|(_, items)| items.is_empty())
    }

    /// Each relationship once, with each of its items once.
    fn merged(&self) -> impl Iterator<Item = (&'static Membership, Vec<&Named>)> {
        let mut merged: Vec<(&'static Membership, Vec<&Named>)> = Vec::new();
        let mut seen = HashSet::new();
        for (membership, items) in &self.0 {
            let place = merged.iter().position(|(known, _)| known.name == membership.name).unwrap_or_else(|| {
                merged.push((*membership, Vec::new()));
                merged.len() - 1
            });
            merged[place].1.extend(items.iter().filter(|item| seen.insert(&item.key)));
        }
        merged.into_iter()
    }
}

fn check_count(count: usize) -> Result<()> {
    if count > ITEMS_MAX {
        return Err(Error::invalid_argument(format!("it would hold {count} items; at most {ITEMS_MAX} are kept")));
    }
    Ok(())
}

/// All members of one relationship.
pub(crate) async fn all(app: &App, key: &Key, link: Link) -> Result<Vec<Edge>> {
    Ok(app.store().linked(key, link, End::Tail, &Range::first(ITEMS_MAX)).await?.items)
}

/// Their ids.
async fn ids(app: &App, key: &Key, link: Link) -> Result<HashSet<Arc<str>>> {
    Ok(all(app, key, link).await?.into_iter().map(|edge| edge.to.id).collect())
}

/// Puts items in. The version of the object that the same batch writes makes what was counted here hold.
pub(crate) async fn add(
    app: &App,
    row: &'static Authored,
    key: &Key,
    work: &mut Work,
    wanted: &Wanted,
    batch: &mut Batch,
) -> Attempt<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let mut counts = counts(app, row, key).await?;
    for (membership, items) in wanted.merged() {
        let present = ids(app, key, membership.link).await?;
        for item in items.into_iter().filter(|item| !present.contains(&item.key.id)) {
            *counts.entry(membership.name).or_default() += 1;
            batch.link(item.edge(key, membership.link, app.now()));
        }
    }
    settle(row, work, &counts)?;
    Ok(())
}

/// How many members of each relationship there are.
async fn counts(app: &App, row: &'static Authored, key: &Key) -> Result<HashMap<&'static str, usize>> {
    let mut counts = HashMap::new();
    for membership in row.members {
        let page = app.store().linked(key, membership.link, End::Tail, &Range::first(1)).await?;
        counts.insert(
            membership.name,
            page.total.map_or(ITEMS_MAX + 1, |total| usize::try_from(total).unwrap_or(usize::MAX)),
        );
    }
    Ok(counts)
}

/// Writes the counts into the object's attributes.
fn settle(row: &'static Authored, work: &mut Work, counts: &HashMap<&'static str, usize>) -> Result<()> {
    let total = counts.values().sum();
    check_count(total)?;
    for membership in row.members {
        if let Some(counter) = membership.counter {
            work.attributes.insert(counter.to_owned(), counts.get(membership.name).copied().unwrap_or(0).into());
        }
    }
    if let Some(counter) = row.total {
        work.attributes.insert(counter.to_owned(), total.into());
    }
    Ok(())
}

/// `POST /{collection}/{id}/{relationship}`.
pub(crate) async fn put_in(call: Call) -> Result<Reply> {
    edit(call, true).await
}

/// `DELETE /{collection}/{id}/{relationship}`, with the items in the body.
pub(crate) async fn take_out(call: Call) -> Result<Reply> {
    edit(call, false).await
}

async fn edit(mut call: Call, put_in: bool) -> Result<Reply> {
    let row = Authored::of_call(&call)?;
    governed(&call, Standing::Editor).await?;
    let document = document_of(&mut call, DOCUMENT_MAX).await?;
    let name = call.route.path.rsplit('/').next().unwrap_or_default().to_owned();
    let mut wanted = Wanted::default();
    let data = document
        .get("data")
        .ok_or_else(|| Error::bad_request("the body must be {\"data\": [{\"type\": …, \"id\": …}]}"))?;
    wanted.push(&call, row, &name, data).await?;
    let app = &call.app;
    let key = persist(|| async {
        let (mut work, key, version) = governed(&call, Standing::Editor).await?;
        let mut batch = Batch::new();
        if put_in {
            add(app, row, &key, &mut work, &wanted, &mut batch).await?;
        } else {
            remove(app, row, &key, &mut work, &wanted, &mut batch).await?;
        }
        work.attributes.insert(row.modified.to_owned(), app.now().0.into());
        batch.put(key.clone(), body(&work), Expect::Version(version));
        app.store().commit(batch).await?;
        Ok(key)
    })
    .await?;
    Ok(Reply::data(crate::envelope::descriptor(&call.base, row.kind, &key.id)))
}

async fn remove(
    app: &App,
    row: &'static Authored,
    key: &Key,
    work: &mut Work,
    wanted: &Wanted,
    batch: &mut Batch,
) -> Attempt<()> {
    let mut counts = counts(app, row, key).await?;
    for (membership, items) in wanted.merged() {
        let present = ids(app, key, membership.link).await?;
        for item in items.into_iter().filter(|item| present.contains(&item.key.id)) {
            let count = counts.entry(membership.name).or_default();
            *count = count.saturating_sub(1);
            batch.unlink(key.clone(), membership.link, item.key.clone());
        }
    }
    settle(row, work, &counts)?;
    Ok(())
}
