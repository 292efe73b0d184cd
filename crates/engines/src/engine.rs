//! The trait [`Engine`] and its contract: an [`Item`] and what is known of it go in, a [`Finding`] comes out.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use assay_model::address;
use assay_model::facts::Facts;
use assay_model::url::Location;
use assay_model::verdict::{Category, Method, YaraResult};
use assay_model::{Digests, Timestamp};
use assay_rules::{Disabled, RuleInfo};
use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;

use crate::address::Address;

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

/// What an engine is asked about.
#[derive(Debug, Clone, Copy)]
pub enum Item<'a> {
    /// A file, and what identification found.
    File(&'a Sample, &'a Facts),
    /// A URL, a domain or an IP address.
    Address(&'a Address),
}

impl<'a> Item<'a> {
    /// The bytes that can be looked at: the file's, or those that the URL was found to serve.
    pub fn sample(&self) -> Option<&'a Sample> {
        match self {
            Self::File(sample, _) => Some(sample),
            Self::Address(address) => address.page.as_ref().map(|page| &page.body),
        }
    }
}

/// Which reports name an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those of files.
    Files,
    /// Those of URLs, domains and IP addresses, where it accepts them.
    Addresses,
    /// All.
    Both,
}

impl Scope {
    /// Whether reports of files name it.
    pub fn has_files(self) -> bool {
        matches!(self, Self::Files | Self::Both)
    }

    /// Whether reports of URLs, domains and IP addresses may name it.
    pub fn has_addresses(self) -> bool {
        matches!(self, Self::Addresses | Self::Both)
    }
}

/// For the log: of a URL only where it is, because the rest may hold a secret.
impl fmt::Display for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(sample, _) => sample.digests.sha256.fmt(f),
            Self::Address(address) => match &address.item {
                address::Item::Url(url) => match url.location() {
                    Location::Domain(name) => write!(f, "a URL at {name}"),
                    Location::Ip(ip) => write!(f, "a URL at {ip}"),
                },
                address::Item::Domain(name) => name.fmt(f),
                address::Item::IpAddress(ip) => ip.fmt(f),
            },
        }
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
    /// What else it says of a URL, a domain or an IP address.
    pub labels: Labels,
}

impl Finding {
    /// Nothing found.
    pub fn nothing(method: Method) -> Self {
        Self {
            category: Category::Undetected,
            method,
            result: None,
            yara: Vec::new(),
            reasons: Vec::new(),
            labels: Labels::default(),
        }
    }
}

/// What reports of URLs, domains and IP addresses show beside the verdicts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// Names of threats that it serves.
    pub threat_names: Vec<String>,
    /// What it is, by the name of who says so: `{"the list": "phishing"}`.
    pub categories: BTreeMap<String, String>,
    /// The brand that it pretends to be.
    pub targeted_brand: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
}

/// Why there is no finding, by what the panel makes of it.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The engine itself gave up on this item, for its size or length: `confirmed-timeout`.
    #[error("gave up on the sample: {0}")]
    GaveUp(String),
    /// The engine refused the item or broke on it: `failure`. Asking again does not help.
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
/// Contract, checked by [`crate::suite`]: any bytes may come in, of any size, also none; the same item gets
/// the same answer as long as the edition stays the same; CPU-bound work is not done on the caller's thread;
/// a future that is dropped leaves nothing behind that goes on for longer than the patience.
#[async_trait]
pub trait Engine: Send + Sync {
    /// As it shows in reports; unique among the engines of a panel.
    fn name(&self) -> &str;

    /// Version and update date, as true as can be had.
    async fn edition(&self) -> Edition;

    /// Which reports name it; always the same.
    fn scope(&self) -> Scope;

    /// Whether it looks at such items at all. If not, a file's report says `type-unsupported`, and the report of
    /// anything else does not name it.
    fn accepts(&self, item: Item<'_>) -> bool;

    /// How long the panel waits for it.
    fn patience(&self) -> Duration;

    /// Judges one item that it accepts.
    async fn judge(&self, item: Item<'_>) -> Result<Finding, EngineError>;

    /// Looks whether what it was made of has changed, and if so takes the new in use. Cheap when nothing has.
    /// If the new cannot be used the old stays in use and [`Engine::status`] says why.
    async fn refresh(&self);

    /// What it holds and what ails it.
    fn status(&self) -> Status;
}
