//! The embedded store: one `SQLite` file in WAL mode, one thread that writes in groups, a few connections that read.
//!
//! A commit returns after its transaction is synchronised to the disk (`synchronous=FULL`), unless it may be
//! [`Durability::Soon`]; commits that wait at the same time share one transaction, so that the cost of the
//! synchronisation is shared too. Other processes (the command
//! line) may open the same file; the writer notices when they have written and tells the watchers.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use assay_model::quota::Quota;
use assay_model::record::{Edge, Facet, Key, Record, Space, StageName};
use assay_model::usage::{Dimension, Tally};
use assay_model::{Kind, Link, Timestamp};
use async_trait::async_trait;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tokio::sync::{Semaphore, broadcast, oneshot};

use crate::pace::Paces;
use crate::{
    Backlog, Batch, Change, Charge, Claimed, Durability, End, Held, Paced, Page, Range, Rate, Result, Spent, Store,
    StoreError, Want,
};

mod counters;
mod dump;
mod read;
mod write;
mod writer;

pub(crate) use dump::Plain;

/// The oldest `SQLite` without the WAL-reset corruption (fixed in 3.51.3).
const OLDEST: i32 = 3_051_003;
const READERS: usize = 4;
/// How many statements a connection keeps prepared: more than there are.
const STATEMENTS: usize = 128;
const BUSY: Duration = Duration::from_secs(5);

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => Self::Corrupt(Box::new(error)),
            _ => Self::Unavailable(Box::new(error)),
        }
    }
}

/// The writer thread is gone.
#[derive(Debug, thiserror::Error)]
#[error("the store was closed")]
struct Closed;

/// See the module.
pub(crate) struct Sqlite {
    readers: Arc<Readers>,
    writer: writer::Writer,
    /// One server has the file: rates need no table.
    paces: Paces,
    changes: broadcast::Sender<Change>,
}

struct Readers {
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Sqlite {
    /// Opens or creates the database.
    pub(crate) async fn open(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        let changes = broadcast::channel(1024).0;
        let sender = changes.clone();
        let open = move || -> Result<(Vec<Connection>, writer::Writer)> {
            let connection = connect_to_write(&path)?;
            dump::refuse_half_a_copy(&connection)?;
            let writer = writer::Writer::start(connection, sender)?;
            let readers = (0..READERS).map(|_| connect_to_read(&path)).collect::<Result<_>>()?;
            Ok((readers, writer))
        };
        let (idle, writer) = blocking(open).await?;
        let readers = Arc::new(Readers { idle: Mutex::new(idle), permits: Semaphore::new(READERS) });
        Ok(Self { readers, writer, paces: Paces::default(), changes })
    }

    async fn with_reader<T, F>(&self, read: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let readers = self.readers.clone();
        let _permit = self.readers.permits.acquire().await.map_err(|_| closed())?;
        blocking(move || {
            let connection = readers.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().ok_or_else(closed)?;
            let outcome = read(&connection);
            readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            outcome
        })
        .await
    }

    async fn write<T, F>(&self, durability: Durability, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let (answer, outcome) = oneshot::channel();
        self.writer.submit(durability, work, answer)?;
        outcome.await.map_err(|_| closed())?
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable(Box::new(Closed))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|ended| StoreError::Unavailable(Box::new(ended)))?
}

fn connect_to_write(path: &Path) -> Result<Connection> {
    if rusqlite::version_number() < OLDEST {
        return Err(StoreError::Unavailable("the SQLite library is older than 3.51.3 and may damage its file".into()));
    }
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Else a statement whose values differ from the last ones may be prepared anew each time it runs.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(
        "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;
         PRAGMA cache_size=-16384; PRAGMA wal_autocheckpoint=4000; PRAGMA journal_size_limit=67108864;",
    )?;
    migrate(&mut connection)?;
    Ok(connection)
}

fn connect_to_read(path: &Path) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch("PRAGMA cache_size=-4096;")?;
    Ok(connection)
}

/// The steps that lead from an empty file to today's schema; `user_version` counts those that are done.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql"), include_str!("schema_2.sql"), include_str!("schema_3.sql")];

fn migrate(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done: usize = transaction.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).map(as_usize)?;
    if done > MIGRATIONS.len() {
        return Err(StoreError::Corrupt("the data folder was written by a newer version of assay".into()));
    }
    for step in &MIGRATIONS[done..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX))?;
    transaction.commit()?;
    Ok(())
}

fn as_usize(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

#[async_trait]
impl Store for Sqlite {
    async fn read(&self, key: &Key) -> Result<Option<Arc<Record>>> {
        let key = key.clone();
        self.with_reader(move |connection| read::record(connection, &key)).await
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Arc<Record>>>> {
        let keys = keys.to_vec();
        self.with_reader(move |connection| keys.iter().map(|key| read::record(connection, key)).collect()).await
    }

    async fn list(&self, space: &Space, kind: Kind, range: &Range) -> Result<Page<Key>> {
        let (space, range) = (space.clone(), range.clone());
        self.with_reader(move |connection| read::list(connection, &space, kind, &range)).await
    }

    async fn find(&self, space: &Space, kind: Kind, facet: &Facet, range: &Range) -> Result<Page<Key>> {
        let (space, facet, range) = (space.clone(), facet.clone(), range.clone());
        self.with_reader(move |connection| read::find(connection, &space, kind, &facet, &range)).await
    }

    async fn linked(&self, of: &Key, link: Link, end: End, range: &Range) -> Result<Page<Edge>> {
        let (of, range) = (of.clone(), range.clone());
        self.with_reader(move |connection| read::linked(connection, &of, link, end, &range)).await
    }

    async fn commit(&self, batch: Batch) -> Result<Vec<Claimed>> {
        let wakes = batch.wakes();
        let durability = batch.durability;
        let claimed = self.write(durability, move |connection| write::commit(connection, &batch)).await?;
        if wakes {
            let _nobody_listens = self.changes.send(Change::Jobs);
        }
        Ok(claimed)
    }

    async fn spend(&self, charges: &[Charge]) -> Result<Spent> {
        let charges = charges.to_vec();
        self.write(Durability::Now, move |connection| counters::spend(connection, &charges)).await
    }

    async fn refund(&self, charges: &[Charge]) -> Result<()> {
        let charges = charges.to_vec();
        self.write(Durability::Soon, move |connection| counters::refund(connection, &charges)).await
    }

    async fn spent(&self, account: &str, quota: Quota, window: Timestamp) -> Result<u64> {
        let account = account.to_owned();
        self.with_reader(move |connection| counters::spent(connection, &account, quota, window)).await
    }

    async fn lease(&self, node: &str, wants: &[Want], until: Timestamp) -> Result<Spent> {
        let (node, wants) = (node.to_owned(), wants.to_vec());
        self.write(Durability::Now, move |connection| counters::lease(connection, &node, &wants, until)).await
    }

    async fn hold(&self, node: &str, changed: &[Held], until: Timestamp) -> Result<Vec<usize>> {
        let (node, changed) = (node.to_owned(), changed.to_vec());
        self.write(Durability::Soon, move |connection| counters::hold(connection, &node, &changed, until)).await
    }

    async fn give_back(&self, node: &str, held: &[Held]) -> Result<()> {
        let (node, held) = (node.to_owned(), held.to_vec());
        self.write(Durability::Soon, move |connection| counters::give_back(connection, &node, &held)).await
    }

    async fn end_leases(&self, now: Timestamp) -> Result<u64> {
        self.write(Durability::Soon, move |connection| counters::end_leases(connection, now)).await
    }

    async fn pace(&self, rates: &[Rate], now: i64) -> Result<Paced> {
        Ok(self.paces.pace(rates, now))
    }

    async fn unpace(&self, rates: &[Rate]) -> Result<()> {
        self.paces.unpace(rates);
        Ok(())
    }

    async fn tally(&self, tallies: &[Tally]) -> Result<()> {
        let tallies = tallies.to_vec();
        self.write(Durability::Soon, move |connection| counters::tally(connection, &tallies)).await
    }

    async fn tallied(
        &self,
        subject: &str,
        dimension: Dimension,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, Arc<str>, u64)>> {
        let subject = subject.to_owned();
        self.with_reader(move |connection| counters::tallied(connection, &subject, dimension, from, to)).await
    }

    async fn forget_tallies(&self, before: Timestamp) -> Result<()> {
        self.write(Durability::Soon, move |connection| counters::forget_tallies(connection, before)).await
    }

    async fn claim(&self, stages: &[StageName], now: Timestamp, until: Timestamp, most: usize) -> Result<Vec<Claimed>> {
        let stages = stages.to_vec();
        self.write(Durability::Soon, move |connection| write::claim(connection, &stages, now, until, most)).await
    }

    async fn renew(&self, claimed: &Claimed, until: Timestamp) -> Result<()> {
        let (id, attempt) = (claimed.id, claimed.attempt);
        self.write(Durability::Soon, move |connection| write::renew(connection, id, attempt, until)).await
    }

    async fn backlog(&self) -> Result<Backlog> {
        self.with_reader(read::backlog).await
    }

    fn watch(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_database_of_the_first_schema_is_migrated_with_what_is_in_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("assay.sqlite");
        let old = Connection::open(&path).expect("a file");
        old.execute_batch(MIGRATIONS[0]).expect("the first schema");
        old.execute_batch(
            "INSERT INTO jobs (stage, space, kind, subject, class, attempt, not_before)
             VALUES ('identify', '', 'analysis', 'x', 1, 0, 0);
             INSERT INTO counters (account, quota, window, used) VALUES ('a', 'api_requests_daily', 0, 7);
             PRAGMA user_version = 1;",
        )
        .expect("what an older server wrote");
        drop(old);
        for _ in 0..2 {
            let store = Sqlite::open(&path).await.expect("a store");
            assert_eq!(store.end_leases(Timestamp(0)).await.expect("an answer"), 0);
            assert_eq!(store.spent("a", Quota::ApiRequestsDaily, Timestamp(0)).await.expect("a count"), 7);
            let claimed = store.claim(StageName::ALL, Timestamp(0), Timestamp(0), 9).await.expect("a claim");
            assert_eq!(claimed.len(), 1);
        }
    }

    #[tokio::test]
    async fn a_database_of_a_newer_version_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("assay.sqlite");
        let newer = Connection::open(&path).expect("a file");
        newer.pragma_update(None, "user_version", 99).expect("a version");
        drop(newer);
        assert!(matches!(Sqlite::open(&path).await, Err(StoreError::Corrupt(_))));
    }
}
