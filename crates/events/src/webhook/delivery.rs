//! Deliveries looked at, tried again and swept.

use assay_model::record::{Class, Job, Key, Space, StageName, body};
use assay_model::{Error, Kind, Link, Result, Timestamp};
use assay_store::{Batch, End, Expect, Page, Range, Store};

use super::{Delivery, DeliveryStatus, WebhookStatus, delivery_ids_from, delivery_key, webhook_key};

/// How many deliveries are swept with one commit.
const SWEPT: usize = 200;

/// The delivery of an id.
pub async fn read_delivery(store: &dyn Store, id: &str) -> Result<Option<Delivery>> {
    Ok(read_versioned(store, &delivery_key(id)).await?.map(|(delivery, _)| delivery))
}

pub(crate) async fn read_versioned(store: &dyn Store, key: &Key) -> Result<Option<(Delivery, u64)>> {
    match store.read(key).await? {
        Some(record) => Ok(Some((record.parse()?, record.version))),
        None => Ok(None),
    }
}

/// A page of the deliveries to a webhook with their ids, newest first.
pub async fn deliveries(store: &dyn Store, webhook: &str, range: &Range) -> Result<Page<(String, Delivery)>> {
    let page = store.linked(&webhook_key(webhook), Link::Delivers, End::Head, range).await?;
    let keys: Vec<_> = page.items.into_iter().map(|edge| edge.from).collect();
    let records = store.read_many(&keys).await?.into_iter().flatten();
    let items = records.map(|record| Ok((record.key.id.to_string(), record.parse()?))).collect::<Result<_>>()?;
    Ok(Page { items, next: page.next, total: page.total })
}

/// Makes a delivery that was made or given up pending again, in the caller's batch; answers what it is then. It keeps its
/// id and body, so its receiver can tell that it had it before.
pub async fn replay(store: &dyn Store, batch: &mut Batch, id: &str, now: Timestamp) -> Result<Delivery> {
    let key = delivery_key(id);
    let found = read_versioned(store, &key).await?;
    let (mut delivery, version) = found.ok_or_else(|| Error::not_found("Webhook delivery", id))?;
    let webhook = super::read(store, &delivery.webhook).await?;
    let webhook = webhook.ok_or_else(|| Error::not_found("Webhook", &delivery.webhook))?;
    if webhook.status == WebhookStatus::Disabled {
        return Err(Error::bad_request("the webhook is disabled; make it active first"));
    }
    if delivery.status == DeliveryStatus::Pending {
        return Err(Error::bad_request("the delivery is pending; it is tried by itself"));
    }
    delivery.status = DeliveryStatus::Pending;
    delivery.attempts = 0;
    delivery.next_attempt_date = Some(now);
    batch.put(key.clone(), body(&delivery), Expect::Version(version));
    batch.enqueue(Job { stage: StageName::Deliver, subject: key, class: Class::Normal });
    Ok(delivery)
}

/// Removes the deliveries of events before a moment; answers how many.
pub async fn sweep(store: &dyn Store, before: Timestamp) -> Result<u64> {
    let end = delivery_ids_from(before);
    let mut swept = 0;
    loop {
        let page = store.list(&Space::Shared, Kind::WebhookDelivery, &Range::first(SWEPT)).await?;
        let mut batch = Batch::new();
        let old: Vec<_> = page.items.into_iter().filter(|key| *key.id < *end).collect();
        if old.is_empty() {
            return Ok(swept);
        }
        swept += old.len() as u64;
        for key in old {
            batch.delete(key);
        }
        batch.soon();
        store.commit(batch).await?;
    }
}
