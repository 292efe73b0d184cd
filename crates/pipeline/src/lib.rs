//! The flow of a sample: **ingest → identify → analyse → index**.
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
use assay_model::record::StageName;
use assay_model::{Error, Result, Timestamp};
use assay_store::Store;
use async_trait::async_trait;

mod analyse;
mod handover;
mod identify;
mod index;
pub mod ingest;
mod records;
mod subject;
pub mod worker;

pub use handover::Handover;
pub use ingest::{Ingested, Upload, ingest, rescan};
pub use records::{read_analysis, read_file};
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
    /// From requests to workers; [`Handover::default`].
    pub handover: Handover,
}

/// From what is known to what is newly known.
#[async_trait]
pub trait Stage: Send + Sync {
    /// The dear part: looks at the subject. Runs once for each claim of the job.
    async fn observe(&self, pipeline: &Pipeline, subject: &Subject) -> Result<Box<dyn Observed>>;
}

/// What a stage has found out.
pub trait Observed: Send + Sync {
    /// The cheap part: merges the finding with the subject. Runs again, on the subject as the store holds it then, when
    /// somebody else was quicker. Answers the stage that follows on the same subject.
    fn record(&self, subject: &mut Subject, now: Timestamp) -> Option<StageName>;
}

/// The flow, in its order.
pub const STAGES: &[(StageName, &'static dyn Stage)] = &[
    (StageName::Identify, &identify::Identify),
    (StageName::Analyse, &analyse::Analyse),
    (StageName::Index, &index::Index),
];

fn stage(wanted: StageName) -> Result<&'static dyn Stage> {
    let row = STAGES.iter().find(|(name, _)| *name == wanted);
    row.map(|(_, stage)| *stage)
        .ok_or_else(|| Error::new(assay_model::Code::Internal, format!("no stage is named {}", wanted.stored())))
}
