//! An upload's body: `multipart/form-data` with one part `file` and perhaps one `password`, in any order. The file goes
//! to the blob store piece by piece; in memory there is never more than a few pieces of it.

use std::time::Duration;

use assay_blobs::{BlobError, Blobs, Incoming};
use assay_model::{Code, Error, Result};
use axum::body::Body;
use axum::http::{HeaderMap, header};
use futures_util::TryStreamExt as _;
use multer::{Constraints, Field, Multipart, SizeLimit};

/// The longest password of an archive.
const PASSWORD_MAX: usize = 1024;
/// What the parts' heads and the other fields may add to the file.
const FRAME: u64 = 64 << 10;
/// How many parts are looked at.
const PARTS: usize = 16;
/// What is read and thrown away of a body that is too large, so that the client gets to read the answer.
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

/// Reads an upload of at most `limit` bytes, waiting at most `patience` for each piece.
pub(crate) async fn receive(
    blobs: &dyn Blobs,
    headers: &HeaderMap,
    body: Body,
    limit: u64,
    patience: Duration,
) -> Result<Received> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind).map_err(|cause| {
        Error::bad_request("send the file as multipart/form-data in a part named \"file\"").because(cause)
    })?;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit.saturating_add(FRAME)) {
        drain(body, patience).await;
        return Err(too_large(limit));
    }
    let whole = SizeLimit::new().whole_stream(limit.saturating_add(FRAME).saturating_add(DRAIN));
    let stream = body.into_data_stream().map_err(std::io::Error::other);
    let mut parts = Multipart::with_constraints(stream, boundary, Constraints::new().size_limit(whole));
    let (mut file, mut password) = (None, None);
    for _ in 0..PARTS {
        let Some(part) = in_time(patience, parts.next_field()).await? else { break };
        match part.name() {
            Some("file") if file.is_some() => {
                return Err(Error::bad_request("the upload has two parts named \"file\"; send one file at a time"));
            }
            Some("file") => file = Some(receive_file(blobs, part, limit, patience).await?),
            Some("password") => password = Some(receive_password(part, patience).await?),
            _ => skip(part, patience).await?,
        }
    }
    let (file, name) = file.ok_or_else(|| Error::bad_request("the upload has no part named \"file\""))?;
    Ok(Received { file, name, password })
}

async fn receive_file(
    blobs: &dyn Blobs,
    mut part: Field<'_>,
    limit: u64,
    patience: Duration,
) -> Result<(Box<dyn Incoming>, Option<String>)> {
    let name = part.file_name().map(str::to_owned);
    let mut file = blobs.begin(limit).await?;
    while let Some(piece) = in_time(patience, part.chunk()).await? {
        match file.write(piece).await {
            Ok(()) => {}
            Err(BlobError::TooLarge(_)) => {
                skip(part, patience).await?;
                return Err(too_large(limit));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((file, name))
}

async fn receive_password(mut part: Field<'_>, patience: Duration) -> Result<String> {
    let mut password = Vec::new();
    while let Some(piece) = in_time(patience, part.chunk()).await? {
        password.extend_from_slice(&piece);
        if password.len() > PASSWORD_MAX {
            return Err(Error::bad_request(format!("the password is longer than {PASSWORD_MAX} bytes")));
        }
    }
    String::from_utf8(password).map_err(|cause| Error::bad_request("the password is not UTF-8").because(cause))
}

async fn skip(mut part: Field<'_>, patience: Duration) -> Result<()> {
    while in_time(patience, part.chunk()).await?.is_some() {}
    Ok(())
}

async fn drain(body: Body, patience: Duration) {
    let mut stream = body.into_data_stream();
    let mut drained = 0;
    while let Ok(Ok(Some(piece))) = tokio::time::timeout(patience, stream.try_next()).await {
        drained += piece.len() as u64;
        if drained > DRAIN {
            return;
        }
    }
}

async fn in_time<T>(patience: Duration, work: impl Future<Output = multer::Result<T>>) -> Result<T> {
    match tokio::time::timeout(patience, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(multer::Error::StreamSizeExceeded { limit })) => Err(too_large(limit)),
        Ok(Err(cause)) => Err(Error::bad_request("the upload is cut off or is not multipart/form-data").because(cause)),
        Err(_elapsed) => Err(Error::bad_request("the upload stalled; send it again")),
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
