//! Rates: how often in a row. GCRA (the generic cell rate algorithm, ITU-T I.371): one moment a rate, its arrival, until
//! when it is taken up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use assay_model::quota::Quota;

/// Something to take from a rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// Whose rate.
    pub account: Arc<str>,
    /// Which one.
    pub quota: Quota,
    /// Nanoseconds between two at a steady rate.
    pub interval: i64,
    /// How many may come at once after a pause.
    pub burst: u64,
    /// How many to take; to give back, how many.
    pub amount: u64,
}

/// What came of an attempt to take from rates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paced {
    /// The amount was taken from each; the arrival of each after that, nanoseconds since the epoch, in order.
    Granted(Vec<i64>),
    /// Nothing was taken: the rate at this place in the list has room after this long.
    Wait(usize, Duration),
}

impl Rate {
    /// The arrival after the amount was taken, or how long there is no room for it.
    pub(crate) fn take(&self, stored: i64, now: i64) -> Result<i64, Duration> {
        let tolerance = self.interval.saturating_mul(signed(self.burst).saturating_sub(signed(self.amount)));
        // No arrival is further away than the whole burst and what clocks differ by, unless this one was set back: then there
        // is room for this one and, from here on, for one an interval.
        let furthest = now.saturating_add(self.interval.saturating_mul(signed(self.burst))).saturating_add(SKEW);
        let arrival = if stored > furthest { now.saturating_add(tolerance.max(0)) } else { stored.max(now) };
        let early = arrival.saturating_sub(now).saturating_sub(tolerance);
        if early > 0 || self.burst < self.amount {
            return Err(Duration::from_nanos(early.max(1).unsigned_abs()));
        }
        Ok(arrival.saturating_add(self.taken()))
    }

    /// How far the amount moves the arrival.
    pub(crate) fn taken(&self) -> i64 {
        self.interval.saturating_mul(signed(self.amount))
    }
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

/// How far apart the clocks of processes may be, nanoseconds.
const SKEW: i64 = 60_000_000_000;

/// With fewer arrivals than this kept, those that are over are left alone.
const MANY: usize = 4096;

/// The arrivals of all rates, in the memory of the one process that has the store; a restart forgets them.
#[derive(Default)]
pub(crate) struct Paces {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    arrivals: HashMap<(Arc<str>, Quota), i64>,
    /// With so many arrivals, those that are over are dropped next.
    full: usize,
}

impl Paces {
    /// Takes from every rate or from none; `now` in nanoseconds since the epoch.
    pub(crate) fn pace(&self, rates: &[Rate], now: i64) -> Paced {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::with_capacity(rates.len());
        for (place, rate) in rates.iter().enumerate() {
            let stored = state.arrivals.get(&rate.name()).copied().unwrap_or(now);
            match rate.take(stored, now) {
                Ok(arrival) => taken.push(arrival),
                Err(wait) => return Paced::Wait(place, wait),
            }
        }
        if state.arrivals.len() >= state.full.max(MANY) {
            state.arrivals.retain(|_, arrival| *arrival > now);
            state.full = 2 * state.arrivals.len();
        }
        state.arrivals.extend(rates.iter().map(Rate::name).zip(taken.iter().copied()));
        Paced::Granted(taken)
    }

    /// Gives back.
    pub(crate) fn unpace(&self, rates: &[Rate]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for rate in rates {
            if let Some(arrival) = state.arrivals.get_mut(&rate.name()) {
                *arrival = arrival.saturating_sub(rate.taken());
            }
        }
    }
}

impl Rate {
    fn name(&self) -> (Arc<str>, Quota) {
        (self.account.clone(), self.quota)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_holds_nobody_up_for_longer_than_one_interval() {
        let rate = Rate { account: "a".into(), quota: Quota::ApiRequestsHourly, interval: 10, burst: 3, amount: 1 };
        assert_eq!(rate.take(2 * SKEW, 50), Ok(80));
        assert_eq!(rate.take(80, 50), Err(Duration::from_nanos(10)));
        assert_eq!(rate.take(80, 60), Ok(90));
    }

    #[test]
    fn what_is_over_is_dropped_when_there_is_much() {
        let paces = Paces::default();
        for n in 0..20_000 {
            let rate = Rate {
                account: n.to_string().into(),
                quota: Quota::ApiRequestsHourly,
                interval: 10,
                burst: 1,
                amount: 1,
            };
            assert_eq!(paces.pace(&[rate], n * 10), Paced::Granted(vec![n * 10 + 10]));
        }
        assert!(paces.state.lock().unwrap().arrivals.len() <= MANY);
    }
}
