//! The way back, and what becomes of a run that cannot go there any more because the old key has ended: it is completed, or,
//! where the new key has ended too, given up.

use super::{Outcome, Phase, Problem, Standing, Step, Walk, fault, fingerprint_of};

impl Walk<'_> {
    /// Puts everything back.
    pub(super) async fn back(&mut self) -> Result<Outcome, Problem> {
        // Asked before it is written down that it goes back, so that --resume still goes forward.
        if self.has_ended(&self.log.old).await? {
            if self.has_ended(self.log.newest()).await? {
                return self.give_up().await;
            }
            if self.log.phase == Phase::PuttingBack {
                return self.turn_forward().await;
            }
            return Err(Problem::local(format!("the old key {} has ended: there is no way back", self.log.old))
                .mend("--resume completes the run."));
        }
        self.log.phase = Phase::PuttingBack;
        self.journal.write(&self.log)?;
        let mut failed = self.put_targets_back().await?;
        failed.append(&mut self.reload_after_putting_back().await?);
        if !failed.is_empty() {
            let problem =
                format!("not everything could be put back; both keys work on until then. {}", failed.join(" "));
            return Err(Problem::local(problem).mend("Mend it, then say --roll-back again."));
        }
        if self.resumed {
            self.find_lost().await?;
        }
        if self.has_ended(&self.log.old).await? {
            // Its deadline came while the targets were put back.
            return Box::pin(self.back()).await;
        }
        let made: Vec<String> = self.log.made.iter().map(|made| made.id.clone()).collect();
        if let Err(users) = self.quiet(&made).await? {
            return Err(Problem::local(format!("the new key is still used by {}", users.join(", ")))
                .mend("Both keys work on; say --roll-back again when it is not."));
        }
        self.restore().await?;
        self.tidy().await?;
        Ok(Outcome::RolledBack)
    }

    async fn has_ended(&self, id: &str) -> Result<bool, Problem> {
        Ok(self.issuer.standing(id).await? == Standing::Ended)
    }

    /// The old key has ended while it was put back, and the new one works: the run is completed instead.
    async fn turn_forward(&mut self) -> Result<Outcome, Problem> {
        self.notices.push(format!(
            "{} had ended before everything was put back, so that the run was completed instead",
            self.log.old
        ));
        for at in 0..self.targets.len() {
            let entry = &self.log.targets[at];
            if entry.step == Step::Untouched {
                continue;
            }
            // What was put back is written like something that was never touched; what was not holds a key of this run, or
            // somebody else's, which is left.
            let held = self.targets[at].look().await.ok().and_then(|held| held.key);
            let is_back = held.is_none_or(|held| Some(fingerprint_of(&held)) == self.log.old_print);
            self.log.targets[at].step = if is_back { Step::Untouched } else { Step::Writing };
        }
        self.log.phase = Phase::Applying;
        self.resumed = true;
        self.journal.write(&self.log)?;
        self.apply().await?;
        self.retire().await
    }

    /// Neither key works any more: nothing is left to put back or to complete.
    async fn give_up(&mut self) -> Result<Outcome, Problem> {
        let newest = self.log.newest();
        let both = if newest == self.log.old { newest.to_owned() } else { format!("{} and {newest}", self.log.old) };
        self.notices.push(format!(
            "{both} have ended, and nothing is left to put back or to complete: make a new key, write it wherever it is \
             used, and begin anew"
        ));
        self.tidy().await?;
        Ok(Outcome::Stranded)
    }

    async fn put_targets_back(&mut self) -> Result<Vec<String>, Problem> {
        let mut failed = Vec::new();
        for at in (0..self.targets.len()).rev() {
            let entry = self.log.targets[at].clone();
            if entry.step == Step::Untouched {
                continue;
            }
            self.say("putting back", at);
            fault::point();
            let put = self.targets[at].put_back(&entry, self.keys()).await;
            fault::point();
            match put {
                // One that was told to reload has to be told again.
                Ok(()) if entry.step >= Step::Reloading => self.done(at, Step::Reloading)?,
                Ok(()) => self.done(at, Step::Untouched)?,
                Err(problem) => failed.push(self.note(at, problem)),
            }
        }
        Ok(failed)
    }

    /// Notes of a target what failed; answers the line that tells it.
    fn note(&mut self, at: usize, problem: Problem) -> String {
        let line = self.of(at, problem).line();
        self.told[at].problems.push(line.clone());
        line
    }

    async fn reload_after_putting_back(&mut self) -> Result<Vec<String>, Problem> {
        let mut failed = Vec::new();
        for at in (0..self.targets.len()).rev() {
            if self.log.targets[at].step != Step::Reloading {
                continue;
            }
            self.say("reloading", at);
            match self.tell_to_reload(at).await {
                Ok(()) => self.done(at, Step::Untouched)?,
                Err(problem) => failed.push(self.note(at, problem)),
            }
        }
        Ok(failed)
    }

    /// Makes the old key the only one again: the newest goes first.
    pub(super) async fn restore(&mut self) -> Result<(), Problem> {
        for id in self.going().iter().rev() {
            fault::point();
            if let Standing::Retiring { .. } = self.issuer.standing(id).await? {
                self.issuer.restore(id).await?;
            }
            fault::point();
        }
        for made in &self.log.made {
            fault::point();
            self.issuer.discard(&made.id).await?;
        }
        Ok(())
    }
}
