//! `assay webhook`: who is told of events, and what became of it.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::desk::{Desk, Session};
use super::values::Attributes;
use crate::client::door::Call;
use crate::client::problem::Problem;
use crate::show::objects::{Column, card};

/// What `--help` ends with.
const NOTES: &str = "Deliveries are signed as the Standard Webhooks specification has it; the secret (whsec_…) is shown once. Events: key.created \
key.rotated key.expiring key.expired key.revoked key.exposed quota.threshold quota.exhausted account.tier_changed \
account.request_opened account.request_decided.

  assay webhook add https://hooks.example.org/assay --event key.expiring --event quota.threshold
  assay webhook list
  assay webhook show 5d20
  assay webhook update 5d20 --status disabled
  assay webhook deliveries 5d20 --status dead
  assay webhook replay 81c7
  assay webhook remove 5d20";

/// What a list shows.
const COLUMNS: &[Column] = &[
    Column("Id", "id"),
    Column("Status", "status"),
    Column("URL", "url"),
    Column("Label", "label"),
    Column("Group", "group"),
    Column("Events", "events"),
];

/// What a list of deliveries shows.
const DELIVERIES: &[Column] = &[
    Column("Id", "id"),
    Column("Event", "event"),
    Column("Date", "date"),
    Column("Status", "status"),
    Column("Attempts", "attempts"),
    Column("Last answer", "last_status"),
    Column("Last error", "last_error"),
    Column("Next", "next_attempt_date"),
];

/// Webhooks.
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
    /// Have events sent to an address, and print the secret that signs them, once
    Add {
        /// https://…; addresses of inner networks only where the server allows them
        url: String,
        #[command(flatten)]
        about: About,
        /// Only what concerns this group
        #[arg(long)]
        group: Option<String>,
    },
    /// List the webhooks
    List,
    /// Show all that is known of a webhook, but its secret
    Show {
        /// Its id
        id: String,
    },
    /// Change a webhook
    Update {
        /// Its id
        id: String,
        /// Where it goes from now on
        #[arg(long)]
        url: Option<String>,
        #[command(flatten)]
        about: About,
        /// Whether events are sent: active or disabled
        #[arg(long, value_parser = ["active", "disabled"])]
        status: Option<String>,
    },
    /// Remove a webhook; what was not delivered yet is not
    Remove {
        /// Its id
        id: String,
    },
    /// What became of its events, newest first
    Deliveries {
        /// Its id
        id: String,
        /// Only these
        #[arg(long, value_parser = ["pending", "delivered", "dead"])]
        status: Option<String>,
        /// How many
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        limit: usize,
    },
    /// Send a dead letter again
    Replay {
        /// The id of the delivery
        delivery: String,
    },
}

/// What a webhook is for.
#[derive(Debug, Args)]
struct About {
    /// An event to be told of; may be repeated
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    event: Vec<String>,
    /// What it is for, for people
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
}

impl About {
    fn attributes(self) -> Attributes {
        Attributes::default().list("events", &self.event).set("label", self.label)
    }
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { desk, command } = arguments;
    desk.work(async |session| work(session, command).await).await
}

async fn work(session: &Session, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add { url, about, group } => {
            if about.event.is_empty() {
                return Err(Problem::local("say which events").mend("--event key.expiring; --help lists them.").into());
            }
            let data = about.attributes().set("url", Some(url.as_str())).set("group", group).object("webhook", None);
            let made = session.ask(&Call::post(&["webhooks"], data)).await?;
            let id = made["id"].as_str().unwrap_or_default();
            session.reveal(
                &made,
                "secret",
                &format!("the secret of webhook {id}, which signs what goes to {url}; it is shown this once"),
            )
        }
        Command::List => session.list(&Call::get(&["webhooks"]), COLUMNS, None).await,
        Command::Show { id } => session.show(&Call::get(&["webhooks", &id])).await,
        Command::Update { id, url, about, status } => {
            let attributes = about.attributes().set("url", url).set("status", status);
            let hook = session.ask(&Call::patch(&["webhooks", &id], attributes.change("webhook", &id)?)).await?;
            session.print(&hook, |look| card(&hook, look))
        }
        Command::Remove { id } => session.change(&Call::delete(&["webhooks", &id]), |_| format!("{id}: removed")).await,
        Command::Deliveries { id, status, limit } => {
            let filter = status.map(|status| format!("status:{status}"));
            let call = Call::get(&["webhooks", &id, "deliveries"]).with("filter", filter);
            session.list(&call, DELIVERIES, Some(limit)).await
        }
        Command::Replay { delivery } => {
            let call = Call::post(
                &["webhook_deliveries", &delivery, "replay"],
                serde_json::json!({ "type": "webhook_delivery" }),
            );
            session.change(&call, |_| format!("{delivery}: to be sent again")).await
        }
    }
}
