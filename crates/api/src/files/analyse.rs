//! `POST /files/{id}/analyse`: the engines look at a known file again; the history is kept.

use assay_model::{Kind, Result};

use crate::envelope;
use crate::objects::file;
use crate::route::{Call, Reply};

/// See the module.
pub(crate) async fn post(call: Call) -> Result<Reply> {
    let viewer = call.viewer();
    let sha256 = file::resolve(&viewer, call.arguments.path("id")).await?;
    let analysis = assay_pipeline::rescan(&call.app.pipeline, &sha256, call.paid.class()).await?;
    Ok(Reply::data(envelope::descriptor(&call.base, Kind::Analysis, &analysis)))
}
