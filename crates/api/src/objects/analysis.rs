//! Analyses: one run of the engines over a file.

use std::sync::Arc;

use assay_model::analysis::{StoredAnalysis, analysis_id};
use assay_model::record::{Key, Record};
use assay_model::{Error, Kind, Link, Result, Sha256, Timestamp};
use serde_json::{Map, Value, json};

use super::{ObjectType, Relationship, Viewer, stored_attributes};
use crate::envelope;

const TITLE: &str = "Analysis";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::Analysis,
    title: TITLE,
    id: "The id that the upload answered; `f-<sha256>-<unix seconds>` is accepted too",
    relationships: &[Relationship::forward("item", Link::Analysed, "The file that was analysed").one()],
    locate: |viewer, id| Box::pin(locate(viewer, id)),
    attributes: |record, _| stored_attributes(record),
    more: None,
    more_in_lists: false,
    meta: Some(meta),
    links: Some(links),
    schema: |generator| generator.subschema_for::<assay_model::analysis::Analysis>(),
    check: crate::route::any,
    needs: None,
    free: true,
};

async fn locate(viewer: &Viewer<'_>, id: &str) -> Result<Arc<Record>> {
    let not_found = || Error::not_found(TITLE, id);
    let name = match by_file(id) {
        None => id.to_owned(),
        Some((sha256, date)) => {
            let file = assay_pipeline::read_file(viewer.app.store(), &sha256).await?;
            analysis_id(&file.ok_or_else(not_found)?.0.attributes.md5, date)
        }
    };
    // Padding is part of the id; clients that strip it are met half-way.
    let padded = format!("{name}{}", "=".repeat((4 - name.len() % 4) % 4));
    viewer.app.store().read(&Key::shared(Kind::Analysis, padded)).await?.ok_or_else(not_found)
}

/// Reads `f-<sha256>-<unix seconds>`.
fn by_file(id: &str) -> Option<(Sha256, Timestamp)> {
    let (sha256, date) = id.strip_prefix("f-")?.split_once('-')?;
    Some((sha256.parse().ok()?, Timestamp(date.parse().ok()?)))
}

fn meta(record: &Record) -> Result<Value> {
    let file = record.parse::<StoredAnalysis>()?.file;
    let info = json!({ "sha256": file.sha256, "sha1": file.sha1, "md5": file.md5, "size": file.size });
    Ok(json!({ "file_info": info }))
}

fn links(record: &Record, viewer: &Viewer<'_>) -> Result<Map<String, Value>> {
    let file = record.parse::<StoredAnalysis>()?.file;
    let item = envelope::link(viewer.base, Kind::File, &file.sha256.to_string());
    Ok(Map::from_iter([("item".to_owned(), item.into())]))
}
