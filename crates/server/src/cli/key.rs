//! `assay key`: API keys, on the data folder itself; a running server sees the change at once.

use std::process::ExitCode;

use assay_api::accounts;
use assay_model::clock::{Clock as _, System};
use clap::{Args, Subcommand};
use serde_json::json;

use super::user::Folder;
use crate::installation::SystemRandom;

/// API keys.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    folder: Folder,
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
    },
    /// List the keys of an account, without their secrets
    List {
        /// The account
        #[arg(long)]
        account: String,
    },
    /// Revoke a key; refused from then on
    Revoke {
        /// The key's id: 12 hexadecimal digits
        id: String,
    },
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let folder = &arguments.folder;
    let installation = folder.open().await?;
    let store = &*installation.store;
    match arguments.command {
        Command::Create { account } => {
            let now = System.now();
            let issued = accounts::create_key(store, &account, &installation.pepper, &SystemRandom, now).await?;
            let key = issued.reveal();
            let document = json!({ "key": *key, "id": issued.id().to_string(), "account": account });
            folder.print(&key, &document);
        }
        Command::List { account } => {
            let (mut lines, mut documents) = (vec![format!("{:<14} {:<20} revoked", "id", "made")], Vec::new());
            for (id, key) in accounts::keys(store, &account).await? {
                let revoked = key.revocation_date.map_or("no".to_owned(), assay_model::Timestamp::text);
                lines.push(format!("{id:<14} {:<20} {revoked}", key.creation_date.text()));
                documents.push(json!({ "id": id, "account": key.account, "creation_date": key.creation_date,
                                       "revocation_date": key.revocation_date }));
            }
            folder.print(&lines.join("\n"), &documents.into());
        }
        Command::Revoke { id } => {
            let key = accounts::revoke_key(store, &id, System.now()).await?;
            let document = json!({ "id": id, "account": key.account, "revocation_date": key.revocation_date });
            folder.print(&format!("{id} of {}: revoked", key.account), &document);
        }
    }
    Ok(ExitCode::SUCCESS)
}
