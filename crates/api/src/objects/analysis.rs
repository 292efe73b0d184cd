//! Analyses: one run of the engines over a file or an address.

use std::collections::BTreeMap;
use std::sync::Arc;

use assay_model::address::{AddressResult, AddressStats, Item};
use assay_model::analysis::{Status, analysis_id};
use assay_model::record::{Key, Record};
use assay_model::verdict::{EngineResult, Stats};
use assay_model::{Digests, Error, Kind, Result, Sha256, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{ObjectType, Relationship, Source, Viewer, stored_attributes};
use crate::envelope;

const TITLE: &str = "Analysis";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::Analysis,
    title: TITLE,
    id: "The id that the upload answered; `f-<sha256>-<unix seconds>` is accepted too",
    relationships: &[Relationship::unobserved(
        "item",
        "object",
        "What was analysed: a file, a URL, a domain or an IP address",
    )
    .one()
    .from(Source::Computed(item))],
    locate: |viewer, id| Box::pin(locate(viewer, id)),
    attributes: |record, _| stored_attributes(record),
    more: None,
    more_in_lists: false,
    meta: Some(meta),
    links: Some(links),
    schema: |generator| generator.subschema_for::<AnalysisReport>(),
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
    // Padding is part of the id of a file's analysis; clients that strip it are met half-way.
    let padding = if name.contains('-') { 0 } else { (4 - name.len() % 4) % 4 };
    let padded = format!("{name}{}", "=".repeat(padding));
    viewer.app.store().read(&Key::shared(Kind::Analysis, padded)).await?.ok_or_else(not_found)
}

/// Reads `f-<sha256>-<unix seconds>`.
fn by_file(id: &str) -> Option<(Sha256, Timestamp)> {
    let (sha256, date) = id.strip_prefix("f-")?.split_once('-')?;
    Some((sha256.parse().ok()?, Timestamp(date.parse().ok()?)))
}

/// What an analysis is about.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum About {
    File(Digests),
    Item(Item),
}

fn about(record: &Record) -> Result<About> {
    #[derive(Deserialize)]
    struct Stored {
        #[serde(flatten)]
        about: About,
    }
    record.parse().map(|stored: Stored| stored.about)
}

fn item(record: &Record) -> Result<Option<Key>> {
    Ok(Some(match about(record)? {
        About::File(file) => Key::shared(Kind::File, file.sha256.to_string()),
        About::Item(item) => item.key(),
    }))
}

fn meta(record: &Record) -> Result<Value> {
    Ok(match about(record)? {
        About::File(Digests { md5, sha1, sha256, size }) => {
            json!({ "file_info": { "sha256": sha256, "sha1": sha1, "md5": md5, "size": size } })
        }
        About::Item(Item::Url(url)) => json!({ "url_info": { "id": url.id(), "url": url } }),
        About::Item(_) => json!({}),
    })
}

fn links(record: &Record, viewer: &Viewer<'_>) -> Result<Map<String, Value>> {
    let item = item(record)?.map(|key| envelope::link(viewer.base, key.kind, &key.id));
    Ok(item.into_iter().map(|link| ("item".to_owned(), link.into())).collect())
}

/// The attributes of an analysis. One of a URL, a domain or an IP address has five counts and no versions of engines.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used, for the documentation")]
struct AnalysisReport {
    date: Timestamp,
    status: Status,
    stats: AnyStats,
    results: BTreeMap<String, AnyResult>,
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its shape is used, for the documentation")]
enum AnyStats {
    OfFile(Stats),
    OfAddress(AddressStats),
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its shape is used, for the documentation")]
enum AnyResult {
    OfFile(EngineResult),
    OfAddress(AddressResult),
}
