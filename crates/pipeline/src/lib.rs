//! The flow of a sample: **ingest → identify → analyse → index**.
//!
//! [`ingest::ingest`] is called with the bytes already kept; it commits the submission together with the first job.
//! Every later stage is a row of [`STAGES`] and runs as a leased job: a worker claims it, lets the stage find out what
//! is newly known, and commits that together with the end of the job and the job of the next stage. A crash repeats a
//! stage and never leaves half of one.
//!
//! To add a stage: one file with its [`Stage`], a row in `model::record::StageName`, a line in [`STAGES`].
//!
//! Invariant: a stage writes nothing; only a worker commits.
//! Invariant: what was acknowledged to a client was committed with the job that finishes it.

use std::sync::Arc;

use assay_blobs::Blobs;
use assay_engines::Panel;
use assay_extract::Identifier;
use assay_model::clock::Clock;
use assay_model::record::{Job, Key, StageName};
use assay_model::{Error, Result};
use assay_store::{Batch, Store};
use async_trait::async_trait;

mod analyse;
mod identify;
mod index;
pub mod ingest;
mod records;
pub mod worker;

pub use ingest::{Ingested, Upload, ingest, rescan};
pub use records::{read_analysis, read_file};

/// What every stage works with.
pub struct Pipeline {
    /// What is known.
    pub store: Arc<dyn Store>,
    /// The samples' bytes.
    pub blobs: Arc<dyn Blobs>,
    /// The engines.
    pub panel: Arc<Panel>,
    /// Bytes to facts.
    pub identifier: Arc<Identifier>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// From what is known to what is newly known.
#[async_trait]
pub trait Stage: Send + Sync {
    /// The dear part: looks at the subject. Runs once for each claim of the job.
    async fn observe(&self, pipeline: &Pipeline, subject: &Key) -> Result<Box<dyn Observed>>;
}

/// What a stage has found out.
#[async_trait]
pub trait Observed: Send + Sync {
    /// The cheap part: merges the finding with what the store holds now. Runs again when somebody else was quicker.
    /// Answers what is to be written, and the stage that follows on the same subject.
    async fn record(&self, pipeline: &Pipeline) -> Result<(Batch, Option<StageName>)>;
}

/// The flow, in its order.
pub const STAGES: &[(StageName, &'static dyn Stage)] = &[
    (StageName::Identify, &identify::Identify),
    (StageName::Analyse, &analyse::Analyse),
    (StageName::Index, &index::Index),
];

fn stage(job: &Job) -> Result<&'static dyn Stage> {
    let row = STAGES.iter().find(|(name, _)| *name == job.stage);
    row.map(|(_, stage)| *stage)
        .ok_or_else(|| Error::new(assay_model::Code::Internal, format!("no stage is named {}", job.stage.stored())))
}
