//! What one process has leased for one account or group, and what of it is left.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use assay_model::Timestamp;
use assay_model::quota::Quota;
use assay_store::{Held, Want};

use super::Bill;

/// See the module.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Whose.
    pub(super) name: Arc<str>,
    state: Mutex<State>,
    /// Held while the store is asked, so that one lease serves all who wait.
    pub(super) refill: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// One a quota; an account has two or three.
    leases: Vec<(Quota, Lease)>,
    last_call: i64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Lease {
    window: Timestamp,
    /// What is left to spend, the part below the floor included.
    left: u64,
    /// What the store takes back if this process dies; must not be spent.
    floor: u64,
    /// Until when the store keeps it for us.
    until: Timestamp,
    /// The limit when it was taken.
    limit: u64,
    /// Counts the refills.
    generation: u64,
    /// The highest share of the limit that was told in this window, percent.
    told: u64,
}

impl Lease {
    fn holds(&self, quota: Quota, now: Timestamp) -> bool {
        self.window == quota.window().start(now) && self.until > now
    }

    fn covers(&self, amount: u64) -> bool {
        self.left.checked_sub(amount).is_some_and(|left| left >= self.floor)
    }
}

impl State {
    fn lease(&mut self, quota: Quota) -> &mut Lease {
        let known = self.leases.iter().position(|(one, _)| *one == quota);
        let place = known.unwrap_or_else(|| {
            self.leases.push((quota, Lease::default()));
            self.leases.len() - 1
        });
        &mut self.leases[place].1
    }
}

/// What came of an attempt to take.
pub(super) enum Take {
    /// Taken, from these windows.
    Taken(Vec<Timestamp>),
    /// Nothing was taken: something must be leased first.
    Short,
}

/// Takes from all ledgers or from none.
pub(super) fn take(ledgers: &[Arc<Ledger>], bill: Bill, now: Timestamp) -> Take {
    // The account before its group, as everywhere.
    let mut states: Vec<_> = ledgers.iter().map(|ledger| ledger.state()).collect();
    for state in &mut states {
        state.last_call = now.0;
        for quota in bill.counted {
            let lease = state.lease(*quota);
            if !lease.holds(*quota, now) || !lease.covers(bill.amount) {
                return Take::Short;
            }
        }
    }
    for state in &mut states {
        for quota in bill.counted {
            state.lease(*quota).left -= bill.amount;
        }
    }
    Take::Taken(bill.counted.iter().map(|quota| quota.window().start(now)).collect())
}

/// A lease as the store is to be told of it.
pub(super) struct Report {
    pub(super) ledger: Arc<Ledger>,
    /// With never more left than twice the floor: what came back by refunds does not raise what is returned.
    pub(super) held: Held,
    /// What is left in truth.
    pub(super) left: u64,
    pub(super) limit: u64,
    generation: u64,
}

impl Report {
    /// The store has heard it and keeps the lease until then, or has taken it back before.
    pub(super) fn told(&self, kept: bool, until: Timestamp) {
        let mut state = self.ledger.state();
        let lease = state.lease(self.held.quota);
        // A refill in between has told the store something newer.
        if lease.window != self.held.window || lease.generation != self.generation {
            return;
        }
        if kept {
            lease.floor = lease.floor.min(self.held.left / 2);
            lease.until = lease.until.max(until);
        } else {
            *lease = Lease { told: lease.told, window: lease.window, ..Lease::default() };
        }
    }
}

impl Ledger {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self { name, state: Mutex::default(), refill: tokio::sync::Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn last_call(&self) -> i64 {
        self.state().last_call
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state().leases.is_empty()
    }

    /// What is left of a window's lease.
    pub(super) fn left(&self, quota: Quota, window: Timestamp) -> u64 {
        let state = self.state();
        let lease = state.leases.iter().find(|(one, lease)| *one == quota && lease.window == window);
        lease.map_or(0, |(_, lease)| lease.left)
    }

    /// Puts back into a lease what was taken out of it; `false` where that lease is over.
    pub(super) fn put_back(&self, quota: Quota, window: Timestamp, amount: u64, now: Timestamp) -> bool {
        let mut state = self.state();
        let lease = state.lease(quota);
        let ours = lease.window == window && lease.until > now;
        if ours {
            lease.left += amount;
        }
        ours
    }

    /// Forgets a lease on a window that is over, and answers what was left of it.
    pub(super) fn drop_over(&self, quota: Quota, now: Timestamp) -> Option<Held> {
        let mut state = self.state();
        let lease = state.lease(quota);
        if lease.until == Timestamp::default() || lease.window == quota.window().start(now) {
            return None;
        }
        let held = Held { account: self.name.clone(), quota, window: lease.window, left: lease.left };
        let expired = lease.until <= now;
        *lease = Lease::default();
        (!expired).then_some(held)
    }

    /// Forgets a lease and answers what was left of it.
    pub(super) fn forget(&self, quota: Quota) -> Option<Held> {
        let mut state = self.state();
        let lease = state.lease(quota);
        let held = Held { account: self.name.clone(), quota, window: lease.window, left: lease.left };
        let held_any = lease.until != Timestamp::default();
        *lease = Lease { told: lease.told, window: lease.window, ..Lease::default() };
        held_any.then_some(held)
    }

    /// What is held of a quota, where it does not cover `amount`.
    pub(super) fn short_of(&self, quota: Quota, amount: u64, now: Timestamp) -> Option<u64> {
        let mut state = self.state();
        let lease = state.lease(quota);
        if !lease.holds(quota, now) {
            // The store has taken it back, or will: what was left is no longer ours.
            let told = if lease.window == quota.window().start(now) { lease.told } else { 0 };
            *lease = Lease { told, ..Lease::default() };
            return Some(0);
        }
        (!lease.covers(amount)).then_some(lease.left)
    }

    /// Adds what the store granted. What was spent meanwhile lies above the old floor and is off `left` already.
    pub(super) fn add(&self, want: &Want, grant: u64, until: Timestamp) {
        let mut state = self.state();
        let lease = state.lease(want.quota);
        let told = lease.told;
        let kept = if lease.window == want.window { lease.left } else { 0 };
        *lease = Lease {
            window: want.window,
            left: kept + grant,
            floor: want.returns(grant),
            until,
            limit: want.limit,
            generation: lease.generation + 1,
            told,
        };
    }

    /// Every lease that holds, as the store is to be told of it.
    pub(super) fn reports(self: &Arc<Self>, now: Timestamp) -> Vec<Report> {
        let state = self.state();
        let held = state.leases.iter().filter(|(_, lease)| lease.until > now);
        held.map(|(quota, lease)| Report {
            ledger: self.clone(),
            held: Held {
                account: self.name.clone(),
                quota: *quota,
                window: lease.window,
                left: lease.left.min(lease.floor.saturating_mul(2).saturating_add(1)),
            },
            left: lease.left,
            limit: lease.limit,
            generation: lease.generation,
        })
        .collect()
    }

    /// Whether a share of a window's limit is told for the first time.
    pub(super) fn tell(&self, quota: Quota, window: Timestamp, percent: u64) -> bool {
        let mut state = self.state();
        let lease = state.lease(quota);
        let new = lease.window == window && lease.told < percent;
        if new {
            lease.told = percent;
        }
        new
    }

    /// Takes all leases away and answers what was left.
    pub(super) fn empty(&self) -> Vec<Held> {
        let leases = std::mem::take(&mut self.state().leases);
        let held = leases.into_iter().filter(|(_, lease)| lease.until != Timestamp::default());
        held.map(|(quota, lease)| Held { account: self.name.clone(), quota, window: lease.window, left: lease.left })
            .collect()
    }
}
