//! The engines' opinions. Completes the analysis and writes what they said into the address' report, unless a later
//! analysis has already done so.

use std::collections::BTreeMap;

use assay_model::address::{AddressResult, AddressStats};
use assay_model::analysis::Status;
use assay_model::record::StageName;
use assay_model::{Result, Timestamp};
use async_trait::async_trait;

use super::AddressSubject;
use crate::{Observed, Pipeline, Stage};

/// See the module.
pub(crate) struct Rate;

struct Rated(BTreeMap<String, AddressResult>);

#[async_trait]
impl Stage<AddressSubject> for Rate {
    async fn observe(&self, _: &Pipeline, _: &AddressSubject) -> Result<Box<dyn Observed<AddressSubject>>> {
        // No engine looks at addresses yet.
        Ok(Box::new(Rated(BTreeMap::new())))
    }
}

impl Observed<AddressSubject> for Rated {
    fn record(&self, subject: &mut AddressSubject, now: Timestamp) -> Option<StageName> {
        let Self(results) = self;
        let attributes = &mut subject.analysis.attributes;
        attributes.status = Status::Completed;
        attributes.stats = AddressStats::of(results.values());
        attributes.results.clone_from(results);
        let (date, stats) = (attributes.date, attributes.stats);
        if !subject.is_latest() {
            return None;
        }
        let standing = subject.known.standing_mut();
        standing.last_analysis_date = Some(date);
        standing.last_analysis_stats = stats;
        standing.last_analysis_results.clone_from(results);
        standing.last_modification_date = now;
        None
    }
}
