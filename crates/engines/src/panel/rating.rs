//! All engines side by side over a URL, a domain or an IP address. Only those that look at such things at all are in the
//! report, and of categories it has five: an engine that failed or gave up did not answer.

use std::collections::{BTreeMap, BTreeSet};

use assay_model::Timestamp;
use assay_model::address::AddressResult;
use assay_model::verdict::{Category, YaraResult};
use futures_util::future::join_all;

use super::{Panel, guarded};
use crate::address::Address;
use crate::engine::{Finding, Item};

/// What all engines together say of a URL, a domain or an IP address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rating {
    /// One entry per engine that looks at such things, by its name.
    pub results: BTreeMap<String, AddressResult>,
    /// The rules that matched what it served.
    pub yara: Vec<YaraResult>,
    /// Why, by the engine's name; only engines that say why.
    pub reasons: BTreeMap<String, Vec<String>>,
    /// What it is, by who says so.
    pub categories: BTreeMap<String, String>,
    /// Names of threats that it serves.
    pub threat_names: BTreeSet<String>,
    /// The brand that it pretends to be, by the engine's name.
    pub targeted_brand: BTreeMap<String, String>,
    /// Tags.
    pub tags: BTreeSet<String>,
}

impl Panel {
    /// Asks all engines of such things at once about a URL, a domain or an IP address; cannot fail.
    pub async fn rate(&self, address: &Address, now: Timestamp) -> Rating {
        let mut rating = Rating::default();
        let item = Item::Address(address);
        let asked: Vec<_> = self.engines.iter().filter(|engine| engine.scope().has_addresses()).collect();
        let findings = join_all(asked.iter().map(|engine| guarded(&***engine, item))).await;
        for (engine, finding) in asked.into_iter().zip(findings) {
            if finding.category != Category::TypeUnsupported {
                rating.add(engine.name(), finding, now);
            }
        }
        rating
    }
}

impl Rating {
    fn add(&mut self, engine: &str, finding: Finding, now: Timestamp) {
        let Finding { category, method, result, yara, reasons, labels } = finding;
        self.yara.extend(yara.iter().map(|found| found.dated(now)));
        if !reasons.is_empty() {
            self.reasons.insert(engine.to_owned(), reasons);
        }
        self.categories.extend(labels.categories);
        self.threat_names.extend(labels.threat_names);
        self.tags.extend(labels.tags);
        if let Some(brand) = labels.targeted_brand {
            self.targeted_brand.insert(engine.to_owned(), brand);
        }
        let (category, word) = worded(category);
        let result = result.unwrap_or_else(|| word.to_owned());
        let entry = AddressResult { method, engine_name: engine.to_owned(), category, result };
        self.results.insert(engine.to_owned(), entry);
    }
}

/// The category as such reports have it, and the word for a result without a name of its own.
fn worded(category: Category) -> (Category, &'static str) {
    match category {
        Category::Malicious => (category, "malicious"),
        Category::Suspicious => (category, "suspicious"),
        Category::Harmless => (category, "clean"),
        Category::Timeout | Category::ConfirmedTimeout | Category::Failure => (Category::Timeout, "timeout"),
        Category::Undetected | Category::TypeUnsupported => (Category::Undetected, "unrated"),
    }
}
