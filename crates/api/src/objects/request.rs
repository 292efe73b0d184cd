//! What accounts ask for.

use assay_model::account::{Request, Wish};
use assay_model::record::Record;
use assay_model::{Kind, Result, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{ObjectType, Viewer, by_id};
use crate::accounts::requests::{status, visible};

const TITLE: &str = "Request";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::Request,
    title: TITLE,
    id: "Id of the request",
    relationships: &[],
    locate: |viewer, id| {
        Box::pin(async move {
            visible(viewer.app, viewer.paid, id).await?;
            by_id(viewer, Kind::Request, TITLE, id).await
        })
    },
    attributes,
    more: None,
    more_in_lists: false,
    meta: None,
    links: None,
    schema: |generator| generator.subschema_for::<RequestAttributes>(),
    check: crate::route::any,
    needs: None,
    free: true,
};

/// The attributes of a request.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RequestAttributes {
    account: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// `tier`, `privilege` or `quota`.
    kind: String,
    /// Its name.
    wanted: String,
    /// How much of a quota.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<u64>,
    reason: String,
    date: Timestamp,
    /// `open`, `granted` or `declined`.
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_date: Option<Timestamp>,
    /// Until when what was granted holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
}

fn attributes(record: &Record, _: &Viewer<'_>) -> Result<Map<String, Value>> {
    let request: Request = record.parse()?;
    let status = status(&request).to_owned();
    let (kind, wanted, amount) = match request.wish {
        Wish::Tier { wanted } => ("tier", wanted, None),
        Wish::Privilege { wanted } => ("privilege", wanted.to_string(), None),
        Wish::Quota { wanted, amount } => ("quota", wanted.wire().to_owned(), Some(amount)),
    };
    let decision = request.decision.as_ref();
    Ok(super::object_of(&RequestAttributes {
        account: request.account,
        group: request.group,
        kind: kind.to_owned(),
        wanted,
        amount,
        reason: request.reason,
        date: request.date,
        status,
        decided_by: decision.map(|decision| decision.by.clone()),
        decision_date: decision.map(|decision| decision.date),
        until: decision.and_then(|decision| decision.until),
        answer: decision.map(|decision| decision.answer.clone()).filter(|answer| !answer.is_empty()),
    }))
}
