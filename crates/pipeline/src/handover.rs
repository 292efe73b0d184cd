//! The short way from the request that made a job to the worker that does it. A place is reserved before the job is
//! committed, so that it is committed as claimed; then job and subject are handed over in memory, and nobody has to
//! look for the one or read the other. Where no place is free the job waits in the store, in the order of its class.
//!
//! Invariant: what is handed over is claimed in the store. When this process ends, its lease runs out and it is found
//! there.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use assay_store::Claimed;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// A claimed job on its way to a worker of this process.
pub(crate) struct Work<M> {
    /// The claim.
    pub(crate) claimed: Claimed,
    /// What it is about.
    pub(crate) subject: Box<M>,
    /// When it was claimed.
    pub(crate) since: Instant,
}

/// See the module. Has no places until workers make some.
pub struct Handover<M> {
    places: Semaphore,
    queue: Mutex<VecDeque<Work<M>>>,
    arrived: Notify,
}

impl<M> Default for Handover<M> {
    fn default() -> Self {
        Self { places: Semaphore::const_new(0), queue: Mutex::default(), arrived: Notify::new() }
    }
}

impl<M> Handover<M> {
    /// A place for one job, where one is free.
    pub(crate) fn reserve(&self) -> Option<SemaphorePermit<'_>> {
        self.places.try_acquire().ok()
    }

    /// Hands a job to the next worker that has time.
    pub(crate) fn give(&self, place: SemaphorePermit<'_>, work: Work<M>) {
        place.forget();
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(work);
        self.arrived.notify_one();
    }

    /// Makes room for so many more jobs.
    pub(crate) fn open(&self, places: usize) {
        self.places.add_permits(places);
    }

    /// Takes no more jobs. Those that wait are left to their leases.
    pub(crate) fn close(&self) {
        self.places.forget_permits(usize::MAX);
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The next job, whose place is free again.
    pub(crate) fn take(&self) -> Option<Work<M>> {
        let work = self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        if work.is_some() {
            self.places.add_permits(1);
        }
        work
    }

    /// Ends when a job may have arrived.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }
}
