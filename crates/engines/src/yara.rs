//! Engine "Assay YARA": the rules that come with Assay and those of the operator's folders, over a file or what a URL
//! serves and, if that is an archive, over each of its members.
//!
//! A [`Set`] is compiled rules with the threads that scan with them. It is never changed: when a rule file
//! changes, a new set is made beside it and takes its place; scans under way end with the old one.

mod builtin;
mod files;
mod scan;
mod workers;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use assay_model::Timestamp;
use assay_model::verdict::{Category, Method};
use assay_rules::{Compiled, OnMatch};
use async_trait::async_trait;

use crate::OpenError;
use crate::config::YaraConfig;
use crate::engine::{Edition, Engine, EngineError, Finding, Item, Scope, Status, YaraMatch};
use crate::off_thread;
use files::Listing;
use workers::Workers;

/// The scan itself gives up a little before the panel does: a sample that is too much for the rules is then
/// told from an engine that is stuck.
const MARGIN: Duration = Duration::from_secs(2);

/// Compiled rules in use.
struct Set {
    compiled: Arc<Compiled>,
    workers: Workers,
    listing: Listing,
    updated: Option<Timestamp>,
    problems: Vec<String>,
}

/// See the module.
pub(crate) struct Yara {
    config: YaraConfig,
    current: RwLock<Arc<Set>>,
    /// Why the last reload was not taken in use, until one is.
    trouble: RwLock<Option<String>>,
}

impl Yara {
    /// Reads and compiles all rules. A folder that cannot be read is an error; a rule that is wrong is not.
    pub(crate) async fn open(config: &YaraConfig) -> Result<Self, OpenError> {
        let owned = config.clone();
        let set = off_thread(move || {
            let listing = files::list(&owned.folder)?;
            make(&owned, listing)
        })
        .await
        .map_err(|error| OpenError::Unreadable {
            section: "yara.folder",
            path: error.path,
            source: error.source,
        })?;
        Ok(Self { config: config.clone(), current: RwLock::new(Arc::new(set)), trouble: RwLock::new(None) })
    }

    fn current(&self) -> Arc<Set> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.write().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// A new set if a file changed, none if all is as it was.
    async fn renewed(&self) -> Result<Option<Set>, files::Unreadable> {
        let (config, old) = (self.config.clone(), self.current());
        off_thread(move || {
            let listing = files::list(&config.folder)?;
            if listing == old.listing {
                return Ok(None);
            }
            let set = make(&config, listing)?;
            // Files that changed meanwhile may have been read half-written; the next look takes them whole.
            let settled = files::list(&config.folder)? == set.listing;
            Ok(settled.then_some(set))
        })
        .await
    }
}

/// Reads, compiles, and starts the threads.
fn make(config: &YaraConfig, listing: Listing) -> Result<Set, files::Unreadable> {
    let mut sources = if config.builtin { builtin::sources() } else { Vec::new() };
    let (own, problems) = files::read(&listing)?;
    sources.extend(own);
    let compiled = Arc::new(assay_rules::compile(&sources));
    for entry in compiled.disabled() {
        let (ruleset, line, error) = (&entry.ruleset, entry.line, &entry.error);
        tracing::warn!(%ruleset, rule = entry.rule.as_deref(), line, %error, "a rule is left out");
    }
    tracing::info!(rules = compiled.count(), left_out = compiled.disabled().len(), "rules compiled");
    let threads = match NonZero::new(config.threads) {
        Some(threads) => threads,
        None => std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
    };
    let builtin_date = config.builtin.then_some(builtin::UPDATED);
    let updated = listing.newest().max(builtin_date);
    Ok(Set { workers: Workers::start(&compiled, threads), compiled, listing, updated, problems })
}

#[async_trait]
impl Engine for Yara {
    fn name(&self) -> &'static str {
        "Assay YARA"
    }

    async fn edition(&self) -> Edition {
        Edition { version: Some(assay_rules::ENGINE_VERSION.to_owned()), updated: self.current().updated }
    }

    fn scope(&self) -> Scope {
        Scope::Both
    }

    fn accepts(&self, item: Item<'_>) -> bool {
        item.sample().is_some()
    }

    fn patience(&self) -> Duration {
        self.config.patience
    }

    async fn judge(&self, item: Item<'_>) -> Result<Finding, EngineError> {
        let Some(sample) = item.sample() else { return Ok(Finding::nothing(Method::Blacklist)) };
        let time = self.config.patience.saturating_sub(MARGIN).max(Duration::from_secs(1));
        let scanned = self.current().workers.scan(sample.bytes.clone(), time).await?;
        Ok(finding(scanned))
    }

    async fn refresh(&self) {
        match self.renewed().await {
            Ok(None) => {}
            Ok(Some(set)) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
                self.set_trouble(None);
            }
            Err(error) => {
                let trouble = format!("the rules were not reloaded: cannot read {}: {}", error.path, error.source);
                tracing::warn!("{trouble}");
                self.set_trouble(Some(trouble));
            }
        }
    }

    fn status(&self) -> Status {
        let set = self.current();
        let trouble = self.trouble.read().unwrap_or_else(PoisonError::into_inner).clone();
        Status {
            holds: BTreeMap::from([("rules".to_owned(), set.compiled.count() as u64)]),
            disabled_rules: set.compiled.disabled().to_vec(),
            problems: set.problems.iter().cloned().chain(trouble).collect(),
        }
    }
}

/// The strongest match decides; of equals the first.
fn finding(scanned: scan::Scanned) -> Finding {
    let strongest = scanned.matches.iter().map(|found| found.rule.verdict).max();
    let category = match strongest {
        Some(OnMatch::Malicious) => Category::Malicious,
        Some(OnMatch::Suspicious) => Category::Suspicious,
        Some(OnMatch::Informational) | None => Category::Undetected,
    };
    let named = |found: &&YaraMatch| Some(found.rule.verdict) == strongest && category != Category::Undetected;
    let result = scanned.matches.iter().find(named).map(|found| found.rule.rule.clone());
    Finding { category, result, yara: scanned.matches, reasons: scanned.remarks, ..Finding::nothing(Method::Blacklist) }
}

#[cfg(test)]
mod tests;
