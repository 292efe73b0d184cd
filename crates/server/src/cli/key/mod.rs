//! `assay key`: API keys from their making to their end, and keys that lie about in files.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::desk::{Desk, Session};
use super::values::{Attributes, Moment, moment};
use crate::client::door::Call;
use crate::show::objects::{self, Column};

mod find;
pub(crate) mod import;

mod recipe;
mod update;

/// What `--help` ends with.
const NOTES: &str = "A key is named by its id, the 12 digits after a55a; its text is shown once, when it is made.

  assay key create --account siem --label \"SIEM, prod\" --expires 90d --network 10.0.0.0/8
  assay key rotate 3f0c5d7a9b21 --overlap 24h --retire-when-quiet 1h > new.key
  assay key clients 3f0c5d7a9b21                            # who still uses the old one
  assay key restore 3f0c5d7a9b21                            # the old one again, its successor revoked
  assay key revoke 3f0c5d7a9b21                             # refused within a second
  assay key list --account siem
  assay key show 3f0c5d7a9b21 --format json
  assay key import --account siem < old.key                 # a key that clients have already
  assay key recipe wazuh > soc.toml                         # a plan to begin with
  assay key update --plan soc.toml                          # a new key wherever the old one is in use
  assay key find ~ /etc                                     # keys that lie about in files";

/// What a list shows.
const COLUMNS: &[Column] = &[
    Column("Id", "id"),
    Column("State", "state"),
    Column("Label", "label"),
    Column("Made", "creation_date"),
    Column("Works until", "sunset_date|expiration_date"),
    Column("Last used", "last_use_date"),
    Column("From", "last_use_ip"),
    Column("Successor", "successor"),
    Column("Safe to revoke", "safe_to_revoke"),
];

/// API keys.
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
    /// Make a key and print it, once
    Create {
        /// The account that it opens
        #[arg(long)]
        account: String,
        #[command(flatten)]
        about: About,
    },
    /// List the keys of an account, without their secrets
    List {
        /// The account
        #[arg(long)]
        account: String,
    },
    /// Show all that is known of a key, but its secret
    Show {
        /// The key's id
        id: String,
    },
    /// Make a successor and print it, once; the old key works on for a while
    Rotate {
        /// The id of the key to be replaced
        id: String,
        /// How long the old key works on, up to 30d [default: 24h]
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, conflicts_with = "now")]
        overlap: Option<Duration>,
        /// End the old key once it was quiet for so long and the new one was used
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, conflicts_with = "now")]
        retire_when_quiet: Option<Duration>,
        /// End the old key at once
        #[arg(long)]
        now: bool,
    },
    /// Make a retiring key active again, and revoke its successor
    Restore {
        /// The id of the retiring key
        id: String,
    },
    /// Revoke a key; refused within a second, for good
    Revoke {
        /// The key's id
        id: String,
    },
    /// Put a new key wherever a plan says that the old one is in use; or change what is known of a key
    #[command(visible_alias = "upd")]
    Update(Box<update::Arguments>),
    /// Print a plan to begin with, for `update --plan`: for Wazuh, `OpenCTI`, vt-cli and others
    Recipe(recipe::Arguments),
    /// Who uses a key: address and program, with counts
    Clients {
        /// The key's id
        id: String,
    },
    /// Take in a key that clients have already, from standard input or a file; only its hash is kept
    Import(import::Arguments),
    /// Find keys in files and folders
    Find(find::Arguments),
}

/// What may be said of a key.
#[derive(Debug, Args)]
struct About {
    /// What it is for, for people
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// When it ends: 90d, 2027-01-31 [default: never]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    expires: Option<Moment>,
    /// It works from these networks only: 10.0.0.0/8; may be repeated
    #[arg(long, value_name = "CIDR")]
    network: Vec<String>,
    /// It may do no more than this, of what its account may do; may be repeated
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    privilege: Vec<String>,
}

impl About {
    fn is_empty(&self) -> bool {
        self.label.is_none() && self.expires.is_none() && self.network.is_empty() && self.privilege.is_empty()
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
            .set("label", self.label.clone())
            .set("expiration_date", self.expires.map(Moment::seconds))
            .list("allowed_networks", &self.network)
            .list("privileges", &self.privilege)
    }
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { desk, command } = arguments;
    if let Command::Find(arguments) = command {
        return find::run(arguments, &desk).await;
    }
    if let Command::Update(arguments) = command {
        return update::run(*arguments, desk).await;
    }
    if let Command::Recipe(arguments) = command {
        return recipe::run(&arguments, desk.output()).map(|()| ExitCode::SUCCESS);
    }
    desk.work(async |session| work(session, command).await).await
}

async fn work(session: &Session, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create { account, about } => {
            let account = session.account(&account).await?;
            let data = about.attributes().object("api_key", None);
            let made = session.ask(&Call::post(&["users", &account, "api_keys"], data)).await?;
            session.reveal(&made, "key", &format!("the key {} of {account}; it is shown this once", id_of(&made)))
        }
        Command::List { account } => session.list(&Call::get(&["users", &account, "api_keys"]), COLUMNS, None).await,
        Command::Show { id } => session.show(&Call::get(&["api_keys", &id])).await,
        Command::Rotate { id, overlap, retire_when_quiet, now } => {
            let overlap = if now { Some(Duration::ZERO) } else { overlap };
            let attributes = Attributes::default()
                .set("overlap", overlap.map(|time| time.as_secs()))
                .set("retire_when_quiet", retire_when_quiet.map(|time| time.as_secs()));
            let made =
                session.ask(&Call::post(&["api_keys", &id, "rotate"], attributes.object("api_key", None))).await?;
            session.reveal(&made, "key", &format!("the key {}, successor of {id}; it is shown this once", id_of(&made)))
        }
        Command::Restore { id } => {
            let call = Call::post(&["api_keys", &id, "restore"], json!({ "type": "api_key" }));
            session.change(&call, |_| format!("{id}: active again; its successor is revoked")).await
        }
        Command::Revoke { id } => {
            let call = Call::post(&["api_keys", &id, "revoke"], json!({ "type": "api_key" }));
            session.change(&call, |key| format!("{id}{}: revoked", of_account(key))).await
        }
        Command::Clients { id } => clients(session, &id).await,
        Command::Import(arguments) => import::run(arguments, session).await,
        Command::Find(_) | Command::Update(_) | Command::Recipe(_) => {
            unreachable!("they need no door, or open it themselves")
        }
    }
}

/// Who uses a key. The entries are no objects, so they are dressed as such.
async fn clients(session: &Session, id: &str) -> anyhow::Result<()> {
    let data = session.ask(&Call::get(&["api_keys", id, "clients"])).await?;
    let dress = |entry: &Json| {
        let days = entry["days"].as_object();
        let last = days.and_then(|days| days.keys().max().cloned());
        json!({ "attributes": { "client": entry["client"], "count": entry["count"], "days": entry["days"], "last_day": last } })
    };
    let entries: Vec<_> = data.as_array().into_iter().flatten().map(dress).collect();
    session.rows(&entries, &[Column("Client", "client"), Column("Requests", "count"), Column("Last day", "last_day")])
}

fn id_of(key: &Json) -> String {
    key["id"].as_str().unwrap_or_default().to_owned()
}

fn of_account(key: &Json) -> String {
    objects::value(key, "account").and_then(Json::as_str).map_or_else(String::new, |account| format!(" of {account}"))
}
