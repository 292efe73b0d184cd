//! `assay audit`: who did what, and whether the log of it is whole.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use assay_events::audit::{Entry, Verdict, chain};
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::desk::{Desk, Session};
use super::values::{Past, past};
use crate::client::door::Call;
use crate::show::Format;
use crate::show::objects::{self, Column};
use crate::show::output::{print, print_json};

/// What `--help` ends with.
const NOTES: &str = "  assay audit list --action ROTATE_KEY --since 7d
  assay audit list --target soc_siem
  assay audit export > audit.jsonl                          # a JSON document a line, newest first
  assay audit verify                                        # the log of this data folder, or of a server
  assay audit verify audit.jsonl --expect HASH              # an export, up to the hash that you kept

`verify` ends with 0 where the log is whole, 1 where it is not, 2 where it cannot be read.";

/// What a list shows.
const COLUMNS: &[Column] = &[
    Column("Date", "date"),
    Column("Action", "action"),
    Column("Target", "target"),
    Column("Actor", "actor"),
    Column("Group", "group"),
    Column("From", "ip"),
    Column("Key", "key_id"),
    Column("No.", "sequence"),
];

/// Exit status: something was changed.
const BROKEN: u8 = 1;

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
    /// Walk the chain: whether an entry was changed, moved or left out
    Verify(Verify),
}

/// What is to be looked through.
#[derive(Debug, Args)]
struct Verify {
    /// An export, - for standard input [default: the log itself]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// A hash that the log had before, kept elsewhere: it must still be in it
    #[arg(long, value_name = "HASH")]
    expect: Option<String>,
}

/// Which entries.
#[derive(Debug, Args)]
struct Filter {
    /// Only this action, such as `ROTATE_KEY`
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
    match command {
        Command::Verify(Verify { file: Some(file), expect }) => {
            let entries = of_file(&file)?;
            tell(&verdict(&entries, expect.as_deref()), desk.output().format)
        }
        Command::Verify(Verify { file: None, expect }) => {
            desk.judge(async |session| verify(session, expect.as_deref()).await).await
        }
        Command::List { filter, limit } => {
            desk.work(async |session| session.list(&filter.call(), COLUMNS, Some(limit)).await).await
        }
        Command::Export { filter } => desk.work(async |session| export(session, &filter.call()).await).await,
    }
}

/// Page by page, so that a log of any length can be exported.
async fn export(session: &Session, call: &Call) -> anyhow::Result<()> {
    let write = |entries: &[Json]| {
        let lines = entries.iter().map(|entry| serde_json::to_string(&objects::flat(entry)));
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        if lines.is_empty() { Ok(()) } else { print(&lines.join("\n")) }
    };
    session.each_page(call, write).await
}

/// The log itself: the store knows its end, so that nothing can be cut off unseen; a server shows what it has.
async fn verify(session: &Session, expect: Option<&str>) -> anyhow::Result<ExitCode> {
    let format = session.output().format;
    let own = session.audit_log().await?;
    if let Some(own) = own.filter(|own| expect.is_none() || matches!(own, Verdict::Broken { .. })) {
        return tell(&Outcome::Walked(own), format);
    }
    let mut entries = Vec::new();
    session
        .each_page(&Call::get(&["activity_log_entries"]), |page| {
            for entry in page {
                entries.push(read(&entry["attributes"])?);
            }
            Ok(())
        })
        .await?;
    entries.reverse();
    tell(&verdict(&entries, expect), format)
}

/// The entries of an export, oldest first, whichever end it begins with.
fn of_file(path: &Path) -> anyhow::Result<Vec<Entry>> {
    let shown = path.display();
    let input: Box<dyn BufRead> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let file = std::fs::File::open(path).with_context(|| format!("{shown} cannot be read"))?;
        Box::new(std::io::BufReader::new(file))
    };
    let mut entries = Vec::new();
    for (number, line) in input.lines().enumerate() {
        let line = line.with_context(|| format!("{shown} cannot be read"))?;
        if !line.trim().is_empty() {
            let entry = serde_json::from_str(&line).map_err(anyhow::Error::from).and_then(|json| read(&json));
            entries.push(entry.with_context(|| format!("line {} of {shown} is no entry", number + 1))?);
        }
    }
    if entries.first().zip(entries.last()).is_some_and(|(first, last)| first.sequence > last.sequence) {
        entries.reverse();
    }
    Ok(entries)
}

fn read(attributes: &Json) -> anyhow::Result<Entry> {
    serde_json::from_value(attributes.clone()).context("an entry of the audit log is not understood")
}

/// Walks the chain; where a hash was kept, it must be that of an entry.
fn verdict(entries: &[Entry], expect: Option<&str>) -> Outcome {
    match chain::verify(entries, None) {
        Verdict::Whole { .. } if expect.is_some_and(|hash| !entries.iter().any(|entry| entry.hash == hash)) => {
            Outcome::Unexpected
        }
        verdict => Outcome::Walked(verdict),
    }
}

/// What came of it.
#[derive(Debug, PartialEq)]
enum Outcome {
    Walked(Verdict),
    /// The chain holds, but it is not the one that was there before.
    Unexpected,
}

fn tell(outcome: &Outcome, format: Format) -> anyhow::Result<ExitCode> {
    let (document, line, code) = match outcome {
        Outcome::Walked(Verdict::Whole { entries, hash }) => (
            json!({ "whole": true, "entries": entries, "hash": hash }),
            format!(
                "whole: {entries} entries; keep the newest hash elsewhere and give it with --expect next time: {hash}"
            ),
            ExitCode::SUCCESS,
        ),
        Outcome::Walked(Verdict::Broken { sequence, fault }) => (
            json!({ "whole": false, "sequence": sequence, "fault": fault.words() }),
            format!("not whole: entry {sequence} {}", fault.words()),
            ExitCode::from(BROKEN),
        ),
        Outcome::Unexpected => (
            json!({ "whole": false, "fault": "the expected hash is not in it" }),
            "not whole: no entry has the expected hash, so the log was written anew or cut off".to_owned(),
            ExitCode::from(BROKEN),
        ),
    };
    match format {
        Format::Json => print_json(&document)?,
        Format::Table => print(&line)?,
    }
    Ok(code)
}
