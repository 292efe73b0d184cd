//! An address is to be analysed: its submission, the address, the analysis and the first job are one commit.

use assay_model::address::{AddressAnalysis, Item, Known, StoredAddressAnalysis};
use assay_model::analysis::{Status, Submission};
use assay_model::file::NAMES_KEPT;
use assay_model::record::{Class, Edge, Job, Key, StageName, body};
use assay_model::url::{CanonicalUrl, StoredUrl};
use assay_model::{Code, Error, Kind, Link, Result, Sha256, Timestamp};
use assay_store::{Batch, Expect, StoreError};
use tokio::time::Instant;

use super::AddressSubject;
use crate::handover::Work;
use crate::worker::lease_end;
use crate::{Ingested, Pipeline, Sightings};

/// How often a commit is tried against others who write the same address at the same moment.
const TRIES: usize = 64;

/// Who submits a URL.
#[derive(Debug, Clone)]
pub struct Submitter {
    /// A token that stands for the submitter.
    pub source: String,
    /// By what way it came.
    pub interface: &'static str,
}

/// Submits a URL: it is analysed, whether it is known or not. While an analysis is under way, answers that one.
pub async fn submit(pipeline: &Pipeline, url: &CanonicalUrl, by: &Submitter, class: Class) -> Result<Ingested> {
    begin(pipeline, &Item::Url(url.clone()), Some(by), class).await
}

/// Analyses an address again, or for the first time. While an analysis is under way, answers that one.
pub async fn analyse(pipeline: &Pipeline, item: &Item, class: Class) -> Result<Ingested> {
    begin(pipeline, item, None, class).await
}

async fn begin(pipeline: &Pipeline, item: &Item, by: Option<&Submitter>, class: Class) -> Result<Ingested> {
    for attempt in 0..TRIES {
        let now = pipeline.clock.now();
        let found = pipeline.store.read(&item.key()).await?;
        let mut batch = Batch::new();
        let (mut known, expect) = match &found {
            Some(record) => (Known::parse(record)?, Expect::Version(record.version)),
            None => (Known::first(item, now), Expect::Absent),
        };
        if let (Some(by), Known::Url(url)) = (by, &mut known) {
            // Two submissions of one URL in one second: the later takes the next second's name.
            let named = Timestamp(now.0 + i64::try_from(attempt).unwrap_or(0));
            note_submission(url, item, by, named, now, &mut batch);
        }
        let (id, started) = match running(pipeline, &known).await? {
            Running::Now(id) => (id, None),
            Running::Until(last) => {
                let (id, analysis) = start(item, &mut known, now.max(Timestamp(last.0 + 1)), &mut batch);
                (id, Some(analysis))
            }
        };
        if found.is_none() {
            let mut sightings = Sightings::default();
            sightings.see(item, now);
            sightings.write(pipeline, &item.key(), &mut batch).await?;
        }
        batch.put(item.key(), known.body(), expect);
        let version = found.as_ref().map_or(1, |record| record.version + 1);
        let committed = match started {
            None => pipeline.store.commit(batch).await.map(drop),
            Some(analysis) => {
                let key = Key::shared(Kind::Analysis, id.as_str());
                hand_over(pipeline, AddressSubject::first(key, analysis, known, version), class, now, batch).await
            }
        };
        match committed {
            Ok(()) => return Ok(Ingested { analysis: id, new: found.is_none() }),
            Err(StoreError::Conflict) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Err(Error::new(Code::Transient, "the address is being changed by many at once; try again"))
}

enum Running {
    /// An analysis that is not over.
    Now(String),
    /// The date of the last one.
    Until(Timestamp),
}

async fn running(pipeline: &Pipeline, known: &Known) -> Result<Running> {
    let Some(id) = known.latest_analysis() else { return Ok(Running::Until(Timestamp(0))) };
    let Some(record) = pipeline.store.read(&Key::shared(Kind::Analysis, id)).await? else {
        return Ok(Running::Until(Timestamp(0)));
    };
    let analysis: StoredAddressAnalysis = record.parse()?;
    Ok(match analysis.attributes.status {
        Status::Completed => Running::Until(analysis.attributes.date),
        Status::Queued | Status::InProgress => Running::Now(id.to_owned()),
    })
}

/// Commits with the first job, and hands it to a worker where one has time for it.
async fn hand_over(
    pipeline: &Pipeline,
    subject: AddressSubject,
    class: Class,
    now: Timestamp,
    mut batch: Batch,
) -> assay_store::Result<()> {
    let (place, since) = (pipeline.visits.reserve(), Instant::now());
    let job = Job { stage: StageName::Visit, subject: subject.key.clone(), class };
    if place.is_some() {
        batch.enqueue_claimed(job, lease_end(now));
    } else {
        batch.enqueue(job);
    }
    let claimed = pipeline.store.commit(batch).await?.pop();
    if let (Some(place), Some(claimed)) = (place, claimed) {
        pipeline.visits.give(place, Work { claimed, subject: Box::new(subject), since });
    }
    Ok(())
}

/// Writes an analysis. An id holds the second it was made in: `date` is later than the last one's.
fn start(item: &Item, known: &mut Known, date: Timestamp, batch: &mut Batch) -> (String, StoredAddressAnalysis) {
    let id = item.analysis_id(date);
    known.set_latest_analysis(&id);
    let key = Key::shared(Kind::Analysis, id.as_str());
    let analysis = StoredAddressAnalysis { attributes: AddressAnalysis::queued(date), item: item.clone() };
    batch.put(key.clone(), body(&analysis), Expect::Absent);
    batch.link(Edge::new(key, item.analysed(), item.key(), date));
    (id, analysis)
}

fn note_submission(
    url: &mut StoredUrl,
    item: &Item,
    by: &Submitter,
    named: Timestamp,
    now: Timestamp,
    batch: &mut Batch,
) {
    let attributes = &mut url.attributes;
    attributes.times_submitted += 1;
    attributes.first_submission_date.get_or_insert(now);
    attributes.last_submission_date = Some(now);
    url.standing.last_modification_date = now;
    if !url.sources.contains(&by.source) && url.sources.len() < NAMES_KEPT {
        url.sources.push(by.source.clone());
    }
    let submission =
        Submission { date: now, interface: by.interface.to_owned(), name: None, source_key: by.source.clone() };
    let id = Sha256::of(attributes.url.as_bytes());
    let key = Key::shared(Kind::Submission, format!("u-{id}-{}", named.0));
    batch.put(key.clone(), body(&submission), Expect::Absent);
    batch.link(Edge::new(key, Link::SubmittedUrl, item.key(), now));
}
