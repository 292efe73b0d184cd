//! Users. `{id}` may be the name, the e-mail address, or the caller's own key, which is never echoed.

use std::sync::Arc;

use assay_model::account::{AccountStatus, Tier, User};
use assay_model::privilege::Privilege;
use assay_model::quota::Quota;
use assay_model::record::{Facet, FacetName, Key, Record, Space};
use assay_model::{Error, Kind, Result, Timestamp};
use assay_store::Range;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{ObjectType, Relationship, Viewer};
use crate::gate;
use crate::route::{Call, Reply};

const TITLE: &str = "User";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::User,
    title: TITLE,
    id: "Name or e-mail address of the account, or the caller's own key",
    relationships: &[
        Relationship::unobserved("groups", "group", "The groups of the account"),
        Relationship::unobserved("api_quota_group", "group", "The group that pays for API requests").one(),
        Relationship::unobserved("intelligence_quota_group", "group", "The group that pays for Intelligence").one(),
        Relationship::unobserved("monitor_quota_group", "group", "The group that pays for Monitor").one(),
    ],
    locate: |viewer, id| Box::pin(locate(viewer, id)),
    attributes,
    meta: None,
    links: None,
    schema: |generator| generator.subschema_for::<UserAttributes>(),
    check: crate::route::any,
    needs: None,
};

/// The attributes of a user. All but the first five are for the account itself and for operators.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UserAttributes {
    first_name: String,
    last_name: String,
    reputation: i64,
    status: AccountStatus,
    user_since: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    privileges: Option<Map<String, Value>>,
    /// By quota: what is allowed and what was used. Only in the object itself, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    quotas: Option<Map<String, Value>>,
}

async fn locate(viewer: &Viewer<'_>, id: &str) -> Result<Arc<Record>> {
    let store = viewer.app.store();
    let name: Arc<str> = if looks_like_a_key(id) {
        let identity = gate::identify(viewer.app, &id.to_lowercase()).await;
        // Whoever presents a key that is not the caller's learns nothing about it.
        let own = identity.ok().filter(|identity| Some(&identity.account) == caller(viewer));
        own.ok_or_else(|| Error::not_found(TITLE, "that key"))?.account.clone()
    } else if id.contains('@') {
        let facet = Facet::new(FacetName::Email, id.to_lowercase());
        let found = store.find(&Space::Shared, Kind::User, &facet, &Range::first(1)).await?;
        found.items.first().map(|key| key.id.clone()).ok_or_else(|| Error::not_found(TITLE, id))?
    } else {
        id.into()
    };
    store.read(&Key::shared(Kind::User, name)).await?.ok_or_else(|| Error::not_found(TITLE, id))
}

fn looks_like_a_key(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit())
}

fn caller<'a>(viewer: &'a Viewer<'_>) -> Option<&'a Arc<str>> {
    viewer.paid.identity().map(|identity| &identity.account)
}

/// Whether the caller sees more of this account than anybody does.
fn sees_all(record: &Record, viewer: &Viewer<'_>) -> bool {
    caller(viewer).is_some_and(|account| **account == *record.key.id) || viewer.paid.has(Privilege::Admin)
}

fn attributes(record: &Record, viewer: &Viewer<'_>) -> Result<Map<String, Value>> {
    let user: User = record.parse()?;
    let own = caller(viewer).is_some_and(|account| **account == *record.key.id);
    let tier = viewer.paid.identity().filter(|_| own).map(|identity| &identity.tier);
    let granted = |privilege: &Privilege| (privilege.wire().to_owned(), json!({ "granted": true }));
    let attributes = UserAttributes {
        first_name: user.first_name,
        last_name: user.last_name,
        reputation: 0,
        status: user.status,
        user_since: user.user_since,
        email: user.email.filter(|_| sees_all(record, viewer)),
        privileges: tier.map(|tier| tier.privileges.iter().map(granted).collect()),
        quotas: None,
    };
    match serde_json::to_value(attributes) {
        Ok(Value::Object(attributes)) => Ok(attributes),
        _ => Ok(Map::new()),
    }
}

/// `GET /users/{id}`: like any object, and for those who may see it what was used of each quota.
pub(crate) async fn get(call: Call) -> Result<Reply> {
    let viewer = call.viewer();
    let inline = super::serve::inline_names(&TYPE, &call.arguments)?;
    let record = locate(&viewer, call.arguments.path("id")).await?;
    let mut object = super::serve::full(&viewer, &TYPE, &record, &call.arguments, &inline).await?;
    let wanted = call.arguments.list("attributes");
    if sees_all(&record, &viewer) && (wanted.is_empty() || wanted.contains(&"quotas")) {
        let quotas = figures(&call, &record).await?;
        let quotas = quotas.into_iter().map(|(name, figures)| (name.to_owned(), figures));
        object["attributes"]["quotas"] = quotas.collect::<Map<_, _>>().into();
    }
    Ok(Reply::data(object))
}

/// Every quota with what is allowed and what was used.
async fn figures(call: &Call, record: &Record) -> Result<Vec<(&'static str, Value)>> {
    let user: User = record.parse()?;
    let tier = call.app.store().read(&Key::shared(Kind::Tier, user.tier)).await?;
    let tier: Option<Tier> = tier.map(|record| record.parse()).transpose()?;
    let allowed = |quota| tier.as_ref().map_or(0, |tier| tier.limits.of(quota));
    let mut figures = Vec::with_capacity(Quota::ALL.len());
    for &quota in Quota::ALL {
        let count = call.app.meter.used(&record.key.id, quota).await?;
        figures.push((quota.wire(), json!({ "allowed": allowed(quota), "used": count })));
    }
    Ok(figures)
}

/// `GET /users/{id}/overall_quotas`: every quota by name, what is allowed and what was used. Costs nothing.
pub(crate) async fn overall_quotas(call: Call) -> Result<Reply> {
    let viewer = call.viewer();
    let record = locate(&viewer, call.arguments.path("id")).await?;
    if !sees_all(&record, &viewer) {
        return Err(Error::new(
            assay_model::Code::Forbidden,
            "You are not authorized to perform the requested operation: quotas are shown to the account itself and to operators",
        ));
    }
    let figures = figures(&call, &record).await?.into_iter();
    let quotas = figures.map(|(name, figures)| (name.to_owned(), json!({ "user": figures })));
    Ok(Reply::data(quotas.collect::<Map<_, _>>()))
}
