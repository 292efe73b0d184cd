//! How long a revoked key is still let in: on the node that revoked it, and on another one over the same store.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use assay_benches::arguments::Arguments;
use assay_benches::server::{self, Server};
use serde_json::Value;

const HELP: &str = "\
revoke: the time from the answer to a revocation to the last request that the revoked key was still let in with

Each round makes a key, calls without pause with it, revokes it with another key, and looks when the last request was sent
that was not refused. Calls go to the node that revokes; with --store to a second node over the same PostgreSQL.

  --rounds N     keys (default 200)
  --store URL    an empty PostgreSQL database (for trying it, `assay-test-postgres` starts one and prints its URL)
  --assay PATH   the server (default: `assay` beside this program)";

/// The calls that are made: the cheapest with a key.
const CALL: &str = "/api/v3/metadata";
/// How long a key is used before it is revoked.
const USED: Duration = Duration::from_millis(20);
/// A key that is let in for longer is a fault.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> Result<()> {
    let mut arguments = Arguments::read(HELP);
    let rounds = arguments.value("--rounds", 200_usize)?.max(1);
    let store: Option<String> = arguments.optional("--store")?;
    let assay: PathBuf = server::binary(arguments.optional("--assay")?)?;
    arguments.done()?;
    let folder = tempfile::tempdir()?;
    let configuration = store.as_ref().map_or(String::new(), |url| format!("store = {url:?}\n"));
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    fs::create_dir_all(&first)?;
    let revoking = Server::start(&assay, &first, &configuration)?;
    let other = if store.is_some() {
        // Nodes of one installation have one pepper.
        fs::create_dir_all(second.join("data"))?;
        fs::copy(first.join("data/pepper"), second.join("data/pepper"))?;
        fs::copy(revoking.key_file(), second.join("operator.key"))?;
        Some(Server::start(&assay, &second, &configuration)?)
    } else {
        None
    };
    let called = other.as_ref().unwrap_or(&revoking);
    let mut times = (0..rounds).map(|_| round(&revoking, called)).collect::<Result<Vec<_>>>()?;
    times.sort_unstable();
    let at = |hundredths: usize| times[(times.len() * hundredths / 100).min(times.len() - 1)].as_secs_f64() * 1000.0;
    let nodes = if other.is_some() { "two nodes over one PostgreSQL" } else { "one node" };
    println!("{rounds} keys, {nodes}; a revoked key was let in for, in ms after the revocation was answered:");
    println!("median {:.1}   p99 {:.1}   longest {:.1}", at(50), at(99), at(100));
    Ok(())
}

/// One key from its making to its refusal.
fn round(revoking: &Server, called: &Server) -> Result<Duration> {
    let operator = revoking.key()?;
    let (status, body) = revoking.ask("POST", "/api/v3/users/operator/api_keys", Some(&operator))?;
    let document: Value = serde_json::from_slice(&body).context("a key is answered with JSON")?;
    if status != 200 {
        bail!("no key was made: {status} {document}");
    }
    let secret = document["data"]["attributes"]["key"].as_str().context("the answer has the key")?.to_owned();
    let address = format!("/api/v3/api_keys/{}", document["data"]["id"].as_str().context("the answer has an id")?);
    let (admitted, first) = mpsc::channel();
    std::thread::scope(|scope| {
        let calls = scope.spawn(|| last_admitted(called, &secret, &admitted));
        // On a busy machine that takes longer than the use itself.
        let _the_calls_say_why_they_ended = first.recv_timeout(PATIENCE);
        std::thread::sleep(USED);
        let (status, body) = revoking.ask("DELETE", &address, Some(&operator))?;
        let revoked = Instant::now();
        if status != 200 {
            bail!("the key was not revoked: {status} {}", String::from_utf8_lossy(&body));
        }
        let last = calls.join().map_err(|_| anyhow::anyhow!("the calls ended with a panic"))??;
        Ok(last.saturating_duration_since(revoked))
    })
}

/// Calls until the key is refused; answers when the last call was sent that was not, and says so when the first came back.
fn last_admitted(server: &Server, key: &str, admitted: &mpsc::Sender<()>) -> Result<Instant> {
    let began = Instant::now();
    let mut last = None;
    while began.elapsed() < PATIENCE {
        let sent = Instant::now();
        match server.get(CALL, Some(key))? {
            (200, _) => {
                last = Some(sent);
                let _once_is_enough = admitted.send(());
            }
            // A node that has not heard of the new key refuses it too.
            (401, _) if last.is_none() => {}
            (401, _) => return last.context("the key was let in at least once"),
            (status, body) => bail!("{CALL}: {status} {}", String::from_utf8_lossy(&body)),
        }
    }
    bail!("the key was not refused within {PATIENCE:?}")
}
