//! The command line: one file a command.

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::client::indicator::Sort;

pub(crate) mod analysis;
pub(crate) mod audit;
pub(crate) mod collection;
pub(crate) mod comment;
pub(crate) mod config;
pub(crate) mod demo;
mod desk;
pub(crate) mod doctor;
mod each;
mod examples;
pub(crate) mod file;
pub(crate) mod graph;
pub(crate) mod group;
mod indicator;
pub(crate) mod key;
mod local;
pub(crate) mod quota;
pub(crate) mod reference;
pub(crate) mod request;
pub(crate) mod scan;
mod secrets;
pub(crate) mod serve;
pub(crate) mod service_account;
mod store;
pub(crate) mod tier;
pub(crate) mod upstream;
pub(crate) mod usage;
pub(crate) mod user;
mod values;
pub(crate) mod vote;
pub(crate) mod webhook;

/// A threat-intelligence server that speaks VirusTotal's API v3, and its tools.
#[derive(Debug, Parser)]
#[command(name = "assay", version, propagate_version = true, arg_required_else_help = true)]
#[command(
    after_help = "Start with `assay demo`, then `assay serve`. Exit status: 0 fine, 1 something was found (malicious \
                        files, keys, what wants a mend), 2 error."
)]
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
    /// Scan files, folders, standard input or URLs
    Scan(scan::Arguments),
    /// Show the report of a file by its hash
    File(file::Arguments),
    /// Show, scan and relate URLs
    Url(indicator::Arguments),
    /// Show, scan and relate domains
    Domain(indicator::Arguments),
    /// Show, scan and relate IP addresses
    Ip(indicator::Arguments),
    /// Show an analysis by its id
    Analysis(analysis::Arguments),
    /// What people say about objects: read, write, remove
    Comment(comment::Arguments),
    /// Call an object harmless or malicious
    Vote(vote::Arguments),
    /// Collections: make, fill, share as a file
    Collection(collection::Arguments),
    /// Graphs: list, keep, share with users and groups
    Graph(graph::Arguments),
    /// Find what keeps clients from a server, with the mend
    Doctor(doctor::Arguments),
    /// Accounts of people: create, list, move to another tier, grant privileges
    User(user::Arguments),
    /// Groups: members, administrators, roles, caps
    Group(group::Arguments),
    /// Accounts of machines
    ServiceAccount(service_account::Arguments),
    /// API keys: create, rotate, revoke, import, find
    Key(key::Arguments),
    /// Tiers: sets of privileges and limits
    Tier(tier::Arguments),
    /// Ask for more, and decide on it
    Request(request::Arguments),
    /// What is used up
    Quota(quota::Arguments),
    /// What was asked of the API, by day, endpoint and account
    Usage(usage::Arguments),
    /// Who did what
    Audit(audit::Arguments),
    /// Who is told of events
    Webhook(webhook::Arguments),
    /// Contracts with VirusTotal: add, rotate keys, report, end
    Upstream(upstream::Arguments),
    /// Move an installation from one store to another
    Store(store::Arguments),
    /// The configuration: check it, show it with the origin of each value
    Config(config::Arguments),
    /// Write the reference documentation and openapi.json
    Reference(reference::Arguments),
}

impl Assay {
    /// Reads the command line; ends the process where it is not understood or holds a secret.
    pub(crate) fn read() -> Self {
        let arguments: Vec<_> = std::env::args_os().collect();
        if let Some(why) = secrets::refusal(&arguments) {
            Self::command().error(ErrorKind::ArgumentConflict, why).exit();
        }
        let read = examples::handed_down(Self::command()).get_matches_from(arguments);
        Self::from_arg_matches(&read).unwrap_or_else(|error| error.exit())
    }

    /// Runs the command.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Serve(arguments) => serve::run(arguments).await,
            Command::Demo(arguments) => demo::run(arguments).await,
            Command::Scan(arguments) => scan::run(arguments).await,
            Command::File(arguments) => file::run(arguments).await,
            Command::Url(arguments) => indicator::run(Sort::Url, arguments).await,
            Command::Domain(arguments) => indicator::run(Sort::Domain, arguments).await,
            Command::Ip(arguments) => indicator::run(Sort::Ip, arguments).await,
            Command::Analysis(arguments) => analysis::run(arguments).await,
            Command::Comment(arguments) => comment::run(arguments).await,
            Command::Vote(arguments) => vote::run(arguments).await,
            Command::Collection(arguments) => collection::run(arguments).await,
            Command::Graph(arguments) => graph::run(arguments).await,
            Command::Doctor(arguments) => doctor::run(arguments).await,
            Command::User(arguments) => user::run(arguments).await,
            Command::Group(arguments) => group::run(arguments).await,
            Command::ServiceAccount(arguments) => service_account::run(arguments).await,
            Command::Key(arguments) => key::run(arguments).await,
            Command::Tier(arguments) => tier::run(arguments).await,
            Command::Request(arguments) => request::run(arguments).await,
            Command::Quota(arguments) => quota::run(arguments).await,
            Command::Usage(arguments) => usage::run(arguments).await,
            Command::Audit(arguments) => audit::run(arguments).await,
            Command::Webhook(arguments) => webhook::run(arguments).await,
            Command::Upstream(arguments) => upstream::run(arguments).await,
            Command::Store(arguments) => store::run(arguments).await,
            Command::Config(arguments) => config::run(&arguments),
            Command::Reference(arguments) => reference::run(&arguments),
        }
    }
}
