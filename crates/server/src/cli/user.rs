//! `assay user`: accounts, on the data folder itself; a running server sees the change at once.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use assay_api::accounts;
use assay_model::clock::{Clock as _, System};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value as Json, json};
use toml::Value;

use crate::config::{self, Config};
use crate::installation::{self, Installation};

/// Which installation.
#[derive(Debug, Args)]
pub(crate) struct Folder {
    /// The data folder of the server [default: ASSAY_DATA, else in your home]
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// The configuration file of the server
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// A table for eyes or a JSON document for programs
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(crate) format: Format,
}

/// How a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For eyes.
    #[default]
    Table,
    /// For programs.
    Json,
}

impl Folder {
    /// The configuration that names the folder.
    pub(crate) fn load(&self) -> anyhow::Result<Config> {
        let mut flags = Vec::new();
        if let Some(data) = &self.data {
            let data = data.to_str().context("the data folder's name is not UTF-8")?;
            flags.push(("data", Value::String(data.to_owned())));
        }
        Ok(config::load(self.config.as_deref(), &flags)?.config)
    }

    /// Opens the installation.
    pub(crate) async fn open(&self) -> anyhow::Result<Installation> {
        installation::open_existing(&self.load()?).await
    }

    /// Prints lines for eyes or a document for programs.
    pub(crate) fn print(&self, lines: &str, document: &Json) {
        match self.format {
            Format::Table => println!("{lines}"),
            Format::Json => println!("{document:#}"),
        }
    }
}

/// Accounts.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    folder: Folder,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make an account
    Create {
        /// Letters, digits, dots, underscores, hyphens
        name: String,
        /// public: 4 requests a minute, basic attributes; premium: your limits, all attributes
        #[arg(long, default_value = "public")]
        tier: String,
    },
    /// List the accounts
    List,
    /// Change an account; holds on its next request
    Update {
        /// The account
        name: String,
        /// The tier to move it to
        #[arg(long)]
        tier: String,
    },
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let folder = &arguments.folder;
    let store = folder.open().await?.store;
    match arguments.command {
        Command::Create { name, tier } => {
            let user = accounts::create_user(&*store, &name, &tier, System.now()).await?;
            let next = format!("{name}: {tier}; give it a key with `assay key create --account {name}`");
            folder.print(&next, &json!({ "name": name, "tier": user.tier.name, "user_since": user.user_since }));
        }
        Command::Update { .. } | Command::List => anyhow::bail!("not yet"),
    }
    Ok(ExitCode::SUCCESS)
}
