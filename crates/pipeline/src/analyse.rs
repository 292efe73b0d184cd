//! Facts and bytes to verdicts. Asks all engines side by side, completes the analysis and writes what they said into
//! the file's report, unless a later analysis has already done so.

use std::sync::Arc;

use assay_engines::{Judgement, Sample};
use assay_model::analysis::Status;
use assay_model::error::Code;
use assay_model::record::{Key, StageName, body};
use assay_model::verdict::Stats;
use assay_model::{Error, Result};
use assay_store::{Batch, Expect};
use async_trait::async_trait;

use crate::records::{file_key, subject};
use crate::{Observed, Pipeline, Stage};

/// See the module.
pub(crate) struct Analyse;

struct Judged {
    subject: Key,
    judgement: Arc<Judgement>,
}

#[async_trait]
impl Stage for Analyse {
    async fn observe(&self, pipeline: &Pipeline, key: &Key) -> Result<Box<dyn Observed>> {
        let ((analysis, _), (file, _)) = subject(&*pipeline.store, key).await?;
        let missing = || Error::new(Code::Internal, "the bytes of a file are missing");
        let bytes = pipeline.blobs.open(&analysis.file.sha256).await?.ok_or_else(missing)?;
        let facts = file.facts()?;
        let sample = Sample { bytes, digests: analysis.file };
        let judgement = pipeline.panel.judge(&sample, &facts, pipeline.clock.now()).await;
        Ok(Box::new(Judged { subject: key.clone(), judgement: Arc::new(judgement) }))
    }
}

#[async_trait]
impl Observed for Judged {
    async fn record(&self, pipeline: &Pipeline) -> Result<(Batch, Option<StageName>)> {
        let ((mut analysis, analysis_version), (mut file, file_version)) =
            subject(&*pipeline.store, &self.subject).await?;
        let now = pipeline.clock.now();
        let judgement = &*self.judgement;
        let mut batch = Batch::new();
        let attributes = &mut analysis.attributes;
        attributes.status = Status::Completed;
        attributes.stats = Stats::of(judgement.results.values());
        attributes.results.clone_from(&judgement.results);
        if file.latest_analysis == *self.subject.id || file.attributes.last_analysis_date.is_none() {
            let report = &mut file.attributes;
            report.last_analysis_date = Some(attributes.date);
            report.last_analysis_stats = Some(attributes.stats);
            report.last_analysis_results = Some(judgement.results.clone());
            report.crowdsourced_yara_results.clone_from(&judgement.yara);
            report.last_modification_date = now;
            batch.put(file_key(&report.sha256), body(&file), Expect::Version(file_version));
        }
        batch.put(self.subject.clone(), body(&analysis), Expect::Version(analysis_version));
        for result in judgement.results.values() {
            let category = serde_json::to_value(result.category).unwrap_or_default();
            let category = category.as_str().unwrap_or_default().to_owned();
            let engine = result.engine_name.clone();
            metrics::counter!("assay_engine_results_total", "engine" => engine, "category" => category).increment(1);
        }
        Ok((batch, Some(StageName::Index)))
    }
}
