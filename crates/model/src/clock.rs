//! Time as an argument. [`System`] is handed in by `server`; tests hand in [`Fixed`].

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Timestamp;

/// Tells the time. Everything that needs the time takes one of these.
pub trait Clock: Send + Sync + 'static {
    /// Nanoseconds since the Unix epoch, UTC.
    fn nanoseconds(&self) -> i64;

    /// Whole Unix seconds, UTC.
    fn now(&self) -> Timestamp {
        Timestamp(self.nanoseconds().div_euclid(1_000_000_000))
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Clock for System {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn nanoseconds(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub struct Fixed(AtomicI64);

impl Fixed {
    /// Stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0 * 1_000_000_000))
    }

    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for Fixed {
    fn nanoseconds(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}
