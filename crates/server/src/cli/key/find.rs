//! `assay key find PATH…`: keys that lie about in files, and whether they still open anything.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use bytesize::ByteSize;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::super::desk::{Desk, Place};
use crate::client::connection;
use crate::client::doctor;
use crate::client::door::{Call, Door as _};
use crate::client::live::{self, State};
use crate::client::plain::plain;
use crate::client::problem::Problem;
use crate::client::{Client, Watch as _};
use crate::find::{self, Harvest, Limits, Sought};
use crate::show::output::{complain, print, print_json};
use crate::show::{Format, Tally, places};

/// Exit status: keys were found.
const FOUND: u8 = 1;

/// Exit status: not everything could be looked at.
const FAILED: u8 = 2;

/// How much of a place the server is told, characters.
const PLACE_MAX: usize = 250;

/// What `--help` ends with.
const NOTES: &str = "Assay's keys are told by their marker and checksum, wherever they stand, also in Base64, UTF-16 and binary files. \
Other 64 hexadecimal digits are any SHA-256's as well: they are told as possible where a word such as vt, virustotal or \
apikey is on the line or the two before, or with --all. Folders are searched with hidden and ignored files; links are \
not followed; archives and git objects are not unpacked. No key is printed whole.

  assay key find ~ /etc
  git log -p --all | assay key find -
  assay key find . --check --server https://assay.example   # asks the server about each, with that key
  assay key find . --report --server https://assay.example  # and tells the owners of live ones where they lie

Exit status:
  0  no key was found
  1  keys were found
  2  something could not be looked at, whatever else was found";

/// Where to look.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Arguments {
    /// Files and folders; - is standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Tell any 64 hexadecimal digits, wherever they stand
    #[arg(long)]
    all: bool,
    /// Ask the server (--server or ASSAY_SERVER) which are live: each key is shown to it once
    #[arg(long)]
    check: bool,
    /// Ask as --check does, and report live keys of Assay to the server: its webhooks hear `key.exposed` with the place
    #[arg(long)]
    report: bool,
    /// Pass over larger files
    #[arg(long, value_name = "SIZE", default_value = "1 GiB")]
    max_size: ByteSize,
    /// Show keys to the server even over plain HTTP to another machine
    #[arg(long)]
    insecure_http: bool,
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments, desk: &Desk) -> anyhow::Result<ExitCode> {
    let sought = if arguments.all { Sought::Everything } else { Sought::Likely };
    let at_once = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let limits = Limits { sought, size: arguments.max_size.as_u64(), at_once };
    let progress = Arc::new(Tally::new());
    let (paths, watch) = (arguments.paths.clone(), progress.clone());
    let harvest = tokio::task::spawn_blocking(move || find::search(&paths, &limits, &*watch)).await?;
    let asked = arguments.check || arguments.report;
    let states = if asked { check(&harvest, &arguments, desk.place(), &progress).await? } else { BTreeMap::new() };
    progress.finish();
    let output = desk.output();
    match output.format {
        Format::Json => print_json(&places::documents(&harvest.found, &states))?,
        Format::Table if harvest.found.is_empty() => {}
        Format::Table => print(&places::lines(&harvest.found, &states, output.colours.look()))?,
    }
    for passed in &harvest.passed {
        complain(&Problem::local(format!("{}: {}", passed.path, passed.why)));
    }
    progress.notice(&places::sum(&harvest));
    Ok(match (harvest.passed.iter().any(|passed| passed.failed), harvest.found.is_empty()) {
        (true, _) => ExitCode::from(FAILED),
        (false, false) => ExitCode::from(FOUND),
        (false, true) => ExitCode::SUCCESS,
    })
}

/// Tells the server where one of its keys lies, with that key.
async fn report(client: &Client, id: &str, found: &find::Found) -> Result<(), Problem> {
    let place = format!("{}:{}", plain(&found.path), found.hit.line);
    let place: String = place.chars().take(PLACE_MAX).collect();
    let data = json!({ "type": "api_key", "attributes": { "where": place } });
    client.call(&Call::post(&["api_keys", id, "exposed"], data)).await.map(drop)
}

/// Asks the server about each key once, with that key.
async fn check(
    harvest: &Harvest,
    arguments: &Arguments,
    place: &Place,
    progress: &Arc<Tally>,
) -> anyhow::Result<BTreeMap<String, State>> {
    let Some(server) = place.server()? else {
        return Err(Problem::local("--check and --report need a server to ask")
            .mend("Name it with --server or ASSAY_SERVER.")
            .into());
    };
    if server.is_plain() && !server.is_loopback() && !arguments.insecure_http {
        let other = server.with_the_other_scheme();
        return Err(Problem::local(format!("{server} would be shown keys in the clear"))
            .mend(format!("Name it as {other}, or say --insecure-http in a network that you trust."))
            .into());
    }
    let authorities = place.authority().map(connection::authorities).transpose()?.unwrap_or_default();
    let mut states = BTreeMap::new();
    for found in &harvest.found {
        let secret = &found.hit.secret;
        if states.contains_key(secret.expose_secret()) {
            continue;
        }
        // VirusTotal need not know ours.
        let state = if matches!(found.hit.what, find::What::Assay(_)) && doctor::is_virustotal(&server) {
            State::NotAsked
        } else {
            let key = SecretString::from(secret.expose_secret());
            let client = Client::new(server.clone(), key, authorities.clone(), progress.clone())?;
            let state = live::state(&client).await?;
            if let (true, State::Live(_), find::What::Assay(id)) = (arguments.report, &state, &found.hit.what) {
                report(&client, &id.to_string(), found).await?;
            }
            state
        };
        states.insert(secret.expose_secret().to_owned(), state);
    }
    Ok(states)
}
