//! Webhooks, and the deliveries to them.

use assay_events::webhook::{Delivery, Webhook};
use assay_model::record::Record;
use assay_model::{Kind, Link, Result, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{ObjectType, Relationship, Viewer, by_id};
use crate::accounts::webhooks;

const TITLE: &str = "Webhook";
const DELIVERY_TITLE: &str = "Webhook delivery";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::Webhook,
    title: TITLE,
    id: "Id of the webhook",
    relationships: &[Relationship::reverse(
        "deliveries",
        Link::Delivers,
        "What was sent to it or will be, newest first",
    )],
    locate: |viewer, id| {
        Box::pin(async move {
            webhooks::governed(viewer.app, viewer.paid, id).await?;
            by_id(viewer, Kind::Webhook, TITLE, id).await
        })
    },
    attributes,
    more: None,
    more_in_lists: false,
    meta: None,
    links: None,
    schema: |generator| generator.subschema_for::<WebhookAttributes>(),
    check: crate::route::any,
    needs: None,
    free: true,
};

/// The deliveries' type.
pub const DELIVERY: ObjectType = ObjectType {
    kind: Kind::WebhookDelivery,
    title: DELIVERY_TITLE,
    id: "Id of the delivery, as in the header webhook-id",
    relationships: &[],
    locate: |viewer, id| {
        Box::pin(async move {
            webhooks::delivery(viewer.app, viewer.paid, id).await?;
            by_id(viewer, Kind::WebhookDelivery, DELIVERY_TITLE, id).await
        })
    },
    attributes: delivery_attributes,
    schema: |generator| generator.subschema_for::<WebhookDeliveryAttributes>(),
    ..TYPE
};

/// The attributes of a webhook.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WebhookAttributes {
    url: String,
    /// Of which events; of all where it names none.
    events: Vec<String>,
    label: String,
    /// `active` or `disabled`.
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    creation_date: Timestamp,
    /// What its deliveries are signed with: in the one answer that makes it, and nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// The attributes of a delivery.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WebhookDeliveryAttributes {
    webhook: String,
    event: String,
    /// `pending`, `delivered` or `dead`.
    status: String,
    attempts: u32,
    date: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_attempt_date: Option<Timestamp>,
    /// The HTTP status that was answered last.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_date: Option<Timestamp>,
    /// Exactly what is sent and signed.
    body: String,
}

fn attributes(record: &Record, _: &Viewer<'_>) -> Result<Map<String, Value>> {
    let webhook: Webhook = record.parse()?;
    Ok(super::object_of(&WebhookAttributes {
        url: webhook.url,
        events: webhook.events.iter().map(ToString::to_string).collect(),
        label: webhook.label,
        status: super::word(&webhook.status),
        group: webhook.group,
        creation_date: webhook.creation_date,
        secret: None,
    }))
}

fn delivery_attributes(record: &Record, _: &Viewer<'_>) -> Result<Map<String, Value>> {
    let delivery: Delivery = record.parse()?;
    Ok(super::object_of(&WebhookDeliveryAttributes {
        webhook: delivery.webhook,
        event: delivery.event.to_string(),
        status: super::word(&delivery.status),
        attempts: delivery.attempts,
        date: delivery.date,
        last_attempt_date: delivery.last_attempt_date,
        last_status: delivery.last_status,
        last_error: delivery.last_error,
        next_attempt_date: delivery.next_attempt_date,
        body: delivery.body,
    }))
}
