//! One line for each request: id, route, status, time, key id, cost. Never a key, never a query, never a path that a
//! client wrote: the route's pattern stands for it.
//!
//! The figures of a route are counted through handles that are made once, not looked up by name for each request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use assay_model::Code;
use assay_model::random::Random;
use metrics::{Counter, Histogram};

use crate::identity::Identity;
use crate::meter::Receipt;

/// Ids of requests: a part that tells starts of the server apart, and a count.
pub(crate) struct Ids {
    start: u32,
    next: AtomicU32,
}

impl Ids {
    /// Ids of this start.
    pub(crate) fn new(random: &dyn Random) -> Self {
        let mut start = [0; 4];
        random.fill(&mut start);
        Self { start: u32::from_be_bytes(start), next: AtomicU32::new(0) }
    }

    fn next(&self) -> [u8; 16] {
        let nth = self.next.fetch_add(1, Ordering::Relaxed);
        let mut digits = [0; 16];
        let id = (u64::from(self.start) << 32) | u64::from(nth);
        hex::encode_to_slice(id.to_be_bytes(), &mut digits).expect("eight bytes are sixteen digits");
        digits
    }
}

/// The figures of one route.
pub(crate) struct Figures {
    by_status: Vec<(u16, Counter)>,
    seconds: Histogram,
}

/// Statuses that are no errors of ours.
const OTHER: &[u16] = &[200, 204, 206, 416];

impl Figures {
    /// The figures of an operation.
    pub(crate) fn new(operation: &str) -> Self {
        let count = |status: u16| {
            let labels = [("operation", operation.to_owned()), ("status", status.to_string())];
            (status, metrics::counter!("assay_requests_total", &labels))
        };
        let mut statuses: Vec<_> = Code::ALL.iter().map(|code| code.status()).chain(OTHER.iter().copied()).collect();
        statuses.sort_unstable();
        statuses.dedup();
        Self {
            by_status: statuses.into_iter().map(count).collect(),
            seconds: metrics::histogram!("assay_request_seconds", "operation" => operation.to_owned()),
        }
    }

    /// Counts a request.
    pub(crate) fn count(&self, status: u16, took: Duration) {
        if let Some((_, counter)) = self.by_status.iter().find(|(one, _)| *one == status) {
            counter.increment(1);
        }
        self.seconds.record(took.as_secs_f64());
    }
}

/// What is gathered about a request on its way.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    id: [u8; 16],
    account: Option<Arc<Identity>>,
    receipt: Option<Arc<Receipt>>,
    cost: u64,
}

impl Entry {
    /// A request that has just come.
    pub(crate) fn new(ids: &Ids) -> Self {
        Self { id: ids.next(), ..Self::default() }
    }

    /// Its id, as in the header `X-Request-Id`.
    pub(crate) fn id(&self) -> &str {
        str::from_utf8(&self.id).unwrap_or_default()
    }

    pub(crate) fn caller(&mut self, identity: Option<&Arc<Identity>>) {
        self.account = identity.cloned();
    }

    pub(crate) fn paid(&mut self, receipt: Option<&Arc<Receipt>>) {
        self.cost = receipt.map_or(0, |receipt| receipt.amount);
        self.receipt = receipt.cloned();
    }

    pub(crate) fn refunded(&mut self) {
        self.cost = 0;
    }

    /// What was charged, for the answer's headers.
    pub(crate) fn receipt(&self) -> Option<&Receipt> {
        self.receipt.as_deref()
    }

    /// Who called, and what it cost after all.
    pub(crate) fn call(&self) -> Option<(&Arc<Identity>, u64)> {
        self.account.as_ref().map(|identity| (identity, self.cost))
    }

    /// Writes the line.
    pub(crate) fn write(&self, method: &str, route: &str, status: u16, took: Duration) {
        let key_id = self.account.as_ref().map(|identity| tracing::field::display(identity.key_id));
        tracing::info!(
            target: "assay::request",
            id = self.id(),
            method,
            route,
            status,
            ms = took.as_secs_f64() * 1000.0,
            key_id,
            cost = self.cost,
        );
    }
}
