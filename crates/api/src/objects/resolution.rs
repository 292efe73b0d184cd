//! Resolutions: a name stood for an address. The id is the one behind the other.

use assay_model::address::Item;
use assay_model::record::Record;
use assay_model::resolution::{Resolution, StoredResolution};
use assay_model::{Kind, Result};
use serde_json::{Map, Value, json};

use super::{Added, ObjectType, Viewer, by_id};

const TITLE: &str = "Resolution";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    id: "The IP address and the domain, one directly behind the other",
    more: Some(|record, viewer, attributes| stats(record, viewer, attributes)),
    more_in_lists: true,
    ..ObjectType::plain(
        Kind::Resolution,
        TITLE,
        |viewer, id| Box::pin(by_id(viewer, Kind::Resolution, TITLE, id)),
        |record, _| record.parse(),
        schemars::SchemaGenerator::subschema_for::<Resolution>,
    )
};

/// How the name and the address stand.
fn stats<'a>(record: &'a Record, viewer: &'a Viewer<'a>, attributes: &'a mut Map<String, Value>) -> Added<'a> {
    Box::pin(async move {
        let StoredResolution { host_name, ip_address, .. } = record.parse()?;
        let keys = [Item::Domain(host_name).key(), Item::IpAddress(ip_address).key()];
        let records = viewer.app.store().read_many(&keys).await?;
        for (name, record) in ["host_name", "ip_address"].into_iter().zip(records) {
            let stats =
                record.map_or(Ok(json!(assay_model::address::AddressStats::default())), |one| stats_of(&one))?;
            attributes.insert(format!("{name}_last_analysis_stats"), stats);
        }
        Ok(())
    })
}

fn stats_of(record: &Record) -> Result<Value> {
    #[derive(serde::Deserialize)]
    struct Stored {
        standing: Standing,
    }
    #[derive(serde::Deserialize)]
    struct Standing {
        last_analysis_stats: Value,
    }
    record.parse().map(|stored: Stored| stored.standing.last_analysis_stats)
}
