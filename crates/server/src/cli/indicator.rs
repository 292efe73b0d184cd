//! `assay url URL…`, `assay domain NAME…`, `assay ip ADDRESS…`: reports, analyses and relationships.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use assay_model::address::Item;
use serde_json::Value;

use crate::client::indicator::Sort;
use crate::client::object::{Indicator, Object};
use crate::client::problem::{Kind, Problem};
use crate::client::verdict::Ending;
use crate::client::{Client, Connection, Verdict};
use crate::show::output::{complain, print, print_json};
use crate::show::{Format, Output, Progress, indicator};

/// What `--help` ends with.
const NOTES: &str = "JSON is a list of the objects as the server sent them; with --related, of lists.

  assay url --scan https://example.org/invoice
  assay domain example.org example.net
  assay domain example.org --related subdomains
  assay ip 8.8.8.8 --related resolutions --format json

Exit status:
  0  all are known, none is malicious
  1  all are known, at least one is malicious
  2  at least one could not be had, whatever the others are";

/// What is known of URLs, domains or IP addresses
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Arguments {
    /// Which ones
    #[arg(required = true, value_name = "WHICH")]
    which: Vec<String>,

    /// Have them analysed first, and wait for it
    #[arg(long)]
    scan: bool,

    /// How long to wait for each analysis
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = humantime::parse_duration, requires = "scan")]
    timeout: Duration,

    /// Show what they are related to in this way: `resolutions`, `subdomains`, `communicating_files`, …
    #[arg(long, value_name = "RELATIONSHIP", conflicts_with = "scan")]
    related: Option<String>,

    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
pub(crate) async fn run(sort: Sort, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let client = arguments.connection.open(Arc::new(Progress::new()))?;
    let patience = arguments.scan.then_some(arguments.timeout);
    let mut ending = Ending::default();
    let mut answers: Vec<Value> = Vec::new();
    for text in &arguments.which {
        let answered = match &arguments.related {
            None => report(&client, sort, text.trim(), patience, &mut ending).await,
            Some(relationship) => related(&client, sort, text.trim(), relationship).await,
        };
        match answered {
            Ok(data) => answers.push(data),
            Err(problem) => {
                ending.failed = true;
                complain(&problem);
                if problem.is_final() {
                    break;
                }
            }
        }
    }
    let look = arguments.output.colours.look();
    match arguments.output.format {
        Format::Json => print_json(&answers)?,
        Format::Table if answers.is_empty() => {}
        Format::Table => {
            let show = |data: &Value| match data {
                Value::Array(objects) => Ok(indicator::list(objects, look)),
                object if arguments.related.is_some() => Ok(indicator::list(std::slice::from_ref(object), look)),
                object => Object::read(object).map(|object| indicator::render(&object, look)),
            };
            let shown = answers.iter().map(show).collect::<Result<Vec<_>, Problem>>()?;
            print(&shown.join("\n\n"))?;
        }
    }
    Ok(ending.code())
}

/// The object as the server sent it.
async fn report(
    client: &Client,
    sort: Sort,
    text: &str,
    patience: Option<Duration>,
    ending: &mut Ending,
) -> Result<Value, Problem> {
    let item = sort.read(text)?;
    if let Some(patience) = patience {
        scan(client, &item, text, patience).await?;
    }
    let data = client.address(&item).await.map_err(|problem| unknown(problem, sort))?;
    let object = Object::<Indicator>::read(&data)?;
    ending.saw(Verdict::of(&object.attributes.last_analysis_stats));
    Ok(data)
}

/// Has it analysed, and waits.
async fn scan(client: &Client, item: &Item, text: &str, patience: Duration) -> Result<(), Problem> {
    let analysis = client.analyse(item).await?;
    let late = || {
        let waited = humantime::format_duration(patience);
        Problem::new(Kind::Late, format!("{text}: the analysis has not completed within {waited}"))
    };
    client.completed(&analysis.id, patience).await?.map(drop).ok_or_else(late)
}

async fn related(client: &Client, sort: Sort, text: &str, relationship: &str) -> Result<Value, Problem> {
    let item = sort.read(text)?;
    let answered = client.related(&item, relationship).await;
    answered.map_err(|problem| match problem.kind {
        Kind::Refused(404) if problem.message.contains("endpoint not found") => no_relationship(sort, relationship),
        _ => unknown(problem, sort),
    })
}

/// The server has no such endpoint: which there are.
fn no_relationship(sort: Sort, name: &str) -> Problem {
    let known = assay_api::objects::of(sort.kind()).map_or(&[][..], |object| object.relationships);
    let known: Vec<_> = known.iter().map(|relationship| relationship.name).collect();
    Problem::local(format!("the server knows no relationship \"{name}\" of a {}", sort.noun()))
        .mend(format!("There are {}.", known.join(", ")))
}

fn unknown(problem: Problem, sort: Sort) -> Problem {
    match problem.kind {
        Kind::Refused(404) => {
            problem.mend(format!("The server does not know this {}. `--scan` has it analysed.", sort.noun()))
        }
        _ => problem,
    }
}
