//! The run itself: rotate → write → reload → probe → take in use → retire; the way back is in `back`. Each step is in the
//! journal before it is made; each can be made again.

use std::time::Duration;

use secrecy::SecretString;
use tokio::time::{Instant, sleep};

use super::fault;
use super::issuer::{Issuer, NewKey, Standing, Uses};
use super::journal::{Journal, Log, Made, Phase, Step};
use super::plan::{Plan, Probe};
use super::prepare::Prepared;
use super::program;
use super::report::{Outcome, Report, Told};
use super::secret::fingerprint_of;
use super::target::{self, Keys, Target};
use crate::client::problem::Problem;
use crate::show::Steps;

mod back;

/// How often something is looked at that is waited for.
const AGAIN: Duration = Duration::from_millis(500);
/// How long a key is waited for to become quiet.
const QUIET_WITHIN: Duration = Duration::from_secs(30);

/// A run.
pub(crate) struct Walk<'a> {
    plan: &'a Plan,
    issuer: &'a dyn Issuer,
    journal: &'a Journal,
    steps: &'a Steps,
    targets: Vec<Box<dyn Target + 'a>>,
    log: Log,
    old: Option<SecretString>,
    new: Option<SecretString>,
    /// Whether an earlier run was killed, so that there may be more than the journal knows.
    resumed: bool,
    /// Whether nobody can have got the newest key before the kill.
    unheld: bool,
    told: Vec<Told>,
    notices: Vec<String>,
}

impl<'a> Walk<'a> {
    /// A run that begins; nothing is wrong with what was prepared.
    pub(crate) fn begin(
        (plan, issuer, journal, steps): (&'a Plan, &'a dyn Issuer, &'a Journal, &'a Steps),
        prepared: Prepared,
    ) -> Result<Self, Problem> {
        let told = prepared.report().targets;
        let old_print = prepared.old_print();
        let old_id = prepared.old_id.ok_or_else(|| Problem::local("it is not known which key is to be replaced"))?;
        let log = Log::new(prepared.run, plan.fingerprint, (old_id, old_print), prepared.entries);
        let targets = open(plan, &log)?;
        let (old, notices) = (prepared.old, Vec::new());
        journal.write(&log)?;
        Ok(Self {
            plan,
            issuer,
            journal,
            steps,
            targets,
            log,
            old,
            new: None,
            resumed: false,
            unheld: false,
            told,
            notices,
        })
    }

    /// A run that goes on where another was killed. Reads the keys where they are now.
    pub(crate) async fn resume(
        (plan, issuer, journal, steps): (&'a Plan, &'a dyn Issuer, &'a Journal, &'a Steps),
        log: Log,
    ) -> Result<Self, Problem> {
        if log.plan != plan.fingerprint || log.targets.len() != plan.targets.len() {
            return Err(Problem::local("the plan was changed since the run that is to go on")
                .mend("Go on with the plan as it was."));
        }
        let targets = open(plan, &log)?;
        let told = plan.targets.iter().map(|target| Told { name: target.name.clone(), ..Told::default() }).collect();
        let (old, new, notices) = (None, None, Vec::new());
        let mut walk =
            Self { plan, issuer, journal, steps, targets, log, old, new, resumed: true, unheld: false, told, notices };
        walk.regain().await;
        Ok(walk)
    }

    /// Why a run that was killed cannot go on: it needs a new key that was handed over to it, and is not now.
    pub(crate) fn hindrance(&self) -> Option<Problem> {
        let NewKey::Given(given) = self.issuer.new_key() else { return None };
        if self.log.phase != Phase::Applying || self.new.is_some() {
            return None;
        }
        match (given, self.log.made.is_empty()) {
            (Some(_), true) => None,
            (Some(_), false) => {
                Some(Problem::local("the key that was handed over is another one than the run began with"))
            }
            (None, false) if self.all_written() => None,
            (None, _) => Some(
                Problem::local("the new key is needed once more: no target holds it")
                    .mend("Hand it over again, or say --roll-back."),
            ),
        }
    }

    fn all_written(&self) -> bool {
        self.log.targets.iter().all(|entry| entry.step > Step::Writing)
    }

    /// The keys, from wherever they stand.
    async fn regain(&mut self) {
        let newest = self.log.made.last().and_then(|made| made.print);
        let mut unheld = newest.is_some();
        for (target, entry) in self.targets.iter().zip(&self.log.targets) {
            let held = target.look().await.ok().and_then(|held| held.key);
            let holds_another = held.as_ref().is_some_and(|held| Some(fingerprint_of(held)) != newest);
            unheld &= entry.step == Step::Untouched || holds_another;
            let kept = if self.old.is_none() { target.old(entry).await } else { None };
            for key in held.into_iter().chain(kept) {
                let print = Some(fingerprint_of(&key));
                if print == self.log.old_print {
                    self.old = Some(key);
                } else if print == newest {
                    self.new = Some(key);
                }
            }
        }
        if let NewKey::Given(Some(given)) = self.issuer.new_key()
            && Some(fingerprint_of(given)) == newest
        {
            self.new = Some(given.clone());
        }
        self.unheld = unheld;
    }

    /// Goes on to the end, or back where something fails or somebody interrupts.
    pub(crate) async fn run(mut self) -> Report {
        let outcome = match self.log.phase {
            Phase::PuttingBack => self.back().await,
            Phase::Retiring => self.retire().await,
            Phase::Applying => {
                let applied = tokio::select! {
                    applied = self.apply() => applied,
                    _ = tokio::signal::ctrl_c() => Err(Problem::local("it was interrupted")),
                };
                match applied {
                    Ok(()) => self.retire().await,
                    Err(problem) => {
                        self.log.cause = Some(problem.line());
                        self.back().await
                    }
                }
            }
        };
        self.report(outcome)
    }

    /// Goes back, whatever was being done.
    pub(crate) async fn run_back(mut self) -> Report {
        self.log.cause.get_or_insert_with(|| "it was asked for (--roll-back)".to_owned());
        let outcome = self.back().await;
        self.report(outcome)
    }

    fn report(mut self, outcome: Result<Outcome, Problem>) -> Report {
        self.steps.finish();
        let outcome = outcome.unwrap_or_else(|problem| {
            self.notices.push(problem.line());
            Outcome::Unfinished
        });
        Report {
            outcome,
            owner: self.issuer.owner(),
            old_key: Some(self.log.old.clone()),
            new_key: self.log.made.last().map(|made| made.id.clone()),
            cause: self.log.cause,
            targets: self.told,
            notices: self.notices,
        }
    }

    fn keys(&self) -> Keys<'_> {
        Keys { old: self.old.as_ref(), new: self.new.as_ref(), made: &self.log.made }
    }

    fn say(&self, what: &str, at: usize) {
        let count = self.targets.len();
        self.steps.doing(&format!("{what} {} ({} of {count})", self.plan.targets[at].name, at + 1));
    }

    async fn apply(&mut self) -> Result<(), Problem> {
        self.obtain().await?;
        for at in 0..self.targets.len() {
            self.say("writing", at);
            self.write(at).await.map_err(|problem| self.of(at, problem))?;
        }
        for at in 0..self.targets.len() {
            self.say("reloading", at);
            self.reload(at).await.map_err(|problem| self.of(at, problem))?;
        }
        for at in 0..self.targets.len() {
            self.say("probing", at);
            self.probe(at).await.map_err(|problem| self.of(at, problem))?;
        }
        self.steps.doing("taking the new key in use");
        fault::point();
        self.issuer.take_in_use(self.log.newest()).await?;
        fault::point();
        self.log.phase = Phase::Retiring;
        self.journal.write(&self.log)
    }

    /// The problem with the target's name before it.
    fn of(&self, at: usize, problem: Problem) -> Problem {
        let name = &self.plan.targets[at].name;
        if problem.message.contains(name.as_str()) {
            return problem;
        }
        Problem { message: format!("{name}: {}", problem.message), ..problem }
    }

    /// Sees to it that the new key is at hand: made now, or read where it was written before a kill, or made anew where a kill
    /// came before anybody had it.
    async fn obtain(&mut self) -> Result<(), Problem> {
        self.steps.doing("making the new key");
        if self.resumed {
            self.find_lost().await?;
            if self.issuer.standing(self.log.newest()).await? == Standing::Ended {
                return Err(Problem::local(format!("the key {} was ended meanwhile", self.log.newest())));
            }
        }
        let is_had = self.new.is_some() || (self.resumed && self.all_written());
        if is_had && self.log.made.last().is_some_and(|made| made.print.is_some()) {
            return Ok(());
        }
        self.new = None;
        if self.predecessor_lives().await? {
            self.forget_unused().await?;
        }
        if let (NewKey::Given(_), false) = (self.issuer.new_key(), self.log.made.is_empty()) {
            return Err(
                Problem::local("the new key is needed once more: no target holds it").mend("Hand it over again.")
            );
        }
        fault::point();
        let fresh = self.issuer.rotate(self.log.newest()).await?;
        fault::point();
        self.log.made.push(Made { id: fresh.id, print: Some(fingerprint_of(&fresh.secret)) });
        for entry in &mut self.log.targets {
            // Whatever a target holds by now, it is to hold this one.
            entry.step = entry.step.min(Step::Writing);
        }
        self.new = Some(fresh.secret);
        self.journal.write(&self.log)
    }

    /// Whether the key before the newest one still works, so that another one can be made in the newest one's place.
    async fn predecessor_lives(&self) -> Result<bool, Problem> {
        let Some((_, before)) = self.log.made.split_last() else { return Ok(false) };
        let id = before.last().map_or(&self.log.old, |made| &made.id);
        Ok(self.issuer.standing(id).await? != Standing::Ended)
    }

    /// Takes back what nobody can have got before a kill.
    async fn forget_unused(&mut self) -> Result<(), Problem> {
        if self.log.targets.iter().all(|entry| entry.step == Step::Untouched) {
            self.restore().await?;
            self.log.made.clear();
            return self.journal.write(&self.log);
        }
        let Some(lost) = self.log.made.last().filter(|_| self.unheld) else { return Ok(()) };
        if self.issuer.uses(&lost.id).await?.count() == 0 {
            self.log.made.pop();
            self.journal.write(&self.log)?;
            self.find_lost().await?;
        }
        Ok(())
    }

    /// Keys that a killed run has made without a word in the journal. Nobody can have used one; one that was used is somebody
    /// else's.
    async fn find_lost(&mut self) -> Result<(), Problem> {
        if let (NewKey::Given(_), false) = (self.issuer.new_key(), self.log.made.is_empty()) {
            // There is but one, and it is known.
            return Ok(());
        }
        while let Standing::Retiring { successor } = self.issuer.standing(self.log.newest()).await? {
            if self.issuer.uses(&successor).await?.count() > 0 {
                let newest = self.log.newest();
                return Err(Problem::local(format!(
                    "{newest} was rotated by somebody else meanwhile: {successor} is in use"
                ))
                .mend("See who uses it: `assay key clients`."));
            }
            // Ended at once: an account may have few keys, and a run that is killed again and again would use them up.
            self.issuer.restore(self.log.newest()).await?;
        }
        Ok(())
    }

    async fn write(&mut self, at: usize) -> Result<(), Problem> {
        let step = self.log.targets[at].step;
        if step > Step::Writing {
            return Ok(());
        }
        if step == Step::Untouched {
            if self.resumed {
                self.targets[at].plan(&mut self.log.targets[at]).await?;
            }
            self.log.targets[at].step = Step::Writing;
            self.journal.write(&self.log)?;
        }
        let Some(new) = self.new.clone() else { return Err(Problem::local("there is no new key")) };
        let mut entry = self.log.targets[at].clone();
        fault::point();
        let written = self.targets[at].write(&new, &mut entry, self.keys()).await;
        fault::point();
        self.log.targets[at] = entry;
        written?;
        self.done(at, Step::Written)
    }

    fn done(&mut self, at: usize, step: Step) -> Result<(), Problem> {
        self.log.targets[at].step = step;
        self.journal.write(&self.log)
    }

    async fn reload(&mut self, at: usize) -> Result<(), Problem> {
        if self.log.targets[at].step >= Step::Reloaded {
            return Ok(());
        }
        if self.plan.targets[at].reload.is_some() {
            self.done(at, Step::Reloading)?;
            self.tell_to_reload(at).await?;
        }
        self.done(at, Step::Reloaded)
    }

    async fn tell_to_reload(&self, at: usize) -> Result<(), Problem> {
        let target = &self.plan.targets[at];
        let Some(command) = &target.reload else { return Ok(()) };
        fault::point();
        let told = program::run(command, None, &self.plan.folder, target.patience, &self.keys().all()).await;
        fault::point();
        told.map(drop)
    }

    async fn probe(&mut self, at: usize) -> Result<(), Problem> {
        let target = &self.plan.targets[at];
        let deadline = Instant::now() + target.patience;
        fault::point();
        match &target.probe {
            None => {}
            Some(Probe::Command(command)) => loop {
                let left = deadline.saturating_duration_since(Instant::now());
                match program::run(command, None, &self.plan.folder, left, &self.keys().all()).await {
                    Ok(_) => break,
                    Err(problem) if Instant::now() + AGAIN >= deadline => return Err(problem),
                    Err(_) => sleep(AGAIN).await,
                }
            },
            Some(Probe::SeenFrom(network)) => {
                while !self.issuer.uses(self.log.newest()).await?.from(network) {
                    if Instant::now() >= deadline {
                        let within = humantime::format_duration(target.patience);
                        return Err(Problem::local(format!("the new key was not used from {network} within {within}")));
                    }
                    sleep(AGAIN).await;
                }
            }
        }
        self.done(at, Step::Probed)
    }

    /// Ends the old key, and those between it and the new one.
    async fn retire(&mut self) -> Result<Outcome, Problem> {
        self.steps.doing("ending the old key");
        let going: Vec<String> = self.going();
        let quiet = if self.issuer.retires_by_itself() { Ok(()) } else { self.quiet(&going).await? };
        match quiet {
            Ok(()) if self.issuer.retires_by_itself() => {
                self.notices.push(format!("{} ends by itself once it is quiet", self.log.old));
            }
            Ok(()) => {
                for id in &going {
                    fault::point();
                    self.issuer.retire(id).await?;
                    fault::point();
                    self.notices.extend(self.issuer.afterword(id));
                }
            }
            Err(users) => self.notices.push(format!(
                "{} is still used by {}; it is left to its deadline. `assay key revoke {}` ends it before",
                self.log.old,
                users.join(", "),
                self.log.old
            )),
        }
        self.tidy().await?;
        Ok(Outcome::Done)
    }

    /// The old key and those that were made in its place before the newest.
    fn going(&self) -> Vec<String> {
        let between = &self.log.made[..self.log.made.len().saturating_sub(1)];
        std::iter::once(&self.log.old).chain(between.iter().map(|made| &made.id)).cloned().collect()
    }

    /// Waits until none of these keys was used for a while; else who uses them.
    async fn quiet(&self, ids: &[String]) -> Result<Result<(), Vec<String>>, Problem> {
        if self.plan.settle.is_zero() {
            return Ok(Ok(()));
        }
        let deadline = Instant::now() + QUIET_WITHIN.max(self.plan.settle * 2);
        let mut earlier = self.uses(ids).await?;
        loop {
            sleep(self.plan.settle).await;
            let now = self.uses(ids).await?;
            let users: Vec<String> = now.iter().zip(&earlier).flat_map(|(now, earlier)| now.since(earlier)).collect();
            if users.is_empty() {
                return Ok(Ok(()));
            }
            if Instant::now() >= deadline {
                return Ok(Err(users));
            }
            earlier = now;
        }
    }

    async fn uses(&self, ids: &[String]) -> Result<Vec<Uses>, Problem> {
        let mut all = Vec::new();
        for id in ids {
            all.push(self.issuer.uses(id).await?);
        }
        Ok(all)
    }

    async fn tidy(&mut self) -> Result<(), Problem> {
        for (target, entry) in self.targets.iter().zip(&self.log.targets) {
            target.tidy(entry).await?;
        }
        self.journal.remove()
    }
}

fn open<'a>(plan: &'a Plan, log: &Log) -> Result<Vec<Box<dyn Target + 'a>>, Problem> {
    plan.targets.iter().map(|target| target::open(target, &plan.folder, &log.run)).collect()
}
