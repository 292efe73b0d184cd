//! Addresses that are told of events. [`announce`] adds deliveries to the batch of what happened; the worker in
//! [`crate::deliver`] sends them.

use std::collections::BTreeSet;

use assay_model::event::{Event, EventName};
use assay_model::random::Random;
use assay_model::record::{Class, Edge, Facet, FacetName, Job, Key, Record, Space, StageName, body};
use assay_model::{Kind, Link, Result, Timestamp};
use assay_store::{Batch, Expect, Range, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

mod delivery;
mod manage;

pub(crate) use delivery::read_versioned as read_delivery_versioned;
pub use delivery::{deliveries, read_delivery, replay, sweep};
pub(crate) use manage::read_versioned as read_webhook_versioned;
pub use manage::{Change, Created, Wanted, create, delete, list, read, update};

/// How many webhooks a group, or the operator, may have.
pub const MOST: usize = 20;
/// How many webhooks are read at once.
const STRIDE: usize = 100;

/// Whether a webhook is told of anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookStatus {
    /// It is.
    Active,
    /// It is not: somebody, or its receiver by answering 410, switched it off.
    Disabled,
}

/// An address that is told of events.
#[derive(Clone, Serialize, Deserialize)]
pub struct Webhook {
    /// Where to.
    pub url: String,
    /// Of which events; of all where it names none.
    #[serde(default)]
    pub events: BTreeSet<EventName>,
    /// What its owner calls it.
    #[serde(default)]
    pub label: String,
    /// Whether it is told.
    pub status: WebhookStatus,
    /// The group that it belongs to, which hears of its own events; the operator's hear of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The text of its secret, sealed.
    pub secret: String,
    /// When it was made.
    pub creation_date: Timestamp,
}

impl Webhook {
    fn wants(&self, event: &Event) -> bool {
        self.status == WebhookStatus::Active && (self.events.is_empty() || self.events.contains(&event.name))
    }

    /// What the audit log is to say of it: everything but the secret, and of the URL no path, which may hold another's.
    pub fn audited(&self) -> Value {
        let origin = url::Url::parse(&self.url).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
        json!({ "url": origin, "events": self.events, "label": self.label, "status": self.status })
    }
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    /// It is to be tried.
    Pending,
    /// It was taken.
    Delivered,
    /// It was given up.
    Dead,
}

/// One event on its way to one webhook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// The id of the webhook.
    pub webhook: String,
    /// The group of the webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What it tells of.
    pub event: EventName,
    /// Exactly what is sent and signed, JSON.
    pub body: String,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// How often it was tried since it became pending.
    pub attempts: u32,
    /// When the event happened.
    pub date: Timestamp,
    /// When it was tried last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempt_date: Option<Timestamp>,
    /// The HTTP status that was answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_status: Option<u16>,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it is tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_date: Option<Timestamp>,
}

/// Adds a delivery for every webhook that wants the event to the batch of what happened.
pub async fn announce(store: &dyn Store, batch: &mut Batch, event: &Event, random: &dyn Random) -> Result<()> {
    let body = event_body(event);
    let owners = std::iter::once(None).chain(event.group.as_deref().map(Some));
    for owner in owners {
        for (id, webhook) in owned(store, owner).await? {
            if webhook.wants(event) {
                enqueue(batch, &id, &webhook, event, body.clone(), random);
            }
        }
    }
    Ok(())
}

fn enqueue(batch: &mut Batch, id: &str, webhook: &Webhook, event: &Event, text: String, random: &dyn Random) {
    let delivery = Delivery {
        webhook: id.to_owned(),
        group: webhook.group.clone(),
        event: event.name,
        body: text,
        status: DeliveryStatus::Pending,
        attempts: 0,
        date: event.date,
        last_attempt_date: None,
        last_status: None,
        last_error: None,
        next_attempt_date: Some(event.date),
    };
    let key = delivery_key(&delivery_id(event.date, random));
    batch.put(key.clone(), body(&delivery), Expect::Absent);
    batch.link(Edge::new(key.clone(), Link::Delivers, webhook_key(id), event.date));
    batch.enqueue(Job { stage: StageName::Deliver, subject: key, class: Class::Normal });
}

/// What is sent: the payload that the Standard Webhooks specification recommends.
fn event_body(event: &Event) -> String {
    let mut members = Map::new();
    members.insert("type".to_owned(), event.name.wire().into());
    members.insert("timestamp".to_owned(), format!("{}Z", event.date.text().replace(' ', "T")).into());
    members.extend(event.account.as_deref().map(|account| ("account".to_owned(), account.into())));
    members.extend(event.group.as_deref().map(|group| ("group".to_owned(), group.into())));
    members.insert("data".to_owned(), event.data.clone());
    Value::from(members).to_string()
}

/// All webhooks of an owner; at most a few more than [`MOST`].
async fn owned(store: &dyn Store, owner: Option<&str>) -> Result<Vec<(String, Webhook)>> {
    let facet = owner_facet(owner);
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let range = Range::after(STRIDE, after);
        let page = store.find(&Space::Shared, Kind::Webhook, &facet, &range).await?;
        all.extend(parse(store.read_many(&page.items).await?)?);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

fn parse(records: Vec<Option<std::sync::Arc<Record>>>) -> Result<Vec<(String, Webhook)>> {
    records.into_iter().flatten().map(|record| Ok((record.key.id.to_string(), record.parse()?))).collect()
}

fn owner_facet(group: Option<&str>) -> Facet {
    Facet::new(FacetName::Owner, group.unwrap_or_default())
}

pub(crate) fn webhook_key(id: &str) -> Key {
    Key::shared(Kind::Webhook, id)
}

pub(crate) fn delivery_key(id: &str) -> Key {
    Key::shared(Kind::WebhookDelivery, id)
}

/// 10 hexadecimal digits of time, so that lists by id show the oldest first, and 20 of randomness.
fn delivery_id(date: Timestamp, random: &dyn Random) -> String {
    format!("{}{}", delivery_ids_from(date), random_hex::<10>(random))
}

/// What the ids of the deliveries from a moment on are not less than.
fn delivery_ids_from(date: Timestamp) -> String {
    format!("{:010x}", date.0.max(0))
}

fn random_hex<const BYTES: usize>(random: &dyn Random) -> String {
    let mut bytes = [0; BYTES];
    random.fill(&mut bytes);
    hex::encode(bytes)
}

#[cfg(test)]
mod tests;
