//! The look before the run, and the rehearsal: every target is read, every command looked for, the server asked which key is
//! meant. Nothing is changed, and all that is wrong is told at once.

use std::ffi::OsString;

use secrecy::{ExposeSecret as _, SecretString};

use super::issuer::Issuer;
use super::journal::{Entry, Step};
use super::plan::{self, Plan, Probe};
use super::program;
use super::report::{Outcome, Report, Told};
use super::secret::{fingerprint_of, mask};
use super::target::{self, Held};
use crate::client::problem::Problem;

/// What the look has found.
pub(crate) struct Prepared {
    /// Names the run.
    pub(super) run: String,
    /// The key that is to be replaced.
    pub(super) old_id: Option<String>,
    /// Its text, where a target holds it.
    pub(super) old: Option<SecretString>,
    /// What each target was.
    pub(super) entries: Vec<Entry>,
    told: Vec<Told>,
    problems: Vec<Problem>,
    owner: String,
}

impl Prepared {
    /// Looks at everything.
    pub(crate) async fn of(plan: &Plan, issuer: &dyn Issuer, run: String) -> Self {
        let mut prepared = Self {
            run,
            old_id: None,
            old: None,
            entries: Vec::new(),
            told: Vec::new(),
            problems: Vec::new(),
            owner: issuer.owner(),
        };
        let search = search_path();
        let mut unaided = false;
        for target in &plan.targets {
            let mut told = Told { name: target.name.clone(), ..Told::default() };
            let mut entry =
                Entry { name: target.name.clone(), step: Step::Untouched, before: None, after: None, version: None };
            match prepared.look(plan, target, &mut entry, &mut told).await {
                Ok(needs) => unaided |= needs,
                Err(problem) => told.problem(&problem),
            }
            for command in commands(target) {
                if let Some(missing) = program::missing(command, &plan.folder, search.as_deref()) {
                    told.problems.push(missing);
                }
            }
            if target.probe.is_none() {
                told.notices.push("nothing shows that it uses the new key: say probe or seen_from".to_owned());
            }
            prepared.told.push(told);
            prepared.entries.push(entry);
        }
        if unaided && prepared.old.is_none() {
            prepared.problems.push(
                Problem::local(
                    "no target says what the old key is, so that a command could not be handed it on the way back",
                )
                .mend("Give the command a put_back."),
            );
        }
        match issuer.find(prepared.old.as_ref(), plan.key.as_deref()).await {
            Ok(id) => prepared.old_id = Some(id),
            Err(problem) => prepared.problems.push(problem),
        }
        prepared
    }

    /// Whether the target will need the old key from others.
    async fn look(
        &mut self,
        plan: &Plan,
        target: &plan::Target,
        entry: &mut Entry,
        told: &mut Told,
    ) -> Result<bool, Problem> {
        let opened = target::open(target, &plan.folder, &self.run)?;
        let Held { key, changes } = opened.look().await?;
        told.changes = changes;
        opened.plan(entry).await?;
        if let Some(key) = key.filter(|_| !target.any_value) {
            let known = self.old.get_or_insert_with(|| key.clone());
            if known.expose_secret() != key.expose_secret() {
                let (own, first) = (mask(key.expose_secret()), mask(known.expose_secret()));
                return Err(Problem::local(format!("it holds another key ({own}) than those before it ({first})"))
                    .mend("A plan replaces one key; any_value = true replaces whatever stands there."));
            }
        }
        Ok(opened.needs_the_old_key())
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_ready(&self) -> bool {
        self.problems.is_empty() && self.told.iter().all(|told| told.problems.is_empty())
    }

    /// Fingerprint of the old key, where it is known.
    pub(super) fn old_print(&self) -> Option<assay_model::Sha256> {
        self.old.as_ref().map(fingerprint_of)
    }

    /// What it comes to.
    pub(crate) fn report(&self) -> Report {
        let problems: Vec<String> = self.problems.iter().map(Problem::line).collect();
        Report {
            outcome: if self.is_ready() { Outcome::Ready } else { Outcome::Refused },
            owner: self.owner.clone(),
            old_key: self.old_id.clone(),
            new_key: None,
            cause: (!problems.is_empty()).then(|| problems.join("\n")),
            targets: self.told.clone(),
            notices: Vec::new(),
        }
    }
}

fn commands(target: &plan::Target) -> impl Iterator<Item = &[String]> {
    let (hands, takes) = match &target.store {
        plan::Store::Command { command, put_back } => (Some(command), put_back.as_ref()),
        _ => (None, None),
    };
    let probe = match &target.probe {
        Some(Probe::Command(command)) => Some(command),
        _ => None,
    };
    [hands, takes, target.reload.as_ref(), probe].into_iter().flatten().map(Vec::as_slice)
}

/// Where the system looks for commands.
#[expect(clippy::disallowed_methods, reason = "the system's own variable, for commands of the operator's plan")]
fn search_path() -> Option<OsString> {
    std::env::var_os("PATH")
}
