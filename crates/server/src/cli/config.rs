//! `assay config`: what the server would run with, before it does.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::config::{self, Loaded};

/// What `--help` ends with.
const NOTES: &str = "  assay config check --config /etc/assay.toml
  ASSAY_LISTEN=0.0.0.0:8443 assay config show

Later ones win: defaults, the file, the environment (ASSAY_SECTION__KEY). Secrets are not printed.";

/// The configuration.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(crate) struct Arguments {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Report all mistakes at once
    Check,
    /// Print the result with the origin of each value that is not the default
    Show,
}

/// Runs it.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Loaded { config, origins } = config::load(arguments.config.as_deref(), &[])?;
    match arguments.command {
        Command::Check => println!("the configuration is fine"),
        Command::Show => {
            print!("{}", toml::to_string(&config)?);
            for (key, origin) in origins {
                println!("# {key}: from {origin}");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
