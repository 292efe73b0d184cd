//! `assay upstream`: contracts with VirusTotal, their keys, and what they were used for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::desk::{Desk, Session};
use super::key::import;
use super::user::confirm;
use super::values::Attributes;
use crate::client::door::Call;
use crate::client::problem::Problem;
use crate::show::objects::{Column, card};
use crate::show::usage::{Chart, render};

/// What `--help` ends with.
const NOTES: &str = "One contract is one pool of requests: its keys are never added up. A key is read from standard input or a file, never from \
the command line, and never shown again.

  assay upstream add virustotal --host https://www.virustotal.com --key-stdin < vt.key
  assay upstream list
  assay upstream show virustotal
  assay upstream report virustotal --days 30
  assay upstream reconcile virustotal
  assay upstream rotate virustotal --key-file new.key --dry-run     # tries the key, changes nothing
  assay upstream rotate virustotal --key-file new.key
  assay upstream end virustotal                                     # removes all that it has brought";

/// What a list shows.
const COLUMNS: &[Column] = &[
    Column("Contract", "id"),
    Column("Host", "host"),
    Column("Status", "status"),
    Column("Tier", "tier"),
    Column("Group", "group"),
    Column("Account", "account"),
    Column("A minute", "limits.minute"),
    Column("A day", "limits.day"),
    Column("Used today", "quotas.api_requests_daily.used"),
    Column("Keys", "#keys"),
];

/// Contracts with VirusTotal.
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
    /// Try a key and register its contract
    Add {
        /// What the contract is to be called here
        name: String,
        /// With whom
        #[arg(long, value_name = "URL", default_value = "https://www.virustotal.com")]
        host: String,
        #[command(flatten)]
        key: KeyFrom,
        /// The group that it serves [default: the whole installation, which is then one tenant]
        #[arg(long)]
        group: Option<String>,
        /// The one account that it serves, for a key of VirusTotal's public tier
        #[arg(long)]
        account: Option<String>,
        /// Try the key and register nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List the contracts
    List,
    /// Show all that is known of a contract, but its keys
    Show {
        /// The contract
        name: String,
    },
    /// Replace the key of a contract by another of the same contract, without losing a request
    ///
    /// The new key is tried and must belong to the same group at VirusTotal, is staged, and is in use from the next call on.
    /// The old one drains; once nothing with it can be under way, --remove takes it away.
    Rotate {
        /// The contract
        name: String,
        #[command(flatten)]
        key: KeyFrom,
        /// Try the new key and change nothing
        #[arg(long, conflicts_with_all = ["stage", "activate", "remove"])]
        dry_run: bool,
        /// Try and stage the new key only; it takes over at once where VirusTotal refuses the one in use
        #[arg(long, conflicts_with_all = ["activate", "remove"])]
        stage: bool,
        /// Take in use the key that was staged before, or the one of this id, as one that was replaced
        #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "")]
        #[arg(conflicts_with_all = ["remove", "key_stdin", "key_file"])]
        activate: Option<String>,
        /// Remove a key that is not in use, by its id
        #[arg(long, value_name = "ID", conflicts_with_all = ["key_stdin", "key_file"])]
        remove: Option<String>,
    },
    /// Read VirusTotal's own count of a contract now
    Reconcile {
        /// The contract
        name: String,
    },
    /// End a contract, and remove all that it has brought
    End {
        /// The contract
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Who asked for what, what it cost, and what was saved
    Report {
        /// The contract [default: the only one]
        name: Option<String>,
        /// How many UTC days, today included
        #[arg(long, value_name = "NUMBER", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=93))]
        days: u32,
    },
}

/// Where a key is read from.
#[derive(Debug, Args)]
struct KeyFrom {
    /// Read the key from standard input, as happens anyway where no file is named
    #[arg(long, conflicts_with = "key_file")]
    key_stdin: bool,
    /// The file that holds it
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl KeyFrom {
    /// The attributes that hand a key over.
    fn attributes(&self, dry_run: bool) -> anyhow::Result<Attributes> {
        let key = import::read(self.key_file.as_ref(), "assay upstream add NAME --key-stdin")?;
        Ok(Attributes::default().set("key", Some(key.as_str())).set("dry_run", dry_run.then_some(true)))
    }
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { desk, command } = arguments;
    desk.work(async |session| work(session, command).await).await
}

async fn work(session: &Session, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add { name, host, key, group, account, dry_run } => {
            let attributes =
                key.attributes(dry_run)?.set("host", Some(host)).set("group", group).set("account", account);
            let made = session.ask(&Call::post(&["upstreams"], attributes.object("upstream", Some(&name)))).await?;
            session.print(&made, |look| {
                let said = if dry_run { "The key works; nothing was registered." } else { "Registered." };
                format!("{}\n{said}", card(&made, look))
            })
        }
        Command::List => session.list(&Call::get(&["upstreams"]), COLUMNS, None).await,
        Command::Show { name } => session.show(&Call::get(&["upstreams", &name])).await,
        Command::Rotate { name, key, dry_run, stage, activate, remove } => {
            if let Some(id) = remove {
                return session
                    .change(&Call::delete(&["upstreams", &name, "keys", &id]), |_| format!("{id}: removed"))
                    .await;
            }
            if activate.is_none() {
                let data = key.attributes(dry_run)?.object("upstream_key", None);
                let staged = session.ask(&Call::post(&["upstreams", &name, "keys"], data)).await?;
                if dry_run || stage {
                    return session.print(&staged, |_| of_staged(&staged, dry_run));
                }
            }
            let data =
                Attributes::default().set("key_id", activate.filter(|id| !id.is_empty())).object("upstream", None);
            session
                .change(&Call::post(&["upstreams", &name, "activate"], data), |turned| of_turned(&name, turned))
                .await
        }
        Command::Reconcile { name } => {
            let call = Call::post(&["upstreams", &name, "reconcile"], json!({ "type": "upstream" }));
            let read = session.ask(&call).await?;
            session.print(&read, |look| card(&read, look))
        }
        Command::End { name, yes } => {
            confirm(&name, yes)?;
            let call = Call::delete(&["upstreams", &name]);
            session.change(&call, |ended| format!("{name}: ended; {} answers removed", ended["removed_answers"])).await
        }
        Command::Report { name, days } => {
            let name = match name {
                Some(name) => name,
                None => only_one(session).await?,
            };
            let call = Call::get(&["upstreams", &name, "report"]).with("days", Some(days));
            let report = session.ask(&call).await?;
            session.print(&report, |look| {
                let charts = Charts::of(&report);
                format!("{}\n\n{}", said(&name, &report), render(&charts.all(), look))
            })
        }
    }
}

async fn only_one(session: &Session) -> anyhow::Result<String> {
    let all = session.all(&Call::get(&["upstreams"]), None).await?;
    match all.as_slice() {
        [one] => Ok(one["id"].as_str().unwrap_or_default().to_owned()),
        [] => Err(Problem::local("there is no contract").mend("`assay upstream add` registers one.").into()),
        _ => Err(Problem::local("there are several contracts")
            .mend("Say which; `assay upstream list` shows them.")
            .into()),
    }
}

fn keys(contract: &Json) -> impl Iterator<Item = &Json> {
    contract["attributes"]["keys"].as_array().into_iter().flatten()
}

fn of_staged(contract: &Json, dry_run: bool) -> String {
    let staged = keys(contract).find(|key| key["state"] == "staged");
    let id = staged.and_then(|key| key["id"].as_str()).unwrap_or("the key");
    let account = staged.and_then(|key| key["upstream_account"].as_str()).unwrap_or("its account");
    let end = if dry_run { "It would be staged and taken in use; nothing was changed." } else { "It is staged." };
    format!("{id}: works, and belongs to {account} in the contract's own group. {end}")
}

fn of_turned(name: &str, contract: &Json) -> String {
    let mut lines = Vec::new();
    for key in keys(contract) {
        let id = key["id"].as_str().unwrap_or_default();
        match key["state"].as_str() {
            Some("active") => lines.push(format!("{id}: in use from now on")),
            Some("draining") => {
                let wait = key["drains_for"].as_u64().unwrap_or(0);
                lines.push(format!(
                    "{id}: calls with it may be under way for {wait} s more; then `assay upstream rotate {name} --remove \
                     {id}`, and it can be revoked at VirusTotal"
                ));
            }
            _ => {}
        }
    }
    lines.join("\n")
}

/// The report in two sentences.
fn said(name: &str, report: &Json) -> String {
    let of = |what: &str| report["total"][what].as_u64().unwrap_or(0);
    format!(
        "{name}: {asked} questions, {upstream} calls. {saved} answers cost nothing ({percent} %); {refused} were refused.",
        asked = of("asked"),
        upstream = of("upstream"),
        saved = report["saved"],
        percent = report["saved_percent"],
        refused = of("refused"),
    )
}

/// Figures as bars.
struct Charts {
    how: BTreeMap<String, u64>,
    asked: BTreeMap<String, u64>,
    upstream: BTreeMap<String, u64>,
    accounts: BTreeMap<String, u64>,
}

impl Charts {
    fn of(report: &Json) -> Self {
        let figures = |by: &str, what: &str| {
            let all = report[by].as_object().into_iter().flatten();
            all.map(|(name, figures)| (name.clone(), figures[what].as_u64().unwrap_or(0))).collect()
        };
        let how = report["total"].as_object().into_iter().flatten();
        let how =
            how.filter(|(name, _)| *name != "asked").map(|(name, count)| (name.clone(), count.as_u64().unwrap_or(0)));
        Self {
            how: how.collect(),
            asked: figures("days", "asked"),
            upstream: figures("days", "upstream"),
            accounts: figures("accounts", "upstream"),
        }
    }

    fn all(&self) -> Vec<Chart<'_>> {
        [
            ("Questions by how they were answered", &self.how, false),
            ("Questions by day", &self.asked, true),
            ("Calls to VirusTotal by day", &self.upstream, true),
            ("Calls to VirusTotal by account", &self.accounts, false),
        ]
        .into_iter()
        .filter(|(_, bars, _)| !bars.is_empty())
        .map(|(title, bars, in_order)| Chart { title, bars, in_order })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_told_in_figures_and_bars() {
        let report = json!({
            "total": { "asked": 10, "cached": 6, "upstream": 3, "refused": 1 }, "saved": 6, "saved_percent": 66,
            "days": { "2026-11-24": { "asked": 10, "upstream": 3 } }, "accounts": { "siem": { "asked": 10, "upstream": 3 } },
        });
        assert_eq!(said("vt", &report), "vt: 10 questions, 3 calls. 6 answers cost nothing (66 %); 1 were refused.");
        let charts = Charts::of(&report);
        assert_eq!(charts.how.get("cached"), Some(&6));
        assert_eq!(charts.how.get("asked"), None);
        assert_eq!(charts.all().len(), 4);
    }

    #[test]
    fn a_rotation_says_what_to_do_with_the_old_key() {
        let keys = json!([{ "id": "aa", "state": "draining", "drains_for": 20 }, { "id": "bb", "state": "active" }]);
        let text = of_turned("vt", &json!({ "attributes": { "keys": keys } }));
        assert!(text.contains("bb: in use") && text.contains("rotate vt --remove aa"), "{text}");
    }
}
