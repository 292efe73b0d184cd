//! A decorator that keeps records in memory until they change. In goes any store, out comes a store with the same
//! promises; a read after a commit still sees the commit.

use std::sync::{Arc, Weak};

use assay_model::quota::Quota;
use assay_model::record::{Edge, Facet, Key, Record, Space, StageName};
use assay_model::usage::{Dimension, Tally};
use assay_model::{Kind, Link, Timestamp};
use async_trait::async_trait;
use tokio::sync::broadcast;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::shelf::Shelf;
use crate::{
    Backlog, Batch, Change, Charge, Claimed, End, Held, Paced, Page, Range, Rate, Result, Spent, Store, StoreError,
    Want,
};

/// See the module.
pub(crate) struct Cached {
    inner: Arc<dyn Store>,
    shelf: Arc<Shelf>,
    commits: TaskTracker,
    /// Ends with the store.
    _listening: AbortOnDropHandle<()>,
}

impl Cached {
    /// Keeps records of `inner` on `shelf`.
    pub(crate) fn new(inner: Arc<dyn Store>, shelf: Arc<Shelf>) -> Arc<Self> {
        let commits = TaskTracker::new();
        let listening = forget_on_foreign_changes(Arc::downgrade(&shelf), inner.watch());
        let listening = AbortOnDropHandle::new(commits.spawn(listening));
        Arc::new(Self { inner, shelf, commits, _listening: listening })
    }
}

/// Drops what another process has written.
async fn forget_on_foreign_changes(shelf: Weak<Shelf>, mut changes: broadcast::Receiver<Change>) {
    loop {
        let change = changes.recv().await;
        let Some(shelf) = shelf.upgrade() else { return };
        match change {
            Ok(Change::Jobs) => {}
            Ok(Change::Keys(keys)) => shelf.forget(keys.iter()),
            Ok(Change::Foreign) | Err(broadcast::error::RecvError::Lagged(_)) => shelf.forget_all(),
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

#[async_trait]
impl Store for Cached {
    async fn read(&self, key: &Key) -> Result<Option<Arc<Record>>> {
        if let Some(known) = self.shelf.get(key) {
            return Ok(known);
        }
        let read_at = self.shelf.moment(key);
        let record = self.inner.read(key).await?;
        self.shelf.remember(key, read_at, record.as_ref());
        Ok(record)
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Arc<Record>>>> {
        let known: Vec<_> = keys.iter().map(|key| self.shelf.get(key)).collect();
        let missing: Vec<_> =
            keys.iter().zip(&known).filter(|(_, hit)| hit.is_none()).map(|(key, _)| key.clone()).collect();
        if missing.is_empty() {
            return Ok(known.into_iter().flatten().collect());
        }
        let moments: Vec<_> = missing.iter().map(|key| self.shelf.moment(key)).collect();
        let read = self.inner.read_many(&missing).await?;
        for ((key, read_at), record) in missing.iter().zip(moments).zip(&read) {
            self.shelf.remember(key, read_at, record.as_ref());
        }
        let mut read = read.into_iter();
        Ok(known.into_iter().map(|known| known.unwrap_or_else(|| read.next().flatten())).collect())
    }

    async fn commit(&self, batch: Batch) -> Result<Vec<Claimed>> {
        let touched: Vec<_> = batch.touched().cloned().collect();
        let (store, records) = (self.inner.clone(), self.shelf.clone());
        let writing = async move {
            records.forget(touched.iter());
            let outcome = store.commit(batch).await;
            records.forget(touched.iter());
            outcome
        };
        // In a task of its own: a caller that goes away must not keep what was written from being forgotten.
        self.commits.spawn(writing).await.map_err(|ended| StoreError::Unavailable(Box::new(ended)))?
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
