//! Threads that scan. A yara-x scanner borrows its rules, is bound to its thread and dear to make, so each
//! thread owns one for as long as the rules are in use. A sample goes in through a channel; the answer comes
//! back through another. The threads end when the [`Workers`] are dropped and the queue is empty.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use assay_rules::{Compiled, Scanner};
use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::scan::{Scanned, scan};
use crate::engine::EngineError;

/// Modules and the unpacking of archives nest; the stack is only address space until it is used.
const STACK: usize = 8 << 20;

/// One sample to scan.
pub(super) struct Job {
    /// The sample.
    pub(super) bytes: Bytes,
    /// When to give up.
    pub(super) deadline: Instant,
    reply: oneshot::Sender<Result<Scanned, EngineError>>,
}

impl Job {
    /// Whether nobody waits for the answer any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }
}

/// The threads of one set of rules.
pub(super) struct Workers {
    jobs: Sender<Job>,
}

impl Workers {
    /// Starts `threads` threads; each makes its scanner when the first sample comes.
    pub(super) fn start(compiled: &Arc<Compiled>, threads: NonZero<usize>) -> Self {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..threads.get() {
            let (compiled, queue) = (compiled.clone(), queue.clone());
            let thread = std::thread::Builder::new().name(format!("yara-{number}")).stack_size(STACK);
            if let Err(error) = thread.spawn(move || work(&compiled, &queue)) {
                tracing::error!(%error, "cannot start a thread to scan with");
            }
        }
        Self { jobs }
    }

    /// Scans one sample within `time`, the waiting for a free thread included.
    pub(super) async fn scan(&self, bytes: Bytes, time: Duration) -> Result<Scanned, EngineError> {
        let (reply, answer) = oneshot::channel();
        let job = Job { bytes, deadline: Instant::now() + time, reply };
        let gone = || EngineError::Failed("there is no thread to scan with".to_owned());
        self.jobs.send(job).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// The life of a thread.
fn work(compiled: &Compiled, queue: &Mutex<Receiver<Job>>) {
    let mut scanner = None;
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        if job.is_abandoned() {
            continue;
        }
        let result =
            catch_unwind(AssertUnwindSafe(|| scan(scanner.get_or_insert_with(|| Scanner::new(compiled)), &job)));
        let answer = result.unwrap_or_else(|_| {
            // What a panic left behind in the scanner is not to be trusted.
            scanner = None;
            Err(EngineError::Failed("the rule engine panicked".to_owned()))
        });
        // Nobody may be waiting any more; then the answer is not needed.
        let _ = job.reply.send(answer);
    }
}
