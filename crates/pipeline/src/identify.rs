//! Bytes to facts. Reads the sample once, writes its facts into the file's report, and hands over to `analyse`.

use assay_model::analysis::Status;
use assay_model::error::Code;
use assay_model::facts::Facts;
use assay_model::record::{Key, StageName, body};
use assay_model::{Error, Result};
use assay_store::{Batch, Expect};
use async_trait::async_trait;

use crate::records::{file_key, subject};
use crate::{Observed, Pipeline, Stage};

/// See the module.
pub(crate) struct Identify;

struct Identified {
    subject: Key,
    facts: Facts,
}

#[async_trait]
impl Stage for Identify {
    async fn observe(&self, pipeline: &Pipeline, key: &Key) -> Result<Box<dyn Observed>> {
        let (_, (file, _)) = subject(&*pipeline.store, key).await?;
        let missing = || Error::new(Code::Internal, "the bytes of a file are missing");
        let bytes = pipeline.blobs.open(&file.attributes.sha256).await?.ok_or_else(missing)?;
        let identifier = pipeline.identifier.clone();
        let names = file.attributes.names;
        let facts = tokio::task::spawn_blocking(move || identifier.identify(&bytes, &names))
            .await
            .map_err(|crash| Error::new(Code::Internal, "identification crashed").because(crash))?;
        Ok(Box::new(Identified { subject: key.clone(), facts }))
    }
}

#[async_trait]
impl Observed for Identified {
    async fn record(&self, pipeline: &Pipeline) -> Result<(Batch, Option<StageName>)> {
        let ((mut analysis, analysis_version), (mut file, file_version)) =
            subject(&*pipeline.store, &self.subject).await?;
        let mut batch = Batch::new();
        file.set_facts(&self.facts);
        file.attributes.last_modification_date = pipeline.clock.now();
        batch.put(file_key(&file.attributes.sha256), body(&file), Expect::Version(file_version));
        analysis.attributes.status = Status::InProgress;
        batch.put(self.subject.clone(), body(&analysis), Expect::Version(analysis_version));
        Ok((batch, Some(StageName::Analyse)))
    }
}
