//! `assay vote`: call an object harmless or malicious, and see who did.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::comment::place;
use super::desk::Desk;
use super::values::Attributes;
use crate::client::door::Call;
use crate::show::objects::Column;

/// What `--help` ends with.
const NOTES: &str = "An account votes once on an object.

  assay vote malicious evil.example
  assay vote harmless 44d88612fea8a8f36de82e1278abb02f
  assay vote list evil.example";

/// What a list shows.
const COLUMNS: &[Column] =
    &[Column("Id", "id"), Column("Date", "date"), Column("Verdict", "verdict"), Column("Value", "value")];

/// Votes.
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
    /// Call it harmless
    Harmless {
        /// A hash, a URL, a domain or an IP address
        object: String,
    },
    /// Call it malicious
    Malicious {
        /// A hash, a URL, a domain or an IP address
        object: String,
    },
    /// List the votes on it
    List {
        /// A hash, a URL, a domain or an IP address
        object: String,
        /// How many
        #[arg(long, value_name = "NUMBER", default_value_t = 40)]
        limit: usize,
    },
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { desk, command } = arguments;
    let (object, verdict, limit) = match command {
        Command::Harmless { object } => (object, Some("harmless"), 0),
        Command::Malicious { object } => (object, Some("malicious"), 0),
        Command::List { object, limit } => (object, None, limit),
    };
    desk.work(async |session| {
        let (collection, id) = place(&object).map_err(anyhow::Error::msg)?;
        let path = [collection, id.as_str(), "votes"];
        match verdict {
            None => session.list(&Call::get(&path), COLUMNS, Some(limit)).await,
            Some(verdict) => {
                let data = Attributes::default().set("verdict", Some(verdict)).object("vote", None);
                session.change(&Call::post(&path, data), |_| format!("{object}: {verdict}")).await
            }
        }
    })
    .await
}
