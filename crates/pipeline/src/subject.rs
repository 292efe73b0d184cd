//! What the stages work on: an analysis, its file and its bytes, as far as the findings before have brought them. Read
//! from the store once, changed in memory, written back in one batch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use assay_model::address::{Item, Known};
use assay_model::analysis::StoredAnalysis;
use assay_model::error::Code;
use assay_model::facts::Facts;
use assay_model::file::StoredFile;
use assay_model::record::{Edge, FacetName, Key, body};
use assay_model::{Error, Result};
use assay_store::{Batch, Expect};
use bytes::Bytes;
use tokio::sync::OnceCell;

use crate::Pipeline;
use crate::records::{file_key, read_analysis, read_file};

/// See the module.
pub struct Subject {
    /// The key of the analysis.
    pub key: Key,
    /// The analysis.
    pub analysis: StoredAnalysis,
    /// The file that it is about.
    pub file: StoredFile,
    facts: Arc<Facts>,
    facets: Vec<(FacetName, BTreeSet<String>)>,
    edges: Vec<Edge>,
    /// Addresses that it names.
    sighted: BTreeMap<Key, Item>,
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
    /// What a job is about; an error where the job outlived it.
    pub(crate) async fn load(pipeline: &Pipeline, key: &Key) -> Result<Self> {
        let gone = || Error::new(Code::Internal, format!("the {} of a job does not exist", key.kind));
        let (analysis, analysis_version) = read_analysis(&*pipeline.store, key).await?.ok_or_else(gone)?;
        let (file, file_version) = read_file(&*pipeline.store, &analysis.file.sha256).await?.ok_or_else(gone)?;
        let versions = Versions { analysis: analysis_version, file: file_version };
        let facts = Arc::new(file.facts()?);
        Ok(Self::new(key.clone(), analysis, file, facts, versions, OnceCell::new()))
    }

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
        let (facets, edges, sighted) = Default::default();
        Self { key, analysis, file, facts, facets, edges, sighted, versions, bytes }
    }

    /// The same subject as the store holds it now; bytes never change and stay at hand.
    pub(crate) async fn renewed(&self, pipeline: &Pipeline) -> Result<Self> {
        let renewed = Self::load(pipeline, &self.key).await?;
        Ok(Self { bytes: self.bytes.clone(), ..renewed })
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

    /// Joins the file, or what it names, with something.
    pub fn link(&mut self, edge: Edge) {
        self.edges.push(edge);
    }

    /// Sees an address: where it is not known yet it becomes an object, with what the operator's data say of it.
    pub fn sight(&mut self, item: Item) {
        self.sighted.insert(item.key(), item);
    }

    /// All of it as a batch that is refused when somebody else has changed the analysis or the file, or was quicker to see
    /// an address for the first time.
    pub(crate) async fn batch(&self, pipeline: &Pipeline) -> Result<Batch> {
        let mut batch = Batch::new();
        let file = file_key(&self.file.attributes.sha256);
        for (name, values) in &self.facets {
            batch.replace_facets(&file, *name, values.iter().cloned());
        }
        if !self.sighted.is_empty() {
            let keys: Vec<_> = self.sighted.keys().cloned().collect();
            let (known, now) = (pipeline.store.read_many(&keys).await?, pipeline.clock.now());
            for ((key, item), _) in self.sighted.iter().zip(known).filter(|(_, known)| known.is_none()) {
                let mut first = Known::first(item, now);
                pipeline.intel.describe(item, &mut first);
                batch.put(key.clone(), first.body(), Expect::Absent);
            }
        }
        for edge in &self.edges {
            batch.link(edge.clone());
        }
        batch.put(file, body(&self.file), Expect::Version(self.versions.file));
        batch.put(self.key.clone(), body(&self.analysis), Expect::Version(self.versions.analysis));
        Ok(batch)
    }
}
