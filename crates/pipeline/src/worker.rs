//! Workers: claim → observe → record → commit, until told to stop. In go leased jobs, out come commits.
//!
//! A worker goes on with the stages that a job leads to before it commits what they found; `Run` is one such way. It
//! renews its lease while a stage runs. When it dies, the lease runs out and another worker repeats the stages; when it
//! only lost its lease, its commit is refused. A job that fails is tried again with growing pauses, and after
//! [`ATTEMPTS`] it is kept as dead and its analysis is closed, so that nobody waits for it for ever.

use std::sync::Arc;
use std::time::Duration;

use assay_model::analysis::Status;
use assay_model::record::{Job, StageName, body};
use assay_model::{Error, Result, Timestamp};
use assay_store::batch::Ending;
use assay_store::{Batch, Change, Claimed, Expect, Store, StoreError, until_jobs};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::handover::Work;
use crate::{AddressSubject, Matter, Observed, PictureSubject, Pipeline, Subject, stage};

/// How often a job is tried.
pub const ATTEMPTS: u32 = 5;
/// How long a claim holds without being renewed.
pub const LEASE: Duration = Duration::from_secs(10);
/// How long a worker goes without looking into the store when nothing tells it of work.
const LOOK_ROUND: Duration = Duration::from_secs(1);
/// From when on a stage takes long: what was found before it is committed, so that who asks sees how far it is.
const LONG: Duration = Duration::from_millis(500);
/// How often a commit is tried against others who write the same records.
const TRIES: usize = 64;

/// How many workers there are.
#[derive(Debug, Clone, Copy)]
pub struct Workers {
    /// For samples: they need the processor.
    pub samples: usize,
    /// For addresses: they mostly wait for answers.
    pub addresses: usize,
    /// For pictures: each is a browser of its own.
    pub pictures: usize,
}

/// Runs workers until `stop`; a stage that is under way then is left to its lease.
pub async fn run(pipeline: Arc<Pipeline>, workers: Workers, stop: CancellationToken) {
    tokio::join!(
        run_on::<Subject>(&pipeline, workers.samples, &stop),
        run_on::<AddressSubject>(&pipeline, workers.addresses, &stop),
        run_on::<PictureSubject>(&pipeline, workers.pictures, &stop),
    );
}

async fn run_on<M: Matter>(pipeline: &Arc<Pipeline>, count: usize, stop: &CancellationToken) {
    let mut workers = JoinSet::new();
    for _ in 0..count {
        let (pipeline, stop) = (pipeline.clone(), stop.clone());
        workers.spawn(async move { stop.run_until_cancelled(work::<M>(&pipeline)).await });
    }
    M::handover(pipeline).open(count);
    while let Some(ended) = workers.join_next().await {
        if let Err(crash) = ended {
            tracing::error!(error = &crash as &dyn std::error::Error, "a worker crashed");
        }
    }
    M::handover(pipeline).close();
}

/// Takes jobs in turn from those that are handed over and from the store, where there may be some.
async fn work<M: Matter>(pipeline: &Pipeline) {
    let mut store = Lookout::new(&*pipeline.store);
    let stages: Vec<_> = M::STAGES.iter().map(|(name, _)| *name).collect();
    loop {
        let handed = M::handover(pipeline).take();
        let idle = handed.is_none();
        if let Some(Work { claimed, subject, since }) = handed {
            match still_leased(pipeline, &claimed, since).await {
                Ok(()) => follow(pipeline, claimed, Some(*subject)).await,
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "a job waited too long"),
            }
        }
        if !store.is_worth_a_look() {
            if idle {
                tokio::select! {
                    () = M::handover(pipeline).arrived() => {}
                    () = store.is_to_be_looked_at() => {}
                }
            }
            continue;
        }
        let now = pipeline.clock.now();
        match pipeline.store.claim(&stages, now, lease_end(now), 1).await {
            Ok(claimed) => {
                store.looked(!claimed.is_empty());
                for one in claimed {
                    follow::<M>(pipeline, one, None).await;
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no job could be claimed");
                tokio::time::sleep(LOOK_ROUND).await;
            }
        }
    }
}

/// Knows whether there may be jobs in the store.
struct Lookout {
    changes: Receiver<Change>,
    looked: Instant,
    maybe: bool,
}

impl Lookout {
    fn new(store: &dyn Store) -> Self {
        Self { changes: store.watch(), looked: Instant::now(), maybe: true }
    }

    fn is_worth_a_look(&mut self) -> bool {
        loop {
            match self.changes.try_recv() {
                Ok(Change::Keys(_) | Change::Foreign) => {}
                Ok(Change::Jobs) | Err(TryRecvError::Lagged(_)) => self.maybe = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        self.maybe || self.looked.elapsed() >= LOOK_ROUND
    }

    /// Says whether a look found something: then there may be more.
    fn looked(&mut self, found: bool) {
        (self.looked, self.maybe) = (Instant::now(), found);
    }

    /// Ends when the store is worth a look.
    async fn is_to_be_looked_at(&mut self) {
        let _changed_or_time_to_look =
            tokio::time::timeout_at(self.looked + LOOK_ROUND, until_jobs(&mut self.changes)).await;
        self.maybe = true;
    }
}

/// The end of a lease that begins now.
pub(crate) fn lease_end(now: Timestamp) -> Timestamp {
    Timestamp(now.0 + i64::try_from(LEASE.as_secs()).unwrap_or(i64::MAX))
}

/// Makes sure of a claim that was made some time ago.
async fn still_leased(pipeline: &Pipeline, claimed: &Claimed, since: Instant) -> Result<()> {
    if since.elapsed() > LEASE / 3 {
        pipeline.store.renew(claimed, lease_end(pipeline.clock.now())).await?;
    }
    Ok(())
}

/// Works on a job and on what it leads to.
async fn follow<M: Matter>(pipeline: &Pipeline, claimed: Claimed, subject: Option<M>) {
    let subject = match subject {
        Some(subject) => Ok(subject),
        None => M::load(pipeline, &claimed.job.subject).await,
    };
    match subject {
        Ok(subject) => Run { pipeline, claimed, subject, found: Vec::new() }.finish().await,
        Err(error) => give_up_or_retry(pipeline, claimed, error).await,
    }
}

/// The way of one subject through its stages.
struct Run<'a, M> {
    pipeline: &'a Pipeline,
    /// Our claim in the store.
    claimed: Claimed,
    /// What the store held, and what was found since.
    subject: M,
    /// What was found since.
    found: Vec<Box<dyn Observed<M>>>,
}

impl<M: Matter> Run<'_, M> {
    async fn finish(mut self) {
        let mut next = Some(self.claimed.job.stage);
        while let Some(name) = next {
            let started = Instant::now();
            let outcome = self.step(name).await;
            let label = name.stored();
            metrics::histogram!("assay_stage_seconds", "stage" => label).record(started.elapsed().as_secs_f64());
            let word = if outcome.is_ok() { "done" } else { "failed" };
            metrics::counter!("assay_stages_total", "stage" => label, "outcome" => word).increment(1);
            next = match outcome {
                Ok(next) => next,
                Err(error) => return self.fail(name, error).await,
            };
        }
    }

    /// One stage; answers the next one. With the last one everything is committed.
    async fn step(&mut self, name: StageName) -> Result<Option<StageName>> {
        let observed = self.observe(name).await?;
        let next = observed.record(&mut self.subject, self.pipeline.clock.now());
        self.found.push(observed);
        if next.is_none() {
            self.commit(None).await?;
        }
        Ok(next)
    }

    /// Lets a stage look, while the lease is renewed. Where that takes long, commits what was found before it.
    async fn observe(&mut self, name: StageName) -> Result<Box<dyn Observed<M>>> {
        let (stage, pipeline) = (stage::<M>(name)?, self.pipeline);
        let mut work = stage.observe(pipeline, &self.subject);
        if self.found.is_empty() {
            return keep_leased(pipeline, &self.claimed, work).await;
        }
        if let Ok(done) = tokio::time::timeout(LONG, &mut work).await {
            return done;
        }
        let claimed = self.commit(Some(name)).await?.ok_or(StoreError::Conflict)?;
        let observed = keep_leased(pipeline, &claimed, work).await;
        self.claimed = claimed;
        self.found.clear();
        self.subject = self.subject.renewed(pipeline).await?;
        observed
    }

    /// Commits what was found, with the end of the job; answers the job of the next stage, claimed.
    async fn commit(&self, next: Option<StageName>) -> Result<Option<Claimed>> {
        let (pipeline, claimed) = (self.pipeline, &self.claimed);
        let mut batch = self.subject.batch(pipeline).await?;
        for _ in 0..TRIES {
            // A crash of the machine that undoes a commit brings its job back with it.
            batch.end(claimed.clone(), Ending::Done).soon();
            if let Some(stage) = next {
                batch.enqueue_claimed(Job { stage, ..claimed.job.clone() }, lease_end(pipeline.clock.now()));
            }
            match pipeline.store.commit(batch).await {
                Ok(mut claimed) => return Ok(claimed.pop()),
                // A record changed, or the lease is gone; renewing tells which.
                Err(StoreError::Conflict) => pipeline.store.renew(claimed, lease_end(pipeline.clock.now())).await?,
                Err(error) => return Err(error.into()),
            }
            let mut subject = self.subject.renewed(pipeline).await?;
            for observed in &self.found {
                observed.record(&mut subject, pipeline.clock.now());
            }
            batch = subject.batch(pipeline).await?;
        }
        Err(StoreError::Conflict.into())
    }

    /// Commits what was found before a stage failed, and sees to the rest.
    async fn fail(self, name: StageName, error: Error) {
        let claimed = if self.found.is_empty() { Ok(None) } else { self.commit(Some(name)).await };
        match claimed {
            Ok(claimed) => give_up_or_retry(self.pipeline, claimed.unwrap_or(self.claimed), error).await,
            Err(_) => give_up_or_retry(self.pipeline, self.claimed, error).await,
        }
    }
}

/// Runs `work` while renewing the lease.
async fn keep_leased<T>(pipeline: &Pipeline, claimed: &Claimed, work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut work = std::pin::pin!(work);
    loop {
        match tokio::time::timeout(LEASE / 3, &mut work).await {
            Ok(done) => return done,
            Err(_elapsed) => pipeline.store.renew(claimed, lease_end(pipeline.clock.now())).await?,
        }
    }
}

async fn give_up_or_retry(pipeline: &Pipeline, claimed: Claimed, error: Error) {
    let (stage, attempt) = (claimed.job.stage.stored(), claimed.attempt);
    tracing::warn!(stage, attempt, subject = %claimed.job.subject, error = &error as &dyn std::error::Error, "a stage failed");
    let outcome = if attempt < ATTEMPTS {
        let pause = 1_i64 << attempt.min(10);
        let mut batch = Batch::new();
        batch.end(claimed, Ending::Again(Timestamp(pipeline.clock.now().0 + pause)));
        pipeline.store.commit(batch).await.map(drop).map_err(Error::from)
    } else {
        bury(pipeline, claimed, &error).await
    };
    if let Err(error) = outcome {
        // The lease runs out by itself and the job is claimable again.
        tracing::warn!(stage, error = &error as &dyn std::error::Error, "a failed stage could not be given back");
    }
}

/// Keeps the job as dead and closes its analysis with what is known.
async fn bury(pipeline: &Pipeline, claimed: Claimed, cause: &Error) -> Result<()> {
    let subject = claimed.job.subject.clone();
    let mut batch = Batch::new();
    if let Some(record) = pipeline.store.read(&subject).await? {
        // Analyses of samples and of addresses differ, but not in this.
        let mut analysis: Value = record.parse()?;
        analysis["attributes"]["status"] = json!(Status::Completed);
        batch.put(subject, body(&analysis), Expect::Version(record.version));
    }
    batch.end(claimed, Ending::Dead(cause.to_string()));
    pipeline.store.commit(batch).await?;
    Ok(())
}
