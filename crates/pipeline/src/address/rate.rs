//! The engines' opinions. Completes the analysis and writes what they said into the address' report, unless a later
//! analysis has already done so.

use assay_engines::{Address, Rating};
use assay_model::address::{AddressStats, Context, Known};
use assay_model::analysis::Status;
use assay_model::record::StageName;
use assay_model::verdict::Category;
use assay_model::{Result, Timestamp};
use async_trait::async_trait;

use super::AddressSubject;
use super::visit::served_before;
use crate::{Observed, Pipeline, Stage};

/// See the module.
pub(crate) struct Rate;

struct Rated(Rating);

#[async_trait]
impl Stage<AddressSubject> for Rate {
    async fn observe(
        &self,
        pipeline: &Pipeline,
        subject: &AddressSubject,
    ) -> Result<Box<dyn Observed<AddressSubject>>> {
        let page = match &subject.served {
            None if !subject.visited => served_before(pipeline, subject).await?,
            served => served.clone(),
        };
        let address = Address { item: subject.item().clone(), page };
        Ok(Box::new(Rated(pipeline.panel.rate(&address, pipeline.clock.now()).await)))
    }
}

impl Observed<AddressSubject> for Rated {
    fn record(&self, subject: &mut AddressSubject, now: Timestamp) -> Option<StageName> {
        let Self(rating) = self;
        let results = &rating.results;
        let attributes = &mut subject.analysis.attributes;
        attributes.status = Status::Completed;
        attributes.stats = AddressStats::of(results.values());
        attributes.results.clone_from(results);
        let (date, stats) = (attributes.date, attributes.stats);
        if !subject.is_latest() {
            return None;
        }
        match &mut subject.known {
            Known::Url(url) => {
                let attributes = &mut url.attributes;
                attributes.categories.clone_from(&rating.categories);
                attributes.targeted_brand.clone_from(&rating.targeted_brand);
                attributes.threat_names = rating.threat_names.iter().cloned().collect();
            }
            Known::Domain(domain) => domain.attributes.categories.clone_from(&rating.categories),
            Known::IpAddress(_) => {}
        }
        let standing = subject.known.standing_mut();
        explain(rating, &mut standing.crowdsourced_context, now);
        for tag in &rating.tags {
            if !standing.tags.contains(tag) {
                standing.tags.push(tag.clone());
            }
        }
        standing.last_analysis_date = Some(date);
        standing.last_analysis_stats = stats;
        standing.last_analysis_results.clone_from(results);
        standing.last_modification_date = now;
        None
    }
}

/// Puts down why engines spoke against an address, in the place of what they said before.
fn explain(rating: &Rating, contexts: &mut Vec<Context>, now: Timestamp) {
    contexts.retain(|context| !rating.results.contains_key(&context.source));
    for (engine, result) in &rating.results {
        let severity = match result.category {
            Category::Malicious => "high",
            Category::Suspicious => "medium",
            _ => continue,
        };
        let Some(reasons) = rating.reasons.get(engine).filter(|reasons| !reasons.is_empty()) else { continue };
        contexts.push(Context {
            title: format!("{engine}: {}", result.result),
            details: reasons.join("; "),
            severity: severity.to_owned(),
            source: engine.clone(),
            timestamp: now,
        });
    }
}
