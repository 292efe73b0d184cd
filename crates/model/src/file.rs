//! A file as it is stored and as its report shows it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::verdict::{EngineResult, Stats, YaraResult};
use crate::{Md5, Sha1, Sha256, Timestamp};

/// How many names and submitters a report keeps; the earliest stay.
pub const NAMES_KEPT: usize = 100;

/// The attributes of a file object. Attributes without data are left out, never null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct File {
    /// MD5.
    pub md5: Md5,
    /// SHA-1.
    pub sha1: Sha1,
    /// SHA-256; equals the object's id.
    pub sha256: Sha256,
    /// Bytes.
    pub size: u64,
    /// What identification found; absent until it has run.
    #[serde(flatten)]
    pub facts: Option<Facts>,
    /// Every name under which it was submitted, oldest first.
    pub names: Vec<String>,
    /// The best of `names`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaningful_name: Option<String>,
    /// How often it was submitted.
    pub times_submitted: u64,
    /// How many accounts submitted it.
    pub unique_sources: u64,
    /// When it was first submitted.
    pub first_submission_date: Timestamp,
    /// When it was last submitted.
    pub last_submission_date: Timestamp,
    /// When anything about it last changed.
    pub last_modification_date: Timestamp,
    /// When its last analysis completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_analysis_date: Option<Timestamp>,
    /// What the engines said last, by engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_analysis_results: Option<BTreeMap<String, EngineResult>>,
    /// How many of them said what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_analysis_stats: Option<Stats>,
    /// The YARA rules that matched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crowdsourced_yara_results: Vec<YaraResult>,
    /// Score of the community's votes.
    pub reputation: i64,
    /// The community's votes.
    pub total_votes: Votes,
}

/// A file as the store keeps it: its attributes, and what the report does not show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredFile {
    /// What the report shows.
    pub attributes: File,
    /// The id of the analysis that was asked for last.
    pub latest_analysis: String,
    /// The tokens of the accounts that submitted it; at most [`NAMES_KEPT`].
    pub sources: Vec<String>,
}

/// How a community voted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Votes {
    /// Votes that call it harmless.
    pub harmless: u64,
    /// Votes that call it malicious.
    pub malicious: u64,
}
