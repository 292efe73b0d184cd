//! Equal questions at once: the first one flies, the others wait for what it brings. A flight goes on when all who wait
//! for it have gone: what it brings is paid for and is kept.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use assay_model::record::{Class, Key};
use tokio::sync::{Notify, watch};
use tokio_util::task::TaskTracker;

use crate::ask::Arrival;
use crate::refusal::Refusal;

/// What a flight brings.
pub(crate) type Landed = Result<Arrival, Refusal>;

/// Who waits for a flight: the most urgent of all who joined it, also after it has begun.
pub(crate) struct Urgency {
    rank: AtomicU8,
    raised: Notify,
}

impl Urgency {
    /// Of one caller.
    pub(crate) fn of(class: Class) -> Arc<Self> {
        Arc::new(Self { rank: AtomicU8::new(class.rank()), raised: Notify::new() })
    }

    /// The class that the flight is in now.
    pub(crate) fn class(&self) -> Class {
        Class::ranked(self.rank.load(Ordering::SeqCst))
    }

    fn raise(&self, class: Class) {
        if self.rank.fetch_min(class.rank(), Ordering::SeqCst) > class.rank() {
            self.raised.notify_one();
        }
    }

    /// Returns when somebody more urgent has joined.
    pub(crate) async fn raised(&self) {
        self.raised.notified().await;
    }
}

/// A flight under way.
struct Flight {
    landed: watch::Receiver<Option<Landed>>,
    urgency: Arc<Urgency>,
}

/// What is under way, by the key of its answer.
#[derive(Default)]
pub(crate) struct Flights(Arc<Mutex<HashMap<Key, Flight>>>);

/// Takes the flight off the list, whatever ends it.
struct Listed {
    flights: Arc<Mutex<HashMap<Key, Flight>>>,
    key: Key,
}

impl Drop for Listed {
    fn drop(&mut self) {
        locked(&self.flights).remove(&self.key);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Flights {
    /// Joins the flight of that key, or starts one. Answers what it brought, and whether it was this caller's.
    pub(crate) async fn join<F>(
        &self,
        (key, class): (Key, Class),
        tasks: &TaskTracker,
        fly: impl FnOnce(Arc<Urgency>) -> F,
    ) -> (Landed, bool)
    where
        F: Future<Output = Landed> + Send + 'static,
    {
        let (mut landed, own) = {
            let mut flights = locked(&self.0);
            if let Some(flight) = flights.get(&key) {
                flight.urgency.raise(class);
                (flight.landed.clone(), false)
            } else {
                let (tell, landed) = watch::channel(None);
                let urgency = Urgency::of(class);
                flights.insert(key.clone(), Flight { landed: landed.clone(), urgency: urgency.clone() });
                let listed = Listed { flights: self.0.clone(), key };
                let flying = fly(urgency);
                tasks.spawn(async move {
                    let brought = flying.await;
                    // Off the list first: who comes now finds the answer kept.
                    drop(listed);
                    tell.send_replace(Some(brought));
                });
                (landed, true)
            }
        };
        let brought = match landed.wait_for(Option::is_some).await {
            Ok(brought) => brought.clone(),
            Err(_crashed) => None,
        };
        (brought.unwrap_or(Err(Refusal::Store)), own)
    }
}
