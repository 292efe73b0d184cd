//! Who may how often. In goes an account with its limits and what a call costs, out comes a receipt or the window that
//! is exhausted.
//!
//! The minute slides (GCRA: one moment per account, in memory). Days and months are counters in the store, from which
//! each process takes small leases and spends them in memory, so that the hot path does not wait for the disk. With N
//! left and any number of clients exactly N are granted: the store hands out every unit once. What a process has leased
//! and not spent it gives back when it ends; after a crash that part stays spent (at most a thousandth of the limit).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use assay_model::clock::Clock;
use assay_model::quota::{Limits, Quota, UNLIMITED, Window};
use assay_model::{Code, Error, Result, Timestamp};
use assay_store::{Charge, Spent, Store};

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
/// The counters behind the minute, in the order in which the store is asked for them.
const COUNTED: [Quota; 2] = [Quota::ApiRequestsDaily, Quota::ApiRequestsMonthly];

/// See the module.
pub struct Meter {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ledgers: Mutex<HashMap<Arc<str>, Arc<Ledger>>>,
}

struct Ledger {
    account: Arc<str>,
    state: Mutex<State>,
    /// Held while the store is asked, so that one lease serves all who wait.
    refill: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// GCRA's theoretical arrival time, nanoseconds.
    arrival: i64,
    leases: [Lease; 2],
}

#[derive(Default, Clone, Copy)]
struct Lease {
    window: Timestamp,
    left: u64,
}

/// What a call was charged, and what is left of the minute.
#[derive(Debug, Clone)]
pub struct Receipt {
    account: Arc<str>,
    windows: [Timestamp; 2],
    /// Requests taken.
    pub amount: u64,
    /// The minute's limit.
    pub limit: u64,
    /// Requests left in the minute.
    pub left: u64,
    /// Seconds until the minute is whole again.
    pub reset: u64,
}

enum Outcome {
    Paid(Receipt),
    Refill,
    Wait(Duration),
}

impl Meter {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, ledgers: Mutex::default() }
    }

    /// Takes `amount` requests from an account, or says which window is exhausted and when it opens.
    pub async fn charge(&self, account: &Arc<str>, limits: &Limits, amount: u64) -> Result<Receipt> {
        let ledger = self.ledger(account);
        loop {
            match ledger.take(self.clock.nanoseconds(), limits, amount) {
                Outcome::Paid(receipt) => return Ok(receipt),
                Outcome::Wait(wait) => return Err(exhausted(Quota::ApiRequestsHourly, limits, self.clock.now(), wait)),
                Outcome::Refill => self.refill(&ledger, limits, amount).await?,
            }
        }
    }

    /// Gives back what a call was charged.
    pub async fn refund(&self, receipt: &Receipt, limits: &Limits) {
        let ledger = self.ledger(&receipt.account);
        let mut late = Vec::new();
        {
            let mut state = ledger.state();
            state.arrival -= interval(limits).saturating_mul(signed(receipt.amount));
            for (place, window) in receipt.windows.iter().enumerate() {
                if state.leases[place].window == *window {
                    state.leases[place].left += receipt.amount;
                } else {
                    late.push(ledger.charge(place, *window, receipt.amount));
                }
            }
        }
        self.give_back(&late).await;
    }

    /// What an account has used of a quota in the current window.
    pub async fn used(&self, account: &Arc<str>, quota: Quota) -> Result<u64> {
        let now = self.clock.now();
        let Some(place) = COUNTED.iter().position(|counted| *counted == quota) else { return Ok(0) };
        let window = quota.window().start(now);
        // Read before the lease: a lease taken in between makes the figure too high, never too low.
        let lease = self.ledger(account).state().leases[place];
        let leased = if lease.window == window { lease.left } else { 0 };
        Ok(self.store.spent(account, quota, window).await?.saturating_sub(leased))
    }

    /// Gives back all that is leased and not spent; for the end of the process.
    pub async fn settle(&self) {
        let ledgers: Vec<_> = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for ledger in ledgers {
            let leases = std::mem::take(&mut ledger.state().leases);
            self.give_back(&ledger.charges(&leases)).await;
        }
    }

    async fn give_back(&self, charges: &[Charge]) {
        if charges.is_empty() {
            return;
        }
        if let Err(error) = self.store.refund(charges).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "requests could not be given back");
        }
    }

    fn ledger(&self, account: &Arc<str>) -> Arc<Ledger> {
        let mut ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ledger) = ledgers.get(account) {
            return ledger.clone();
        }
        let ledger = Arc::new(Ledger {
            account: account.clone(),
            state: Mutex::default(),
            refill: tokio::sync::Mutex::default(),
        });
        ledgers.insert(account.clone(), ledger.clone());
        ledger
    }

    /// Leases more of what ran out.
    async fn refill(&self, ledger: &Ledger, limits: &Limits, amount: u64) -> Result<()> {
        let _one_at_a_time = ledger.refill.lock().await;
        let now = self.clock.now();
        // Whoever held the lock before may have refilled: what is enough by now is not short.
        let mut short = Vec::new();
        let mut over = Vec::new();
        {
            let state = ledger.state();
            for (place, quota) in COUNTED.iter().enumerate() {
                let lease = state.leases[place];
                let current = lease.window == quota.window().start(now);
                if !current && lease.left > 0 {
                    over.push(place);
                }
                if !current || lease.left < amount {
                    short.push(place);
                }
            }
        }
        self.return_over(ledger, &over).await;
        if short.is_empty() {
            return Ok(());
        }
        let charges: Vec<_> = short
            .iter()
            .map(|&place| {
                let limit = limits.of(COUNTED[place]);
                Charge {
                    limit,
                    ..ledger.charge(place, COUNTED[place].window().start(now), amount.max(portion(limits)))
                }
            })
            .collect();
        match self.store.spend(&charges).await? {
            Spent::Granted(grants) => {
                let mut state = ledger.state();
                for ((place, charge), grant) in short.into_iter().zip(&charges).zip(grants) {
                    let lease = &mut state.leases[place];
                    if lease.window != charge.window {
                        *lease = Lease { window: charge.window, left: 0 };
                    }
                    lease.left += grant;
                }
                Ok(())
            }
            Spent::Exhausted(nth) => {
                let quota = COUNTED[short[nth]];
                let end = quota.window().end(now).unwrap_or(now);
                let wait = Duration::from_secs((end.0 - now.0).max(1).unsigned_abs());
                Err(exhausted(quota, limits, now, wait))
            }
        }
    }

    /// Gives back what is left of leases on windows that are over.
    async fn return_over(&self, ledger: &Ledger, places: &[usize]) {
        let mut charges = Vec::new();
        {
            let mut state = ledger.state();
            for &place in places {
                let lease = std::mem::take(&mut state.leases[place]);
                charges.push(ledger.charge(place, lease.window, lease.left));
            }
        }
        self.give_back(&charges).await;
    }
}

impl Ledger {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn charge(&self, place: usize, window: Timestamp, amount: u64) -> Charge {
        Charge { account: self.account.clone(), quota: COUNTED[place], window, limit: 0, amount }
    }

    fn charges(&self, leases: &[Lease; 2]) -> Vec<Charge> {
        let unspent = leases.iter().enumerate().filter(|(_, lease)| lease.left > 0);
        unspent.map(|(place, lease)| self.charge(place, lease.window, lease.left)).collect()
    }

    /// Takes from all windows or from none.
    fn take(&self, now: i64, limits: &Limits, amount: u64) -> Outcome {
        let interval = interval(limits);
        let second = Timestamp(now.div_euclid(SECOND));
        let mut state = self.state();
        // Full burst: the whole minute's limit may come at once, then one each interval.
        let tolerance = interval.saturating_mul(signed(limits.minute.saturating_sub(amount)));
        let arrival = state.arrival.max(now);
        let early = arrival - now - tolerance;
        if early > 0 || limits.minute < amount {
            return Outcome::Wait(Duration::from_nanos(early.max(SECOND).unsigned_abs()));
        }
        let windows = COUNTED.map(|quota| quota.window().start(second));
        let covered = |(lease, window): (&Lease, &Timestamp)| lease.window == *window && lease.left >= amount;
        if !state.leases.iter().zip(&windows).all(covered) {
            return Outcome::Refill;
        }
        state.leases.iter_mut().for_each(|lease| lease.left -= amount);
        state.arrival = arrival + interval.saturating_mul(signed(amount));
        let ahead = state.arrival - now;
        let used = u64::try_from(divide_up(ahead, interval)).unwrap_or(0);
        Outcome::Paid(Receipt {
            account: self.account.clone(),
            windows,
            amount,
            limit: limits.minute,
            left: limits.minute.saturating_sub(used),
            reset: u64::try_from(divide_up(ahead, SECOND)).unwrap_or(0),
        })
    }
}

/// Divides and rounds up; `by` is positive.
fn divide_up(number: i64, by: i64) -> i64 {
    number.saturating_add(by - 1).div_euclid(by)
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

/// Nanoseconds between two requests at the minute's rate.
fn interval(limits: &Limits) -> i64 {
    (MINUTE / signed(limits.minute.max(1))).max(1)
}

/// How much is leased at once: a thousandth of a day, so that a crash costs no more than that.
fn portion(limits: &Limits) -> u64 {
    (limits.day / 1000).clamp(1, 10_000)
}

/// The refusal: which window, its limit, when it opens again.
fn exhausted(quota: Quota, limits: &Limits, now: Timestamp, wait: Duration) -> Error {
    let (limit, window) = match quota.window() {
        Window::Minute => (limits.minute, "minute"),
        Window::Day => (limits.day, "day"),
        Window::Month | Window::Standing => (limits.month, "month"),
    };
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let opens = Timestamp(now.0.saturating_add(signed(seconds))).text();
    let limit = if limit >= UNLIMITED { "its limit of".to_owned() } else { limit.to_string() };
    Error::new(
        Code::QuotaExceeded,
        format!(
            "Quota exceeded: {limit} API requests a {window} for this account ({}); it opens again in {seconds} s, at {opens} UTC",
            quota.wire()
        ),
    )
    .after(Duration::from_secs(seconds))
}
