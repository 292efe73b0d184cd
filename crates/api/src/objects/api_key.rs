//! Keys, by the id that is part of them and safe to show; never with a secret.

use std::sync::Arc;

use assay_model::account::{ApiKey, KeyState, User};
use assay_model::record::{Key, Record};
use assay_model::{Error, Kind, Result, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Added, ObjectType, Viewer};
use crate::accounts::api_keys::is_safe_to_revoke;
use crate::accounts::last_use;
use crate::accounts::rights::{Standpoint, hidden, read_user, shown};

const TITLE: &str = "Key";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::ApiKey,
    title: TITLE,
    id: "The key's id: 12 hexadecimal digits, the 5th to the 16th of the key",
    relationships: &[],
    locate: |viewer, id| Box::pin(locate(viewer, id)),
    attributes,
    more: Some(|record, viewer, attributes| uses(record, viewer, attributes)),
    more_in_lists: true,
    meta: None,
    links: None,
    schema: |generator| generator.subschema_for::<ApiKeyAttributes>(),
    check: crate::route::any,
    needs: None,
    free: true,
};

/// The attributes of a key.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ApiKeyAttributes {
    account: String,
    label: String,
    state: KeyState,
    creation_date: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_date: Option<Timestamp>,
    allowed_networks: Vec<String>,
    /// The only privileges of its account that it has; all of them where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    privileges: Option<Vec<String>>,
    /// Whether it was made elsewhere and brought in; to be rotated.
    imported: bool,
    /// The key itself: in the one answer that makes it, and nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    predecessor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<String>,
    /// When it was rotated.
    #[serde(skip_serializing_if = "Option::is_none")]
    retiring_date: Option<Timestamp>,
    /// When a rotated key ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    sunset_date: Option<Timestamp>,
    /// Seconds without use after which a rotated key goes by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    retire_when_quiet: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_use_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_use_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_use_user_agent: Option<String>,
    /// Of a rotated key: its successor was used, and it was quiet for a while itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    safe_to_revoke: Option<bool>,
}

async fn locate(viewer: &Viewer<'_>, id: &str) -> Result<Arc<Record>> {
    let not_found = || Error::not_found(TITLE, &shown(id));
    let record = viewer.app.store().read(&Key::shared(Kind::ApiKey, id)).await?.ok_or_else(not_found)?;
    let key: ApiKey = record.parse()?;
    let (user, _): (User, _) = read_user(viewer.app, &key.account).await.map_err(|error| hidden(error, not_found))?;
    let standpoint = Standpoint::towards_account(viewer.paid, &key.account, &user);
    if standpoint.sees_all() { Ok(record) } else { Err(not_found()) }
}

fn attributes(record: &Record, viewer: &Viewer<'_>) -> Result<Map<String, Value>> {
    let key: ApiKey = record.parse()?;
    let state = key.state(viewer.app.now());
    let retirement = key.retirement.as_ref();
    Ok(super::object_of(&ApiKeyAttributes {
        state,
        creation_date: key.creation_date,
        expiration_date: key.expiration_date,
        allowed_networks: key.allowed_networks.iter().map(ToString::to_string).collect(),
        privileges: key.privileges.map(|subset| subset.iter().map(ToString::to_string).collect()),
        imported: key.imported,
        key: None,
        predecessor: key.predecessor,
        successor: retirement.map(|retirement| retirement.successor.clone()),
        retiring_date: retirement.map(|retirement| retirement.since),
        sunset_date: retirement.map(|retirement| retirement.deadline),
        retire_when_quiet: retirement.and_then(|retirement| retirement.when_quiet),
        revocation_date: key.revocation_date,
        last_use_date: None,
        last_use_ip: None,
        last_use_user_agent: None,
        safe_to_revoke: None,
        account: key.account,
        label: key.label,
    }))
}

fn uses<'a>(record: &'a Record, viewer: &'a Viewer<'a>, attributes: &'a mut Map<String, Value>) -> Added<'a> {
    Box::pin(async move {
        let (store, now) = (viewer.app.store(), viewer.app.now());
        if let Some(last) = last_use(store, &record.key.id).await? {
            attributes.insert("last_use_date".to_owned(), last.date.0.into());
            attributes.insert("last_use_ip".to_owned(), last.ip.into());
            attributes.insert("last_use_user_agent".to_owned(), last.user_agent.into());
        }
        let key: ApiKey = record.parse()?;
        if key.state(now) == KeyState::Retiring {
            let safe = is_safe_to_revoke(store, &record.key.id, &key, now).await?;
            attributes.insert("safe_to_revoke".to_owned(), safe.into());
        }
        Ok(())
    })
}
