//! A file as it is stored and as its report shows it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::facts::Facts;
use crate::verdict::{EngineResult, Stats, YaraResult};
use crate::{Code, Error, Md5, Sha1, Sha256, Timestamp};

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

/// A file as the store keeps it: its attributes, and what the report does not show. What identification found is kept
/// as text beside the attributes, because most who change a file need not read it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredFile {
    /// What changes with submissions and analyses.
    pub attributes: File,
    /// [`Facts`]; absent until identification has run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Box<RawValue>>,
    /// The id of the analysis that was asked for last.
    pub latest_analysis: String,
    /// The tokens of the accounts that submitted it; at most [`NAMES_KEPT`].
    pub sources: Vec<String>,
}

impl StoredFile {
    /// What identification found; empty where it has not run.
    pub fn facts(&self) -> Result<Facts, Error> {
        let Some(text) = &self.facts else { return Ok(Facts::default()) };
        serde_json::from_str(text.get())
            .map_err(|cause| Error::new(Code::Internal, "the stored facts of a file could not be read").because(cause))
    }

    /// Keeps what identification found.
    pub fn set_facts(&mut self, facts: &Facts) {
        self.facts = Some(serde_json::value::to_raw_value(facts).expect("facts have string keys and serialise"));
    }
}

/// The attributes of a file object as a report shows them: what was found stands beside what happened to it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    #[serde(flatten)]
    file: File,
    #[serde(flatten)]
    facts: Option<Facts>,
}

/// How a community voted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Votes {
    /// Votes that call it harmless.
    pub harmless: u64,
    /// Votes that call it malicious.
    pub malicious: u64,
}
