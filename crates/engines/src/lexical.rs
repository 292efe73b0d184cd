//! Engine "Assay Lexical": judges an address by how it is written, and by what it serves where somebody went there. Each
//! sign has a weight and a sentence; together they make an address suspicious from a threshold on, never malicious: what
//! looks like a trick need not be one. The signs are in `host`, `path` and `page`; `brands` are what names are compared
//! with.
//!
//! Promise: of ordinary addresses fewer than one in a thousand is called suspicious. Measured on 24 November 2026 with the
//! program `lexical` of the folder `benches`, by name alone: 9 of 207,606 domains (Chromium's HSTS preload list, universities,
//! providers of mail, sites that Debian's packages name, an allow list against phishing) and none of 115,060 URLs (the same
//! packages' home pages, and what is named under `/usr/share`), 0.003 % together. Of 13,752 domains of a list against
//! phishing it finds 172, 1.3 %: it is no list, and most tricks are not in the name.

mod brands;
mod host;
mod name;
mod page;
mod path;
mod slip;
mod words;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use assay_model::Timestamp;
use assay_model::address;
use assay_model::url::Location;
use assay_model::verdict::{Category, Method};
use async_trait::async_trait;

use crate::OpenError;
use crate::address::Address;
use crate::config::LexicalConfig;
use crate::engine::{Edition, Engine, EngineError, Finding, Item, Labels, Scope, Status};
use crate::off_thread;
use brands::Brands;
use name::Name;

/// From this weight on an address is suspicious.
const THRESHOLD: u32 = 100;

/// The day of the last change of the signs: 24 November 2026, 00:00 UTC.
const UPDATED: Timestamp = Timestamp(1_795_478_400);

/// One sign against an address.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sign {
    /// How much it counts; see [`THRESHOLD`].
    weight: u32,
    /// Why, for the reader of the report.
    reason: String,
    /// The brand that it pretends to be, if that is the sign.
    brand: Option<String>,
    /// What the address is tagged with for it.
    tag: Option<&'static str>,
}

impl Sign {
    fn new(weight: u32, reason: impl Into<String>) -> Self {
        Self { weight, reason: reason.into(), brand: None, tag: None }
    }

    fn tagged(self, tag: &'static str) -> Self {
        Self { tag: Some(tag), ..self }
    }

    fn of_brand(self, brand: &str) -> Self {
        Self { brand: Some(brand.to_owned()), ..self }
    }
}

/// See the module.
pub(crate) struct Lexical {
    config: LexicalConfig,
    brands: RwLock<Arc<Brands>>,
    trouble: RwLock<Vec<String>>,
}

impl Lexical {
    /// Reads the lists of brands; one that cannot be read is an error, a line that cannot is not.
    pub(crate) async fn open(config: &LexicalConfig) -> Result<Self, OpenError> {
        let owned = config.clone();
        let brands = off_thread(move || Brands::read(&owned)).await.map_err(|(path, source)| {
            OpenError::Unreadable { section: "lexical.brands", path: path.display().to_string(), source }
        })?;
        let brands = RwLock::new(Arc::new(brands));
        Ok(Self { config: config.clone(), brands, trouble: RwLock::default() })
    }

    fn brands(&self) -> Arc<Brands> {
        self.brands.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// All signs against an address.
fn signs(address: &Address, brands: &Brands) -> Vec<Sign> {
    let (url, location) = match &address.item {
        address::Item::Url(url) => (Some(url.parsed()), url.location()),
        address::Item::Domain(name) => (None, Location::Domain(name.clone())),
        address::Item::IpAddress(ip) => (None, Location::Ip(*ip)),
    };
    let name = match &location {
        Location::Domain(name) => Some(Name::of(name)),
        Location::Ip(_) => None,
    };
    let mut signs = name.as_ref().map_or_else(Vec::new, |name| host::signs(name, brands));
    if let Some(url) = url {
        signs.extend(path::signs(&url, &location, name.as_ref(), brands));
        if let Some(page) = &address.page {
            signs.extend(page::signs(&url, &location, page, brands));
        }
    }
    signs
}

/// Adds up the signs. The heaviest that names a brand says which.
fn finding(mut signs: Vec<Sign>) -> Finding {
    signs.sort_by_key(|sign| std::cmp::Reverse(sign.weight));
    let weight: u32 = signs.iter().map(|sign| sign.weight).sum();
    let mut tags: Vec<_> = signs.iter().filter_map(|sign| sign.tag).map(str::to_owned).collect();
    tags.sort_unstable();
    tags.dedup();
    let mut finding = Finding { labels: Labels { tags, ..Labels::default() }, ..Finding::nothing(Method::Heuristic) };
    if weight >= THRESHOLD {
        let brand = signs.iter().find_map(|sign| sign.brand.clone());
        finding.category = Category::Suspicious;
        finding.result = Some(if brand.is_some() { "phishing" } else { "suspicious" }.to_owned());
        finding.labels.targeted_brand = brand;
    }
    finding.reasons = signs.into_iter().map(|sign| sign.reason).collect();
    finding
}

#[async_trait]
impl Engine for Lexical {
    fn name(&self) -> &'static str {
        "Assay Lexical"
    }

    async fn edition(&self) -> Edition {
        let updated = self.brands().newest().max(Some(UPDATED));
        Edition { version: Some(env!("CARGO_PKG_VERSION").to_owned()), updated }
    }

    fn scope(&self) -> Scope {
        Scope::Addresses
    }

    fn accepts(&self, item: Item<'_>) -> bool {
        matches!(item, Item::Address(_))
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(5)
    }

    /// Some comparisons of short texts, and one search through at most [`page::LOOKED_AT`] bytes.
    async fn judge(&self, item: Item<'_>) -> Result<Finding, EngineError> {
        Ok(match item {
            Item::Address(address) => finding(signs(address, &self.brands())),
            Item::File(..) => Finding::nothing(Method::Heuristic),
        })
    }

    async fn refresh(&self) {
        let (config, old) = (self.config.clone(), self.brands());
        let renewed =
            off_thread(move || if old.is_current() { Ok(None) } else { Brands::read(&config).map(Some) }).await;
        let trouble = match renewed {
            Ok(None) => return,
            Ok(Some(brands)) => {
                *self.brands.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(brands);
                Vec::new()
            }
            Err((path, error)) => vec![not_reloaded(&path, &error)],
        };
        *self.trouble.write().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    fn status(&self) -> Status {
        let brands = self.brands();
        let trouble = self.trouble.read().unwrap_or_else(PoisonError::into_inner).clone();
        Status {
            holds: BTreeMap::from([("brands".to_owned(), brands.len() as u64)]),
            disabled_rules: Vec::new(),
            problems: trouble.into_iter().chain(brands.problems().iter().cloned()).collect(),
        }
    }
}

fn not_reloaded(path: &Path, error: &std::io::Error) -> String {
    format!("{} was not reloaded: {error}", path.display())
}

#[cfg(test)]
mod tests;
