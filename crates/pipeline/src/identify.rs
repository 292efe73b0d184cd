//! Bytes to facts. Reads the sample once, writes its facts into the file's report, and hands over to `analyse`.

use std::sync::Arc;

use assay_model::analysis::Status;
use assay_model::error::Code;
use assay_model::facts::Facts;
use assay_model::record::StageName;
use assay_model::{Error, Result, Timestamp};
use async_trait::async_trait;

use crate::{Observed, Pipeline, Stage, Subject};

/// See the module.
pub(crate) struct Identify;

struct Identified(Arc<Facts>);

#[async_trait]
impl Stage for Identify {
    async fn observe(&self, pipeline: &Pipeline, subject: &Subject) -> Result<Box<dyn Observed>> {
        let bytes = subject.bytes(pipeline).await?;
        let identifier = pipeline.identifier.clone();
        let names = subject.file.attributes.names.clone();
        let facts = tokio::task::spawn_blocking(move || identifier.identify(&bytes, &names))
            .await
            .map_err(|crash| Error::new(Code::Internal, "identification crashed").because(crash))?;
        Ok(Box::new(Identified(Arc::new(facts))))
    }
}

impl Observed for Identified {
    fn record(&self, subject: &mut Subject, now: Timestamp) -> Option<StageName> {
        subject.set_facts(&self.0);
        subject.file.attributes.last_modification_date = now;
        subject.analysis.attributes.status = Status::InProgress;
        Some(StageName::Analyse)
    }
}
