//! What is known to what can be found: the facets of a file by its latest report.

use std::collections::BTreeSet;

use assay_model::record::{FacetName, StageName};
use assay_model::{Result, Timestamp};
use async_trait::async_trait;

use crate::{Observed, Pipeline, Stage, Subject};

/// See the module.
pub(crate) struct Index;

struct Indexed;

#[async_trait]
impl Stage for Index {
    async fn observe(&self, _: &Pipeline, _: &Subject) -> Result<Box<dyn Observed>> {
        Ok(Box::new(Indexed))
    }
}

impl Observed for Indexed {
    fn record(&self, subject: &mut Subject, _: Timestamp) -> Option<StageName> {
        let facts = subject.facts().clone();
        let results = subject.file.attributes.last_analysis_results.iter().flat_map(|results| results.values());
        let detections = results.filter_map(|result| result.result.as_ref()).map(|name| name.to_lowercase()).collect();
        subject.set_facet(FacetName::Type, BTreeSet::from([facts.type_tag.clone()]));
        subject.set_facet(FacetName::Tag, facts.tags.iter().cloned().collect());
        subject.set_facet(FacetName::Vhash, facts.vhash.iter().cloned().collect());
        subject.set_facet(FacetName::Detection, detections);
        None
    }
}
