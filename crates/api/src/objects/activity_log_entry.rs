//! Entries of the audit log.

use std::sync::Arc;

use assay_events::audit::Entry;
use assay_model::record::{Key, Record};
use assay_model::{Error, Kind, Result, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{ObjectType, Relationship, Source, Viewer};
use crate::accounts::rights::shown;

const TITLE: &str = "Activity log entry";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::ActivityLogEntry,
    title: TITLE,
    id: "Id of the entry",
    relationships: &[
        Relationship::unobserved("user", "user", "Who did it").one().from(Source::Computed(actor)),
        Relationship::unobserved("group", "group", "The group that it concerns").one().from(Source::Computed(group)),
        Relationship::unobserved("target", "user", "On what it was done").one().from(Source::Computed(target)),
    ],
    locate: |viewer, id| Box::pin(locate(viewer, id)),
    attributes,
    more: None,
    more_in_lists: false,
    meta: None,
    links: None,
    schema: |generator| generator.subschema_for::<ActivityLogEntryAttributes>(),
    check: crate::route::any,
    needs: None,
    free: true,
};

/// The attributes of an entry. The hash is that of everything but itself and `info`; how it is made is in the guide.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ActivityLogEntryAttributes {
    action: String,
    date: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    /// VirusTotal's summary: on whom.
    info: Map<String, Value>,
    actor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Value::is_null")]
    before: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    after: Value,
    sequence: u64,
    previous_hash: String,
    hash: String,
}

async fn locate(viewer: &Viewer<'_>, id: &str) -> Result<Arc<Record>> {
    let not_found = || Error::not_found(TITLE, &shown(id));
    let record = viewer.app.store().read(&Key::shared(Kind::ActivityLogEntry, id)).await?.ok_or_else(not_found)?;
    let entry: Entry = record.parse()?;
    let identity = viewer.paid.account()?;
    let allowed = identity.is_staff() || entry.group.is_some_and(|group| identity.user.administers(&group));
    if allowed { Ok(record) } else { Err(not_found()) }
}

fn attributes(record: &Record, _: &Viewer<'_>) -> Result<Map<String, Value>> {
    let entry: Entry = record.parse()?;
    let mut info = Map::new();
    if let Some((kind, id)) = entry.target.split_once('/') {
        info.insert(kind.to_owned(), json!(id));
    }
    Ok(super::object_of(&ActivityLogEntryAttributes {
        action: entry.action.to_string(),
        date: entry.date,
        ip: entry.ip.map(|ip| ip.to_string()),
        info,
        actor: entry.actor,
        key_id: entry.key_id,
        target: entry.target,
        group: entry.group,
        before: entry.before,
        after: entry.after,
        sequence: entry.sequence,
        previous_hash: entry.previous_hash,
        hash: entry.hash,
    }))
}

fn actor(record: &Record) -> Result<Option<Key>> {
    let entry: Entry = record.parse()?;
    Ok(Some(Key::shared(Kind::User, entry.actor)))
}

fn group(record: &Record) -> Result<Option<Key>> {
    let entry: Entry = record.parse()?;
    Ok(entry.group.map(|group| Key::shared(Kind::Group, group)))
}

fn target(record: &Record) -> Result<Option<Key>> {
    let entry: Entry = record.parse()?;
    let account = entry.target.strip_prefix("user/");
    Ok(account.map(|account| Key::shared(Kind::User, account)))
}
