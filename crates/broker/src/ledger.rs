//! The contract's quotas. In goes a call that is about to be made, out comes a reservation in the store, or which window
//! has no room for its class and when it will.
//!
//! | window | how it is held |
//! |---|---|
//! | minute | a rate whose burst and flow together never exceed the contract's minute in any 60 seconds |
//! | day, month | counters in the store; what a class may use of them grows over the window |
//!
//! The interactive class may use all of a window. The others leave the reserve alone and are paced: a batch at the first
//! minute of a day finds a tenth of the day, not the whole.

use std::sync::Arc;
use std::time::Duration;

use assay_model::Timestamp;
use assay_model::quota::{Quota, UNLIMITED, Window};
use assay_model::record::Class;
use assay_store::{Charge, Paced, Rate, Spent, Store};

use crate::contract::Named;
use crate::operations::Operation;
use crate::refusal::Refusal;

const MINUTE: i64 = 60_000_000_000;

/// What was reserved for one call.
#[derive(Debug)]
pub(crate) struct Reservation {
    charges: Vec<Charge>,
    rates: Vec<Rate>,
}

/// Why there is no room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Short {
    /// The minute is full for so long.
    Minute(Duration),
    /// A longer window is.
    Window(Quota, Duration),
    /// The store failed.
    Store(Refusal),
}

impl<E: Into<Refusal>> From<E> for Short {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

/// Which quotas pay for an operation: API requests, or its feature's where the contract has none of those.
pub(crate) fn pays(named: &Named, operation: &Operation) -> Vec<Quota> {
    match operation.feature {
        Some(feature) if named.contract.limits.day == 0 => vec![feature],
        _ => vec![Quota::ApiRequestsDaily, Quota::ApiRequestsMonthly],
    }
}

/// Takes room for one call of a class, or nothing.
pub(crate) async fn reserve(
    store: &dyn Store,
    named: &Named,
    (class, reserve): (Class, u8),
    quotas: &[Quota],
    nanoseconds: i64,
) -> Result<Reservation, Short> {
    let now = Timestamp(nanoseconds.div_euclid(1_000_000_000));
    let rates = rates(named, class, reserve);
    if !rates.is_empty()
        && let Paced::Wait(_, wait) = store.pace(&rates, nanoseconds).await?
    {
        return Err(Short::Minute(wait));
    }
    let charges: Vec<_> = quotas
        .iter()
        .map(|quota| {
            let limit = share(named.contract.limits.of(*quota), *quota, (class, reserve), now);
            let window = quota.window().start(now);
            Charge { account: named.ledger().into(), quota: *quota, window, limit, amount: 1 }
        })
        .collect();
    match store.spend(&charges).await {
        Ok(Spent::Granted(_)) => Ok(Reservation { charges, rates }),
        Ok(Spent::Exhausted(place)) => {
            store.unpace(&rates).await?;
            let Charge { quota, window, .. } = charges[place];
            let used = store.spent(&named.ledger(), quota, window).await?;
            let wait = opens(named.contract.limits.of(quota), quota, (class, reserve), used, now);
            Err(Short::Window(quota, wait))
        }
        Err(error) => {
            store.unpace(&rates).await?;
            Err(error.into())
        }
    }
}

/// Gives back what surely was not consumed.
pub(crate) async fn release(store: &dyn Store, reservation: Reservation) {
    let given = async {
        store.unpace(&reservation.rates).await?;
        store.refund(&reservation.charges).await
    };
    if let Err(error) = given.await {
        tracing::warn!(error = &error as &dyn std::error::Error, "an upstream request could not be given back");
    }
}

/// The rates that a call of a class takes from. A burst of `b` and a flow of `n - b` a minute are at most `n` in any
/// minute, however that minute is cut.
fn rates(named: &Named, class: Class, reserve: u8) -> Vec<Rate> {
    let minute = named.contract.limits.minute;
    if minute == 0 || minute >= UNLIMITED {
        return Vec::new();
    }
    let rate = |account: String, minute: u64| {
        let burst = (minute / 10).max(1);
        let flow = i64::try_from(minute.saturating_sub(burst).max(1)).unwrap_or(i64::MAX);
        Rate { account: Arc::from(account), quota: Quota::ApiRequestsHourly, interval: MINUTE / flow, burst, amount: 1 }
    };
    let mut rates = vec![rate(named.ledger(), minute)];
    if class != Class::Interactive {
        let left = (minute * u64::from(100 - reserve.min(100)) / 100).max(1);
        rates.push(rate(format!("{}/others", named.ledger()), left));
    }
    rates
}

/// Which part of a window a class may use in the end, and which part of that is there from the start, percent.
fn part(class: Class, reserve: u8) -> (u64, u64) {
    let reserve = u64::from(reserve.min(100));
    match class {
        Class::Interactive => (100, 100),
        Class::Normal => (100 - reserve / 2, 50),
        Class::Bulk => (100 - reserve, 10),
    }
}

/// How much of a window a class may have used by now, by everybody together.
fn share(limit: u64, quota: Quota, (class, reserve): (Class, u8), now: Timestamp) -> u64 {
    let (most, start) = part(class, reserve);
    if most == 100 || limit >= UNLIMITED {
        return limit;
    }
    let most = u128::from(limit) * u128::from(most) / 100;
    let (gone, whole) = progress(quota.window(), now);
    let parts = u128::from(start) * u128::from(whole) + u128::from(100 - start) * u128::from(gone);
    let share = most * parts / (100 * u128::from(whole));
    // What is more than nothing in the end is so from the start.
    u64::try_from(share).unwrap_or(u64::MAX).max(u64::from(most > 0))
}

/// Seconds of the window that are over, and all of them.
fn progress(window: Window, now: Timestamp) -> (u64, u64) {
    let (start, end) = (window.start(now), window.end(now));
    let Some(end) = end else { return (1, 1) };
    ((now.0 - start.0).max(0).unsigned_abs(), (end.0 - start.0).max(1).unsigned_abs())
}

/// How long until a class may use one more than `used`.
fn opens(limit: u64, quota: Quota, class: (Class, u8), used: u64, now: Timestamp) -> Duration {
    let end = quota.window().end(now).unwrap_or(Timestamp(now.0 + 60));
    let (mut early, mut late) = (now.0 + 1, end.0);
    if share(limit, quota, class, Timestamp(late - 1)) > used {
        // The share only grows within a window.
        while early < late {
            let middle = early + (late - early) / 2;
            if share(limit, quota, class, Timestamp(middle)) > used { late = middle } else { early = middle + 1 }
        }
    }
    Duration::from_secs((late - now.0).max(1).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDNIGHT: Timestamp = Timestamp(1_768_435_200);
    const DAY: Quota = Quota::ApiRequestsDaily;

    #[test]
    fn a_batch_at_midnight_finds_a_tenth_of_its_part_and_a_person_everything() {
        let share = |class, hour: i64| share(1_000, DAY, (class, 20), Timestamp(MIDNIGHT.0 + hour * 3_600));
        assert_eq!([0, 12, 23].map(|hour| share(Class::Interactive, hour)), [1_000; 3]);
        assert_eq!([0, 12, 23].map(|hour| share(Class::Bulk, hour)), [80, 440, 770]);
        assert_eq!([0, 12].map(|hour| share(Class::Normal, hour)), [450, 675]);
    }

    #[test]
    fn the_day_opens_when_the_pace_does_and_tomorrow_where_the_part_is_used_up() {
        let opens = |used, class| opens(1_000, DAY, (class, 20), used, MIDNIGHT).as_secs();
        let wait = opens(80, Class::Bulk);
        assert!((1..300).contains(&wait), "{wait}");
        assert!(share(1_000, DAY, (Class::Bulk, 20), Timestamp(MIDNIGHT.0 + i64::try_from(wait).expect("small"))) > 80);
        assert_eq!(opens(800, Class::Bulk), 86_400);
        assert_eq!(opens(1_000, Class::Interactive), 86_400);
    }

    #[test]
    fn something_is_never_nothing_but_nothing_is() {
        assert_eq!(share(4, DAY, (Class::Bulk, 20), MIDNIGHT), 1);
        assert_eq!(share(0, DAY, (Class::Bulk, 20), MIDNIGHT), 0);
        assert_eq!(share(UNLIMITED, DAY, (Class::Bulk, 20), MIDNIGHT), UNLIMITED);
    }
}
