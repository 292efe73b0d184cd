//! Many files from disk to verdict, some at a time. A problem of one file does not stop the others; a problem of
//! the server does.

use std::sync::OnceLock;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;

use super::api::Client;
use super::object::Object;
use super::problem::Problem;
use super::sample::{Sample, Unreadable};
use super::scanned::Scanned;

/// How to go about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Files under way at once; at least one.
    pub(crate) jobs: usize,
    /// How long to wait for each analysis; None not to wait at all.
    pub(crate) wait: Option<Duration>,
}

/// How it went.
#[derive(Debug)]
pub(crate) struct Scan {
    /// Every path, in the order given.
    pub(crate) files: Vec<Scanned>,
    /// The problem that stopped it, if one did.
    pub(crate) stopped: Option<Problem>,
}

/// Uploads every sample and waits for its analysis.
pub(crate) async fn all(client: &Client, found: Vec<Result<Sample, Unreadable>>, plan: Plan) -> Scan {
    let stopped = OnceLock::new();
    let work = found.into_iter().enumerate().map(|(place, found)| {
        let stopped = &stopped;
        async move {
            let scanned = one(client, found, plan, stopped).await;
            client.watch.finished(&scanned.path);
            (place, scanned)
        }
    });
    let mut files: Vec<_> = stream::iter(work).buffer_unordered(plan.jobs.max(1)).collect().await;
    files.sort_unstable_by_key(|(place, _)| *place);
    Scan { files: files.into_iter().map(|(_, scanned)| scanned).collect(), stopped: stopped.into_inner() }
}

async fn one(client: &Client, found: Result<Sample, Unreadable>, plan: Plan, stopped: &OnceLock<Problem>) -> Scanned {
    let sample = match found {
        Ok(sample) => sample,
        Err(Unreadable { shown, problem }) => return Scanned::failed(shown, problem.message),
    };
    if let Some(problem) = stopped.get() {
        return Scanned::failed(sample.shown, format!("not scanned: {}", problem.message));
    }
    let noted = |problem: Problem| {
        if !problem.is_final() {
            return problem.line();
        }
        let message = problem.message.clone();
        // The first one stays.
        let _ = stopped.set(problem);
        message
    };
    let upload = match client.upload(&sample).await {
        Ok(upload) => upload,
        Err(problem) => return Scanned::failed(sample.shown, noted(problem)),
    };
    let item = client.address.at(&["files", &upload.digests.sha256.to_string()]).to_string();
    let id = upload.analysis.id.clone();
    let mut scanned = Scanned::uploaded(sample.shown, upload, item);
    if let Some(patience) = plan.wait
        && let Err(problem) = judge(client, &mut scanned, &id, patience).await
    {
        scanned.fail(noted(problem));
    }
    scanned
}

async fn judge(client: &Client, scanned: &mut Scanned, id: &str, patience: Duration) -> Result<(), Problem> {
    let Some(data) = client.completed(id, patience).await? else {
        let waited = humantime::format_duration(patience);
        scanned.fail(format!("not analysed within {waited}; ask later: assay analysis {id}"));
        return Ok(());
    };
    scanned.judged(Object::read(&data)?);
    Ok(())
}
