//! `POST /files`: a file of up to 32 MB becomes a submission; the answer names its analysis.

use assay_blobs::{Incoming, Kept};
use assay_extract::archive;
use assay_model::record::Class;
use assay_model::{Error, Kind, Result};
use assay_pipeline::{Ingested, Upload};
use axum::body::Body;
use axum::http::HeaderMap;
use bytes::Bytes;
use sha2::Digest as _;

use super::multipart;
use crate::app::{App, DIRECT_UPLOAD};
use crate::envelope;
use crate::route::{Call, Reply};

/// The largest member of a protected archive; it is unpacked in memory.
const UNPACKED: u64 = 64 << 20;

/// `POST /files`.
pub(crate) async fn post(call: Call) -> Result<Reply> {
    let account = call.paid.account()?.account.clone();
    let class = call.paid.class();
    let ingested = take(&call.app, &call.headers, call.body.into_inner(), &account, class, DIRECT_UPLOAD).await?;
    Ok(reply(&call.base, &ingested))
}

/// The answer to an upload.
pub(crate) fn reply(base: &str, ingested: &Ingested) -> Reply {
    let reply = Reply::data(envelope::descriptor(base, Kind::Analysis, &ingested.analysis));
    if ingested.new { reply.refunded() } else { reply }
}

/// Takes the body of an upload and makes the file known.
pub(crate) async fn take(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    account: &str,
    class: Class,
    limit: u64,
) -> Result<Ingested> {
    let _place = app.uploads.clone().try_acquire_owned().map_err(|_| {
        Error::new(assay_model::Code::TooManyRequests, "too many uploads are under way; try again")
            .after(std::time::Duration::from_secs(2))
    })?;
    let received = multipart::receive(app, headers, body, limit).await?;
    let (kept, name) = match received.password {
        None => (received.file.keep().await?, received.name),
        Some(password) => unpack(app, received.file, password).await?,
    };
    let sha256 = kept.digests.sha256;
    let upload = Upload { kept, name, source: source(app, account), interface: "api", class };
    let ingested = assay_pipeline::ingest(&app.pipeline, &upload).await?;
    if ingested.new {
        app.first_reads.insert((account.into(), sha256), ());
    }
    Ok(ingested)
}

/// The one member of a protected ZIP, kept in the archive's place.
async fn unpack(app: &App, file: Box<dyn Incoming>, password: String) -> Result<(Kept, Option<String>)> {
    let bytes = file.unkept().await?;
    let unpacked = tokio::task::spawn_blocking(move || archive::single_protected_member(&bytes, &password, UNPACKED));
    let (name, content) = unpacked
        .await
        .map_err(|crash| Error::bad_request("the archive could not be read").because(crash))?
        .map_err(|cause| Error::bad_request(cause.to_string()).because(cause))?;
    let mut kept = app.pipeline.blobs.begin(content.len() as u64).await?;
    kept.write(Bytes::from(content)).await?;
    Ok((kept.keep().await?, Some(name)))
}

/// A token that tells submitters apart without naming them.
pub(crate) fn source(app: &App, account: &str) -> String {
    let mut hasher = sha2::Sha256::new();
    hasher.update(app.pepper.to_hex().as_bytes());
    hasher.update(b"submitter:");
    hasher.update(account.as_bytes());
    hex::encode(&hasher.finalize()[..4])
}
