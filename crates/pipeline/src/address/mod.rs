//! The flow of a URL, a domain or an IP address: **submit → visit → rate**.
//!
//! | file | what |
//! |---|---|
//! | [`submit`] | an address becomes an analysis with its first job |
//! | `visit` | where that is allowed, a URL is fetched, a host shows its certificate, and those who know something about it are asked |
//! | `dns`, `registration` | whom they are that are asked: name servers, registries |
//! | `rate` | the engines' opinions |
//! | `picture` | beside it, where a browser is configured: what the page looks like |
//!
//! It runs over the same leased jobs and by the same workers as the flow of a sample.

use assay_blobs::Kept;
use assay_engines::Page;
use assay_model::address::{Item, Known, StoredAddressAnalysis};
use assay_model::record::{Class, FacetName, Job, Key, StageName, body};
use assay_model::{Code, Error, Kind, Result};
use assay_store::{Batch, Expect};
use async_trait::async_trait;

use crate::ingest::{Upload, submit_first};
use crate::records::file_key;
use crate::{Handover, Matter, Pipeline, Sightings, Stage};

mod dns;
mod enrich;
mod picture;
mod rate;
mod registration;
mod scripts;
pub mod submit;
mod visit;

pub use dns::DnsLookUps;
pub use enrich::{Describe, Enrich, Enrichment, Join};
pub use picture::PictureSubject;
pub use registration::Registrations;

/// The flow, in its order.
pub const STAGES: &[(StageName, &'static dyn Stage<AddressSubject>)] =
    &[(StageName::Visit, &visit::Visit), (StageName::Rate, &rate::Rate)];

/// What the stages work on: an analysis, the address that it is about, and what was come upon.
pub struct AddressSubject {
    /// The key of the analysis.
    pub key: Key,
    /// The analysis.
    pub analysis: StoredAddressAnalysis,
    /// What is known of the address.
    pub known: Known,
    /// What a URL served when it was visited, for the engines.
    pub served: Option<Page>,
    /// Whether it was visited since it was loaded: then what was served is known, or nothing was.
    pub visited: bool,
    /// What was come upon.
    pub sightings: Sightings,
    /// Files that were served.
    pub arrivals: Vec<Upload>,
    /// The trackers by which its page is found; none where it was not looked at.
    pub trackers: Option<Vec<String>>,
    /// Whether it served a page that may be pictured.
    pub is_page: bool,
    versions: Versions,
}

/// What the store holds, which must not have changed when the subject is written back.
#[derive(Debug, Clone, Copy)]
struct Versions {
    analysis: u64,
    known: u64,
}

impl AddressSubject {
    /// The address.
    pub fn item(&self) -> &Item {
        &self.analysis.item
    }

    /// What was just written.
    pub(crate) fn first(key: Key, analysis: StoredAddressAnalysis, known: Known, version: u64) -> Self {
        Self::new(key, analysis, known, Versions { analysis: 1, known: version })
    }

    fn new(key: Key, analysis: StoredAddressAnalysis, known: Known, versions: Versions) -> Self {
        Self {
            key,
            analysis,
            known,
            served: None,
            visited: false,
            sightings: Sightings::default(),
            arrivals: Vec::new(),
            trackers: None,
            is_page: false,
            versions,
        }
    }

    /// Whether the analysis is the last one that was asked for, or the first that comes to an end.
    pub(crate) fn is_latest(&self) -> bool {
        let latest = self.known.latest_analysis() == Some(&*self.key.id);
        latest || self.known.standing().last_analysis_date.is_none()
    }
}

#[async_trait]
impl Matter for AddressSubject {
    const STAGES: &'static [(StageName, &'static dyn Stage<Self>)] = STAGES;

    fn handover(pipeline: &Pipeline) -> &Handover<Self> {
        &pipeline.visits
    }

    async fn load(pipeline: &Pipeline, key: &Key) -> Result<Self> {
        let gone = || Error::new(Code::Internal, format!("the {} of a job does not exist", key.kind));
        let analysis = pipeline.store.read(key).await?.ok_or_else(gone)?;
        let analysis_version = analysis.version;
        let analysis: StoredAddressAnalysis = analysis.parse()?;
        let known = pipeline.store.read(&analysis.item.key()).await?.ok_or_else(gone)?;
        let versions = Versions { analysis: analysis_version, known: known.version };
        Ok(Self::new(key.clone(), analysis, Known::parse(&known)?, versions))
    }

    async fn renewed(&self, pipeline: &Pipeline) -> Result<Self> {
        let renewed = Self::load(pipeline, &self.key).await?;
        Ok(Self { served: self.served.clone(), visited: self.visited, ..renewed })
    }

    async fn batch(&self, pipeline: &Pipeline) -> Result<Batch> {
        let mut batch = Batch::new();
        let key = self.item().key();
        self.sightings.write(pipeline, &key, &mut batch).await?;
        for upload in &self.arrivals {
            let file = file_key(&upload.kept.digests.sha256);
            if pipeline.store.read(&file).await?.is_none() {
                let now = pipeline.clock.now();
                let (stored, _) = submit_first(upload, (now, now), &mut batch);
                let subject = Key::shared(Kind::Analysis, stored.latest_analysis);
                batch.enqueue(Job { stage: StageName::Identify, subject, class: upload.class });
            }
        }
        if self.is_page && pipeline.camera.is_some() {
            batch.enqueue(picture::job(&self.key));
        }
        if let Some(trackers) = &self.trackers {
            batch.replace_facets(&key, FacetName::Tracker, trackers.iter().cloned());
        }
        batch.put(key, self.known.body(), Expect::Version(self.versions.known));
        batch.put(self.key.clone(), body(&self.analysis), Expect::Version(self.versions.analysis));
        Ok(batch)
    }
}

/// A file that a URL served, as if it had been uploaded by the server itself.
fn arrival(kept: Kept, name: Option<String>) -> Upload {
    Upload { kept, name, source: "assay".to_owned(), interface: "url", class: Class::Normal }
}
