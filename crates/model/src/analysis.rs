//! One run of the engines over a file, and one upload of a file.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::verdict::{EngineResult, Stats};
use crate::{Digests, Md5, Sha256, Timestamp};

/// How far an analysis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Waiting for a worker.
    Queued,
    /// Engines are at work.
    InProgress,
    /// Done; results are final.
    Completed,
}

/// The attributes of an analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Analysis {
    /// When it was asked for.
    pub date: Timestamp,
    /// How far it is.
    pub status: Status,
    /// How many engines said what; all zero while queued.
    pub stats: Stats,
    /// What they said, by engine; empty while queued.
    pub results: BTreeMap<String, EngineResult>,
}

impl Analysis {
    /// An analysis that was just asked for.
    pub fn queued(date: Timestamp) -> Self {
        Self { date, status: Status::Queued, stats: Stats::default(), results: BTreeMap::new() }
    }
}

/// An analysis as the store keeps it: its attributes, and the file that it is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredAnalysis {
    /// What the object shows.
    pub attributes: Analysis,
    /// The file; becomes `meta.file_info`.
    pub file: Digests,
}

/// The id of a file's analysis: `base64("<md5>:<unix seconds>")`, padded. Clients decode it.
pub fn analysis_id(md5: &Md5, date: Timestamp) -> String {
    STANDARD.encode(format!("{md5}:{}", date.0))
}

/// The attributes of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Submission {
    /// When it was made.
    pub date: Timestamp,
    /// By what way it came: `api`, `web`, `email`.
    pub interface: String,
    /// The file name that was sent with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A token that tells submitters apart without naming them.
    pub source_key: String,
}

/// The id of a submission: `f-<sha256>-<unix seconds>`.
pub fn submission_id(sha256: &Sha256, date: Timestamp) -> String {
    format!("f-{sha256}-{}", date.0)
}
