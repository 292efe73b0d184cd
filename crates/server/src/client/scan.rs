//! Many files and URLs, from disk or command line to verdict, some at a time. A problem of one does not stop the others;
//! a problem of the server does.

use std::sync::OnceLock;
use std::time::Duration;

use assay_model::address::Item;
use assay_model::url::CanonicalUrl;
use futures_util::StreamExt as _;
use futures_util::stream;

use super::api::Client;
use super::object::Object;
use super::problem::Problem;
use super::sample::{Sample, Target, Unreadable, is_url};
use super::scanned::Scanned;

/// How to go about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Files and URLs under way at once; at least one.
    pub(crate) jobs: usize,
    /// How long to wait for each analysis; None not to wait at all.
    pub(crate) wait: Option<Duration>,
}

/// How it went.
#[derive(Debug)]
pub(crate) struct Scan {
    /// Every path and URL, in the order given.
    pub(crate) files: Vec<Scanned>,
    /// The problem that stopped it, if one did.
    pub(crate) stopped: Option<Problem>,
}

/// Uploads every sample, submits every URL, and waits for their analyses.
pub(crate) async fn all(client: &Client, found: Vec<Result<Target, Unreadable>>, plan: Plan) -> Scan {
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

async fn one(client: &Client, found: Result<Target, Unreadable>, plan: Plan, stopped: &OnceLock<Problem>) -> Scanned {
    let target = match found {
        Ok(target) => target,
        Err(Unreadable { shown, problem }) => {
            let begun = if is_url(&shown) { Scanned::of_url(shown) } else { Scanned::of_file(shown) };
            return begun.failed(problem.message);
        }
    };
    let mut scanned = target.begun();
    if let Some(problem) = stopped.get() {
        scanned.fail(format!("not scanned: {}", problem.message));
        return scanned;
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
    let sent = match &target {
        Target::File(sample) => upload(client, sample, &mut scanned).await,
        Target::Url(url, _) => submit(client, url, &mut scanned).await,
    };
    let id = match sent {
        Ok(id) => id,
        Err(problem) => {
            scanned.fail(noted(problem));
            return scanned;
        }
    };
    if let Some(patience) = plan.wait
        && let Err(problem) = judge(client, &mut scanned, &id, patience).await
    {
        scanned.fail(noted(problem));
    }
    scanned
}

impl Target {
    /// What is known before it is sent.
    fn begun(&self) -> Scanned {
        match self {
            Self::File(sample) => Scanned::of_file(sample.shown.clone()),
            Self::Url(_, shown) => Scanned::of_url(shown.clone()),
        }
    }
}

/// Sends a file; the id of its analysis.
async fn upload(client: &Client, sample: &Sample, scanned: &mut Scanned) -> Result<String, Problem> {
    let upload = client.upload(sample).await?;
    let item = client.address.at(&["files", &upload.digests.sha256.to_string()]).to_string();
    let id = upload.analysis.id.clone();
    scanned.sent(&upload.digests);
    scanned.queued(upload.analysis.id, upload.analysis.links, item);
    Ok(id)
}

/// Submits a URL; the id of its analysis.
async fn submit(client: &Client, url: &CanonicalUrl, scanned: &mut Scanned) -> Result<String, Problem> {
    let analysis = client.analyse(&Item::Url(url.clone())).await?;
    let item = client.address.at(&["urls", &url.id().to_string()]).to_string();
    scanned.queued(analysis.id.clone(), analysis.links, item);
    Ok(analysis.id)
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
