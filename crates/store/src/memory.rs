//! A store in memory, for tests: the contract in its plainest form. Nothing survives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use assay_model::quota::Quota;
use assay_model::record::{Edge, Facet, Job, Key, Record, Space, StageName};
use assay_model::usage::{Dimension, Tally};
use assay_model::{Kind, Link, Timestamp};
use async_trait::async_trait;
use tokio::sync::broadcast;

use crate::batch::{Ending, Put, Turn};
use crate::lease::floor;
use crate::pace::Paces;
use crate::page::counted;
use crate::{
    Backlog, Batch, Change, Charge, Claimed, End, Expect, Held, Paced, Page, Position, Range, Rate, Result, Spent,
    Store, StoreError, Want,
};

struct Entry {
    job: Job,
    attempt: u32,
    not_before: Timestamp,
    dead: bool,
}

/// An account's, a quota's and a window's.
type Counter = (Arc<str>, Quota, Timestamp);

struct Lease {
    returns: u64,
    until: Timestamp,
}

#[derive(Default)]
struct State {
    records: BTreeMap<Key, Arc<Record>>,
    edges: Vec<(i64, Edge)>,
    facets: BTreeSet<(Key, &'static str, String)>,
    counters: BTreeMap<Counter, u64>,
    /// By node and counter.
    leases: BTreeMap<(Arc<str>, Counter), Lease>,
    /// By subject, dimension, day and value.
    tallies: BTreeMap<(Arc<str>, Dimension, Timestamp, Arc<str>), u64>,
    jobs: BTreeMap<i64, Entry>,
    sequence: i64,
}

/// See the module.
pub struct Memory {
    state: Mutex<State>,
    paces: Paces,
    changes: broadcast::Sender<Change>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { state: Mutex::default(), paces: Paces::default(), changes: broadcast::channel(64).0 }
    }
}

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> i64 {
        self.sequence += 1;
        self.sequence
    }

    fn check(&self, batch: &Batch) -> Result<()> {
        for Put { key, expect, .. } in &batch.puts {
            let version = self.records.get(key).map(|record| record.version);
            let fits = match expect {
                Expect::Any => true,
                Expect::Absent => version.is_none(),
                Expect::Version(expected) => version == Some(*expected),
            };
            if !fits {
                return Err(StoreError::Conflict);
            }
        }
        for (claimed, _) in &batch.endings {
            if self.jobs.get(&claimed.id).is_none_or(|entry| entry.attempt != claimed.attempt || entry.dead) {
                return Err(StoreError::Conflict);
            }
        }
        Ok(())
    }

    fn apply(&mut self, batch: Batch) -> Vec<Claimed> {
        for Put { key, body, .. } in batch.puts {
            let version = self.records.get(&key).map_or(0, |record| record.version) + 1;
            self.records.insert(key.clone(), Arc::new(Record { key, version, body }));
        }
        for key in batch.deletes {
            self.records.remove(&key);
            self.facets.retain(|(of, ..)| *of != key);
            self.edges.retain(|(_, edge)| edge.from != key && edge.to != key);
        }
        for (from, link, to) in batch.unlinked {
            self.edges.retain(|(_, edge)| edge.from != from || edge.link != link || edge.to != to);
        }
        for edge in batch.edges {
            let same = |one: &Edge| one.from == edge.from && one.link == edge.link && one.to == edge.to;
            if !self.edges.iter().any(|(_, one)| same(one)) {
                let sequence = self.next();
                self.edges.push((sequence, edge));
            }
        }
        for (key, name) in batch.cleared {
            self.facets.retain(|(of, kept, _)| *of != key || *kept != name.stored());
        }
        for (key, facet) in batch.facets {
            self.facets.insert((key, facet.name.stored(), facet.value));
        }
        for (claimed, ending) in batch.endings {
            self.end(&claimed, ending);
        }
        batch.jobs.into_iter().filter_map(|(job, turn)| self.enqueue(job, turn)).collect()
    }

    fn end(&mut self, claimed: &Claimed, ending: Ending) {
        match (ending, self.jobs.get_mut(&claimed.id)) {
            (Ending::Again(not_before), Some(entry)) => entry.not_before = not_before,
            (Ending::Dead(_), Some(entry)) => entry.dead = true,
            (Ending::Done, _) | (_, None) => _ = self.jobs.remove(&claimed.id),
        }
    }

    fn enqueue(&mut self, job: Job, turn: Turn) -> Option<Claimed> {
        if self.jobs.values().any(|entry| entry.job.stage == job.stage && entry.job.subject == job.subject) {
            return None;
        }
        let id = self.next();
        let attempt = u32::from(turn.is_claimed());
        self.jobs.insert(id, Entry { job: job.clone(), attempt, not_before: turn.not_before(), dead: false });
        turn.is_claimed().then_some(Claimed { id, attempt, job })
    }

    fn put_back(&mut self, counter: &Counter, amount: u64) {
        let used = self.counters.entry(counter.clone()).or_default();
        *used = used.saturating_sub(amount);
    }
}

#[async_trait]
impl Store for Memory {
    async fn read(&self, key: &Key) -> Result<Option<Arc<Record>>> {
        Ok(self.state().records.get(key).cloned())
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Arc<Record>>>> {
        let state = self.state();
        Ok(keys.iter().map(|key| state.records.get(key).cloned()).collect())
    }

    async fn list(&self, space: &Space, kind: Kind, range: &Range) -> Result<Page<Key>> {
        let state = self.state();
        let all = state.records.keys().filter(|key| key.space == *space && key.kind == kind).cloned();
        Ok(by_id(all.collect(), range, None))
    }

    async fn find(&self, space: &Space, kind: Kind, facet: &Facet, range: &Range) -> Result<Page<Key>> {
        let state = self.state();
        let all = state.facets.iter().filter(|(key, name, value)| {
            key.space == *space && key.kind == kind && *name == facet.name.stored() && *value == facet.value
        });
        Ok(by_id(all.map(|(key, ..)| key.clone()).collect(), range, None))
    }

    async fn linked(&self, of: &Key, link: Link, end: End, range: &Range) -> Result<Page<Edge>> {
        let state = self.state();
        let mut rows: Vec<_> = state
            .edges
            .iter()
            .filter(|(_, edge)| edge.link == link && *(if end == End::Tail { &edge.from } else { &edge.to }) == *of)
            .map(|(sequence, edge)| (edge.clone(), Position::Time(edge.at.0, *sequence)))
            .collect();
        let total = rows.len() as u64;
        rows.sort_by_key(|(_, position)| std::cmp::Reverse(time(position)));
        if let Some(after) = &range.after {
            rows.retain(|(_, position)| time(position) < time(after));
        }
        rows.truncate(range.limit + 1);
        Ok(Page::cut(rows, range.limit, counted(total)))
    }

    async fn commit(&self, batch: Batch) -> Result<Vec<Claimed>> {
        let wakes = batch.wakes();
        let mut state = self.state();
        state.check(&batch)?;
        let claimed = state.apply(batch);
        drop(state);
        if wakes {
            let _nobody_listens = self.changes.send(Change::Jobs);
        }
        Ok(claimed)
    }

    async fn spend(&self, charges: &[Charge]) -> Result<Spent> {
        let mut state = self.state();
        let mut grants = Vec::with_capacity(charges.len());
        for (place, charge) in charges.iter().enumerate() {
            let used = state.counters.get(&name(charge)).copied().unwrap_or(0);
            match charge.limit.saturating_sub(used).min(charge.amount) {
                0 => return Ok(Spent::Exhausted(place)),
                grant => grants.push(grant),
            }
        }
        for (charge, grant) in charges.iter().zip(&grants) {
            *state.counters.entry(name(charge)).or_default() += grant;
        }
        Ok(Spent::Granted(grants))
    }

    async fn refund(&self, charges: &[Charge]) -> Result<()> {
        let mut state = self.state();
        for charge in charges {
            state.put_back(&name(charge), charge.amount);
        }
        Ok(())
    }

    async fn spent(&self, account: &str, quota: Quota, window: Timestamp) -> Result<u64> {
        Ok(self.state().counters.get(&(account.into(), quota, window)).copied().unwrap_or(0))
    }

    async fn lease(&self, node: &str, wants: &[Want], until: Timestamp) -> Result<Spent> {
        let mut state = self.state();
        let counter = |want: &Want| (want.account.clone(), want.quota, want.window);
        let mut grants = Vec::with_capacity(wants.len());
        for (place, want) in wants.iter().enumerate() {
            if want.held > 0 && !state.leases.contains_key(&(node.into(), counter(want))) {
                return Err(StoreError::Conflict);
            }
            match want.portion(state.counters.get(&counter(want)).copied().unwrap_or(0)) {
                None => return Ok(Spent::Exhausted(place)),
                Some(grant) => grants.push(grant),
            }
        }
        for (want, grant) in wants.iter().zip(&grants) {
            *state.counters.entry(counter(want)).or_default() += grant;
            let lease = Lease { returns: want.returns(*grant), until };
            state.leases.insert((node.into(), counter(want)), lease);
        }
        Ok(Spent::Granted(grants))
    }

    async fn hold(&self, node: &str, changed: &[Held], until: Timestamp) -> Result<Vec<usize>> {
        let mut state = self.state();
        let own = state.leases.iter_mut().filter(|((of, _), _)| **of == *node);
        own.for_each(|(_, lease)| lease.until = until);
        let mut gone = Vec::new();
        for (place, held) in changed.iter().enumerate() {
            match state.leases.get_mut(&(node.into(), counter(held))) {
                Some(lease) => lease.returns = floor(held.left),
                None => gone.push(place),
            }
        }
        Ok(gone)
    }

    async fn give_back(&self, node: &str, held: &[Held]) -> Result<()> {
        let mut state = self.state();
        for held in held {
            if state.leases.remove(&(node.into(), counter(held))).is_some() {
                state.put_back(&counter(held), held.left);
            }
        }
        Ok(())
    }

    async fn end_leases(&self, now: Timestamp) -> Result<u64> {
        let mut state = self.state();
        let (over, running) = std::mem::take(&mut state.leases).into_iter().partition(|(_, lease)| lease.until <= now);
        state.leases = running;
        let over: BTreeMap<_, _> = over;
        for ((_, counter), lease) in &over {
            state.put_back(counter, lease.returns);
        }
        Ok(over.len() as u64)
    }

    async fn pace(&self, rates: &[Rate], now: i64) -> Result<Paced> {
        Ok(self.paces.pace(rates, now))
    }

    async fn unpace(&self, rates: &[Rate]) -> Result<()> {
        self.paces.unpace(rates);
        Ok(())
    }

    async fn tally(&self, tallies: &[Tally]) -> Result<()> {
        let mut state = self.state();
        for tally in tallies {
            let figure = (tally.subject.clone(), tally.dimension, tally.day, tally.value.clone());
            *state.tallies.entry(figure).or_default() += tally.amount;
        }
        Ok(())
    }

    async fn tallied(
        &self,
        subject: &str,
        dimension: Dimension,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, Arc<str>, u64)>> {
        let state = self.state();
        let figures = state.tallies.range((subject.into(), dimension, from, "".into())..);
        let figures =
            figures.take_while(|((of, along, day, _), _)| **of == *subject && *along == dimension && *day <= to);
        Ok(figures.map(|((_, _, day, value), amount)| (*day, value.clone(), *amount)).collect())
    }

    async fn forget_tallies(&self, before: Timestamp) -> Result<()> {
        self.state().tallies.retain(|(_, _, day, _), _| *day >= before);
        Ok(())
    }

    async fn claim(&self, stages: &[StageName], now: Timestamp, until: Timestamp, most: usize) -> Result<Vec<Claimed>> {
        let mut state = self.state();
        let mut ready: Vec<_> = state
            .jobs
            .iter_mut()
            .filter(|(_, entry)| !entry.dead && entry.not_before <= now && stages.contains(&entry.job.stage))
            .map(|(id, entry)| (entry.job.class, *id, entry))
            .collect();
        ready.sort_by_key(|(class, id, _)| (*class, *id));
        let claim = |(_, id, entry): (_, i64, &mut Entry)| {
            entry.attempt += 1;
            entry.not_before = until;
            Claimed { id, attempt: entry.attempt, job: entry.job.clone() }
        };
        Ok(ready.into_iter().take(most).map(claim).collect())
    }

    async fn renew(&self, claimed: &Claimed, until: Timestamp) -> Result<()> {
        match self.state().jobs.get_mut(&claimed.id) {
            Some(entry) if entry.attempt == claimed.attempt => {
                entry.not_before = until;
                Ok(())
            }
            _ => Err(StoreError::Conflict),
        }
    }

    async fn backlog(&self) -> Result<Backlog> {
        let state = self.state();
        let dead = state.jobs.values().filter(|entry| entry.dead).count() as u64;
        Ok(Backlog { open: state.jobs.len() as u64 - dead, dead })
    }

    fn watch(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }
}

fn name(charge: &Charge) -> Counter {
    (charge.account.clone(), charge.quota, charge.window)
}

fn counter(held: &Held) -> Counter {
    (held.account.clone(), held.quota, held.window)
}

fn time(position: &Position) -> (i64, i64) {
    match position {
        Position::Time(at, sequence) => (*at, *sequence),
        Position::Id(_) => (i64::MAX, i64::MAX),
    }
}

fn by_id(mut keys: Vec<Key>, range: &Range, total: Option<u64>) -> Page<Key> {
    keys.sort();
    if let Some(Position::Id(after)) = &range.after {
        keys.retain(|key| *key.id > **after);
    }
    keys.truncate(range.limit + 1);
    let rows = keys.into_iter().map(|key| (key.clone(), Position::Id(key.id.to_string()))).collect();
    Page::cut(rows, range.limit, total)
}
