//! One file from disk to the server: hashed while it streams by, never whole in memory; large ones by way of
//! `/files/upload_url`.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use assay_model::Digests;
use assay_model::digest::Hasher;
use futures_util::TryStreamExt as _;
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method};
use serde_json::Value;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;
use url::Url;

use super::api::Client;
use super::object::Object;
use super::problem::{Kind, Problem};
use super::sample::Sample;
use super::watch::Watch;

/// Files beyond this go through `/files/upload_url`, as vt-go has them: 30 MiB.
const DIRECT: u64 = 30 * 1024 * 1024;

/// Bytes read and sent at a time.
const CHUNK: usize = 64 * 1024;

/// How long an upload may take at least, and the slowest that it may go beyond.
const TO_ANSWER: Duration = Duration::from_mins(2);
const BYTES_PER_SECOND: u64 = 64 * 1024;

/// An upload that the server has accepted.
#[derive(Debug)]
pub(crate) struct Upload {
    /// Id and links of the analysis that it started.
    pub(crate) analysis: Object<Value>,
    /// What was sent.
    pub(crate) digests: Digests,
}

impl Client {
    /// Uploads a sample, with patience for quotas.
    pub(crate) async fn upload(&self, sample: &Sample) -> Result<Upload, Problem> {
        self.turn.patiently(async || self.send(sample).await).await
    }

    async fn send(&self, sample: &Sample) -> Result<Upload, Problem> {
        let unreadable = |error: io::Error| Problem::local(format!("cannot be read: {error}"));
        let file = File::open(sample.path()).await.map_err(unreadable)?;
        let length = file.metadata().await.map_err(unreadable)?.len();
        let url = self.destination(length).await?;
        let tally = Arc::new(Mutex::new(Hasher::default()));
        let content = content(file, length, Arc::clone(&tally), Arc::clone(&self.watch));
        let form = Form::new().part("file", Part::stream_with_length(content, length).file_name(sample.name.clone()));
        let patience = TO_ANSWER + Duration::from_secs(length / BYTES_PER_SECOND);
        let request = self.request(Method::POST, &url)?.multipart(form).timeout(patience);
        let data = match self.exchange(request).await {
            Ok(data) => data,
            Err(problem) if problem.kind == Kind::Broken && is_shorter_than(sample, length) => {
                return Err(Problem::local("it became shorter while it was being read"));
            }
            Err(problem) => return Err(problem),
        };
        let digests = std::mem::take(&mut *tally.lock().unwrap_or_else(PoisonError::into_inner)).finish();
        Ok(Upload { analysis: Object::read(&data)?, digests })
    }

    /// Where a file of this length is to be sent. The address for a large one serves once.
    async fn destination(&self, length: u64) -> Result<Url, Problem> {
        if length <= DIRECT {
            return Ok(self.address.at(&["files"]));
        }
        let request = self.request(Method::GET, &self.address.at(&["files", "upload_url"]))?;
        let data = self.exchange(request).await?;
        let url = data.as_str().and_then(|text| Url::parse(text).ok());
        url.ok_or_else(|| Problem::new(Kind::Foreign, "the server gives no address to send a large file to"))
    }
}

/// The bytes of the file as a body; each chunk is counted into `tally` as it passes.
fn content(file: File, length: u64, tally: Arc<Mutex<Hasher>>, watch: Arc<dyn Watch>) -> Body {
    let chunks = ReaderStream::with_capacity(file.take(length), CHUNK);
    Body::wrap_stream(chunks.inspect_ok(move |chunk| {
        tally.lock().unwrap_or_else(PoisonError::into_inner).update(chunk);
        watch.sent(chunk.len() as u64);
    }))
}

fn is_shorter_than(sample: &Sample, length: u64) -> bool {
    std::fs::metadata(sample.path()).is_ok_and(|metadata| metadata.len() < length)
}
