//! The trait [`Engine`] and its contract: a sample and what is known of it go in, a [`Finding`] comes out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use assay_model::facts::Facts;
use assay_model::verdict::{Category, Method, YaraResult};
use assay_model::{Digests, Timestamp};
use assay_rules::{Disabled, RuleInfo};
use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;

/// The bytes of one file. Cheap to clone; the bytes may be a memory map.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The content.
    pub bytes: Bytes,
    /// Its hashes and size.
    pub digests: Digests,
}

impl Sample {
    /// A sample of bytes already in memory.
    pub fn of(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let digests = Digests::of(&bytes);
        Self { bytes, digests }
    }
}

/// Which engine answered, and how fresh its knowledge is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Edition {
    /// The engine's own version.
    pub version: Option<String>,
    /// When its knowledge (rules, signatures, lists) last changed.
    pub updated: Option<Timestamp>,
}

/// A rule that matched, without the date: [`YaraMatch::dated`] adds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YaraMatch {
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// Whether it matched in a member of the sample, not in the sample itself.
    pub in_subfile: bool,
}

impl YaraMatch {
    /// The match as reports show it.
    pub fn dated(&self, now: Timestamp) -> YaraResult {
        YaraResult {
            rule_name: self.rule.rule.clone(),
            ruleset_id: self.rule.ruleset_id.clone(),
            ruleset_name: self.rule.ruleset.clone(),
            author: self.rule.author.clone(),
            description: self.rule.description.clone(),
            source: self.rule.source.clone(),
            match_in_subfile: self.in_subfile,
            match_date: now,
        }
    }
}

/// An engine's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Malicious, suspicious, undetected or harmless.
    pub category: Category,
    /// How it came to that.
    pub method: Method,
    /// The name of what was found; none when nothing was.
    pub result: Option<String>,
    /// Rules that matched, the informational ones too.
    pub yara: Vec<YaraMatch>,
    /// Why, in words for the reader of the report.
    pub reasons: Vec<String>,
}

impl Finding {
    /// Nothing found.
    pub fn nothing(method: Method) -> Self {
        Self { category: Category::Undetected, method, result: None, yara: Vec::new(), reasons: Vec::new() }
    }
}

/// Why there is no finding, by what the panel makes of it.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The engine itself gave up on this sample, for its size or length: `confirmed-timeout`.
    #[error("gave up on the sample: {0}")]
    GaveUp(String),
    /// The engine refused the sample or broke on it: `failure`. Asking again does not help.
    #[error("failed on the sample: {0}")]
    Failed(String),
    /// The engine cannot be reached: `failure`. Asking again later may help.
    #[error("cannot be reached")]
    Unavailable(#[source] std::io::Error),
}

/// What an engine holds and what ails it, for operators.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// How much it holds, by what: `rules`, `known-bad hashes`, …
    pub holds: BTreeMap<String, u64>,
    /// Rules that were left out, each with its error.
    pub disabled_rules: Vec<Disabled>,
    /// What else is wrong: bad lines, files too large, a reload that failed.
    pub problems: Vec<String>,
}

/// One detection engine.
///
/// Contract, checked by [`crate::suite`]: any bytes may come in, of any size, also none; the same sample gets
/// the same answer as long as the edition stays the same; CPU-bound work is not done on the caller's thread;
/// a future that is dropped leaves nothing behind that goes on for longer than the patience.
#[async_trait]
pub trait Engine: Send + Sync {
    /// As it shows in reports; unique among the engines of a panel.
    fn name(&self) -> &str;

    /// Version and update date, as true as can be had.
    async fn edition(&self) -> Edition;

    /// Whether it looks at such files at all; if not it answers `type-unsupported`.
    fn accepts(&self, facts: &Facts) -> bool;

    /// How long the panel waits for it.
    fn patience(&self) -> Duration;

    /// Judges one sample.
    async fn judge(&self, sample: &Sample, facts: &Facts) -> Result<Finding, EngineError>;

    /// Looks whether what it was made of has changed, and if so takes the new in use. Cheap when nothing has.
    /// If the new cannot be used the old stays in use and [`Engine::status`] says why.
    async fn refresh(&self);

    /// What it holds and what ails it.
    fn status(&self) -> Status;
}
