//! The one thread that writes. In go closures over the connection, out come their answers after the transaction that
//! they shared is on the disk.
//!
//! A closure that answers `Conflict` has written nothing (it checks before it writes). Any other error rolls the whole
//! group back and is answered to everybody in it: nothing was written, everybody may try again.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{broadcast, oneshot};

use super::closed;
use crate::{Change, Durability, Result, StoreError};

/// How many writes may share a transaction.
const GROUP: usize = 256;
/// How often the writer looks whether another process has written.
const LOOK_ROUND: Duration = Duration::from_millis(100);

/// A write that waits for its turn.
trait Work: Send {
    /// When it must have reached the disk.
    fn durability(&self) -> Durability;
    /// Writes. `false` stops the group.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Answers, after the group was committed or rolled back.
    fn answer(self: Box<Self>, fault: Option<&Arc<StoreError>>);
}

struct Waiting<T, F> {
    durability: Durability,
    work: Option<F>,
    outcome: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: FnOnce(&Connection) -> Result<T> + Send> Work for Waiting<T, F> {
    fn durability(&self) -> Durability {
        self.durability
    }

    fn run(&mut self, connection: &Connection) -> bool {
        self.outcome = self.work.take().map(|work| work(connection));
        matches!(self.outcome, Some(Ok(_) | Err(StoreError::Conflict)))
    }

    fn answer(self: Box<Self>, fault: Option<&Arc<StoreError>>) {
        let outcome = match (self.outcome, fault) {
            (Some(Err(own)), _) => Err(own),
            (_, Some(fault)) => Err(StoreError::Unavailable(Box::new(fault.clone()))),
            (outcome, None) => outcome.unwrap_or_else(|| Err(closed())),
        };
        let _the_caller_went_away = self.answer.send(outcome);
    }
}

/// A handle to the writing thread, which ends with it.
pub(super) struct Writer {
    queue: Option<Sender<Box<dyn Work>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection, changes: broadcast::Sender<Change>) -> Result<Self> {
        let (queue, waiting) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_until_closed(&connection, &waiting, &changes))
            .map_err(|cause| StoreError::Unavailable(Box::new(cause)))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Queues a write.
    pub(super) fn submit<T, F>(&self, durability: Durability, work: F, answer: oneshot::Sender<Result<T>>) -> Result<()>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let waiting = Box::new(Waiting { durability, work: Some(work), outcome: None, answer });
        self.queue.as_ref().ok_or_else(closed)?.send(waiting).map_err(|_| closed())
    }
}

impl Drop for Writer {
    /// Lets what waits be written, then ends the thread.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _panicked_and_was_reported = thread.join();
        }
    }
}

fn write_until_closed(connection: &Connection, waiting: &Receiver<Box<dyn Work>>, changes: &broadcast::Sender<Change>) {
    let mut seen = data_version(connection);
    loop {
        let first = waiting.recv_timeout(LOOK_ROUND);
        // Moves only when another connection has written; ours do not write, theirs do.
        let version = data_version(connection);
        if version != seen {
            seen = version;
            let _nobody_listens = (changes.send(Change::Foreign), changes.send(Change::Jobs));
        }
        match first {
            Ok(first) => write_group(connection, first, waiting),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn data_version(connection: &Connection) -> i64 {
    let read = || connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0));
    read().unwrap_or(0)
}

fn write_group(connection: &Connection, first: Box<dyn Work>, waiting: &Receiver<Box<dyn Work>>) {
    let mut group = vec![first];
    group.extend(waiting.try_iter().take(GROUP - 1));
    let fault = match run_group(connection, &mut group) {
        Ok(()) => None,
        Err(fault) => {
            let _already_rolled_back = connection.execute_batch("ROLLBACK");
            tracing::error!(error = &fault as &dyn std::error::Error, "a group of writes was rolled back");
            Some(Arc::new(fault))
        }
    };
    for work in group {
        work.answer(fault.as_ref());
    }
}

fn run_group(connection: &Connection, group: &mut [Box<dyn Work>]) -> Result<()> {
    // One who must wait for the disk makes all of the group wait; what was written before reaches the disk with it.
    let now = group.iter().any(|work| work.durability() == Durability::Now);
    connection.execute_batch(if now { "PRAGMA synchronous=FULL" } else { "PRAGMA synchronous=NORMAL" })?;
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    for work in group {
        if !work.run(connection) {
            return Err(StoreError::Unavailable("a write of the same group failed".into()));
        }
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}
