//! Engine "Assay Static": an honest heuristic over what identification found. Each sign has a weight and a
//! sentence; together they make a file suspicious from a threshold on, never malicious. The signs are in
//! `signs`, one function a kind of file.

mod signs;

use std::time::Duration;

use assay_model::Timestamp;
use assay_model::facts::Facts;
use assay_model::verdict::{Category, Method};
use async_trait::async_trait;

use crate::engine::{Edition, Engine, EngineError, Finding, Item, Scope, Status};

/// From this weight on a file is suspicious.
const THRESHOLD: u32 = 100;

/// The day of the last change of the signs: 20 November 2026, 00:00 UTC.
const UPDATED: Timestamp = Timestamp(1_795_132_800);

/// See the module.
pub(crate) struct Static;

#[async_trait]
impl Engine for Static {
    fn name(&self) -> &'static str {
        "Assay Static"
    }

    async fn edition(&self) -> Edition {
        Edition { version: Some(env!("CARGO_PKG_VERSION").to_owned()), updated: Some(UPDATED) }
    }

    fn scope(&self) -> Scope {
        Scope::Files
    }

    fn accepts(&self, item: Item<'_>) -> bool {
        matches!(item, Item::File(_, facts) if signs::knows(facts))
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn judge(&self, item: Item<'_>) -> Result<Finding, EngineError> {
        Ok(match item {
            Item::File(_, facts) => judge(facts),
            Item::Address(_) => Finding::nothing(Method::Heuristic),
        })
    }

    async fn refresh(&self) {}

    fn status(&self) -> Status {
        Status::default()
    }
}

/// Adds up the signs. The heaviest gives the name.
fn judge(facts: &Facts) -> Finding {
    let mut signs = signs::of(facts);
    signs.sort_by_key(|sign| std::cmp::Reverse(sign.weight));
    let weight: u32 = signs.iter().map(|sign| sign.weight).sum();
    let mut finding = Finding::nothing(Method::Heuristic);
    finding.reasons = signs.iter().map(|sign| sign.reason.clone()).collect();
    if let (true, Some(heaviest)) = (weight >= THRESHOLD, signs.first()) {
        finding.category = Category::Suspicious;
        finding.result = Some(format!("Heuristic.{}", heaviest.name));
    }
    finding
}

#[cfg(test)]
mod tests;
