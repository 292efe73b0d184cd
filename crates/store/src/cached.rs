//! A decorator that keeps records in memory until they change. In goes any store, out comes a store with the same
//! promises; a read after a commit still sees the commit.
//!
//! A record may be put into the cache only if no commit touched its shard of keys since before it was read: each shard
//! has an epoch, which a commit moves on before and after it writes.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use assay_model::quota::Quota;
use assay_model::record::{Edge, Facet, Key, Record, Space, StageName};
use assay_model::usage::{Dimension, Tally};
use assay_model::{Kind, Link, Timestamp};
use async_trait::async_trait;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::broadcast;
use tokio::task::JoinSet;

use crate::{Backlog, Batch, Change, Charge, Claimed, End, Held, Paced, Page, Range, Rate, Result, Spent, Store, Want};

const SHARDS: usize = 256;
/// What a record costs in memory beside its body and id: keys, counters, the cache's own entry.
const OVERHEAD: u64 = 256;

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Record>> for ByBytes {
    fn weight(&self, key: &Key, record: &Arc<Record>) -> u64 {
        OVERHEAD + 2 * key.id.len() as u64 + record.body.len() as u64
    }
}

/// See the module.
pub(crate) struct Cached {
    inner: Arc<dyn Store>,
    records: Cache<Key, Arc<Record>, ByBytes>,
    epochs: Vec<AtomicU64>,
    /// Ends with the store.
    listening: Mutex<JoinSet<()>>,
}

impl Cached {
    /// Keeps up to `bytes` of records of `inner` in memory.
    pub(crate) fn new(inner: Arc<dyn Store>, bytes: u64) -> Arc<Self> {
        let typical = 4096;
        let entries = usize::try_from(bytes / typical).unwrap_or(usize::MAX).max(16);
        let cached = Arc::new(Self {
            records: Cache::with_weighter(entries, bytes, ByBytes),
            epochs: (0..SHARDS).map(|_| AtomicU64::new(0)).collect(),
            listening: Mutex::default(),
            inner,
        });
        let listening = forget_on_foreign_changes(Arc::downgrade(&cached), cached.inner.watch());
        cached.listening.lock().unwrap_or_else(PoisonError::into_inner).spawn(listening);
        cached
    }

    fn forget_all(&self) {
        self.epochs.iter().for_each(|epoch| _ = epoch.fetch_add(1, Ordering::SeqCst));
        self.records.clear();
    }

    fn epoch(&self, key: &Key) -> &AtomicU64 {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
        let shard = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        &self.epochs[shard]
    }

    fn forget<'a>(&self, keys: impl Iterator<Item = &'a Key>) {
        for key in keys {
            self.epoch(key).fetch_add(1, Ordering::SeqCst);
            self.records.remove(key);
        }
    }

    fn remember(&self, key: &Key, read_at: u64, record: &Arc<Record>) {
        let epoch = self.epoch(key);
        if epoch.load(Ordering::SeqCst) == read_at {
            self.records.insert(key.clone(), record.clone());
            if epoch.load(Ordering::SeqCst) != read_at {
                self.records.remove(key);
            }
        }
    }
}

/// Drops everything when another process has written.
async fn forget_on_foreign_changes(cached: Weak<Cached>, mut changes: broadcast::Receiver<Change>) {
    loop {
        let change = changes.recv().await;
        let Some(cached) = cached.upgrade() else { return };
        match change {
            Ok(Change::Jobs) => {}
            Ok(Change::Foreign) | Err(broadcast::error::RecvError::Lagged(_)) => cached.forget_all(),
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

#[async_trait]
impl Store for Cached {
    async fn read(&self, key: &Key) -> Result<Option<Arc<Record>>> {
        if let Some(record) = self.records.get(key) {
            return Ok(Some(record));
        }
        let read_at = self.epoch(key).load(Ordering::SeqCst);
        let record = self.inner.read(key).await?;
        if let Some(record) = &record {
            self.remember(key, read_at, record);
        }
        Ok(record)
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Arc<Record>>>> {
        let mut found: Vec<_> = keys.iter().map(|key| self.records.get(key)).collect();
        let missing: Vec<_> =
            keys.iter().zip(&found).filter(|(_, hit)| hit.is_none()).map(|(key, _)| key.clone()).collect();
        if missing.is_empty() {
            return Ok(found);
        }
        let epochs: Vec<_> = missing.iter().map(|key| self.epoch(key).load(Ordering::SeqCst)).collect();
        let read = self.inner.read_many(&missing).await?;
        for ((key, read_at), record) in missing.iter().zip(epochs).zip(&read) {
            if let Some(record) = record {
                self.remember(key, read_at, record);
            }
        }
        let mut read = read.into_iter();
        for slot in found.iter_mut().filter(|slot| slot.is_none()) {
            *slot = read.next().flatten();
        }
        Ok(found)
    }

    async fn commit(&self, batch: Batch) -> Result<Vec<Claimed>> {
        let touched: Vec<_> = batch.touched().cloned().collect();
        self.forget(touched.iter());
        let outcome = self.inner.commit(batch).await;
        self.forget(touched.iter());
        outcome
    }

    async fn list(&self, space: &Space, kind: Kind, range: &Range) -> Result<Page<Key>> {
        self.inner.list(space, kind, range).await
    }

    async fn find(&self, space: &Space, kind: Kind, facet: &Facet, range: &Range) -> Result<Page<Key>> {
        self.inner.find(space, kind, facet, range).await
    }

    async fn linked(&self, of: &Key, link: Link, end: End, range: &Range) -> Result<Page<Edge>> {
        self.inner.linked(of, link, end, range).await
    }

    async fn spend(&self, charges: &[Charge]) -> Result<Spent> {
        self.inner.spend(charges).await
    }

    async fn refund(&self, charges: &[Charge]) -> Result<()> {
        self.inner.refund(charges).await
    }

    async fn spent(&self, account: &str, quota: Quota, window: Timestamp) -> Result<u64> {
        self.inner.spent(account, quota, window).await
    }

    async fn lease(&self, node: &str, wants: &[Want], until: Timestamp) -> Result<Spent> {
        self.inner.lease(node, wants, until).await
    }

    async fn hold(&self, node: &str, changed: &[Held], until: Timestamp) -> Result<Vec<usize>> {
        self.inner.hold(node, changed, until).await
    }

    async fn give_back(&self, node: &str, held: &[Held]) -> Result<()> {
        self.inner.give_back(node, held).await
    }

    async fn end_leases(&self, now: Timestamp) -> Result<u64> {
        self.inner.end_leases(now).await
    }

    async fn pace(&self, rates: &[Rate], now: i64) -> Result<Paced> {
        self.inner.pace(rates, now).await
    }

    async fn unpace(&self, rates: &[Rate]) -> Result<()> {
        self.inner.unpace(rates).await
    }

    async fn tally(&self, tallies: &[Tally]) -> Result<()> {
        self.inner.tally(tallies).await
    }

    async fn tallied(
        &self,
        subject: &str,
        dimension: Dimension,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, Arc<str>, u64)>> {
        self.inner.tallied(subject, dimension, from, to).await
    }

    async fn forget_tallies(&self, before: Timestamp) -> Result<()> {
        self.inner.forget_tallies(before).await
    }

    async fn claim(&self, stages: &[StageName], now: Timestamp, until: Timestamp, most: usize) -> Result<Vec<Claimed>> {
        self.inner.claim(stages, now, until, most).await
    }

    async fn renew(&self, claimed: &Claimed, until: Timestamp) -> Result<()> {
        self.inner.renew(claimed, until).await
    }

    async fn backlog(&self) -> Result<Backlog> {
        self.inner.backlog().await
    }

    fn watch(&self) -> broadcast::Receiver<Change> {
        self.inner.watch()
    }
}
