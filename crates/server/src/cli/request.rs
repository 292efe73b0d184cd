//! `assay request`: asking for another tier, a privilege or more quota, and deciding on it.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value as Json;

use super::desk::{Desk, Session};
use super::values::{Attributes, Moment, moment};
use crate::client::door::{Account, Call};
use crate::show::objects::{self, Column};

/// What `--help` ends with.
const NOTES: &str = "  assay request ask --tier premium --reason \"hunting team, 4 analysts\"
  assay request ask --quota api_requests_daily --amount 5000 --reason \"SIEM enrichment\"
  assay request list                                        # open ones: as administrator those of your group
  assay request show 7f3a
  assay request grant 7f3a --until 2027-01-31 --answer \"for the quarter\"
  assay request decline 7f3a --answer \"the tier premium has it\"";

/// What a list shows.
const COLUMNS: &[Column] = &[
    Column("Id", "id"),
    Column("Account", "account"),
    Column("Kind", "kind"),
    Column("Wanted", "wanted"),
    Column("Amount", "amount"),
    Column("Status", "status"),
    Column("Asked", "date"),
    Column("Reason", "reason"),
    Column("Until", "until"),
    Column("Answer", "answer"),
];

/// Requests for more.
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
    /// Ask for another tier, a privilege, or more of a quota
    Ask(Ask),
    /// List requests
    List {
        /// Which ones
        #[arg(long, default_value = "open", value_parser = ["open", "granted", "declined", "all"])]
        status: String,
    },
    /// Show a request
    Show {
        /// Its id
        id: String,
    },
    /// Grant a request; takes effect at once
    Grant {
        /// Its id
        id: String,
        /// Until when: 90d, 2027-01-31 [default: for good]
        #[arg(long, value_name = "WHEN", value_parser = moment)]
        until: Option<Moment>,
        /// What to tell who asked
        #[arg(long, value_name = "TEXT")]
        answer: Option<String>,
    },
    /// Decline a request
    Decline {
        /// Its id
        id: String,
        /// What to tell who asked
        #[arg(long, value_name = "TEXT")]
        answer: Option<String>,
    },
}

/// What is asked for.
#[derive(Debug, Args)]
struct Ask {
    #[command(flatten)]
    wanted: Wanted,
    /// How much of it
    #[arg(long, value_name = "NUMBER", requires = "quota")]
    amount: Option<u64>,
    /// Why, for who decides
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// For this account [default: your own]
    #[arg(long)]
    account: Option<String>,
}

/// One of the three.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Wanted {
    /// Another tier
    #[arg(long, value_name = "NAME")]
    tier: Option<String>,
    /// A privilege
    #[arg(long, value_name = "NAME")]
    privilege: Option<String>,
    /// More of this quota
    #[arg(long, value_name = "NAME", requires = "amount")]
    quota: Option<String>,
}

impl Ask {
    fn call(self) -> Call {
        let kinds = [("tier", self.wanted.tier), ("privilege", self.wanted.privilege), ("quota", self.wanted.quota)];
        let wanted = kinds.into_iter().find_map(|(kind, wanted)| wanted.map(|wanted| (kind, wanted)));
        let (kind, wanted) = wanted.unzip();
        let data = Attributes::default()
            .set("kind", kind)
            .set("wanted", wanted)
            .set("amount", self.amount)
            .set("reason", Some(self.reason))
            .object("request", None);
        Call::post(&["requests"], data).of(&self.account.map_or(Account::Own, Account::Named))
    }
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { desk, command } = arguments;
    desk.work(async |session| work(session, command).await).await
}

async fn work(session: &Session, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Ask(ask) => {
            let asked = |request: &Json| {
                let id = request["id"].as_str().unwrap_or_default();
                format!("{id}: asked; `assay request show {id}` tells what came of it")
            };
            session.change(&ask.call(), asked).await
        }
        Command::List { status } => {
            let filter = (status != "all").then(|| format!("status:{status}"));
            session.list(&Call::get(&["requests"]).with("filter", filter), COLUMNS, None).await
        }
        Command::Show { id } => session.show(&Call::get(&["requests", &id])).await,
        Command::Grant { id, until, answer } => {
            decide(
                session,
                &id,
                "grant",
                Attributes::default().set("until", until.map(Moment::seconds)).set("answer", answer),
            )
            .await
        }
        Command::Decline { id, answer } => {
            decide(session, &id, "decline", Attributes::default().set("answer", answer)).await
        }
    }
}

async fn decide(session: &Session, id: &str, decision: &str, attributes: Attributes) -> anyhow::Result<()> {
    let call = Call::post(&["requests", id, decision], attributes.object("request", None));
    let said = |request: &Json| {
        let part = |name| objects::value(request, name).map_or_else(String::new, |value| objects::said(name, value));
        format!("{id}: {} of {} {}", part("wanted"), part("account"), part("status"))
    };
    session.change(&call, said).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_a_kind_and_a_name() {
        let ask = Ask {
            wanted: Wanted { tier: None, privilege: None, quota: Some("api_requests_daily".to_owned()) },
            amount: Some(5_000),
            reason: "more".to_owned(),
            account: Some("siem".to_owned()),
        };
        let call = format!("{:?}", ask.call());
        for part in [
            r#""kind": String("quota")"#,
            r#""wanted": String("api_requests_daily")"#,
            "Number(5000)",
            r#"Text("siem")"#,
        ] {
            assert!(call.contains(part), "{part} is not in {call}");
        }
    }
}
