//! `assay analysis ID…`: how far analyses are, and what they came to.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::each::{self, Answer};
use crate::client::object::{Analysis, Object};
use crate::client::problem::{Kind, Problem};
use crate::client::{Client, Connection, Verdict};
use crate::show::{Output, Progress, analysis};

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
    let (analyses, mut ending) = each::ask(&arguments.ids, async |id| one(&client, id, patience).await).await;
    for (_, object) in &analyses {
        ending.saw(Verdict::of(&object.attributes.stats));
    }
    each::show(&analyses, &arguments.output, analysis::render)?;
    Ok(ending.code())
}

/// The object as the server sent it, and read.
async fn one(client: &Client, id: &str, patience: Option<Duration>) -> Result<Answer<Object<Analysis>>, Problem> {
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
