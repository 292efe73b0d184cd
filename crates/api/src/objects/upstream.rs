//! Contracts with `VirusTotal`, for the operator. Keys are shown by their names; no attribute holds one.

use std::collections::BTreeMap;

use assay_broker::contract::{Contract, ContractKey, Count, UpstreamKeyState};
use assay_model::quota::{Limits, Quota, Window};
use assay_model::record::Record;
use assay_model::{Kind, Result, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Added, ObjectType, Viewer, by_id};
use crate::accounts::rights::staff;
use crate::app::App;

const TITLE: &str = "Upstream";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    id: "Name of the contract",
    more: Some(|record, viewer, attributes| budget(record, viewer, attributes)),
    more_in_lists: true,
    free: true,
    ..ObjectType::plain(
        Kind::Upstream,
        TITLE,
        |viewer, id| {
            Box::pin(async move {
                staff(viewer.paid)?;
                by_id(viewer, Kind::Upstream, TITLE, id).await
            })
        },
        |record, viewer| Ok(shown(viewer.app, &record.parse()?)),
        schemars::SchemaGenerator::subschema_for::<UpstreamAttributes>,
    )
};

/// The attributes of a contract.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UpstreamAttributes {
    /// With whom.
    host: String,
    /// `active`, `no-key` where upstream refuses every key, or `ended` while its content is being removed.
    status: String,
    /// `premium`, or `public`: then it serves one account.
    tier: String,
    /// The group that it serves; the whole installation where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// The one account that it serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    upstream_account: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_group: Option<String>,
    /// What upstream grants.
    privileges: Vec<String>,
    /// How often upstream may be asked.
    limits: Limits,
    keys: Vec<KeyShown>,
    creation_date: Timestamp,
    /// Upstream's own count, when it was read last.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<Count>,
    /// By quota: what is allowed and what was used under this contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    quotas: Option<BTreeMap<String, Value>>,
}

/// A key of a contract.
#[derive(Debug, Serialize, JsonSchema)]
struct KeyShown {
    /// Names it; says nothing of the key itself.
    id: String,
    state: UpstreamKeyState,
    upstream_account: String,
    creation_date: Timestamp,
    /// Since when it is in its state.
    since: Timestamp,
    /// Seconds for which calls with it may still be under way; none where none can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    drains_for: Option<u64>,
    /// Whether it can be removed without anybody noticing.
    safe_to_remove: bool,
}

/// A contract as its operator sees it.
pub(crate) fn shown(app: &App, contract: &Contract) -> Map<String, Value> {
    let key = |key: &ContractKey| {
        let drains_for = app.broker.drains_for(key);
        KeyShown {
            id: key.id.clone(),
            state: key.state,
            upstream_account: key.upstream_account.clone(),
            creation_date: key.creation_date,
            since: key.since,
            drains_for,
            safe_to_remove: key.state != UpstreamKeyState::Active && drains_for.is_none(),
        }
    };
    let status = match contract {
        _ if contract.ended => "ended",
        _ if contract.key(UpstreamKeyState::Active).is_none() => "no-key",
        _ => "active",
    };
    super::object_of(&UpstreamAttributes {
        host: contract.host.as_str().trim_end_matches('/').to_owned(),
        status: status.to_owned(),
        tier: if contract.is_public() { "public" } else { "premium" }.to_owned(),
        group: contract.group.clone(),
        account: contract.account.clone(),
        upstream_account: contract.upstream_account.clone(),
        upstream_group: contract.upstream_group.clone(),
        privileges: contract.privileges.iter().cloned().collect(),
        limits: contract.limits.clone(),
        keys: contract.keys.iter().map(key).collect(),
        creation_date: contract.creation_date,
        count: contract.count.clone(),
        quotas: None,
    })
}

/// The same for the audit log: keys by their names and states.
pub(crate) fn audited(contract: &Contract) -> Value {
    let keys: Vec<_> = contract
        .keys
        .iter()
        .map(|key| json!({ "id": key.id, "state": key.state, "account": key.upstream_account }))
        .collect();
    json!({ "host": contract.host.as_str(), "group": contract.group, "account": contract.account,
            "upstream_account": contract.upstream_account, "upstream_group": contract.upstream_group,
            "keys": keys, "ended": contract.ended })
}

fn budget<'a>(record: &'a Record, viewer: &'a Viewer<'a>, attributes: &'a mut Map<String, Value>) -> Added<'a> {
    Box::pin(async move {
        let contract: Contract = record.parse()?;
        attributes.insert("quotas".to_owned(), quotas(viewer.app, &record.key.id, &contract.limits).await?.into());
        Ok(())
    })
}

/// What was used of each window under a contract.
async fn quotas(app: &App, name: &str, limits: &Limits) -> Result<Map<String, Value>> {
    let mut quotas = Map::new();
    for quota in Quota::ALL {
        let allowed = limits.of(*quota);
        if allowed == 0 || !matches!(quota.window(), Window::Day | Window::Month) {
            continue;
        }
        let used = app.store().spent(&format!("upstream:{name}"), *quota, quota.window().start(app.now())).await?;
        quotas.insert(quota.wire().to_owned(), json!({ "allowed": allowed, "used": used }));
    }
    Ok(quotas)
}
