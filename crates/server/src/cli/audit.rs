//! `assay audit`: who did what, and whether the log of it is whole.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::desk::{Desk, Session};
use super::values::{Past, past};
use crate::client::door::Call;
use crate::show::objects::{self, Column};
use crate::show::output::print;

/// What `--help` ends with.
const NOTES: &str = "  assay audit list --action ROTATE_KEY --since 7d
  assay audit list --target soc_siem
  assay audit export > audit.jsonl                          # a JSON document a line, newest first";

/// What a list shows.
const COLUMNS: &[Column] = &[
    Column("No.", "sequence"),
    Column("Date", "date"),
    Column("Action", "action"),
    Column("Actor", "actor"),
    Column("Key", "key_id"),
    Column("Target", "target"),
    Column("From", "ip"),
    Column("What", "info"),
];

/// The audit log.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    desk: Desk,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List entries, newest first
    List {
        #[command(flatten)]
        filter: Filter,
        /// How many
        #[arg(long, value_name = "NUMBER", default_value_t = 50)]
        limit: usize,
    },
    /// Write all entries to standard output, a JSON document a line, newest first
    Export {
        #[command(flatten)]
        filter: Filter,
    },
}

/// Which entries.
#[derive(Debug, Args)]
struct Filter {
    /// Only this action, such as ROTATE_KEY
    #[arg(long)]
    action: Option<String>,
    /// Only what this account did
    #[arg(long, value_name = "ACCOUNT")]
    user: Option<String>,
    /// Only what was done to this
    #[arg(long)]
    target: Option<String>,
    /// Only from then on: 7d, 2026-11-01
    #[arg(long, value_name = "WHEN", value_parser = past)]
    since: Option<Past>,
    /// Only until then: 1d, 2026-11-30
    #[arg(long, value_name = "WHEN", value_parser = past)]
    before: Option<Past>,
    /// Only of this group
    #[arg(long)]
    group: Option<String>,
}

impl Filter {
    fn call(&self) -> Call {
        let call = match &self.group {
            Some(group) => Call::get(&["groups", group, "activity_log_entries"]),
            None => Call::get(&["activity_log_entries"]),
        };
        let date = |past: Option<Past>, sign| past.map(|past| format!("date:{}{sign}", past.seconds()));
        let named = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name}:{value}"));
        let terms = [
            named("action", &self.action),
            named("user", &self.user),
            named("target", &self.target),
            date(self.since, '+'),
            date(self.before, '-'),
        ];
        let terms: Vec<_> = terms.into_iter().flatten().collect();
        call.with("filter", Some(terms.join(" ")).filter(|filter| !filter.is_empty()))
    }
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { desk, command } = arguments;
    desk.work(async |session| match command {
        Command::List { filter, limit } => session.list(&filter.call(), COLUMNS, Some(limit)).await,
        Command::Export { filter } => export(session, &filter.call()).await,
    })
    .await
}

/// Page by page, so that a log of any length can be exported.
async fn export(session: &Session, call: &Call) -> anyhow::Result<()> {
    session
        .each_page(call, |entries| {
            let lines = entries.iter().map(|entry| serde_json::to_string(&objects::flat(entry)));
            let lines = lines.collect::<Result<Vec<_>, _>>()?;
            if lines.is_empty() { Ok(()) } else { print(&lines.join("\n")) }
        })
        .await
}
