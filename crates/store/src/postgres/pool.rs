//! A few connections that are shared, and work that is run on them: again where it collided with other work, over
//! another connection where its own was lost.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{sleep, timeout};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use tokio_util::task::TaskTracker;

use super::connect::{Connector, greet};
use super::fault::{Fault, Remedy, remedy};
use super::session::{Session, Steps, Value};
use crate::{Result, StoreError};

/// How many connections a node has for its work.
const CONNECTIONS: usize = 12;
/// How long a piece of work may take beyond what its statements may.
const MORE: Duration = Duration::from_secs(5);
/// How often work is tried that collides with other work.
const TRIES: u32 = 40;
/// How often work is tried over another connection.
const CONNECTS: u32 = 3;
/// How often it is asked what became of a commit whose answer was lost.
const QUESTIONS: u32 = 20;

/// A piece of work on a connection.
#[async_trait]
pub(super) trait Work: Sync {
    /// What comes of it.
    type Answer: Send;

    /// Does it. It may be done several times over, each time from the start.
    async fn run(&self, session: &Session) -> Result<Done<'_, Self::Answer>, Fault>;
}

/// How a piece of work ends.
pub(super) enum Done<'a, T> {
    /// Nothing is to be kept; a transaction that was begun is undone.
    Nothing(T),
    /// The transaction is committed, together with these last statements; with the transaction's number, where it must
    /// be known whether it was.
    Commit(T, Steps<'a>, Option<String>),
}

/// See the module.
pub(super) struct Pool {
    connector: Connector,
    /// Every statement that is prepared.
    statements: Vec<&'static str>,
    /// How long a statement may take.
    patience: Duration,
    idle: Mutex<Vec<Session>>,
    permits: Semaphore,
    links: TaskTracker,
    collisions: AtomicU64,
}

/// A session on loan. One that is dropped in the middle of its work is closed, which undoes its transaction.
struct Loan<'p> {
    pool: &'p Pool,
    session: Session,
    _permit: SemaphorePermit<'p>,
}

impl Loan<'_> {
    fn give_back(self) {
        if !self.session.is_closed() {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(self.session);
        }
    }
}

enum Outcome<T> {
    Ended(Result<T>),
    Again(StoreError),
    Reconnect(StoreError),
}

impl Pool {
    /// Makes connections as they are needed.
    pub(super) fn new(connector: Connector, statements: Vec<&'static str>, patience: Duration) -> Self {
        let (permits, links) = (Semaphore::new(CONNECTIONS), TaskTracker::new());
        let (idle, collisions) = (Mutex::default(), AtomicU64::new(0));
        Self { connector, statements, patience, idle, permits, links, collisions }
    }

    /// How connections are made.
    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Runs a piece of work to its end.
    pub(super) async fn run<W: Work>(&self, work: &W) -> Result<W::Answer> {
        timeout(self.patience + MORE, self.run_patiently(work))
            .await
            .unwrap_or_else(|late| Err(StoreError::Unavailable(late.into())))
    }

    async fn run_patiently<W: Work>(&self, work: &W) -> Result<W::Answer> {
        let (mut tries, mut connects) = (0, 0);
        loop {
            let outcome = match self.borrow().await {
                Ok(loan) => self.run_once(work, loan).await,
                Err(Fault::Database(error)) if remedy(&error) == Remedy::Reconnect => Outcome::Reconnect(error.into()),
                Err(fault) => return Err(fault.into()),
            };
            match outcome {
                Outcome::Ended(answer) => return answer,
                Outcome::Again(error) => {
                    tries += 1;
                    if tries == TRIES {
                        return Err(error);
                    }
                    // Those that collided must not do so again in step; nobody sleeps equally long.
                    let uneven = self.collisions.fetch_add(1, Ordering::Relaxed) % 7;
                    sleep(Duration::from_millis(u64::from(tries) + uneven)).await;
                }
                Outcome::Reconnect(error) => {
                    connects += 1;
                    if connects == CONNECTS {
                        return Err(error);
                    }
                    // One that was lost is a sign that the others are too.
                    self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
                }
            }
        }
    }

    async fn run_once<W: Work>(&self, work: &W, loan: Loan<'_>) -> Outcome<W::Answer> {
        let (answer, mut last, number) = match work.run(&loan.session).await {
            Ok(Done::Commit(answer, last, number)) => (answer, last, number),
            Ok(Done::Nothing(answer)) => return give_back(loan, Outcome::Ended(Ok(answer))).await,
            Err(Fault::Told(error)) => return give_back(loan, Outcome::Ended(Err(error))).await,
            Err(Fault::Database(error)) => return after(loan, error).await,
        };
        last.commit();
        match last.run(&loan.session).await {
            Ok(_) => {
                loan.give_back();
                Outcome::Ended(Ok(answer))
            }
            Err(Fault::Told(error)) => Outcome::Ended(Err(error)),
            Err(Fault::Database(error)) if remedy(&error) == Remedy::Reconnect => {
                // Its place is needed for the question what became of it.
                drop(loan);
                match self.was_committed(number.as_deref()).await {
                    Some(true) => Outcome::Ended(Ok(answer)),
                    Some(false) => Outcome::Reconnect(error.into()),
                    None => Outcome::Ended(Err(error.into())),
                }
            }
            Err(Fault::Database(error)) => after(loan, error).await,
        }
    }

    /// Whether a transaction was committed whose answer was lost; none where nobody says so.
    async fn was_committed(&self, number: Option<&str>) -> Option<bool> {
        let number = number?;
        for _ in 0..QUESTIONS {
            if let Ok(loan) = self.borrow().await
                && let Ok(rows) = loan.session.query(STATUS, &[&number]).await
            {
                let status: Option<String> = rows.first().and_then(|row| row.try_get(0).ok()).flatten();
                loan.give_back();
                match status.as_deref() {
                    Some("committed") => return Some(true),
                    Some("aborted") => return Some(false),
                    Some(_) => {}
                    None => return None,
                }
            }
            sleep(Duration::from_millis(250)).await;
        }
        None
    }

    async fn borrow(&self) -> Result<Loan<'_>, Fault> {
        let permit = self.permits.acquire().await.map_err(|closed| StoreError::Unavailable(closed.into()))?;
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        while let Some(session) = idle() {
            if !session.is_closed() {
                return Ok(Loan { pool: self, session, _permit: permit });
            }
        }
        let (client, link) = self.connector.connect().await?;
        // Ends when the client is dropped.
        self.links.spawn(async move {
            if let Err(error) = link.await {
                tracing::debug!(error = &error as &dyn std::error::Error, "a connection to the database was lost");
            }
        });
        greet(&client, self.patience).await?;
        let session = Session::new(client, &self.statements).await?;
        Ok(Loan { pool: self, session, _permit: permit })
    }
}

/// Every statement of this file.
pub(super) const ALL: &[&str] = &[STATUS, NUMBER];

/// What became of a transaction, by its number.
const STATUS: &str = "SELECT pg_xact_status($1::text::xid8)";
/// The number of the transaction that is under way.
pub(super) const NUMBER: &str = "SELECT pg_current_xact_id()::text";

async fn after<T>(loan: Loan<'_>, error: tokio_postgres::Error) -> Outcome<T> {
    match remedy(&error) {
        Remedy::Again => give_back(loan, Outcome::Again(error.into())).await,
        Remedy::Reconnect => Outcome::Reconnect(error.into()),
        Remedy::None => give_back(loan, Outcome::Ended(Err(error.into()))).await,
    }
}

/// Ends the transaction that is still under way; a session that cannot do so is dropped.
async fn give_back<T>(loan: Loan<'_>, outcome: Outcome<T>) -> Outcome<T> {
    if loan.session.roll_back().await.is_ok() {
        loan.give_back();
    }
    outcome
}

/// A piece of work that is one statement outside of any transaction.
pub(super) struct Ask<'a, F> {
    pub(super) text: Cow<'static, str>,
    pub(super) values: Vec<Value<'a>>,
    /// Makes the answer of the rows.
    pub(super) answer: F,
}

#[async_trait]
impl<T: Send, F: Fn(&[Row]) -> Result<T, Fault> + Sync> Work for Ask<'_, F> {
    type Answer = T;

    async fn run(&self, session: &Session) -> Result<Done<'_, T>, Fault> {
        let values: Vec<_> = self.values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect();
        let rows = session.query(&self.text, &values).await?;
        Ok(Done::Nothing((self.answer)(&rows)?))
    }
}
