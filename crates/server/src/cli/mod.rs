//! The command line: one file a command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub(crate) mod analysis;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod file;
pub(crate) mod key;
pub(crate) mod reference;
pub(crate) mod scan;
pub(crate) mod serve;
pub(crate) mod user;

/// A threat-intelligence server that speaks VirusTotal's API v3, and its tools.
#[derive(Debug, Parser)]
#[command(name = "assay", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Start with `assay demo`, then `assay serve`. Exit status: 0 fine, 1 something malicious was \
                        found, 2 error.")]
pub(crate) struct Assay {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Arguments),
    /// See it work: a temporary server scans a few harmless files
    Demo(demo::Arguments),
    /// Scan files, folders or standard input
    Scan(scan::Arguments),
    /// Show the report of a file by its hash
    File(file::Arguments),
    /// Show an analysis by its id
    Analysis(analysis::Arguments),
    /// Find what keeps clients from a server, with the mend
    Doctor(doctor::Arguments),
    /// Accounts: create, list, move to another tier
    User(user::Arguments),
    /// API keys: create, list, revoke
    Key(key::Arguments),
    /// The configuration: check it, show it with the origin of each value
    Config(config::Arguments),
    /// Write the reference documentation and openapi.json
    Reference(reference::Arguments),
}

impl Assay {
    /// Runs the command.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Serve(arguments) => serve::run(arguments).await,
            Command::Demo(arguments) => demo::run(arguments).await,
            Command::Scan(arguments) => scan::run(arguments).await,
            Command::File(arguments) => file::run(arguments).await,
            Command::Analysis(arguments) => analysis::run(arguments).await,
            Command::Doctor(arguments) => doctor::run(arguments).await,
            Command::User(arguments) => user::run(arguments).await,
            Command::Key(arguments) => key::run(arguments).await,
            Command::Config(arguments) => config::run(&arguments),
            Command::Reference(arguments) => reference::run(&arguments),
        }
    }
}
