//! `GET /files/{id}/download` and `/download_url`: the bytes of a file. The address of `download_url` is its own ticket
//! for an hour; it may be fetched as often as needed.

use assay_model::{Code, Error, Result, Sha256};
use axum::http::{HeaderMap, HeaderValue, header};

use crate::objects::file;
use crate::route::{Call, Reply};
use crate::ticket::{self, For};
use crate::{brokered, range};

/// `GET /files/{id}/download`: from here, else from upstream where the operator permits it.
pub(crate) async fn get(call: Call) -> Result<Reply> {
    let unknown = match known(&call).await {
        Ok(sha256) => return serve(&call, &sha256).await,
        Err(error) if error.code == Code::NotFound => error,
        Err(error) => return Err(error),
    };
    match brokered::download::of_file(&call).await? {
        // Parts of it would each cost a download.
        Some((sha256, bytes)) => Ok(attached(range::serve(&HeaderMap::new(), bytes), &sha256)),
        None => Err(unknown),
    }
}

/// `GET /files/{id}/download_url`.
pub(crate) async fn url(call: Call) -> Result<Reply> {
    let sha256 = known(&call).await?;
    Ok(Reply::data(format!("{}/api/v3/downloads/{}", call.base, ticket::issue(&call.app, For::Download, &sha256))))
}

/// `GET /downloads/{ticket}`.
pub(crate) async fn by_ticket(call: Call) -> Result<Reply> {
    let sha256 = ticket::redeem(&call.app, For::Download, call.arguments.path("ticket"))?;
    serve(&call, &sha256).await
}

/// The file that the path names; 404 where no report of it exists.
async fn known(call: &Call) -> Result<Sha256> {
    let id = call.arguments.path("id");
    let sha256 = file::resolve(&call.viewer(), id).await?;
    let file = assay_pipeline::read_file(call.app.store(), &sha256).await?;
    file.map(|_| sha256).ok_or_else(|| Error::not_found("File", id))
}

async fn serve(call: &Call, sha256: &Sha256) -> Result<Reply> {
    let bytes = call.app.pipeline.blobs.open(sha256).await?;
    let bytes = bytes.ok_or_else(|| Error::not_found("File", &sha256.to_string()))?;
    Ok(attached(range::serve(&call.headers, bytes), sha256))
}

/// Samples are data: a browser must neither show nor run them.
fn attached(mut reply: Reply, sha256: &Sha256) -> Reply {
    if let Ok(name) = HeaderValue::try_from(format!("attachment; filename=\"{sha256}\"")) {
        reply.headers.push((header::CONTENT_DISPOSITION, name));
    }
    reply.headers.push((header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")));
    reply
}
