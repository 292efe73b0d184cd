//! Workers: claim → observe → record → commit, until told to stop. In go leased jobs, out come commits.
//!
//! A worker renews its lease while a stage runs. When it dies, the lease runs out and another worker repeats the stage;
//! when it only lost its lease, its commit is refused. A job that fails is tried again with growing pauses, and after
//! [`ATTEMPTS`] it is kept as dead and its analysis is closed, so that nobody waits for it for ever.

use std::sync::Arc;
use std::time::Duration;

use assay_model::analysis::Status;
use assay_model::record::{Job, body};
use assay_model::{Error, Result, Timestamp};
use assay_store::batch::Ending;
use assay_store::{Batch, Claimed, Expect, StoreError, until_jobs};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::records::read_analysis;
use crate::{Observed, Pipeline, STAGES, stage};

/// How often a job is tried.
pub const ATTEMPTS: u32 = 5;
/// How long a claim holds without being renewed.
pub const LEASE: Duration = Duration::from_secs(10);
/// How long a worker sleeps when nothing tells it of work.
const LOOK_ROUND: Duration = Duration::from_secs(1);
/// How often a commit is tried against others who write the same records.
const TRIES: usize = 64;

/// Runs `count` workers until `stop`; a stage that is under way then is left to its lease.
pub async fn run(pipeline: Arc<Pipeline>, count: usize, stop: CancellationToken) {
    let mut workers = JoinSet::new();
    for _ in 0..count {
        let (pipeline, stop) = (pipeline.clone(), stop.clone());
        workers.spawn(async move { stop.run_until_cancelled(work(&pipeline)).await });
    }
    while let Some(ended) = workers.join_next().await {
        if let Err(crash) = ended {
            tracing::error!(error = &crash as &dyn std::error::Error, "a worker crashed");
        }
    }
}

async fn work(pipeline: &Pipeline) {
    let mut changes = pipeline.store.watch();
    let stages: Vec<_> = STAGES.iter().map(|(name, _)| *name).collect();
    loop {
        let now = pipeline.clock.now();
        match pipeline.store.claim(&stages, now, lease_end(now), 1).await {
            Ok(claimed) if claimed.is_empty() => {
                let _changed_or_time_to_look = tokio::time::timeout(LOOK_ROUND, until_jobs(&mut changes)).await;
            }
            Ok(claimed) => {
                for one in claimed {
                    follow(pipeline, one).await;
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no job could be claimed");
                tokio::time::sleep(LOOK_ROUND).await;
            }
        }
    }
}

fn lease_end(now: Timestamp) -> Timestamp {
    Timestamp(now.0 + i64::try_from(LEASE.as_secs()).unwrap_or(i64::MAX))
}

/// Works on a job and on the jobs that it leads to.
async fn follow(pipeline: &Pipeline, claimed: Claimed) {
    let mut current = Some(claimed);
    while let Some(claimed) = current {
        let started = tokio::time::Instant::now();
        let name = claimed.job.stage.stored();
        let outcome = step(pipeline, &claimed).await;
        metrics::histogram!("assay_stage_seconds", "stage" => name).record(started.elapsed().as_secs_f64());
        let word = if outcome.is_ok() { "done" } else { "failed" };
        metrics::counter!("assay_stages_total", "stage" => name, "outcome" => word).increment(1);
        current = match outcome {
            Ok(next) => next,
            Err(error) => {
                give_up_or_retry(pipeline, claimed, error).await;
                None
            }
        };
    }
}

/// One stage on one subject; answers the next one, already claimed.
async fn step(pipeline: &Pipeline, claimed: &Claimed) -> Result<Option<Claimed>> {
    let stage = stage(&claimed.job)?;
    let observed = keep_leased(pipeline, claimed, stage.observe(pipeline, &claimed.job.subject)).await?;
    commit(pipeline, claimed, &*observed).await
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

async fn commit(pipeline: &Pipeline, claimed: &Claimed, observed: &dyn Observed) -> Result<Option<Claimed>> {
    for _ in 0..TRIES {
        let (mut batch, next) = observed.record(pipeline).await?;
        // A crash of the machine that undoes a stage brings its job back with it.
        batch.end(claimed.clone(), Ending::Done).soon();
        if let Some(next) = next {
            let job = Job { stage: next, ..claimed.job.clone() };
            batch.enqueue_claimed(job, lease_end(pipeline.clock.now()));
        }
        match pipeline.store.commit(batch).await {
            Ok(mut claimed) => return Ok(claimed.pop()),
            // A record changed, or the lease is gone; renewing tells which.
            Err(StoreError::Conflict) => pipeline.store.renew(claimed, lease_end(pipeline.clock.now())).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
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
    if let Some((mut analysis, version)) = read_analysis(&*pipeline.store, &subject).await? {
        analysis.attributes.status = Status::Completed;
        batch.put(subject, body(&analysis), Expect::Version(version));
    }
    batch.end(claimed, Ending::Dead(cause.to_string()));
    pipeline.store.commit(batch).await?;
    Ok(())
}
