//! The bar on stderr: files done, bytes sent, time. Draws only where stderr is a terminal; notices are written
//! either way.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::table;
use crate::client::Watch;
use crate::client::plain::plain;

const TEMPLATE: &str = "{spinner} [{bar:32}] {pos}/{len} files, {prefix} sent, {elapsed}  {wide_msg}";

/// How often the spinner turns.
const TURN: Duration = Duration::from_millis(100);

/// A bar over a known number of files.
pub(crate) struct Progress {
    bar: ProgressBar,
    sent: AtomicU64,
}

impl Progress {
    /// Shows nothing until [`Self::start`].
    pub(crate) fn new() -> Self {
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden())
            .with_style(style.progress_chars("━╸ "))
            .with_prefix(table::size(0));
        Self { bar, sent: AtomicU64::new(0) }
    }

    /// Shows the bar, for so many files.
    pub(crate) fn start(&self, files: usize) {
        self.bar.set_length(files as u64);
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
        self.bar.enable_steady_tick(TURN);
    }

    /// Takes the bar away, so that the answer stands alone.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Watch for Progress {
    fn notice(&self, text: &str) {
        self.bar.suspend(|| {
            // Without a stderr there is nobody to tell.
            let _ = writeln!(io::stderr(), "{}", plain(text));
        });
    }

    fn sent(&self, bytes: u64) {
        let sent = self.sent.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if !self.bar.is_hidden() {
            self.bar.set_prefix(table::size(sent));
        }
    }

    fn finished(&self, path: &str) {
        self.bar.set_message(plain(path).into_owned());
        self.bar.inc(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_has_a_form_that_is_understood_and_counts_files() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
        let progress = Progress::new();
        progress.start(2);
        progress.sent(10);
        progress.finished("a");
        assert_eq!((progress.bar.position(), progress.bar.length()), (1, Some(2)));
        progress.finish();
    }
}
