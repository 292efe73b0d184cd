//! One line on stderr that says what is being done just now. Draws only where stderr is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::client::plain::plain;

const TEMPLATE: &str = "{spinner} {elapsed}  {wide_msg}";

/// How often the spinner turns.
const TURN: Duration = Duration::from_millis(100);

/// The line.
pub(crate) struct Steps {
    bar: ProgressBar,
}

impl Steps {
    /// Shows nothing until the first step.
    pub(crate) fn new() -> Self {
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_spinner());
        Self { bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style) }
    }

    /// Says what is being done.
    pub(crate) fn doing(&self, what: &str) {
        self.bar.enable_steady_tick(TURN);
        self.bar.set_message(plain(what).into_owned());
    }

    /// Takes the line away, so that the answer stands alone.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_a_form_that_is_understood() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
