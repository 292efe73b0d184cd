//! Upstream's own count. Other programs may use the same contract, and what broke off may or may not have been counted: what
//! upstream has counted beyond us is taken from our counters too, and the limits are what it says now.
//!
//! Our count is only ever raised. Upstream's lags behind by what is under way, and a budget that is thought smaller than it
//! is does no harm.

use std::collections::BTreeMap;
use std::sync::Arc;

use assay_model::quota::{Quota, UNLIMITED, Window};
use assay_store::{Charge, Spent};

use crate::Broker;
use crate::contract::Named;
use crate::manage::count;
use crate::refusal::Refusal;

impl Broker {
    /// Compares the counts of one contract.
    pub async fn reconcile(&self, named: &Arc<Named>) -> Result<(), Refusal> {
        let (limits, theirs) = self.upstreams_count(named).await?;
        let now = self.clock.now();
        let mut ours = BTreeMap::new();
        for (quota, used) in &theirs {
            if !matches!(quota.window(), Window::Day | Window::Month) || limits.of(*quota) == 0 {
                continue;
            }
            let window = quota.window().start(now);
            let counted = self.store.spent(&named.ledger(), *quota, window).await?;
            ours.insert(*quota, counted);
            if let Some(more) = used.checked_sub(counted).filter(|more| *more > 0) {
                self.raise(named, *quota, more).await?;
            }
            gauge(named, *quota, limits.of(*quota), counted.max(*used));
        }
        // Once a day: it may be that this look costs a request.
        let is_first = named.contract.count.as_ref().is_none_or(|count| count.date.day() != now.day());
        let privileges = if is_first { self.upstreams_privileges(named).await } else { None };
        let Some(latest) = self.contract(&named.name).await? else { return Ok(()) };
        let mut turned = latest.contract.clone();
        turned.limits = limits;
        turned.privileges = privileges.unwrap_or(turned.privileges);
        let theirs = theirs.into_iter().filter(|(quota, _)| ours.contains_key(quota)).collect();
        turned.count = Some(count(now, theirs, ours));
        self.write_again(&latest, turned).await
    }

    /// Adds to our counter what upstream has counted beyond it.
    async fn raise(&self, named: &Named, quota: Quota, mut more: u64) -> Result<(), Refusal> {
        let window = quota.window().start(self.clock.now());
        while more > 0 {
            let account = named.ledger().into();
            let charge = Charge { account, quota, window, limit: u64::from(u32::MAX) * 2, amount: more };
            match self.store.spend(&[charge]).await? {
                Spent::Granted(granted) => more -= granted[0].min(more),
                Spent::Exhausted(_) => return Ok(()),
            }
        }
        Ok(())
    }
}

/// What is left of a window, for the operator's charts.
fn gauge(named: &Named, quota: Quota, limit: u64, used: u64) {
    if limit >= UNLIMITED {
        return;
    }
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; quotas stay far below 2^52")]
    let left = limit.saturating_sub(used) as f64;
    metrics::gauge!("assay_upstream_budget_left", "contract" => named.name.clone(), "quota" => quota.wire()).set(left);
}
