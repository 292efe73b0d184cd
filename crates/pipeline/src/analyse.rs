//! Facts and bytes to verdicts. Asks all engines side by side, completes the analysis and writes what they said into
//! the file's report, unless a later analysis has already done so.

use assay_engines::{Judgement, Sample};
use assay_model::analysis::Status;
use assay_model::record::StageName;
use assay_model::verdict::Stats;
use assay_model::{Result, Timestamp};
use async_trait::async_trait;

use crate::{Observed, Pipeline, Stage, Subject};

/// See the module.
pub(crate) struct Analyse;

struct Judged(Judgement);

#[async_trait]
impl Stage for Analyse {
    async fn observe(&self, pipeline: &Pipeline, subject: &Subject) -> Result<Box<dyn Observed>> {
        let sample = Sample { bytes: subject.bytes(pipeline).await?, digests: subject.analysis.file };
        let judgement = pipeline.panel.judge(&sample, subject.facts(), pipeline.clock.now()).await;
        for result in judgement.results.values() {
            let category = serde_json::to_value(result.category).unwrap_or_default();
            let category = category.as_str().unwrap_or_default().to_owned();
            let engine = result.engine_name.clone();
            metrics::counter!("assay_engine_results_total", "engine" => engine, "category" => category).increment(1);
        }
        Ok(Box::new(Judged(judgement)))
    }
}

impl Observed for Judged {
    fn record(&self, subject: &mut Subject, now: Timestamp) -> Option<StageName> {
        let Self(judgement) = self;
        let attributes = &mut subject.analysis.attributes;
        attributes.status = Status::Completed;
        attributes.stats = Stats::of(judgement.results.values());
        attributes.results.clone_from(&judgement.results);
        let report = &mut subject.file.attributes;
        if subject.file.latest_analysis == *subject.key.id || report.last_analysis_date.is_none() {
            report.last_analysis_date = Some(attributes.date);
            report.last_analysis_stats = Some(attributes.stats);
            report.last_analysis_results = Some(judgement.results.clone());
            report.crowdsourced_yara_results.clone_from(&judgement.yara);
            report.last_modification_date = now;
        }
        Some(StageName::Index)
    }
}
