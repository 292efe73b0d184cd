//! What the page of a URL looks like. A flow of its own with workers of its own, begun by the visit: a browser takes seconds,
//! and no verdict waits for it. Where it fails there is no picture, and nothing else is missing.

use std::sync::Arc;

use assay_blobs::Kept;
use assay_model::address::{Item, StoredAddressAnalysis};
use assay_model::record::{Class, Edge, Job, Key, StageName, body};
use assay_model::screenshot::{StoredScreenshot, screenshot_id};
use assay_model::{Code, Error, Kind, Link, Result, Timestamp};
use assay_store::{Batch, Expect};
use assay_web::{Camera, NoPicture};
use async_trait::async_trait;

use crate::{Handover, Matter, Observed, Pipeline, Stage};

/// The flow: one stage.
const STAGES: &[(StageName, &dyn Stage<PictureSubject>)] = &[(StageName::Picture, &TakePicture)];

/// The job that pictures the page of the URL that an analysis is about.
pub(super) fn job(analysis: &Key) -> Job {
    Job { stage: StageName::Picture, subject: analysis.clone(), class: Class::Normal }
}

/// What the stage works on: the URL of an analysis, and the picture of it.
pub struct PictureSubject {
    analysis: Key,
    item: Item,
    taken: Option<StoredScreenshot>,
}

#[async_trait]
impl Matter for PictureSubject {
    const STAGES: &'static [(StageName, &'static dyn Stage<Self>)] = STAGES;

    fn handover(pipeline: &Pipeline) -> &Handover<Self> {
        &pipeline.pictures
    }

    async fn load(pipeline: &Pipeline, key: &Key) -> Result<Self> {
        let analysis = pipeline.store.read(key).await?;
        let gone = || Error::new(Code::Internal, format!("the {} of a job does not exist", key.kind));
        let analysis: StoredAddressAnalysis = analysis.ok_or_else(gone)?.parse()?;
        Ok(Self { analysis: key.clone(), item: analysis.item, taken: None })
    }

    async fn renewed(&self, _: &Pipeline) -> Result<Self> {
        Ok(Self { analysis: self.analysis.clone(), item: self.item.clone(), taken: None })
    }

    /// The picture is an object of its own: nothing that others write is touched.
    async fn batch(&self, _: &Pipeline) -> Result<Batch> {
        let mut batch = Batch::new();
        if let Some(stored) = &self.taken {
            let url = self.item.key();
            let key = Key::shared(Kind::Screenshot, screenshot_id(&url.id, stored));
            batch.put(key.clone(), body(stored), Expect::Any);
            batch.link(Edge::new(key, Link::Pictures, url, stored.date));
        }
        Ok(batch)
    }
}

struct TakePicture;

struct Taken {
    by: &'static str,
    kept: Option<Kept>,
}

#[async_trait]
impl Stage<PictureSubject> for TakePicture {
    async fn observe(
        &self,
        pipeline: &Pipeline,
        subject: &PictureSubject,
    ) -> Result<Box<dyn Observed<PictureSubject>>> {
        let Some(camera) = &pipeline.camera else { return Ok(Box::new(Taken { by: "", kept: None })) };
        Ok(Box::new(Taken { by: camera.name(), kept: take(pipeline, camera, &subject.item).await? }))
    }
}

async fn take(pipeline: &Pipeline, camera: &Arc<dyn Camera>, item: &Item) -> Result<Option<Kept>> {
    let Item::Url(url) = item else { return Ok(None) };
    let taken = camera.picture(url).await;
    let outcome = if taken.is_ok() { "answered" } else { "unanswered" };
    metrics::counter!("assay_lookups_total", "of" => "screenshot", "outcome" => outcome).increment(1);
    let picture = match taken {
        Ok(picture) => picture,
        // What a page does is nobody's fault; what the browser does may be worth a look.
        Err(why @ (NoPicture::Nothing | NoPicture::Refused(_))) => {
            tracing::debug!(url = %item.key().id, error = &why as &dyn std::error::Error, "no picture was taken");
            return Ok(None);
        }
        Err(why) => {
            tracing::warn!(url = %item.key().id, error = &why as &dyn std::error::Error, "no picture was taken");
            return Ok(None);
        }
    };
    let mut incoming = pipeline.blobs.begin(picture.png.len() as u64).await?;
    incoming.write(picture.png).await?;
    Ok(Some(incoming.keep().await?))
}

impl Observed<PictureSubject> for Taken {
    fn record(&self, subject: &mut PictureSubject, now: Timestamp) -> Option<StageName> {
        if let Some(kept) = &self.kept {
            let (sandbox_name, png) = (self.by.to_owned(), kept.digests.sha256);
            subject.taken = Some(StoredScreenshot { date: now, sandbox_name, png });
        }
        None
    }
}
