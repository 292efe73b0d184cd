//! The flow of a sample: **ingest → identify → analyse → index**; that of a URL, a domain or an IP address is in
//! [`address`].
//!
//! [`ingest::ingest`] is called with the bytes already kept; it commits the submission together with the first job.
//! Every later stage is a row of [`STAGES`]. A worker claims the job by lease, lets its stage and those that follow find
//! out what is newly known, each on what the one before has found, and commits all of that together with the end of
//! the job. Where a stage takes long, or fails, what was found before it is committed with a job of that stage. A crash
//! repeats stages and never leaves half of one.
//!
//! To add a stage: one file with its [`Stage`], a row in `model::record::StageName`, a line in [`STAGES`].
//!
//! Invariant: a stage writes nothing; only a worker commits.
//! Invariant: what was acknowledged to a client was committed with the job that finishes it.

use std::sync::Arc;

use assay_blobs::Blobs;
use assay_engines::Panel;
use assay_extract::Identifier;
use assay_intel::Intel;
use assay_model::clock::Clock;
use assay_model::record::{Key, StageName};
use assay_model::{Error, Result, Timestamp};
use assay_store::{Batch, Store};
use assay_web::{Camera, Web};
use async_trait::async_trait;

pub mod address;
mod analyse;
mod handover;
mod identify;
mod index;
pub mod ingest;
mod records;
mod sightings;
mod subject;
pub mod worker;

pub use address::{AddressSubject, DnsLookUps, Enrich, Enrichment, PictureSubject, Registrations};
pub use handover::Handover;
pub use ingest::{Ingested, Upload, ingest, rescan};
pub use records::{read_analysis, read_file};
pub use sightings::Sightings;
pub use subject::Subject;

/// What every stage works with.
pub struct Pipeline {
    /// What is known.
    pub store: Arc<dyn Store>,
    /// The samples' bytes.
    pub blobs: Arc<dyn Blobs>,
    /// The engines.
    pub panel: Arc<Panel>,
    /// What the operator supplies about domains and IP addresses.
    pub intel: Arc<Intel>,
    /// Bytes to facts.
    pub identifier: Arc<Identifier>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The way to URLs; none where they are not fetched.
    pub web: Option<Arc<dyn Web>>,
    /// The browser that pictures pages; none where they are not pictured.
    pub camera: Option<Arc<dyn Camera>>,
    /// Who knows something about addresses, beside the engines.
    pub enrichers: Vec<Arc<dyn Enrich>>,
    /// From requests to the workers on samples; [`Handover::default`].
    pub handover: Handover<Subject>,
    /// From requests to the workers on addresses; [`Handover::default`].
    pub visits: Handover<AddressSubject>,
    /// To the workers on pictures; [`Handover::default`].
    pub pictures: Handover<PictureSubject>,
}

/// What the stages of a flow work on, as far as the findings before have brought it. Read from the store once, changed
/// in memory, written back in one batch.
#[async_trait]
pub trait Matter: Send + Sync + Sized + 'static {
    /// The flow, in its order.
    const STAGES: &'static [(StageName, &'static dyn Stage<Self>)];

    /// The short way to the workers of this flow.
    fn handover(pipeline: &Pipeline) -> &Handover<Self>;

    /// What a job is about; an error where the job outlived it.
    async fn load(pipeline: &Pipeline, key: &Key) -> Result<Self>;

    /// The same as the store holds it now.
    async fn renewed(&self, pipeline: &Pipeline) -> Result<Self>;

    /// All of it as a batch that is refused when somebody else has changed it.
    async fn batch(&self, pipeline: &Pipeline) -> Result<Batch>;
}

/// From what is known to what is newly known.
#[async_trait]
pub trait Stage<M: Matter = Subject>: Send + Sync {
    /// The dear part: looks at the subject. Runs once for each claim of the job.
    async fn observe(&self, pipeline: &Pipeline, subject: &M) -> Result<Box<dyn Observed<M>>>;
}

/// What a stage has found out.
pub trait Observed<M = Subject>: Send + Sync {
    /// The cheap part: merges the finding with the subject. Runs again, on the subject as the store holds it then, when
    /// somebody else was quicker. Answers the stage that follows on the same subject.
    fn record(&self, subject: &mut M, now: Timestamp) -> Option<StageName>;
}

/// The flow, in its order.
pub const STAGES: &[(StageName, &'static dyn Stage)] = &[
    (StageName::Identify, &identify::Identify),
    (StageName::Analyse, &analyse::Analyse),
    (StageName::Index, &index::Index),
];

fn stage<M: Matter>(wanted: StageName) -> Result<&'static dyn Stage<M>> {
    let row = M::STAGES.iter().find(|(name, _)| *name == wanted);
    row.map(|(_, stage)| *stage)
        .ok_or_else(|| Error::new(assay_model::Code::Internal, format!("no stage is named {}", wanted.stored())))
}
