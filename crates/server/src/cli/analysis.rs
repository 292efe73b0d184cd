//! `assay analysis ID…`: how far analyses are, and what they came to.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::client::object::{Analysis, Object};
use crate::client::problem::{Kind, Problem};
use crate::client::verdict::Ending;
use crate::client::{Client, Connection, Verdict};
use crate::show::output::{complain, print, print_json};
use crate::show::{Format, Output, Progress, analysis};

/// What `--help` ends with.
const NOTES: &str = "  assay analysis ID                                         # as `assay scan --no-wait` printed it
  assay analysis --wait --timeout 2m ID

JSON is a list of the analysis objects as the server sent them.

Exit status:
  0  no analysis has found anything malicious (without --wait: so far)
  1  at least one has
  2  at least one analysis could not be had, or has not completed in time";

/// Show analyses by their id
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Arguments {
    /// Ids, as `assay scan --no-wait --format json` gives them
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,

    /// Wait until they have completed
    #[arg(long)]
    wait: bool,

    /// How long to wait for each
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = humantime::parse_duration, requires = "wait")]
    timeout: Duration,

    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let client = arguments.connection.open(Arc::new(Progress::new()))?;
    let patience = arguments.wait.then_some(arguments.timeout);
    let mut ending = Ending::default();
    let mut analyses = Vec::new();
    for id in &arguments.ids {
        match one(&client, id.trim(), patience).await {
            Ok((data, object)) => {
                ending.saw(Verdict::of(&object.attributes.stats));
                analyses.push((data, object));
            }
            Err(problem) => {
                ending.failed = true;
                complain(&problem);
                if problem.is_final() {
                    break;
                }
            }
        }
    }
    match arguments.output.format {
        Format::Json => print_json(&analyses.iter().map(|(data, _)| data).collect::<Vec<_>>())?,
        Format::Table => {
            let look = arguments.output.colours.look();
            let shown: Vec<_> = analyses.iter().map(|(_, object)| analysis::render(object, look)).collect();
            if !shown.is_empty() {
                print(&shown.join("\n\n"))?;
            }
        }
    }
    Ok(ending.code())
}

/// The object as the server sent it, and read.
async fn one(client: &Client, id: &str, patience: Option<Duration>) -> Result<(Value, Object<Analysis>), Problem> {
    if id.is_empty() {
        return Err(Problem::local("an analysis' id is not empty"));
    }
    let data = match patience {
        None => client.analysis(id).await?,
        Some(patience) => client.completed(id, patience).await?.ok_or_else(|| {
            let waited = humantime::format_duration(patience);
            Problem::new(Kind::Late, format!("{id} has not completed within {waited}"))
        })?,
    };
    let object = Object::read(&data)?;
    Ok((data, object))
}
