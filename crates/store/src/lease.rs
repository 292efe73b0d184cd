//! Leases on counters: a node takes a portion of a counter, hands it out from memory, and what it had not handed out
//! comes back when the node dies.
//!
//! A lease has a floor, its `returns`: what comes back when nobody renews it. So what is below the floor must not have
//! been handed out:
//!
//! - a node hands out what it holds down to the floor, and asks again there, either for more ([`crate::Store::lease`])
//!   or for a lower floor ([`crate::Store::hold`]);
//! - each of the two calls moves the floor to half of what the node then holds; while one is under way, the node hands
//!   out no further than the higher one of the old floor and half of what it said that it holds;
//! - a lease that the store has ended (the node was taken for dead) is gone: what was below its floor is no longer the
//!   node's. Both calls tell.
//!
//! With that exactly the limit is handed out, however many nodes there are and whichever of them die.

use std::sync::Arc;

use assay_model::Timestamp;
use assay_model::quota::Quota;

/// A portion to take from a counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// Whose counter.
    pub account: Arc<str>,
    /// Which one.
    pub quota: Quota,
    /// The first second of the window.
    pub window: Timestamp,
    /// What may be taken in the window altogether.
    pub limit: u64,
    /// What the node is about to hand out, at least 1. Where what it holds and what is left are less, the counter is
    /// exhausted.
    pub amount: u64,
    /// The most to take at once.
    pub most: u64,
    /// What the node still holds of this counter.
    pub held: u64,
}

impl Want {
    /// How much of a counter is taken of which `used` was taken before; none when it is exhausted. An eighth of what is
    /// left, so that the portions shrink towards the end and every node finds something.
    pub fn portion(&self, used: u64) -> Option<u64> {
        let left = self.limit.saturating_sub(used);
        let missing = self.amount.saturating_sub(self.held);
        (left >= missing).then(|| (left / 8).min(self.most).max(missing))
    }

    /// The floor of the lease after a grant: half of it, and never so much that the amount could not be handed out.
    pub fn returns(&self, grant: u64) -> u64 {
        let held = self.held.saturating_add(grant);
        floor(held).min(held.saturating_sub(self.amount))
    }
}

/// What a node holds of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Whose counter.
    pub account: Arc<str>,
    /// Which one.
    pub quota: Quota,
    /// The first second of the window.
    pub window: Timestamp,
    /// What the node has not handed out.
    pub left: u64,
}

/// The floor of a lease of which `held` is left.
pub fn floor(held: u64) -> u64 {
    held / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_shrink_towards_the_end_and_end_below_the_least() {
        let want = Want {
            account: "a".into(),
            quota: Quota::ApiRequestsDaily,
            window: Timestamp(0),
            limit: 1000,
            amount: 3,
            most: 100,
            held: 0,
        };
        let portions = [0, 600, 990, 997, 998, 2000].map(|used| want.portion(used));
        assert_eq!(portions, [Some(100), Some(50), Some(3), Some(3), None, None]);
        let holding = Want { held: 2, ..want.clone() };
        assert_eq!((holding.portion(999), holding.portion(1000)), (Some(1), None));
        let enough = Want { held: 3, ..want };
        assert_eq!((enough.portion(1000), enough.returns(0), enough.returns(40)), (Some(0), 0, 21));
    }
}
