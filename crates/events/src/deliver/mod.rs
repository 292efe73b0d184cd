//! The worker that makes deliveries: claim → wait in line → send → write down what came of it.
//!
//! A delivery's job ends together with what is written down of it, so a crash repeats a delivery (with the same
//! `webhook-id`) and loses none. One that fails is tried again after growing pauses and at last given up as dead; its job
//! ends then too, and `webhook::replay` makes a new one.

use std::sync::Arc;
use std::time::Duration;

use assay_model::record::{Record, StageName};
use assay_model::{Result, Timestamp};
use assay_store::batch::Ending;
use assay_store::{Batch, Claimed};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::courier::Courier;
use crate::webhook::{self, Delivery};

mod attempt;
mod line;

use line::{Line, Receiver};

/// How many jobs are claimed at once.
const HANDFUL: usize = 64;
/// How often the worker looks for jobs when nothing tells it of any.
const LOOK_ROUND: Duration = Duration::from_secs(1);
/// How long it waits from one look to the next when it is told of jobs, most of which are not its own.
const BREATH: Duration = Duration::from_millis(100);
/// How much longer than an attempt may take a claim holds.
const SPARE: Duration = Duration::from_secs(45);
/// How long a delivery is put off for which there is no room in the line; longer each time.
const PUT_OFF: i64 = 2;
const PUT_OFF_MAX: i64 = 60;
/// How often old deliveries are swept.
const CHORES: Duration = Duration::from_hours(1);

/// Makes deliveries until `stop`; what is under way then is left to its lease.
pub async fn run(courier: Arc<Courier>, stop: CancellationToken) {
    stop.run_until_cancelled(work(&courier)).await;
}

async fn work(courier: &Arc<Courier>) {
    let mut changes = courier.store.watch();
    let mut line = Line::default();
    let mut under_way = JoinSet::new();
    let (mut looked, mut look, mut chores) = (Instant::now(), Instant::now(), Instant::now());
    loop {
        tokio::select! {
            Some(ended) = under_way.join_next_with_id() => match ended {
                Ok((task, ())) => line.ended(task),
                Err(crash) => {
                    tracing::error!(error = &crash as &dyn std::error::Error, "a delivery crashed");
                    line.ended(crash.id());
                }
            },
            change = changes.recv() => match change {
                Err(RecvError::Closed) => return,
                Ok(_) | Err(RecvError::Lagged(_)) => look = look.min(looked + BREATH),
            },
            () = tokio::time::sleep_until(look) => {
                looked = Instant::now();
                look = if take(courier, &mut line).await { looked } else { looked + LOOK_ROUND };
            }
            () = tokio::time::sleep_until(chores) => {
                chores = Instant::now() + CHORES;
                sweep(courier).await;
            }
        }
        while let Some((receiver, claimed)) = line.next(courier.settings.at_once) {
            let courier = courier.clone();
            let task = under_way.spawn(async move { attempt::attempt(&courier, claimed).await });
            line.started(task.id(), receiver);
        }
    }
}

/// Until when a claim of this moment holds.
fn lease_end(courier: &Courier) -> Timestamp {
    later(courier.clock.now(), courier.settings.patience + SPARE)
}

fn later(moment: Timestamp, by: Duration) -> Timestamp {
    Timestamp(moment.0.saturating_add(i64::try_from(by.as_secs()).unwrap_or(i64::MAX)))
}

/// Claims jobs into the line; answers whether there may be more.
async fn take(courier: &Courier, line: &mut Line) -> bool {
    let claim = courier.store.claim(&[StageName::Deliver], courier.clock.now(), lease_end(courier), HANDFUL);
    let taken = match claim.await {
        Ok(claimed) => {
            let full = claimed.len() == HANDFUL;
            line_up(courier, line, claimed).await.map(|()| full)
        }
        Err(error) => Err(error.into()),
    };
    taken.unwrap_or_else(|error| {
        // What was claimed is claimable again when its lease runs out.
        tracing::warn!(error = &error as &dyn std::error::Error, "no delivery could be claimed");
        false
    })
}

async fn line_up(courier: &Courier, line: &mut Line, claimed: Vec<Claimed>) -> Result<()> {
    let keys: Vec<_> = claimed.iter().map(|one| one.job.subject.clone()).collect();
    let mut given_back = Vec::new();
    for (claimed, record) in claimed.into_iter().zip(courier.store.read_many(&keys).await?) {
        given_back.extend(place(line, claimed, record.as_deref(), courier.clock.now()));
    }
    if !given_back.is_empty() {
        let mut batch = Batch::new();
        for (claimed, ending) in given_back {
            batch.end(claimed, ending);
        }
        batch.soon();
        courier.store.commit(batch).await?;
    }
    Ok(())
}

/// Puts a job into the line, or says how it ends.
fn place(line: &mut Line, claimed: Claimed, record: Option<&Record>, now: Timestamp) -> Option<(Claimed, Ending)> {
    // The delivery was swept.
    let Some(record) = record else { return Some((claimed, Ending::Done)) };
    let delivery: Delivery = match record.parse() {
        Ok(delivery) => delivery,
        Err(error) => return Some((claimed, Ending::Dead(error.to_string()))),
    };
    let receiver = Receiver { webhook: delivery.webhook, owner: delivery.group };
    let claimed = line.join(receiver, claimed).err()?;
    let pause = (PUT_OFF * i64::from(claimed.attempt)).min(PUT_OFF_MAX);
    Some((claimed, Ending::Again(Timestamp(now.0 + pause))))
}

async fn sweep(courier: &Courier) {
    let kept_from =
        Timestamp(courier.clock.now().0 - i64::try_from(courier.settings.keep.as_secs()).unwrap_or(i64::MAX));
    match webhook::sweep(&*courier.store, kept_from).await {
        Ok(0) => {}
        Ok(swept) => tracing::info!(swept, "old deliveries to webhooks were removed"),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "old deliveries to webhooks could not be removed");
        }
    }
}
