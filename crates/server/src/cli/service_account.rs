//! `assay service-account`: accounts of machines, each in a group.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::desk::{Desk, Session};
use super::group::{cap, of_member};
use super::user::confirm;
use super::values::limit;
use crate::client::door::Call;
use crate::client::problem::Problem;
use crate::show::objects::Column;
use crate::show::table;

/// What `--help` ends with.
const NOTES: &str =
    "Its id is the group's name, an underscore and the name: the service account siem of the group soc is soc_siem.

  assay service-account create siem --group soc
  assay key create --account soc_siem
  assay service-account list --group soc
  assay service-account show soc_siem
  assay service-account roles soc_siem USER_ROLE_FILE_UPLOADS
  assay service-account cap soc_siem 5000
  assay service-account delete soc_siem";

/// What a list shows.
const COLUMNS: &[Column] = &[
    Column("Id", "id"),
    Column("Status", "status"),
    Column("Roles", "roles"),
    Column("Daily cap", "quota_limits.api_requests_daily.allowed"),
    Column("Since", "user_since"),
];

/// Accounts of machines.
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
    /// Make a service account
    Create {
        /// Its name inside the group
        name: String,
        /// The group that it belongs to and draws from
        #[arg(long)]
        group: String,
    },
    /// List the service accounts of a group, or of all groups
    List {
        /// Only of this group
        #[arg(long)]
        group: Option<String>,
    },
    /// Show all that is known of a service account
    Show {
        /// Its id
        id: String,
    },
    /// Delete a service account with its keys
    Delete {
        /// Its id
        id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Set its roles; they replace what was there
    Roles {
        /// Its id
        id: String,
        /// Such as `USER_ROLE_FILE_UPLOADS`
        #[arg(value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// Cap the requests that it may take from the group's pool in a UTC day
    Cap {
        /// Its id
        id: String,
        /// A number, or unlimited
        #[arg(value_name = "NUMBER", value_parser = limit)]
        daily: u64,
    },
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { desk, command } = arguments;
    desk.work(async |session| match command {
        Command::Create { name, group } => {
            let data = json!([{ "type": "service_account", "id": name }]);
            let made = session.ask(&Call::post(&["groups", &group, "relationships", "service_accounts"], data)).await?;
            // The relationship answers a list.
            let made = made.as_array().and_then(|list| list.first()).unwrap_or(&made).clone();
            let id = made["id"].as_str().map_or_else(|| format!("{group}_{name}"), str::to_owned);
            session.print(&made, |_| format!("{id}; give it a key with `assay key create --account {id}`"))
        }
        Command::List { group } => {
            let groups = match group {
                Some(group) => vec![group],
                None => ids(&session.all(&Call::get(&["groups"]), None).await?),
            };
            let mut found = Vec::new();
            for group in groups {
                found.append(&mut session.all(&Call::get(&["groups", &group, "service_accounts"]), None).await?);
            }
            session.rows(&found, COLUMNS)
        }
        Command::Show { id } => {
            let id = session.account(&id).await?;
            session.show(&Call::get(&["service_accounts", &id])).await
        }
        Command::Delete { id, yes } => {
            let id = session.account(&id).await?;
            confirm(&id, yes)?;
            session.change(&Call::delete(&["service_accounts", &id]), |_| format!("{id}: deleted")).await
        }
        Command::Roles { id, roles } => {
            let id = session.account(&id).await?;
            let group = group_of(session, &id).await?;
            let call = of_member(&group, "service_account", &id, &json!({ "roles": roles }));
            session
                .change(&call, |_| {
                    format!("{id}: {}", if roles.is_empty() { "no roles".to_owned() } else { roles.join(", ") })
                })
                .await
        }
        Command::Cap { id, daily } => {
            let id = session.account(&id).await?;
            let group = group_of(session, &id).await?;
            let call = of_member(&group, "service_account", &id, &cap(daily));
            session.change(&call, |_| format!("{id} may make {} requests a day", table::limit(daily))).await
        }
    })
    .await
}

fn ids(objects: &[Json]) -> Vec<String> {
    objects.iter().filter_map(|object| object["id"].as_str()).map(str::to_owned).collect()
}

/// The group that a service account belongs to.
async fn group_of(session: &Session, id: &str) -> Result<String, Problem> {
    let groups = session.all(&Call::get(&["service_accounts", id, "relationships", "groups"]), Some(1)).await?;
    ids(&groups).into_iter().next().ok_or_else(|| Problem::local(format!("{id} is in no group that you can see")))
}
