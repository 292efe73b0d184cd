//! Webhooks made, listed, changed and removed. What is written goes into the caller's batch.

use std::collections::BTreeSet;

use assay_model::event::EventName;
use assay_model::record::{FacetName, Key, Space, body};
use assay_model::{Code, Error, Kind, Result, Timestamp};
use assay_store::{Batch, Expect, Page, Range, Store};
use zeroize::Zeroizing;

use super::{MOST, Webhook, WebhookStatus, owner_facet, random_hex, webhook_key};
use crate::courier::Courier;
use crate::signature;

/// The longest label, in characters.
const LABEL_MAX: usize = 200;

/// What a new webhook is to be.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Where to.
    pub url: String,
    /// Of which events; of all where it names none.
    pub events: BTreeSet<EventName>,
    /// What its owner calls it.
    pub label: String,
    /// The group that it belongs to; none for the operator's.
    pub group: Option<String>,
}

/// A webhook that was just made.
pub struct Created {
    /// Its id.
    pub id: String,
    /// What is kept of it.
    pub webhook: Webhook,
    /// Its secret, to be shown once.
    pub secret: Zeroizing<String>,
}

/// What is to change; nothing where nothing is said.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Where to.
    pub url: Option<String>,
    /// Of which events.
    pub events: Option<BTreeSet<EventName>>,
    /// What its owner calls it.
    pub label: Option<String>,
    /// Whether it is told.
    pub status: Option<WebhookStatus>,
}

/// Makes a webhook, after its URL was checked. Refused with 400 where the owner has [`MOST`] already.
pub async fn create(courier: &Courier, batch: &mut Batch, wanted: Wanted, now: Timestamp) -> Result<Created> {
    check_label(&wanted.label)?;
    courier.outbound.check_url(&wanted.url).await?;
    let owner = owner_facet(wanted.group.as_deref());
    let others = courier.store.find(&Space::Shared, Kind::Webhook, &owner, &Range::first(MOST)).await?;
    if others.items.len() >= MOST {
        return Err(Error::bad_request(format!("there are {MOST} webhooks already; remove one first")));
    }
    let random = &*courier.random;
    let key = webhook_key(&random_hex::<8>(random));
    let secret = signature::generate(random);
    let webhook = Webhook {
        url: wanted.url,
        events: wanted.events,
        label: wanted.label,
        status: WebhookStatus::Active,
        group: wanted.group,
        secret: courier.sealer.seal(&key.to_string(), secret.as_bytes(), random),
        creation_date: now,
    };
    batch.put(key.clone(), body(&webhook), Expect::Absent);
    batch.replace_facets(&key, FacetName::Owner, [owner.value]);
    Ok(Created { id: key.id.to_string(), webhook, secret })
}

/// The webhook of an id.
pub async fn read(store: &dyn Store, id: &str) -> Result<Option<Webhook>> {
    Ok(read_versioned(store, &webhook_key(id)).await?.map(|(webhook, _)| webhook))
}

pub(crate) async fn read_versioned(store: &dyn Store, key: &Key) -> Result<Option<(Webhook, u64)>> {
    match store.read(key).await? {
        Some(record) => Ok(Some((record.parse()?, record.version))),
        None => Ok(None),
    }
}

/// A page of webhooks with their ids: a group's, or with none, everybody's.
pub async fn list(store: &dyn Store, group: Option<&str>, range: &Range) -> Result<Page<(String, Webhook)>> {
    let page = match group {
        Some(_) => store.find(&Space::Shared, Kind::Webhook, &owner_facet(group), range).await?,
        None => store.list(&Space::Shared, Kind::Webhook, range).await?,
    };
    let items = super::parse(store.read_many(&page.items).await?)?;
    Ok(Page { items, next: page.next, total: page.total })
}

/// Changes a webhook; answers what it was and what it is.
pub async fn update(courier: &Courier, batch: &mut Batch, id: &str, change: Change) -> Result<(Webhook, Webhook)> {
    let key = webhook_key(id);
    let found = read_versioned(&*courier.store, &key).await?;
    let (before, version) = found.ok_or_else(|| Error::not_found("Webhook", id))?;
    let mut after = before.clone();
    if let Some(label) = change.label {
        check_label(&label)?;
        after.label = label;
    }
    if let Some(url) = change.url {
        courier.outbound.check_url(&url).await?;
        after.url = url;
    }
    after.events = change.events.unwrap_or(after.events);
    after.status = change.status.unwrap_or(after.status);
    batch.put(key, body(&after), Expect::Version(version));
    Ok((before, after))
}

/// Removes a webhook; what is on its way to it is given up. Its deliveries are swept when their time has come.
pub async fn delete(store: &dyn Store, batch: &mut Batch, id: &str) -> Result<Webhook> {
    let key = webhook_key(id);
    let found = read_versioned(store, &key).await?;
    let (webhook, _) = found.ok_or_else(|| Error::not_found("Webhook", id))?;
    batch.delete(key);
    Ok(webhook)
}

fn check_label(label: &str) -> Result<()> {
    if label.chars().count() > LABEL_MAX {
        return Err(Error::new(Code::InvalidArgument, format!("a label has at most {LABEL_MAX} characters")));
    }
    Ok(())
}
