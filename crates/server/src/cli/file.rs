//! `assay file HASH…`: the reports of known files.

use std::process::ExitCode;
use std::sync::Arc;

use assay_model::FileHash;

use super::each::{self, Answer};
use crate::client::object::{File, Object};
use crate::client::problem::{Kind, Problem};
use crate::client::{Client, Connection, Verdict};
use crate::show::{Output, Progress, report};

/// What `--help` ends with.
const NOTES: &str = "  assay file 44d88612fea8a8f36de82e1278abb02f
  sha256sum *.dll | cut -d' ' -f1 | xargs assay file --format json

JSON is a list of the file objects as the server sent them.

Exit status:
  0  every file is known, none is malicious
  1  every file is known, at least one is malicious
  2  at least one report could not be had, whatever the others say";

/// Show what the server knows of files, by their hash
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Arguments {
    /// MD5, SHA-1 or SHA-256
    #[arg(required = true, value_name = "HASH")]
    hashes: Vec<String>,

    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let client = arguments.connection.open(Arc::new(Progress::new()))?;
    let (reports, mut ending) = each::ask(&arguments.hashes, async |hash| report(&client, hash).await).await;
    for (_, file) in &reports {
        ending.saw(Verdict::of(&file.attributes.last_analysis_stats));
    }
    each::show(&reports, &arguments.output, report::render)?;
    Ok(ending.code())
}

/// The object as the server sent it, and read.
async fn report(client: &Client, hash: &str) -> Result<Answer<Object<File>>, Problem> {
    hash.parse::<FileHash>().map_err(|error| Problem::local(format!("{hash}: {error}")))?;
    let data = client.file(hash).await.map_err(|problem| match problem.kind {
        Kind::Refused(404) => problem.mend("The server has no such file. `assay scan PATH` uploads one."),
        _ => problem,
    })?;
    let file = Object::read(&data)?;
    Ok((data, file))
}
