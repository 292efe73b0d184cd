//! An upload's body: `multipart/form-data` with one part `file` and perhaps one `password`, in any order. The file goes
//! to the blob store piece by piece; in memory there is never more than a few pieces of it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use assay_blobs::{BlobError, Incoming};
use assay_model::{Code, Error, Result};
use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use super::parts::{self, Head, Parts};
use crate::app::App;

/// The longest password of an archive.
const PASSWORD_MAX: usize = 1024;
/// What the parts' heads and the other fields may add to the file.
const FRAME: u64 = 64 << 10;
/// How many parts are looked at.
const PARTS: usize = 16;
/// What is read and thrown away of a file that is too large, so that the client gets to read the answer.
const DRAIN: u64 = 64 << 20;

/// What an upload brought.
pub(crate) struct Received {
    /// The file, written but not kept yet.
    pub file: Box<dyn Incoming>,
    /// Its name, as the client wrote it.
    pub name: Option<String>,
    /// The password of a protected archive.
    pub password: Option<String>,
}

/// Reads an upload of at most `limit` bytes.
pub(crate) async fn receive(app: &App, headers: &HeaderMap, body: Body, limit: u64) -> Result<Received> {
    let rest = Rest(Arc::new(Mutex::new(body.into_data_stream())));
    let outcome = Upload { app, limit, left: limit.saturating_add(FRAME + DRAIN) }.receive(headers, rest.clone()).await;
    if outcome.is_err() {
        app.linger(rest);
    }
    outcome
}

/// What is left of a body; shared, so that it can be lingered over when reading it has failed.
#[derive(Clone)]
struct Rest(Arc<Mutex<BodyDataStream>>);

impl Stream for Rest {
    type Item = std::io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *body).poll_next(context).map_err(std::io::Error::other)
    }
}

/// An upload that is being read.
struct Upload<'a> {
    app: &'a App,
    limit: u64,
    /// What may still be read of the whole body.
    left: u64,
}

impl Upload<'_> {
    async fn receive(&mut self, headers: &HeaderMap, body: Rest) -> Result<Received> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let boundary = parts::boundary(text(header::CONTENT_TYPE))
            .ok_or_else(|| Error::bad_request("send the file as multipart/form-data in a part named \"file\""))?;
        let announced = text(header::CONTENT_LENGTH).parse().unwrap_or(0);
        if announced > self.limit.saturating_add(FRAME) {
            self.drain(body).await;
            return Err(too_large(self.limit));
        }
        let mut parts = Parts::new(body, &boundary);
        let (mut file, mut password) = (None, None);
        for _ in 0..PARTS {
            let Some(Head { name, file_name }) = self.in_time(parts.next()).await? else { break };
            match name.as_deref() {
                Some("file") if file.is_some() => {
                    return Err(Error::bad_request("the upload has two parts named \"file\"; send one file at a time"));
                }
                Some("file") => file = Some((self.file(&mut parts).await?, file_name)),
                Some("password") => password = Some(self.password(&mut parts).await?),
                _ => while self.chunk(&mut parts).await?.is_some() {},
            }
        }
        let (file, name) = file.ok_or_else(|| Error::bad_request("the upload has no part named \"file\""))?;
        Ok(Received { file, name, password })
    }

    /// Reads some of what will be refused, for clients that send all before they read the answer.
    async fn drain(&self, mut body: Rest) {
        let mut drained = 0;
        while let Ok(Some(Ok(piece))) = self.in_time(async { Ok(body.next().await) }).await {
            drained += piece.len() as u64;
            if drained >= DRAIN {
                return;
            }
        }
    }

    async fn file(&mut self, parts: &mut Parts<Rest>) -> Result<Box<dyn Incoming>> {
        let mut file = self.app.pipeline.blobs.begin(self.limit).await?;
        while let Some(piece) = self.chunk(parts).await? {
            match file.write(piece).await {
                Ok(()) => {}
                Err(BlobError::TooLarge(_)) => {
                    while self.chunk(parts).await?.is_some() {}
                    return Err(too_large(self.limit));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(file)
    }

    async fn password(&mut self, parts: &mut Parts<Rest>) -> Result<String> {
        let mut password = Vec::new();
        while let Some(piece) = self.chunk(parts).await? {
            password.extend_from_slice(&piece);
            if password.len() > PASSWORD_MAX {
                return Err(Error::bad_request(format!("the password is longer than {PASSWORD_MAX} bytes")));
            }
        }
        String::from_utf8(password).map_err(|cause| Error::bad_request("the password is not UTF-8").because(cause))
    }

    async fn chunk(&mut self, parts: &mut Parts<Rest>) -> Result<Option<Bytes>> {
        let chunk = self.in_time(parts.chunk()).await?;
        let size = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        self.left = self.left.checked_sub(size).ok_or_else(|| too_large(self.limit))?;
        Ok(chunk)
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let patience: Duration = self.app.settings.upload_patience;
        let stalled = |_| Error::bad_request("the upload stalled; send it again");
        tokio::time::timeout(patience, work).await.map_err(stalled)?
    }
}

fn too_large(limit: u64) -> Error {
    let advice = if limit <= crate::app::DIRECT_UPLOAD {
        "ask GET /api/v3/files/upload_url for an address that takes up to 650 MB"
    } else {
        "files beyond it are not taken"
    };
    Error::new(Code::TooLarge, format!("the file is larger than {} MB: {advice}", limit >> 20))
}
