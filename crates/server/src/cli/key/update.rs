//! `assay key update`: a new key wherever a plan says that the old one is in use; or, with an id, what is known of a key.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;
use assay_model::random::Random as _;
use clap::Args;
use secrecy::SecretString;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::super::desk::{Desk, Session};
use super::{About, import};
use crate::client::door::Call;
use crate::client::problem::Problem;
use crate::installation::SystemRandom;
use crate::show::objects::card;
use crate::show::output::{print, print_json};
use crate::show::{Format, Steps, update};
use crate::update::issuer::{Account, Contract, Issuer};
use crate::update::plan::{Owner, Source};
use crate::update::report::Outcome;
use crate::update::{Journal, Plan, Prepared, Report, Walk, program};

/// What `--help` ends with.
const NOTES: &str = "With --plan: makes a successor of the key, writes it into every target of the plan, runs each target's reload command, \
probes each, and ends the old key. If one step fails, everything is put back and the old key stays. No key is ever in \
the journal, an argument or a message.

  assay key recipe wazuh > wazuh.toml                        # a plan to begin with
  assay key update --plan soc.toml --dry-run                 # what would change, and all that is in the way
  assay key update --plan soc.toml
  assay key update --plan soc.toml --resume                  # after a kill or a power cut
  assay key update --plan contract.toml < new.key            # a plan of upstream = \"…\": VirusTotal's key

With an id: changes what is known of that key.

  assay key update 3f0c5d7a9b21 --label \"SIEM, prod\" --network 10.0.0.0/8

Exit status with --plan:
  0  done, or the rehearsal found nothing in the way
  1  something failed and everything was put back: the old key works as before
  2  nothing was changed: the plan or a target is not fit, or the server does not answer
  3  not finished, both keys work: mend what is told, then --resume or --roll-back
  4  given up: neither key works any more, and nothing is left to put back or to complete";

/// What is to be done.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
#[command(override_usage = "assay key update --plan <FILE> [OPTIONS]\n       assay key update <ID> [OPTIONS]")]
pub(super) struct Arguments {
    /// The key's id, to change what is known of it
    #[arg(required_unless_present = "plan", conflicts_with = "plan")]
    id: Option<String>,
    #[command(flatten)]
    rollout: Rollout,
    #[command(flatten)]
    knowledge: Knowledge,
}

/// The key changed everywhere.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, Args)]
#[command(next_help_heading = "A new key everywhere")]
struct Rollout {
    /// The plan: whose key, where it is in use (`assay key recipe` prints plans to begin with)
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Show what would change, and all that is in the way; change nothing
    #[arg(long, requires = "plan", conflicts_with_all = ["resume", "roll_back"])]
    dry_run: bool,
    /// Go on with a run that did not come to its end
    #[arg(long, requires = "plan", conflicts_with = "roll_back")]
    resume: bool,
    /// Put back what a run that did not come to its end has changed
    #[arg(long, requires = "plan")]
    roll_back: bool,
    /// Where the run is written down [default: FILE.journal beside the plan]
    #[arg(long, requires = "plan", value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Do not ask
    #[arg(long, requires = "plan")]
    yes: bool,
    /// Read VirusTotal's new key from standard input, as happens anyway where a plan of upstream names no place
    #[arg(long, requires = "plan", conflicts_with = "key_file")]
    key_stdin: bool,
    /// The file that holds VirusTotal's new key, for a plan of upstream
    #[arg(long, requires = "plan", value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// What is known of one key.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is known of a key")]
struct Knowledge {
    #[command(flatten)]
    about: About,
    /// Take its end away
    #[arg(long, conflicts_with_all = ["expires", "plan"])]
    no_expiry: bool,
    /// Let it work from everywhere
    #[arg(long, conflicts_with_all = ["network", "plan"])]
    any_network: bool,
    /// Let it do whatever its account may do
    #[arg(long, conflicts_with_all = ["privilege", "plan"])]
    all_privileges: bool,
}

/// Runs it.
pub(super) async fn run(arguments: Arguments, desk: Desk) -> anyhow::Result<ExitCode> {
    let Arguments { id, rollout, knowledge } = arguments;
    let Some(path) = rollout.plan.clone() else {
        let id = id.unwrap_or_default();
        return desk.work(async |session| change(session, &id, knowledge).await).await;
    };
    ensure!(knowledge.about.is_empty(), "a plan changes keys, not what is known of them: say --plan alone");
    let plan = Plan::read(&path)?;
    let journal = Journal::open(&path, rollout.journal.clone())?;
    desk.judge(async |session| {
        let report = roll_out(session, &rollout, &plan, &journal).await?;
        tell(session, &report)?;
        Ok(ExitCode::from(report.outcome.status()))
    })
    .await
}

async fn change(session: &Session, id: &str, knowledge: Knowledge) -> anyhow::Result<()> {
    let Knowledge { about, no_expiry, any_network, all_privileges } = knowledge;
    let attributes = about
        .attributes()
        .set("expiration_date", no_expiry.then_some(Json::Null))
        .set("allowed_networks", any_network.then(|| json!([])))
        .set("privileges", all_privileges.then_some(Json::Null));
    let key = session.ask(&Call::patch(&["api_keys", id], attributes.change("api_key", id)?)).await?;
    session.print(&key, |look| card(&key, look))
}

async fn roll_out(session: &Session, rollout: &Rollout, plan: &Plan, journal: &Journal) -> anyhow::Result<Report> {
    let left = journal.read()?;
    let goes_on = rollout.resume || rollout.roll_back;
    if left.is_some() && !goes_on && !rollout.dry_run {
        let left = Problem::local(format!("a run by this plan did not come to its end ({})", journal.path().display()))
            .mend("--resume goes on with it, --roll-back puts back what it has changed.");
        return Ok(Report::alone(Outcome::Unfinished, owner(plan), &left));
    }
    let issuer = issuer(session, rollout, plan).await?;
    let steps = Steps::new();
    let about = (plan, &*issuer, journal, &steps);
    match left {
        Some(log) if goes_on => {
            let walk = Walk::resume(about, log).await?;
            if rollout.roll_back {
                return Ok(walk.run_back().await);
            }
            return match walk.hindrance() {
                Some(hindrance) => Ok(Report::alone(Outcome::Unfinished, owner(plan), &hindrance)),
                None => Ok(walk.run().await),
            };
        }
        None if goes_on => {
            journal.clear()?;
            let nothing = Problem::local("no run by this plan has stopped on its way: there is nothing to go on with");
            return Ok(Report::alone(Outcome::Nothing, owner(plan), &nothing));
        }
        _ => {}
    }
    steps.doing("looking at every target");
    let prepared = Prepared::of(plan, &*issuer, run_name()).await;
    steps.finish();
    if rollout.dry_run || !prepared.is_ready() {
        return Ok(prepared.report());
    }
    if !rollout.yes && std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        eprintln!("{}", update::changes(&prepared.report(), session.output().colours.look()));
        ensure!(agreed()?, "nothing was changed");
    }
    Ok(Walk::begin(about, prepared)?.run().await)
}

async fn issuer<'a>(session: &'a Session, rollout: &Rollout, plan: &Plan) -> anyhow::Result<Box<dyn Issuer + 'a>> {
    match &plan.owner {
        Owner::Account(_) if rollout.key_stdin || rollout.key_file.is_some() => {
            anyhow::bail!("the server makes the keys of an account itself: a key is handed over for a plan of upstream")
        }
        Owner::Account(name) => Ok(Box::new(Account {
            door: session.door(),
            name: session.account(name).await?,
            overlap: plan.overlap,
            retire_when_quiet: plan.retire_when_quiet,
        })),
        Owner::Upstream(name) => Ok(Box::new(Contract {
            door: session.door(),
            name: name.clone(),
            given: given(rollout, plan).await?,
            keeps_old: plan.keeps_old,
        })),
    }
}

/// `VirusTotal`'s new key, from wherever it is handed over. A run that goes on may not need it any more.
async fn given(rollout: &Rollout, plan: &Plan) -> anyhow::Result<Option<SecretString>> {
    const COMMAND: &str = "assay key update --plan FILE";
    let secret = |key: Zeroizing<String>| Some(SecretString::from(key.as_str()));
    if rollout.roll_back {
        return Ok(None);
    }
    match (&rollout.key_file, &plan.new_key) {
        (Some(path), _) => import::read(Some(path), COMMAND).map(secret),
        (None, Some(Source::File(path))) if !rollout.key_stdin => import::read(Some(path), COMMAND).map(secret),
        (None, Some(Source::Command(words))) if !rollout.key_stdin => {
            let printed = program::run(words, None, &plan.folder, plan.patience, &[]).await?;
            let printed = Zeroizing::new(String::from_utf8(printed).unwrap_or_default());
            import::key(&printed, &format!("what `{}` prints", words.join(" ")), COMMAND).map(secret)
        }
        _ if std::io::stdin().is_terminal() => Ok(None),
        _ => match import::read(None, COMMAND) {
            Err(_) if rollout.resume && !rollout.key_stdin => Ok(None),
            read => read.map(secret),
        },
    }
}

fn owner(plan: &Plan) -> String {
    match &plan.owner {
        Owner::Account(name) | Owner::Upstream(name) => name.clone(),
    }
}

/// Names a run among others.
fn run_name() -> String {
    let mut bytes = [0; 4];
    SystemRandom.fill(&mut bytes);
    format!("{:08x}", u32::from_be_bytes(bytes))
}

fn agreed() -> anyhow::Result<bool> {
    eprint!("Go on? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn tell(session: &Session, report: &Report) -> anyhow::Result<()> {
    match session.output().format {
        Format::Json => print_json(report),
        Format::Table => print(&update::told(report, session.output().colours.look())),
    }
}
