//! `assay url URL…`, `assay domain NAME…`, `assay ip ADDRESS…`: reports, analyses and relationships.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use assay_model::address::Item;
use serde_json::Value;

use super::each::{self, Answer};
use crate::client::indicator::Sort;
use crate::client::object::{Indicator, Object};
use crate::client::problem::{Kind, Problem};
use crate::client::{Client, Connection, Verdict};
use crate::show::{Output, Progress, indicator};

/// What `--help` ends with.
const NOTES: &str = "  assay url https://example.org/login --scan
  assay domain example.org --related subdomains
  assay ip 192.0.2.7 --format json

JSON is a list of the objects as the server sent them; with --related, of lists.

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

/// What came of one of them.
enum Shown {
    One(Box<Object<Indicator>>),
    Related(Vec<Value>),
}

/// Runs the command.
pub(crate) async fn run(sort: Sort, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let client = arguments.connection.open(Arc::new(Progress::new()))?;
    let patience = arguments.scan.then_some(arguments.timeout);
    let one = async |text: &str| match &arguments.related {
        None => report(&client, sort, text, patience).await,
        Some(relationship) => related(&client, sort, text, relationship).await,
    };
    let (answers, mut ending) = each::ask(&arguments.which, one).await;
    for (_, shown) in &answers {
        if let Shown::One(object) = shown {
            ending.saw(Verdict::of(&object.attributes.last_analysis_stats));
        }
    }
    each::show(&answers, &arguments.output, |shown, look| match shown {
        Shown::One(object) => indicator::render(object, look),
        Shown::Related(objects) => indicator::list(objects, look),
    })?;
    Ok(ending.code())
}

async fn report(client: &Client, sort: Sort, text: &str, patience: Option<Duration>) -> Result<Answer<Shown>, Problem> {
    let item = sort.read(text)?;
    if let Some(patience) = patience {
        scan(client, &item, text, patience).await?;
    }
    let data = client.address(&item).await.map_err(|problem| unknown(problem, sort))?;
    let object = Object::read(&data)?;
    Ok((data, Shown::One(Box::new(object))))
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

async fn related(client: &Client, sort: Sort, text: &str, relationship: &str) -> Result<Answer<Shown>, Problem> {
    let item = sort.read(text)?;
    let answered = client.related(&item, relationship).await;
    let data = answered.map_err(|problem| match problem.kind {
        Kind::Refused(404) if problem.message.contains("endpoint not found") => no_relationship(sort, relationship),
        _ => unknown(problem, sort),
    })?;
    let objects = match &data {
        Value::Array(objects) => objects.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    Ok((data, Shown::Related(objects)))
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
