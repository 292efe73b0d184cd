//! The first stage, in the request itself: a sample that is kept becomes known. In goes an [`Upload`], out comes what
//! to tell the client; the submission, the file, its analysis and the first job are one commit. Where a worker has time
//! for it, the job is claimed in that commit and handed over.

use assay_blobs::Kept;
use assay_model::analysis::{Analysis, Status, StoredAnalysis, Submission, analysis_id, submission_id};
use assay_model::error::Code;
use assay_model::file::{File, NAMES_KEPT, StoredFile, Votes};
use assay_model::record::{Class, Edge, Facet, FacetName, Job, Key, StageName, body};
use assay_model::{Digests, Error, Kind, Link, Result, Sha256, Timestamp};
use assay_store::{Batch, Expect, StoreError};

use tokio::time::Instant;

use crate::handover::Work;
use crate::records::{file_key, read_analysis, read_file};
use crate::worker::lease_end;
use crate::{Pipeline, Subject};

/// How often a commit is tried against others who write the same file at the same moment.
const TRIES: usize = 64;

/// A sample that was just kept.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Its bytes and what they are.
    pub kept: Kept,
    /// The name that came with it; data, never a path of ours.
    pub name: Option<String>,
    /// A token that stands for the submitter.
    pub source: String,
    /// By what way it came.
    pub interface: &'static str,
    /// Who waits for its analysis.
    pub class: Class,
}

/// What became of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingested {
    /// The analysis to follow.
    pub analysis: String,
    /// Whether the file was never seen before.
    pub new: bool,
}

/// Makes a kept sample known. A known file gets a submission and answers with its latest analysis; a new one is
/// analysed.
pub async fn ingest(pipeline: &Pipeline, upload: &Upload) -> Result<Ingested> {
    for attempt in 0..TRIES {
        let now = pipeline.clock.now();
        // Bytes that were not there before are no known file; if they are one after all, the commit is refused.
        let known = if attempt == 0 && upload.kept.new {
            None
        } else {
            read_file(&*pipeline.store, &upload.kept.digests.sha256).await?
        };
        let mut batch = Batch::new();
        // Two submissions of one file in one second, and analyses of two files of one MD5: the later takes the next
        // second's name.
        let named = Timestamp(now.0 + i64::try_from(attempt).unwrap_or(0));
        submit(upload, named, now, &mut batch);
        let ingested = match known {
            Some((file, version)) => {
                let ingested = submit_again(upload, file, version, now, &mut batch);
                pipeline.store.commit(batch).await.map(|_| ingested)
            }
            None => begin(pipeline, upload, (named, now), batch).await,
        };
        match ingested {
            Err(StoreError::Conflict) => {}
            Err(other) => return Err(other.into()),
            Ok(ingested) => {
                metrics::counter!("assay_submissions_total", "new" => if ingested.new { "yes" } else { "no" })
                    .increment(1);
                return Ok(ingested);
            }
        }
    }
    Err(StoreError::Conflict.into())
}

/// Commits a new file and hands its first job over, where somebody has time for it.
async fn begin(
    pipeline: &Pipeline,
    upload: &Upload,
    (named, now): (Timestamp, Timestamp),
    mut batch: Batch,
) -> assay_store::Result<Ingested> {
    let (file, analysis) = submit_first(upload, (named, now), &mut batch);
    let ingested = Ingested { analysis: file.latest_analysis.clone(), new: true };
    let (key, since) = (Key::shared(Kind::Analysis, file.latest_analysis.as_str()), Instant::now());
    let job = Job { stage: StageName::Identify, subject: key.clone(), class: upload.class };
    let place = pipeline.handover.reserve();
    if place.is_some() {
        batch.enqueue_claimed(job, lease_end(now))
    } else {
        batch.enqueue(job)
    };
    let claimed = pipeline.store.commit(batch).await?.pop();
    if let (Some(place), Some(claimed)) = (place, claimed) {
        let subject = Box::new(Subject::first(key, analysis, file, upload.kept.bytes.clone()));
        pipeline.handover.give(place, Work { claimed, subject, since });
    }
    Ok(ingested)
}

fn submit(upload: &Upload, named: Timestamp, now: Timestamp, batch: &mut Batch) {
    let submission = Submission {
        date: now,
        interface: upload.interface.to_owned(),
        name: upload.name.clone(),
        source_key: upload.source.clone(),
    };
    let file = file_key(&upload.kept.digests.sha256);
    let key = Key::shared(Kind::Submission, submission_id(&upload.kept.digests.sha256, named));
    batch.put(key.clone(), body(&submission), Expect::Absent);
    batch.link(Edge::new(key, Link::Submitted, file, now));
}

pub(crate) fn submit_first(
    upload: &Upload,
    (moment, now): (Timestamp, Timestamp),
    batch: &mut Batch,
) -> (StoredFile, StoredAnalysis) {
    let digests = &upload.kept.digests;
    let analysis = analysis_id(&digests.md5, moment);
    let names: Vec<_> = upload.name.iter().filter(|name| !name.is_empty()).cloned().collect();
    let file = StoredFile {
        attributes: File {
            md5: digests.md5,
            sha1: digests.sha1,
            sha256: digests.sha256,
            size: digests.size,
            meaningful_name: meaningful(&names),
            names,
            times_submitted: 1,
            unique_sources: 1,
            first_submission_date: now,
            last_submission_date: now,
            last_modification_date: now,
            last_analysis_date: None,
            last_analysis_results: None,
            last_analysis_stats: None,
            crowdsourced_yara_results: Vec::new(),
            reputation: 0,
            total_votes: Votes::default(),
        },
        facts: None,
        latest_analysis: analysis.clone(),
        sources: vec![upload.source.clone()],
    };
    let key = file_key(&digests.sha256);
    batch.put(key.clone(), body(&file), Expect::Absent);
    batch.facet(key.clone(), Facet::new(FacetName::Md5, digests.md5.to_string()));
    batch.facet(key, Facet::new(FacetName::Sha1, digests.sha1.to_string()));
    let analysis = start_analysis(digests, &analysis, now, batch);
    (file, analysis)
}

fn submit_again(upload: &Upload, mut file: StoredFile, version: u64, now: Timestamp, batch: &mut Batch) -> Ingested {
    let attributes = &mut file.attributes;
    attributes.times_submitted += 1;
    attributes.last_submission_date = attributes.last_submission_date.max(now);
    attributes.last_modification_date = now;
    if !file.sources.contains(&upload.source) && file.sources.len() < NAMES_KEPT {
        file.sources.push(upload.source.clone());
        attributes.unique_sources += 1;
    }
    let new_name = upload.name.as_ref().filter(|name| !name.is_empty() && !attributes.names.contains(name));
    if let (Some(name), true) = (new_name, attributes.names.len() < NAMES_KEPT) {
        attributes.names.push(name.clone());
        attributes.meaningful_name = meaningful(&attributes.names);
    }
    let analysis = file.latest_analysis.clone();
    batch.put(file_key(&upload.kept.digests.sha256), body(&file), Expect::Version(version));
    Ingested { analysis, new: false }
}

/// Writes an analysis that waits for its job.
fn start_analysis(digests: &Digests, id: &str, now: Timestamp, batch: &mut Batch) -> StoredAnalysis {
    let key = Key::shared(Kind::Analysis, id);
    let analysis = StoredAnalysis { attributes: Analysis::queued(now), file: *digests };
    batch.put(key.clone(), body(&analysis), Expect::Absent);
    batch.link(Edge::new(key, Link::Analysed, file_key(&digests.sha256), now));
    analysis
}

/// Analyses a known file again and answers the id of the new analysis. While one is under way, answers that one.
pub async fn rescan(pipeline: &Pipeline, sha256: &Sha256, class: Class) -> Result<String> {
    let not_found = || Error::not_found("File", &sha256.to_string());
    for _ in 0..TRIES {
        let (mut file, version) = read_file(&*pipeline.store, sha256).await?.ok_or_else(not_found)?;
        let latest = Key::shared(Kind::Analysis, file.latest_analysis.clone());
        let mut now = pipeline.clock.now();
        if let Some((analysis, _)) = read_analysis(&*pipeline.store, &latest).await? {
            if analysis.attributes.status != Status::Completed {
                return Ok(file.latest_analysis);
            }
            // An id holds the second it was made in: the same second again would be the same id.
            now = now.max(Timestamp(analysis.attributes.date.0 + 1));
        }
        let attributes = &file.attributes;
        let digests = Digests { md5: attributes.md5, sha1: attributes.sha1, sha256: *sha256, size: attributes.size };
        let id = analysis_id(&digests.md5, now);
        file.latest_analysis.clone_from(&id);
        let mut batch = Batch::new();
        batch.put(file_key(sha256), body(&file), Expect::Version(version));
        start_analysis(&digests, &id, now, &mut batch);
        batch.enqueue(Job { stage: StageName::Identify, subject: Key::shared(Kind::Analysis, id.as_str()), class });
        match pipeline.store.commit(batch).await {
            Ok(_) => return Ok(id),
            Err(StoreError::Conflict) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Err(Error::new(Code::Transient, "the file is being changed by many at once; try again"))
}

/// The name that says most: the last part of the first name that has an ending, else of the first.
fn meaningful(names: &[String]) -> Option<String> {
    let last_part = |name: &String| name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let mut parts = names.iter().map(last_part).filter(|part| !part.is_empty());
    let has_ending =
        |part: &String| part.rsplit_once('.').is_some_and(|(stem, end)| !stem.is_empty() && !end.is_empty());
    parts.clone().find(has_ending).or_else(|| parts.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meaningful_name_has_an_ending_and_no_path() {
        let names = |all: &[&str]| all.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(meaningful(&names(&["sample", "/tmp/x/invoice.exe", "b.dll"])).as_deref(), Some("invoice.exe"));
        assert_eq!(meaningful(&names(&["C:\\a\\b"])).as_deref(), Some("b"));
        assert_eq!(meaningful(&names(&["../"])), None);
        assert_eq!(meaningful(&[]), None);
    }
}
