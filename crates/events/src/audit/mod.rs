//! The audit log: who did what, from where, on what, before and after. Append-only; see [`chain`] for the hash that ties
//! the entries together.
//!
//! [`log`] adds entries to the batch that does the deed, so that they are written together or not at all. [`find()`] reads
//! them, newest first; [`verify`] walks all of them, oldest first.
//!
//! Invariant: nothing changes or removes an entry.
//! Invariant: no entry holds a secret; see [`redact`].

use std::net::IpAddr;
use std::sync::Arc;

use assay_model::record::{Edge, Facet, FacetName, Key, Record, Space, body};
use assay_model::{Kind, Link, Result, Timestamp};
use assay_store::{Batch, Expect, Range, Store};
use serde_json::Value;

mod action;
pub mod chain;
mod filter;
mod find;
pub mod redact;

pub use action::{Action, UnknownAction};
pub use chain::{Entry, Fault, Head, Verdict};
pub use filter::Filter;
pub use find::{Found, find, read};

/// How many entries are read at once when all are walked.
const STRIDE: u64 = 256;

/// What somebody did.
#[derive(Debug, Clone, PartialEq)]
pub struct Deed {
    /// The account that did it.
    pub actor: String,
    /// The key that it used.
    pub key_id: Option<String>,
    /// From where.
    pub address: Option<IpAddr>,
    /// What was done.
    pub action: Action,
    /// On what: kind and id, `user/alice`.
    pub target: String,
    /// The group that it concerns; its administrators see the entry.
    pub group: Option<String>,
    /// What was there before.
    pub before: Value,
    /// What is there since.
    pub after: Value,
}

/// Adds an entry for each deed to the batch, in their order. Call it once a batch.
///
/// When somebody else writes an entry before the batch is committed, the commit is refused as a conflict: the caller
/// makes the whole batch anew.
pub async fn log(store: &dyn Store, batch: &mut Batch, deeds: Vec<Deed>, now: Timestamp) -> Result<()> {
    if deeds.is_empty() {
        return Ok(());
    }
    let (mut head, expect) = match read_head(store).await? {
        Some((head, version)) => (head, Expect::Version(version)),
        None => (Head { sequence: 0, date: now, hash: chain::GENESIS.to_owned() }, Expect::Absent),
    };
    for deed in deeds {
        let entry = follow(&head, deed, now);
        head = Head { sequence: entry.sequence, date: entry.date, hash: entry.hash.clone() };
        write(batch, &entry);
    }
    batch.put(head_key(), body(&head), expect);
    Ok(())
}

/// The entry of a deed, behind the end of the chain.
fn follow(head: &Head, deed: Deed, now: Timestamp) -> Entry {
    let clean = |text: String| redact::text(&text).into_owned();
    let mut entry = Entry {
        action: deed.action,
        // A clock that was set back does not put the entries out of order.
        date: now.max(head.date),
        ip: deed.address,
        actor: clean(deed.actor),
        key_id: deed.key_id.map(clean),
        target: clean(deed.target),
        group: deed.group.map(clean),
        before: redact::value(deed.before),
        after: redact::value(deed.after),
        sequence: head.sequence + 1,
        previous_hash: head.hash.clone(),
        hash: String::new(),
    };
    entry.hash = entry.expected_hash();
    entry
}

fn write(batch: &mut Batch, entry: &Entry) {
    let key = key(entry.sequence);
    batch.put(key.clone(), body(entry), Expect::Absent);
    for value in filter::combinations(entry) {
        batch.facet(key.clone(), Facet::new(FacetName::Activity, value));
    }
    if let Some(group) = &entry.group {
        let to = Key::shared(Kind::Group, group.as_str());
        batch.link(Edge::new(key, Link::Logged, to, entry.date));
    }
}

/// The id of an entry: 16 hexadecimal digits that count down, so that lists by id show the newest first.
pub fn id(sequence: u64) -> String {
    format!("{:016x}", u64::MAX - sequence)
}

fn key(sequence: u64) -> Key {
    Key::shared(Kind::ActivityLogEntry, id(sequence))
}

fn head_key() -> Key {
    Key::shared(Kind::ActivityLogHead, "head")
}

/// Where the chain ends; none before the first entry.
pub async fn head(store: &dyn Store) -> Result<Option<Head>> {
    Ok(read_head(store).await?.map(|(head, _)| head))
}

async fn read_head(store: &dyn Store) -> Result<Option<(Head, u64)>> {
    match store.read(&head_key()).await? {
        Some(record) => Ok(Some((record.parse()?, record.version))),
        None => Ok(None),
    }
}

/// Walks all entries of a store, oldest first. What is written meanwhile is not looked at.
pub async fn verify(store: &dyn Store) -> Result<Verdict> {
    let newest = newest(store).await?;
    // Read after the newest entry: what it does not know of was not written by this server.
    let Some(head) = head(store).await? else {
        let walk = chain::Walk::default();
        let lost_its_head = Verdict::Broken { sequence: 1, fault: Fault::Added };
        return Ok(if newest > 0 { lost_its_head } else { walk.finish(None) });
    };
    let mut walk = chain::Walk::default();
    let mut next = 1;
    while next <= head.sequence {
        let end = head.sequence.min(next + STRIDE - 1);
        let keys: Vec<_> = (next..=end).map(key).collect();
        for (sequence, record) in (next..=end).zip(store.read_many(&keys).await?) {
            if let Err(verdict) = step(&mut walk, sequence, head.sequence, record.as_ref(), newest) {
                return Ok(verdict);
            }
        }
        next = end + 1;
    }
    if newest > head.sequence {
        return Ok(Verdict::Broken { sequence: head.sequence + 1, fault: Fault::Added });
    }
    Ok(walk.finish(Some(&head)))
}

/// The place of the newest entry by its id; 0 where there is none.
async fn newest(store: &dyn Store) -> Result<u64> {
    let page = store.list(&Space::Shared, Kind::ActivityLogEntry, &Range::first(1)).await?;
    let count = |key: &Key| u64::from_str_radix(&key.id, 16).map_or(u64::MAX, |id| u64::MAX - id);
    Ok(page.items.first().map_or(0, count))
}

fn step(
    walk: &mut chain::Walk,
    sequence: u64,
    last: u64,
    record: Option<&Arc<Record>>,
    newest: u64,
) -> Result<(), Verdict> {
    let broken = |fault| Err(Verdict::Broken { sequence, fault });
    let Some(record) = record else {
        return broken(if newest < sequence && newest < last { Fault::Cut } else { Fault::Missing });
    };
    match record.parse::<Entry>() {
        // What cannot be read is not what was written.
        Err(_) => broken(Fault::Changed),
        Ok(entry) if entry.sequence != sequence => broken(Fault::Reordered),
        Ok(entry) => walk.step(&entry),
    }
}

#[cfg(test)]
mod tests;
