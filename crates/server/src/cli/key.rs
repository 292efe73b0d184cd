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
        Command::List { .. } | Command::Revoke { .. } => anyhow::bail!("not yet"),
    }
    Ok(ExitCode::SUCCESS)
}
