//! `assay tier`: named sets of privileges and limits.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Map, Value as Json, json};

use super::desk::{Desk, Session};
use super::user::confirm;
use super::values::{Attributes, allowance, limit};
use crate::client::door::Call;
use crate::show::objects::{Column, card};

/// What `--help` ends with.
const NOTES: &str =
    "  assay tier create partner --minute 60 --day 20000 --month 400000 --privilege allinfo,downloads-tier-1
  assay tier update partner --quota intelligence_searches_monthly=300
  assay user update ann --tier partner
  assay tier list
  assay tier show partner
  assay tier delete partner";

/// What a list shows.
const COLUMNS: &[Column] = &[
    Column("Tier", "id"),
    Column("A minute", "limits.minute"),
    Column("A day", "limits.day"),
    Column("A month", "limits.month"),
    Column("Class", "class"),
    Column("Shipped", "shipped"),
    Column("Privileges", "#privileges"),
];

/// Tiers.
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
    /// List the tiers
    List,
    /// Show all that is known of a tier
    Show {
        /// The tier
        name: String,
    },
    /// Make a tier
    Create {
        /// Letters, digits, dots, underscores, hyphens
        name: String,
        #[command(flatten)]
        limits: Limits,
    },
    /// Change a tier; holds on the next request of each of its accounts
    Update {
        /// The tier
        name: String,
        #[command(flatten)]
        limits: Limits,
    },
    /// Delete a tier that nobody has
    Delete {
        /// The tier
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// What its accounts may do, and how often.
#[derive(Debug, Args)]
struct Limits {
    /// Requests in any minute; a number, or unlimited
    #[arg(long, value_name = "NUMBER", value_parser = limit)]
    minute: Option<u64>,
    /// Requests in a UTC day
    #[arg(long, value_name = "NUMBER", value_parser = limit)]
    day: Option<u64>,
    /// Requests in a UTC month
    #[arg(long, value_name = "NUMBER", value_parser = limit)]
    month: Option<u64>,
    /// All its privileges; several by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    privilege: Vec<String>,
    /// Another quota, such as `intelligence_searches_monthly=300`; may be repeated
    #[arg(long, value_name = "NAME=NUMBER", value_parser = allowance)]
    quota: Vec<(String, u64)>,
    /// Who waits behind whom under load
    #[arg(long, value_parser = ["interactive", "normal", "bulk"])]
    class: Option<String>,
}

impl Limits {
    fn attributes(self) -> Attributes {
        let mut limits = Map::new();
        for (name, value) in [("minute", self.minute), ("day", self.day), ("month", self.month)] {
            limits.extend(value.map(|value| (name.to_owned(), value.into())));
        }
        let quotas: Map<String, Json> =
            self.quota.into_iter().map(|(name, allowed)| (name, json!({ "allowed": allowed }))).collect();
        Attributes::default()
            .set("limits", Some(limits).filter(|limits| !limits.is_empty()))
            .set("quotas", Some(quotas).filter(|quotas| !quotas.is_empty()))
            .list("privileges", &self.privilege)
            .set("class", self.class)
    }
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { desk, command } = arguments;
    desk.work(async |session| work(session, command).await).await
}

async fn work(session: &Session, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List => session.list(&Call::get(&["tiers"]), COLUMNS, None).await,
        Command::Show { name } => session.show(&Call::get(&["tiers", &name])).await,
        Command::Create { name, limits } => {
            let data = limits.attributes().object("tier", Some(&name));
            let tier = session.ask(&Call::post(&["tiers"], data)).await?;
            session.print(&tier, |look| card(&tier, look))
        }
        Command::Update { name, limits } => {
            let data = limits.attributes().change("tier", &name)?;
            let tier = session.ask(&Call::patch(&["tiers", &name], data)).await?;
            session.print(&tier, |look| card(&tier, look))
        }
        Command::Delete { name, yes } => {
            confirm(&name, yes)?;
            session.change(&Call::delete(&["tiers", &name]), |_| format!("{name}: deleted")).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_limits_that_were_said_are_sent() {
        let limits = Limits {
            minute: Some(60),
            day: None,
            month: None,
            privilege: vec![],
            quota: vec![("cases_creation_monthly".to_owned(), 3)],
            class: None,
        };
        let data = limits.attributes().object("tier", Some("partner"));
        assert_eq!(
            data["attributes"],
            json!({"limits": {"minute": 60}, "quotas": {"cases_creation_monthly": {"allowed": 3}}})
        );
    }
}
