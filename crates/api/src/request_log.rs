//! One line for each request: id, route, status, time, key id, cost. Never a key, never a query, never a path that a
//! client wrote: the route's pattern stands for it.

use std::sync::Arc;
use std::time::Duration;

use assay_model::random::Random;

use crate::gate::Identity;
use crate::meter::Receipt;

/// What is gathered about a request on its way.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    id: String,
    account: Option<Arc<Identity>>,
    receipt: Option<Receipt>,
    cost: u64,
}

impl Entry {
    /// A request that has just come.
    pub(crate) fn new(random: &dyn Random) -> Self {
        let mut id = [0; 8];
        random.fill(&mut id);
        Self { id: format!("{:016x}", u64::from_be_bytes(id)), ..Self::default() }
    }

    /// Its id, as in the header `X-Request-Id`.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn caller(&mut self, identity: Option<&Arc<Identity>>) {
        self.account = identity.cloned();
    }

    pub(crate) fn paid(&mut self, receipt: Option<&Receipt>) {
        self.cost = receipt.map_or(0, |receipt| receipt.amount);
        self.receipt = receipt.cloned();
    }

    pub(crate) fn refunded(&mut self) {
        self.cost = 0;
    }

    /// What was charged, for the answer's headers.
    pub(crate) fn receipt(&self) -> Option<&Receipt> {
        self.receipt.as_ref()
    }

    /// Writes the line.
    pub(crate) fn write(&self, method: &str, route: &str, status: u16, took: Duration) {
        let key_id = self.account.as_ref().map(|identity| identity.key_id.to_string());
        tracing::info!(
            target: "assay::request",
            id = self.id,
            method,
            route,
            status,
            ms = took.as_secs_f64() * 1000.0,
            key_id,
            cost = self.cost,
        );
    }
}
