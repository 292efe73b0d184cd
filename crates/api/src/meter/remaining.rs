//! What remains of a window of a quota, and the refusal when nothing is left of it.

use std::sync::Arc;
use std::time::Duration;

use assay_model::quota::{Limits, Quota, Window};
use assay_model::{Code, Error, Timestamp};

/// What remains of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remaining {
    /// What is counted in it.
    pub quota: Quota,
    /// How much it allows.
    pub limit: u64,
    /// How much is left of it.
    pub left: u64,
    /// Seconds until it is whole again, of an exhausted minute until the call would be let through; none where time
    /// does not open it.
    pub reset: Option<u64>,
}

impl Remaining {
    /// What a client calls the window: the rates and sums of API requests by their time, what else there is by its name.
    pub fn name(&self) -> &'static str {
        match self.quota {
            Quota::ApiRequestsHourly => "minute",
            Quota::ApiRequestsDaily => "day",
            Quota::ApiRequestsMonthly => "month",
            other => other.wire(),
        }
    }

    /// How long the window around `now` is, seconds; none where what stands is counted.
    pub fn length(&self, now: Timestamp) -> Option<u64> {
        let window = self.quota.window();
        match window {
            Window::Minute => Some(60),
            Window::Standing => None,
            Window::Day | Window::Month => {
                window.end(now).map(|end| (end.0 - window.start(now).0).max(0).unsigned_abs())
            }
        }
    }
}

/// What stands behind a [`Code::QuotaExceeded`]: the window that is exhausted.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{} is exhausted", .0.quota.wire())]
pub struct Exhausted(pub Remaining);

impl Exhausted {
    /// The window that an error is about, where it is about one.
    pub fn behind(error: &Error) -> Option<Remaining> {
        std::error::Error::source(error)?.downcast_ref::<Self>().map(|exhausted| exhausted.0)
    }
}

/// The refusal: which window of whose, its limit, and when it opens again, where it does so by itself.
pub(super) fn exhausted(
    name: &Arc<str>,
    quota: Quota,
    limits: &Limits,
    now: Timestamp,
    wait: Option<Duration>,
) -> Error {
    let (limit, what) = match quota {
        Quota::ApiRequestsHourly => (limits.minute, "API requests"),
        Quota::ApiRequestsDaily | Quota::ApiRequestsMonthly => (limits.of(quota), "API requests"),
        other => (limits.of(other), other.counts()),
    };
    let window = match quota.window() {
        Window::Minute => "a minute",
        Window::Day => "a day",
        Window::Month => "a month",
        Window::Standing => "at a time",
    };
    let whose = match name.strip_prefix("group:") {
        Some(group) => format!("the group \"{group}\""),
        None => "this account".to_owned(),
    };
    let wire = quota.wire();
    let refusal = |opens: &str, reset| {
        Error::new(
            Code::QuotaExceeded,
            format!("Quota exceeded: {limit} {what} {window} for {whose} ({wire}); {opens}"),
        )
        .because(Exhausted(Remaining { quota, limit, left: 0, reset }))
    };
    let Some(wait) = wait else { return refusal("it opens again when one of them goes", None) };
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let opens = Timestamp(now.0.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX))).text();
    refusal(&format!("it opens again in {seconds} s, at {opens} UTC"), Some(seconds))
        .after(Duration::from_secs(seconds))
}
