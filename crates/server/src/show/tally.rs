//! A count on stderr of work whose end nobody knows: files, bytes, time. Draws only where stderr is a terminal.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::table;
use crate::client::Watch;
use crate::client::plain::plain;

const TEMPLATE: &str = "{spinner} {pos} files, {prefix}, {elapsed}  {wide_msg}";

/// How often the spinner turns.
const TURN: Duration = Duration::from_millis(100);

/// The count.
pub(crate) struct Tally {
    bar: ProgressBar,
    bytes: AtomicU64,
}

impl Tally {
    /// Shows itself at once.
    pub(crate) fn new() -> Self {
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style);
        bar.set_prefix(table::size(0));
        bar.enable_steady_tick(TURN);
        Self { bar, bytes: AtomicU64::new(0) }
    }

    /// Takes the count away, so that the answer stands alone.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Watch for Tally {
    fn notice(&self, text: &str) {
        self.bar.suspend(|| {
            // Without a stderr there is nobody to tell.
            let _ = writeln!(io::stderr(), "{}", plain(text));
        });
    }

    fn sent(&self, bytes: u64) {
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if !self.bar.is_hidden() {
            self.bar.set_prefix(table::size(bytes));
        }
    }

    fn finished(&self, path: &str) {
        if !self.bar.is_hidden() {
            self.bar.set_message(plain(path).into_owned());
        }
        self.bar.inc(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_has_a_form_that_is_understood() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
