//! What the stages work on: an analysis, its file and its bytes, as far as the findings before have brought them. Read
//! from the store once, changed in memory, written back in one batch.

use std::collections::BTreeSet;
use std::sync::Arc;

use assay_model::analysis::StoredAnalysis;
use assay_model::error::Code;
use assay_model::facts::Facts;
use assay_model::file::StoredFile;
use assay_model::record::{FacetName, Key, StageName, body};
use assay_model::{Error, Result};
use assay_store::{Batch, Expect};
use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::OnceCell;

use crate::records::{file_key, read_analysis, read_file};
use crate::{Handover, Matter, Pipeline, STAGES, Sightings, Stage};

/// See the module.
pub struct Subject {
    /// The key of the analysis.
    pub key: Key,
    /// The analysis.
    pub analysis: StoredAnalysis,
    /// The file that it is about.
    pub file: StoredFile,
    facts: Arc<Facts>,
    /// What was come upon in it.
    pub sightings: Sightings,
    facets: Vec<(FacetName, BTreeSet<String>)>,
    versions: Versions,
    bytes: OnceCell<Bytes>,
}

/// What the store holds, which must not have changed when the subject is written back.
#[derive(Debug, Clone, Copy)]
struct Versions {
    analysis: u64,
    file: u64,
}

impl Subject {
    /// What was just written for the first time, with its bytes at hand.
    pub(crate) fn first(key: Key, analysis: StoredAnalysis, file: StoredFile, bytes: Bytes) -> Self {
        let versions = Versions { analysis: 1, file: 1 };
        Self::new(key, analysis, file, Arc::default(), versions, OnceCell::new_with(Some(bytes)))
    }

    fn new(
        key: Key,
        analysis: StoredAnalysis,
        file: StoredFile,
        facts: Arc<Facts>,
        versions: Versions,
        bytes: OnceCell<Bytes>,
    ) -> Self {
        let sightings = Sightings::default();
        Self { key, analysis, file, facts, sightings, facets: Vec::new(), versions, bytes }
    }

    /// The file's bytes.
    pub async fn bytes(&self, pipeline: &Pipeline) -> Result<Bytes> {
        let open = async || {
            let missing = || Error::new(Code::Internal, "the bytes of a file are missing");
            pipeline.blobs.open(&self.file.attributes.sha256).await?.ok_or_else(missing)
        };
        self.bytes.get_or_try_init(open).await.cloned()
    }

    /// What identification found; empty where it has not run.
    pub fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }

    /// Keeps what identification found.
    pub fn set_facts(&mut self, facts: &Arc<Facts>) {
        self.file.set_facts(facts);
        self.facts = facts.clone();
    }

    /// Makes the file findable by exactly these values.
    pub fn set_facet(&mut self, name: FacetName, values: BTreeSet<String>) {
        self.facets.push((name, values));
    }
}

#[async_trait]
impl Matter for Subject {
    const STAGES: &'static [(StageName, &'static dyn Stage)] = STAGES;

    fn handover(pipeline: &Pipeline) -> &Handover<Self> {
        &pipeline.handover
    }

    async fn load(pipeline: &Pipeline, key: &Key) -> Result<Self> {
        let gone = || Error::new(Code::Internal, format!("the {} of a job does not exist", key.kind));
        let (analysis, analysis_version) = read_analysis(&*pipeline.store, key).await?.ok_or_else(gone)?;
        let (file, file_version) = read_file(&*pipeline.store, &analysis.file.sha256).await?.ok_or_else(gone)?;
        let versions = Versions { analysis: analysis_version, file: file_version };
        let facts = Arc::new(file.facts()?);
        Ok(Self::new(key.clone(), analysis, file, facts, versions, OnceCell::new()))
    }

    // Bytes never change and stay at hand.
    async fn renewed(&self, pipeline: &Pipeline) -> Result<Self> {
        let renewed = Self::load(pipeline, &self.key).await?;
        Ok(Self { bytes: self.bytes.clone(), ..renewed })
    }

    async fn batch(&self, pipeline: &Pipeline) -> Result<Batch> {
        let mut batch = Batch::new();
        let file = file_key(&self.file.attributes.sha256);
        for (name, values) in &self.facets {
            batch.replace_facets(&file, *name, values.iter().cloned());
        }
        batch.put(file.clone(), body(&self.file), Expect::Version(self.versions.file));
        self.sightings.write(pipeline, &file, &mut batch).await?;
        batch.put(self.key.clone(), body(&self.analysis), Expect::Version(self.versions.analysis));
        Ok(batch)
    }
}
