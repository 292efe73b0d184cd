//! `assay scan PATH…`: files, folders, standard input and URLs, to their verdict.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::client::problem::Problem;
use crate::client::sample::gather;
use crate::client::scan::{self, Plan, Scan};
use crate::client::{Connection, Watch as _};
use crate::show::output::{complain, print, print_json};
use crate::show::{Format, Output, Progress, scans};

/// What `--help` ends with.
const NOTES: &str = "Folders are walked to their ends; links inside them are not followed. Files beyond 30 MiB are sent by \
way of an upload address. What begins with http://, https:// or ftp:// is a URL; whether the server goes there is for its \
configuration to say. When the server asks to wait for a quota, that is done, for up to two minutes at a time. JSON is a \
list of objects with path (or URL), type, sha256, status, verdict, stats, results and links.

  assay scan ~/Downloads
  assay scan invoice.pdf https://example.org/invoice
  curl -s https://example.org/setup.exe | assay scan -
  assay scan --no-wait --format json *.exe | jq -r '.[].analysis_id'

Exit status:
  0  all were scanned, none is malicious
  1  all were scanned, at least one is malicious
  2  at least one could not be scanned, whatever the others are";

/// Scan files, folders and URLs, and wait for what the engines say
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Arguments {
    /// Files, folders and URLs; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Files and URLs under way at once
    #[arg(long, short, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,

    /// Send only; `assay analysis ID` tells the verdict later
    #[arg(long)]
    no_wait: bool,

    /// How long to wait for each analysis
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = humantime::parse_duration)]
    timeout: Duration,

    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    if arguments.paths.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        return Err(Problem::local("standard input (-) can be scanned once only").into());
    }
    let progress = Arc::new(Progress::new());
    let client = arguments.connection.open(Arc::clone(&progress) as _)?;
    let found = gather(&arguments.paths);
    if found.is_empty() {
        progress.notice("there are no files to scan");
    }
    let plan = Plan { jobs: arguments.jobs.into(), wait: (!arguments.no_wait).then_some(arguments.timeout) };
    progress.start(found.len());
    let scan = scan::all(&client, found, plan).await;
    progress.finish();
    show(&scan, &arguments.output)?;
    Ok(scans::ending(&scan.files).code())
}

/// The answer on stdout; on stderr what stopped the scan.
fn show(scan: &Scan, output: &Output) -> anyhow::Result<()> {
    match output.format {
        Format::Json => print_json(&scan.files)?,
        // A table in which every row says the same says less than the problem itself.
        Format::Table if scan.stopped.is_some() && scan.files.iter().all(|file| file.error.is_some()) => {}
        Format::Table if scan.files.is_empty() => {}
        Format::Table => print(&scans::render(&scan.files, output.colours.look()))?,
    }
    if let Some(problem) = &scan.stopped {
        complain(problem);
    }
    Ok(())
}
