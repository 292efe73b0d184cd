//! Records in memory, for [`crate::cached::Cached`]; whoever hears of changes takes them off again.
//!
//! A record may be put here only if nobody forgot it since before it was read: each shard of keys has an epoch, which
//! forgetting moves on. Forgetting everything moves a generation on, and what is of an older one is not there any more.
//! A shelf that has to be trusted answers nothing once the trust has run out: then nobody knows whether changes are
//! still heard of.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use assay_model::record::{Key, Record};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

const SHARDS: usize = 256;
/// What a record costs in memory beside its body and id: keys, counters, the cache's own entry.
const OVERHEAD: u64 = 256;
/// Trust that does not end.
const ALWAYS: u64 = u64::MAX;

/// A record, or that there is none, and the generation that it was read in.
type Kept = (u64, Option<Arc<Record>>);

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Kept> for ByBytes {
    fn weight(&self, key: &Key, (_, record): &Kept) -> u64 {
        OVERHEAD + 2 * key.id.len() as u64 + record.as_ref().map_or(0, |record| record.body.len()) as u64
    }
}

/// See the module.
pub(crate) struct Shelf {
    records: Cache<Key, Kept, ByBytes>,
    epochs: Vec<AtomicU64>,
    generation: AtomicU64,
    /// Until when it answers, milliseconds from `opened`.
    trusted: AtomicU64,
    opened: Instant,
}

/// The moment before a record was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    epoch: u64,
    generation: u64,
}

impl Shelf {
    /// Keeps up to `bytes`, and answers always.
    pub(crate) fn new(bytes: u64) -> Arc<Self> {
        Arc::new(Self::of(bytes, ALWAYS))
    }

    /// Keeps up to `bytes`, and answers only while it is trusted.
    pub(crate) fn distrusted(bytes: u64) -> Arc<Self> {
        Arc::new(Self::of(bytes, 0))
    }

    fn of(bytes: u64, trusted: u64) -> Self {
        let typical = 4096;
        let entries = usize::try_from(bytes / typical).unwrap_or(usize::MAX).max(16);
        Self {
            records: Cache::with_weighter(entries, bytes, ByBytes),
            epochs: (0..SHARDS).map(|_| AtomicU64::new(0)).collect(),
            generation: AtomicU64::new(0),
            trusted: AtomicU64::new(trusted),
            opened: Instant::now(),
        }
    }

    /// What is known here of a key and current: its record, or that it has none.
    #[expect(clippy::option_option, reason = "that it has no record is knowledge too")]
    pub(crate) fn get(&self, key: &Key) -> Option<Option<Arc<Record>>> {
        let (generation, record) = self.records.get(key)?;
        (generation == self.generation.load(Ordering::SeqCst) && self.is_trusted()).then_some(record)
    }

    /// Now, to be taken before a record is read elsewhere.
    pub(crate) fn moment(&self, key: &Key) -> Moment {
        let epoch = self.epoch(key).load(Ordering::SeqCst);
        Moment { epoch, generation: self.generation.load(Ordering::SeqCst) }
    }

    /// Keeps what was read after `read_at`, if nobody forgot it since.
    pub(crate) fn remember(&self, key: &Key, read_at: Moment, record: Option<&Arc<Record>>) {
        if self.moment(key) == read_at && self.is_trusted() {
            self.records.insert(key.clone(), (read_at.generation, record.cloned()));
            if self.moment(key) != read_at {
                self.records.remove(key);
            }
        }
    }

    /// Forgets some records.
    pub(crate) fn forget<'a>(&self, keys: impl Iterator<Item = &'a Key>) {
        for key in keys {
            self.epoch(key).fetch_add(1, Ordering::SeqCst);
            self.records.remove(key);
        }
    }

    /// Forgets all records.
    pub(crate) fn forget_all(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.records.clear();
    }

    /// Answers for some time after `since`, a moment at which all changes had been heard of.
    pub(crate) fn trust(&self, since: Instant, time: Duration) {
        let until = since.saturating_duration_since(self.opened) + time;
        self.trusted.store(u64::try_from(until.as_millis()).unwrap_or(ALWAYS - 1), Ordering::SeqCst);
    }

    fn is_trusted(&self) -> bool {
        let until = self.trusted.load(Ordering::SeqCst);
        until == ALWAYS || self.opened.elapsed().as_millis() < u128::from(until)
    }

    fn epoch(&self, key: &Key) -> &AtomicU64 {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
        let shard = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        &self.epochs[shard]
    }
}

#[cfg(test)]
mod tests {
    use assay_model::Kind;

    use super::*;

    fn record(id: &str) -> (Key, Option<Arc<Record>>) {
        let key = Key::shared(Kind::File, id);
        (key.clone(), Some(Arc::new(Record { key, version: 1, body: [].into() })))
    }

    #[test]
    fn that_there_is_no_record_is_remembered_until_there_may_be_one() {
        let shelf = Shelf::new(1 << 20);
        let (key, record) = record("a");
        shelf.remember(&key, shelf.moment(&key), None);
        assert_eq!(shelf.get(&key), Some(None));
        shelf.forget([&key].into_iter());
        assert_eq!(shelf.get(&key), None);
        shelf.remember(&key, shelf.moment(&key), record.as_ref());
        assert_eq!(shelf.get(&key), Some(record));
    }

    #[test]
    fn what_was_forgotten_while_it_was_read_is_not_kept() {
        let shelf = Shelf::new(1 << 20);
        let (key, record) = record("a");
        for forget in [|shelf: &Shelf, key| shelf.forget([key].into_iter()), |shelf: &Shelf, _| shelf.forget_all()] {
            let before = shelf.moment(&key);
            forget(&shelf, &key);
            shelf.remember(&key, before, record.as_ref());
            assert_eq!(shelf.get(&key), None);
        }
        shelf.remember(&key, shelf.moment(&key), record.as_ref());
        assert!(shelf.get(&key).is_some());
        shelf.forget_all();
        assert_eq!(shelf.get(&key), None);
    }

    #[test]
    fn a_shelf_that_is_not_trusted_answers_nothing() {
        let shelf = Shelf::distrusted(1 << 20);
        let (key, record) = record("a");
        shelf.remember(&key, shelf.moment(&key), record.as_ref());
        assert_eq!(shelf.get(&key), None);
        shelf.trust(Instant::now(), Duration::from_mins(1));
        assert_eq!(shelf.get(&key), None, "what came before is not there");
        shelf.remember(&key, shelf.moment(&key), record.as_ref());
        assert!(shelf.get(&key).is_some());
        shelf.trust(Instant::now(), Duration::ZERO);
        assert_eq!(shelf.get(&key), None);
    }
}
