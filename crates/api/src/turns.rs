//! Who goes first when more is asked than the server works on at once. A call that finds room goes on at once; one that
//! does not waits behind all of its class and of the classes above it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use assay_model::record::Class;
use tokio::sync::oneshot;

/// The room, and who waits for it.
pub(crate) struct Turns {
    state: Mutex<State>,
}

struct State {
    free: usize,
    waiting: [VecDeque<oneshot::Sender<Turn>>; 3],
}

/// A place in the room; given back when dropped.
pub(crate) struct Turn(Option<Arc<Turns>>);

impl Turns {
    /// Room for `places` calls at once.
    pub(crate) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { free: places.max(1), waiting: Default::default() }) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place.
    pub(crate) async fn take(self: &Arc<Self>, class: Class) -> Turn {
        let turn = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Turn(Some(self.clone()));
            }
            let (sender, receiver) = oneshot::channel();
            state.waiting[usize::from(class.rank())].push_back(sender);
            receiver
        };
        // The sender goes only with the room itself, which this call holds.
        turn.await.unwrap_or(Turn(None))
    }

    /// Hands the place to whoever is first by class, then by age.
    fn pass_on(self: &Arc<Self>) {
        let mut turn = Turn(Some(self.clone()));
        loop {
            let next = {
                let mut state = self.state();
                let next = state.waiting.iter_mut().find_map(VecDeque::pop_front);
                if next.is_none() {
                    state.free += 1;
                }
                next
            };
            let Some(next) = next else {
                turn.0 = None;
                return;
            };
            match next.send(turn) {
                Ok(()) => return,
                // Whoever waited went away.
                Err(back) => turn = back,
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_person_goes_before_a_tool_that_waited_longer_and_who_left_is_skipped() {
        let turns = Turns::new(1);
        let first = turns.take(Class::Bulk).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = tokio::task::JoinSet::new();
        for (name, class) in [("bulk", Class::Bulk), ("tool", Class::Normal), ("person", Class::Interactive)] {
            let (waits, order) = (turns.clone(), order.clone());
            tasks.spawn(async move {
                let _turn = waits.take(class).await;
                order.lock().expect("no panic").push(name);
            });
            tokio::task::yield_now().await;
        }
        {
            let gone = turns.take(Class::Interactive);
            let waited = tokio::time::timeout(std::time::Duration::from_millis(1), gone).await;
            assert!(waited.is_err(), "there is no room");
        }
        drop(first);
        tasks.join_all().await;
        assert_eq!(*order.lock().expect("no panic"), ["person", "tool", "bulk"]);
        let _free_again = turns.take(Class::Bulk).await;
    }
}
