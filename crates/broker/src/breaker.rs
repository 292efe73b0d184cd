//! A host that fails again and again is left alone for a while; then one call tries it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// After so many failures in a row.
const FAILURES: u32 = 5;
/// For so long at first, doubled each time.
const PAUSE: i64 = 5_000_000_000;
/// And at the most.
const PAUSE_MAX: i64 = 300_000_000_000;

/// The state of every host.
#[derive(Default)]
pub(crate) struct Breakers(Mutex<HashMap<String, State>>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Until when it is left alone, nanoseconds.
    closed_until: i64,
    /// Whether the one call that tries it is under way, and since when.
    trying: Option<i64>,
}

impl Breakers {
    fn states(&self) -> MutexGuard<'_, HashMap<String, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a call may be made now, else how long not.
    pub(crate) fn admit(&self, host: &str, now: i64) -> Result<(), Duration> {
        let mut states = self.states();
        let Some(state) = states.get_mut(host).filter(|state| state.failures >= FAILURES) else { return Ok(()) };
        let wait = |until: i64| Err(Duration::from_nanos((until - now).max(1).unsigned_abs()));
        // A clock that was set back must not hold for longer than a pause may last.
        if (1..=PAUSE_MAX).contains(&(state.closed_until - now)) {
            return wait(state.closed_until);
        }
        match state.trying {
            Some(since) if (0..PAUSE).contains(&(now - since)) => wait(since + PAUSE),
            _ => {
                state.trying = Some(now);
                Ok(())
            }
        }
    }

    /// It answered, whatever it said.
    pub(crate) fn answered(&self, host: &str) {
        self.states().remove(host);
    }

    /// It failed.
    pub(crate) fn failed(&self, host: &str, now: i64) {
        let mut states = self.states();
        let state = states.entry(host.to_owned()).or_default();
        state.failures = state.failures.saturating_add(1);
        state.trying = None;
        if let Some(times) = state.failures.checked_sub(FAILURES) {
            state.closed_until = now + PAUSE.saturating_mul(1 << times.min(10)).min(PAUSE_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_five_failures_a_host_is_left_alone_then_one_call_tries_it() {
        let breakers = Breakers::default();
        for _ in 0..FAILURES {
            assert_eq!(breakers.admit("h", 0), Ok(()));
            breakers.failed("h", 0);
        }
        assert_eq!(breakers.admit("h", 1_000_000_000), Err(Duration::from_secs(4)));
        assert_eq!(breakers.admit("other", 0), Ok(()));
        assert_eq!(breakers.admit("h", PAUSE), Ok(()));
        assert!(breakers.admit("h", PAUSE).is_err(), "one tries");
        breakers.failed("h", PAUSE);
        assert_eq!(breakers.admit("h", PAUSE), Err(Duration::from_secs(10)), "twice as long");
        assert_eq!(breakers.admit("h", 3 * PAUSE), Ok(()));
        breakers.answered("h");
        assert_eq!(breakers.admit("h", 3 * PAUSE), Ok(()));
    }

    #[test]
    fn a_clock_that_was_set_back_closes_nothing_for_longer() {
        const HOUR: i64 = 3_600_000_000_000;
        let breakers = Breakers::default();
        for _ in 0..FAILURES {
            breakers.failed("h", 2 * HOUR);
        }
        assert!(breakers.admit("h", 2 * HOUR).is_err());
        assert_eq!(breakers.admit("h", HOUR), Ok(()), "one tries");
        assert_eq!(breakers.admit("h", HOUR), Err(Duration::from_nanos(PAUSE.unsigned_abs())));
        assert_eq!(breakers.admit("h", HOUR / 2), Ok(()), "the one that tries began in a time to come");
    }

    #[test]
    fn a_call_that_tries_and_never_comes_back_closes_nothing_for_good() {
        let breakers = Breakers::default();
        for _ in 0..FAILURES {
            breakers.failed("h", 0);
        }
        assert_eq!(breakers.admit("h", PAUSE), Ok(()));
        assert_eq!(breakers.admit("h", 2 * PAUSE), Ok(()));
    }
}
