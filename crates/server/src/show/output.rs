//! In which form and colours a command answers, and the way to stdout.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};

use anyhow::Context as _;
use clap::ValueEnum;
use serde::Serialize;

use super::table::{self, Look};
use super::wrap::wrapped;

/// The form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For eyes
    Table,
    /// One JSON document
    Json,
}

/// Flags for the answer's form.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// Form of the answer on stdout; progress and notices are on stderr
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Format::Table, global = true)]
    pub(crate) format: Format,

    #[command(flatten)]
    pub(crate) colours: Colours,
}

/// Whether colours are wanted.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Colours {
    /// No colours, even on a terminal
    #[arg(long, env = "NO_COLOR", hide_env_values = true, num_args = 0..=1, require_equals = true, value_name = "ANY",
          default_missing_value = "1", global = true)]
    no_color: Option<String>,
}

impl Colours {
    /// The look of tables on this stdout: colours on a terminal only, and by <https://no-color.org> not where
    /// `NO_COLOR` holds anything.
    pub(crate) fn look(&self) -> Look {
        if !io::stdout().is_terminal() {
            return Look::Piped;
        }
        match self.no_color.as_deref() {
            None | Some("") => Look::Coloured,
            Some(_) => Look::Uncoloured,
        }
    }
}

/// Writes the answer to stdout. A reader that has seen enough (`| head`) is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{}", text.trim_end()).and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("the answer cannot be written to stdout"),
    }
}

/// Writes the answer to stdout as JSON.
pub(crate) fn print_json(answer: &impl Serialize) -> anyhow::Result<()> {
    print(&serde_json::to_string_pretty(answer)?)
}

/// Tells of a problem on stderr.
pub(crate) fn complain(problem: &impl fmt::Display) {
    let width = if io::stderr().is_terminal() { table::width_of_stderr() } else { None };
    // Without a stderr there is nobody to tell.
    let _ = writeln!(io::stderr(), "{}", wrapped(&format!("assay: {problem}"), width, 0));
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        output: Output,
    }

    #[test]
    fn the_colour_flag_takes_no_value_from_the_next_argument() {
        let parsed = Arguments::parse_from(["assay", "--no-color", "--format", "json"]);
        assert_eq!(parsed.output.format, Format::Json);
        assert_eq!(parsed.output.colours.no_color.as_deref(), Some("1"));
    }
}
