//! Tiers.

use assay_model::account::Tier;
use assay_model::quota::{Limits, Quota};
use assay_model::record::{Class, Record};
use assay_model::{Kind, Result};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{ObjectType, Viewer, by_id};
use crate::accounts::SHIPPED;

const TITLE: &str = "Tier";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::Tier,
    title: TITLE,
    id: "Name of the tier",
    relationships: &[],
    locate: |viewer, id| Box::pin(by_id(viewer, Kind::Tier, TITLE, id)),
    attributes,
    more: None,
    more_in_lists: false,
    meta: None,
    links: None,
    schema: |generator| generator.subschema_for::<TierAttributes>(),
    check: crate::route::any,
    needs: None,
    free: true,
};

/// The attributes of a tier.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TierAttributes {
    privileges: Vec<String>,
    /// 1000000000 stands for no limit.
    limits: Limits,
    /// By quota: what is allowed, requests aside.
    quotas: Map<String, Value>,
    class: Class,
    /// Whether it comes with the server.
    shipped: bool,
    /// Whether an operator changed it; the configuration then no longer does.
    changed: bool,
}

fn attributes(record: &Record, _: &Viewer<'_>) -> Result<Map<String, Value>> {
    let mut tier: Tier = record.parse()?;
    let others = std::mem::take(&mut tier.limits.others);
    let show = |(quota, allowed): (Quota, u64)| (quota.wire().to_owned(), json!({ "allowed": allowed }));
    Ok(super::object_of(&TierAttributes {
        privileges: tier.privileges.iter().map(ToString::to_string).collect(),
        limits: tier.limits,
        quotas: others.into_iter().map(show).collect(),
        class: tier.class,
        shipped: SHIPPED.contains(&&*record.key.id),
        changed: tier.changed,
    }))
}
