//! The seam to what is known: records, edges, facets, counters and jobs, in one atomic commit.
//!
//! The store knows no object types. A new object type or relationship touches neither this trait nor a backend.
//!
//! | module | what |
//! |---|---|
//! | [`batch`] | what is written together, or not at all |
//! | [`lease`] | portions of counters that nodes hold |
//! | [`pace`] | rates |
//! | [`page`] | how lists are read in pages that cost the same wherever they start |
//! | `memory` | for tests, nothing survives |
//! | `sqlite` | the embedded default, one file |
//! | `postgres` | many nodes over one PostgreSQL |
//! | `cached`, `shelf` | a decorator: records by key, kept in memory until they change |
//! | [`dump`], [`copy`] | a store as plain rows; one store into another |
//! | [`suite`] | the contract as tests; every backend passes it |
//!
//! To add a backend: one folder, an arm in [`open`], a line that runs [`suite`].
//!
//! Invariant: what is known and what is to be done is written through [`Store::commit`] alone; beside it there are only
//! counters, leases on them, rates and usage figures.
//! Invariant: a commit is seen whole or not at all, by every reader, also after a crash.
//! Invariant: a read that starts after a commit returned sees that commit, caches included.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use assay_model::quota::Quota;
use assay_model::record::{Facet, Key, Record, Space, StageName};
use assay_model::usage::{Dimension, Tally};
use assay_model::{Error, Kind, Link, Timestamp, error::Code};
use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::broadcast;

use crate::cached::Cached;
use crate::shelf::Shelf;

pub mod batch;
mod cached;
pub mod copy;
pub mod dump;
mod facet;
pub mod lease;
mod memory;
pub mod pace;
pub mod page;
mod postgres;
mod shelf;
mod sqlite;
pub mod suite;

pub use batch::{Batch, Charge, Claimed, Durability, Expect, Spent};
pub use lease::{Held, Want};
pub use memory::Memory;
pub use pace::{Paced, Rate};
pub use page::{Page, Position, Range};

/// What a caller can do about a failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A version or a lease was not as expected: read again and try again.
    #[error("the record or job changed in the meantime")]
    Conflict,
    /// The store cannot be reached or is full: try again later, nothing was written.
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored is not what was written: an operator must look.
    #[error("the store is damaged")]
    Corrupt(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::new(Code::Transient, "the object changed in the meantime; try again")
                .after(Duration::from_secs(1)),
            StoreError::Unavailable(_) => {
                Self::new(Code::Transient, "the server cannot store or read at the moment; nothing was lost, try again")
                    .after(Duration::from_secs(5))
            }
            StoreError::Corrupt(_) => Self::new(Code::Internal, "a stored object could not be read"),
        }
        .because(error)
    }
}

/// A store that is being filled is not one yet.
fn half_a_copy() -> StoreError {
    StoreError::Unavailable("it is half a copy of another store: let the copy run to its end".into())
}

/// Shorthand for this seam's results.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// From which end an edge is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The object is the tail: what does it point to?
    Tail,
    /// The object is the head: what points to it?
    Head,
}

/// Something that happened to the store; a hint to look again, never the news itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// There is work to claim.
    Jobs,
    /// Another process wrote these records.
    Keys(Arc<[Key]>),
    /// Another process wrote: whatever is cached may be old.
    Foreign,
}

/// Returns when there may be work to claim; what else changes does not wake.
pub async fn until_jobs(changes: &mut broadcast::Receiver<Change>) {
    loop {
        match changes.recv().await {
            Ok(Change::Keys(_) | Change::Foreign) => {}
            Ok(Change::Jobs) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            // The store is closed and there is never again work.
            Err(broadcast::error::RecvError::Closed) => return std::future::pending().await,
        }
    }
}

/// What is known. See the crate's invariants; [`suite`] has them as tests.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The current version of one record.
    async fn read(&self, key: &Key) -> Result<Option<Arc<Record>>>;

    /// The current versions of several records, in the order of the keys.
    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Arc<Record>>>>;

    /// The keys of a kind, by id, in pages.
    async fn list(&self, space: &Space, kind: Kind, range: &Range) -> Result<Page<Key>>;

    /// The keys that have a facet, in pages.
    async fn find(&self, space: &Space, kind: Kind, facet: &Facet, range: &Range) -> Result<Page<Key>>;

    /// The edges of one link at one object, newest first, in pages. `total` counts them all, up to
    /// [`page::COUNTED`].
    async fn linked(&self, of: &Key, link: Link, end: End, range: &Range) -> Result<Page<assay_model::record::Edge>>;

    /// Writes a batch, whole or not at all. Answers the jobs that the batch claimed for its writer.
    async fn commit(&self, batch: Batch) -> Result<Vec<Claimed>>;

    /// Takes from several counters together: at least 1 and at most what is asked from each, or nothing from any.
    async fn spend(&self, charges: &[Charge]) -> Result<Spent>;

    /// Gives back what was taken and not used.
    async fn refund(&self, charges: &[Charge]) -> Result<()>;

    /// What was taken from a counter in the window that starts at `window`, leases included.
    async fn spent(&self, account: &str, quota: Quota, window: Timestamp) -> Result<u64>;

    /// Takes portions of several counters for a node together, or nothing from any; see [`lease`]. `wants` names each
    /// counter once. The leases hold until `until`. [`StoreError::Conflict`] when the node says that it holds something
    /// of a lease that is gone; [`Store::hold`] tells which.
    async fn lease(&self, node: &str, wants: &[Want], until: Timestamp) -> Result<Spent>;

    /// Extends all leases of a node, and says anew what is left of those that changed. Answers the places in `changed`
    /// of those that are gone: of them the node has only what is above the floor.
    async fn hold(&self, node: &str, changed: &[Held], until: Timestamp) -> Result<Vec<usize>>;

    /// Ends leases in good order: what is left of them goes back to their counters. What is gone stays gone.
    async fn give_back(&self, node: &str, held: &[Held]) -> Result<()>;

    /// Ends the leases that nobody extended beyond `now`; their floors go back to their counters. Answers how many.
    async fn end_leases(&self, now: Timestamp) -> Result<u64>;

    /// Takes from several rates together, or nothing from any; see [`pace`]. `now` in nanoseconds since the epoch.
    async fn pace(&self, rates: &[Rate], now: i64) -> Result<Paced>;

    /// Gives back to rates what was taken and not used.
    async fn unpace(&self, rates: &[Rate]) -> Result<()>;

    /// Adds to usage figures; [`Durability::Soon`].
    async fn tally(&self, tallies: &[Tally]) -> Result<()>;

    /// The figures of a subject along a dimension from one day to another, both included, by day and value.
    async fn tallied(
        &self,
        subject: &str,
        dimension: Dimension,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, Arc<str>, u64)>>;

    /// Forgets the usage figures of the days before `before`.
    async fn forget_tallies(&self, before: Timestamp) -> Result<()>;

    /// Claims up to `most` jobs of these stages until `until`; lower classes and older jobs first. A job whose lease ran
    /// out is claimable again.
    async fn claim(&self, stages: &[StageName], now: Timestamp, until: Timestamp, most: usize) -> Result<Vec<Claimed>>;

    /// Extends a lease; [`StoreError::Conflict`] when it is no longer ours.
    async fn renew(&self, claimed: &Claimed, until: Timestamp) -> Result<()>;

    /// How many jobs wait or are being worked on, and how many were given up.
    async fn backlog(&self) -> Result<Backlog>;

    /// Tells of changes from now on. A lagging receiver must assume every change.
    fn watch(&self) -> broadcast::Receiver<Change>;
}

/// How much work there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Jobs that wait or are leased.
    pub open: u64,
    /// Jobs that failed too often.
    pub dead: u64,
}

/// Which store to open.
#[derive(Debug, Clone)]
pub enum Config {
    /// Nothing survives; for tests.
    Memory,
    /// The embedded default.
    Sqlite {
        /// The database file; its folder exists.
        path: PathBuf,
        /// How many bytes of records are kept in memory.
        cache_bytes: u64,
    },
    /// A PostgreSQL that many nodes share.
    Postgres {
        /// Where: `postgres://user@host:port/database`, as libpq reads it; of `sslmode` and `sslrootcert` see
        /// docs/decisions/0012-postgresql.md.
        url: String,
        /// The password, where the server wants one.
        password: Option<SecretString>,
        /// How many bytes of records are kept in memory; with 0 none are.
        cache_bytes: u64,
    },
}

/// Opens a store, migrating it where needed.
pub async fn open(config: &Config) -> Result<Arc<dyn Store>> {
    match config {
        Config::Memory => Ok(Arc::new(Memory::default())),
        Config::Sqlite { path, cache_bytes } => {
            let store = sqlite::Sqlite::open(path).await?;
            Ok(Cached::new(Arc::new(store), Shelf::new(*cache_bytes)))
        }
        Config::Postgres { url, password, cache_bytes } => {
            let shelf = Shelf::distrusted(*cache_bytes);
            let store = Arc::new(postgres::Postgres::open(url, password.as_ref(), shelf.clone()).await?);
            Ok(if *cache_bytes == 0 { store } else { Cached::new(store, shelf) })
        }
    }
}
