//! The bar on stderr of `assay store copy`: table, rows, time. Draws only where stderr is a terminal.

use std::time::Duration;

use assay_store::copy::{Progress, Step};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const TEMPLATE: &str = "{spinner} [{bar:32}] {prefix} {msg}: {pos}/{len} rows, {elapsed}";

/// How often the spinner turns.
const TURN: Duration = Duration::from_millis(100);

/// A bar a table.
pub(crate) struct Copying {
    bar: ProgressBar,
}

impl Copying {
    /// Shows itself at once.
    pub(crate) fn new() -> Self {
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr())
            .with_style(style.progress_chars("━╸ "));
        bar.enable_steady_tick(TURN);
        Self { bar }
    }

    /// How far it is.
    pub(crate) fn tell(&self, progress: &Progress) {
        let doing = match progress.step {
            Step::Copy => "copying",
            Step::Verify => "comparing",
        };
        self.bar.set_prefix(doing);
        self.bar.set_message(progress.table.stored());
        self.bar.set_length(progress.total);
        self.bar.set_position(progress.done);
    }

    /// Takes the bar away, so that the answer stands alone.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_has_a_form_that_is_understood() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
