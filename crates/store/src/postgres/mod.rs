//! The store that many nodes share: one PostgreSQL, version 13 or newer, over a few connections.
//!
//! | file | what |
//! |---|---|
//! | `connect` | the URL, TLS, what a connection is told first |
//! | `session`, `pool`, `fault` | statements sent together; connections shared; what is tried again |
//! | `read`, `write`, `jobs`, `counters`, `rates` | the statements and what is made of them |
//! | `listen` | hearing of what other nodes write |
//! | `dump` | the tables as plain rows |
//! | `text` | what PostgreSQL's texts cannot hold |
//!
//! A commit is one transaction that locks what it touches, in one order, checks, writes, and tells the other nodes. It
//! returns after the database has it on its disk, unless it may be [`crate::Durability::Soon`]. When the connection breaks just
//! then, the database is asked what became of it: nobody is told that nothing was written when something was.

use std::sync::Arc;
use std::time::Duration;

use assay_model::quota::Quota;
use assay_model::record::{Edge, Facet, Key, Record, Space, StageName};
use assay_model::usage::{Dimension, Tally};
use assay_model::{Kind, Link, Timestamp};
use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::{Notify, broadcast};
use tokio_postgres::{Client, Row};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::shelf::Shelf;
use crate::{
    Backlog, Batch, Change, Charge, Claimed, End, Held, Paced, Page, Range, Rate, Result, Spent, Store, StoreError,
    Want,
};

mod connect;
mod counters;
mod dump;
mod fault;
mod jobs;
mod listen;
mod pool;
mod rates;
mod read;
mod session;
mod text;
mod write;

pub(crate) use dump::Plain;

/// The steps that lead from an empty database to today's schema; `assay_schema` counts those that are done.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql"), include_str!("schema_2.sql")];
/// Held while the schema is looked at and changed, so that nodes that start together do so one after the other.
const MIGRATION_LOCK: i64 = 0x6173_7361_795f_7063;
/// How long a statement may take.
const PATIENCE: Duration = Duration::from_secs(20);
const OLDEST: i32 = 130_000;

/// See the module.
pub(crate) struct Postgres {
    pool: Arc<pool::Pool>,
    rates: rates::Rates,
    notices: Arc<listen::Notices>,
    changes: broadcast::Sender<Change>,
    work: Arc<Notify>,
    /// Ends with the store.
    _listening: AbortOnDropHandle<()>,
}

impl Postgres {
    /// Connects, migrating the database where needed. What is heard of other nodes' writes is taken off `shelf`.
    pub(crate) async fn open(url: &str, password: Option<&SecretString>, shelf: Arc<Shelf>) -> Result<Self> {
        let connector = connect::Connector::new(url, password).await?;
        let Prepared { node, half_a_copy } = prepare(&connector).await?;
        if half_a_copy {
            return Err(crate::half_a_copy());
        }
        let statements = [read::ALL, write::ALL, jobs::ALL, counters::ALL, rates::ALL, listen::ALL, pool::ALL];
        let pool = Arc::new(pool::Pool::new(connector, statements.concat(), PATIENCE));
        let notices = Arc::new(listen::Notices { node });
        let (changes, work) = (broadcast::channel(1024).0, Arc::new(Notify::new()));
        let listener = listen::Listener {
            pool: pool.clone(),
            notices: notices.clone(),
            shelf,
            changes: changes.clone(),
            work: work.clone(),
        };
        let listening = AbortOnDropHandle::new(TaskTracker::new().spawn(listener.listen()));
        Ok(Self { pool, rates: rates::Rates::default(), notices, changes, work, _listening: listening })
    }
}

/// A database whose schema is today's.
struct Prepared {
    /// A name that no other handle on the database has.
    node: String,
    /// Whether it is still being filled.
    half_a_copy: bool,
}

/// Brings the schema up to date.
async fn prepare(connector: &connect::Connector) -> Result<Prepared> {
    let (mut client, wire) = connector.connect().await?;
    let closed = || StoreError::Unavailable("the connection to the database was closed".into());
    tokio::select! {
        prepared = migrate(&mut client) => prepared,
        ended = wire => Err(ended.err().map_or_else(closed, StoreError::from)),
    }
}

async fn migrate(client: &mut Client) -> Result<Prepared> {
    let transaction = client.transaction().await?;
    let row = transaction
        .query_one("SELECT current_setting('server_version_num')::integer, gen_random_uuid()::text", &[])
        .await;
    let version = row.as_ref().ok().and_then(|row| row.try_get::<_, i32>(0).ok());
    if version.is_some_and(|version| version < OLDEST) {
        return Err(StoreError::Unavailable("PostgreSQL is older than 13".into()));
    }
    let node: String = row?.try_get(1)?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await?;
    transaction.batch_execute("CREATE TABLE IF NOT EXISTS assay_schema (done integer NOT NULL)").await?;
    let row = transaction.query_opt("SELECT done FROM assay_schema", &[]).await?;
    let done = row.as_ref().map_or(Ok(0), |row: &Row| row.try_get::<_, i32>(0))?;
    let done = usize::try_from(done).unwrap_or(usize::MAX);
    if done > MIGRATIONS.len() {
        return Err(StoreError::Corrupt("the database was written by a newer version of assay".into()));
    }
    if done < MIGRATIONS.len() {
        for step in &MIGRATIONS[done..] {
            transaction.batch_execute(step).await?;
        }
        let text =
            if row.is_some() { "UPDATE assay_schema SET done = $1" } else { "INSERT INTO assay_schema VALUES ($1)" };
        transaction.execute(text, &[&i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)]).await?;
    }
    let half_a_copy = transaction.query_one(dump::NOTED, &[]).await?.try_get(0)?;
    transaction.commit().await?;
    Ok(Prepared { node, half_a_copy })
}

#[async_trait]
impl Store for Postgres {
    async fn read(&self, key: &Key) -> Result<Option<Arc<Record>>> {
        read::record(&self.pool, key).await
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Arc<Record>>>> {
        read::records(&self.pool, keys).await
    }

    async fn list(&self, space: &Space, kind: Kind, range: &Range) -> Result<Page<Key>> {
        read::list(&self.pool, space, kind, range).await
    }

    async fn find(&self, space: &Space, kind: Kind, facet: &Facet, range: &Range) -> Result<Page<Key>> {
        read::find(&self.pool, space, kind, facet, range).await
    }

    async fn linked(&self, of: &Key, link: Link, end: End, range: &Range) -> Result<Page<Edge>> {
        read::linked(&self.pool, of, link, end, range).await
    }

    async fn commit(&self, batch: Batch) -> Result<Vec<Claimed>> {
        let claimed = self.pool.run(&write::Commit { batch: &batch, notices: &self.notices }).await?;
        if batch.wakes() {
            let _nobody_listens = self.changes.send(Change::Jobs);
            self.work.notify_one();
        }
        Ok(claimed)
    }

    async fn spend(&self, charges: &[Charge]) -> Result<Spent> {
        self.pool.run(&counters::Spend(charges)).await
    }

    async fn refund(&self, charges: &[Charge]) -> Result<()> {
        self.pool.run(&counters::Refund(charges)).await
    }

    async fn spent(&self, account: &str, quota: Quota, window: Timestamp) -> Result<u64> {
        counters::spent(&self.pool, account, quota, window).await
    }

    async fn lease(&self, node: &str, wants: &[Want], until: Timestamp) -> Result<Spent> {
        self.pool.run(&counters::Lease { node, wants, until }).await
    }

    async fn hold(&self, node: &str, changed: &[Held], until: Timestamp) -> Result<Vec<usize>> {
        self.pool.run(&counters::Hold { node, changed, until }).await
    }

    async fn give_back(&self, node: &str, held: &[Held]) -> Result<()> {
        self.pool.run(&counters::GiveBack { node, held }).await
    }

    async fn end_leases(&self, now: Timestamp) -> Result<u64> {
        let mut ended = 0;
        loop {
            match self.pool.run(&counters::EndLeases(now)).await? {
                0 => return Ok(ended),
                some => ended += some,
            }
        }
    }

    async fn pace(&self, rates: &[Rate], now: i64) -> Result<Paced> {
        self.rates.pace(&self.pool, rates, now).await
    }

    async fn unpace(&self, rates: &[Rate]) -> Result<()> {
        self.rates.unpace(&self.pool, rates).await
    }

    async fn tally(&self, tallies: &[Tally]) -> Result<()> {
        if tallies.is_empty() { Ok(()) } else { self.pool.run(&counters::Add(tallies)).await }
    }

    async fn tallied(
        &self,
        subject: &str,
        dimension: Dimension,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, Arc<str>, u64)>> {
        counters::tallied(&self.pool, subject, dimension, from, to).await
    }

    async fn forget_tallies(&self, before: Timestamp) -> Result<()> {
        while counters::forget_tallies(&self.pool, before).await? {}
        Ok(())
    }

    async fn claim(&self, stages: &[StageName], now: Timestamp, until: Timestamp, most: usize) -> Result<Vec<Claimed>> {
        jobs::claim(&self.pool, stages, now, until, most).await
    }

    async fn renew(&self, claimed: &Claimed, until: Timestamp) -> Result<()> {
        jobs::renew(&self.pool, claimed, until).await
    }

    async fn backlog(&self) -> Result<Backlog> {
        read::backlog(&self.pool).await
    }

    fn watch(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }
}
