//! Webhooks and deliveries in a store; nothing is sent.

use std::sync::Arc;

use assay_model::apikey::Pepper;
use assay_model::clock::Fixed;
use assay_model::random::Counting;
use assay_model::{Code, Timestamp};
use assay_store::{Memory, StoreError};

use super::*;
use crate::{Courier, Settings};

const NOW: Timestamp = Timestamp(1_767_225_600);

fn courier() -> Arc<Courier> {
    let store = Arc::new(Memory::default());
    let clock = Arc::new(Fixed::at(NOW));
    let random = Arc::new(Counting::default());
    Courier::new(store, clock, random, &Pepper::new([7; 32]), Settings::default()).expect("a courier")
}

fn wanted(group: Option<&str>, events: &[EventName]) -> Wanted {
    Wanted {
        url: "https://8.8.8.8/hook/T0K3N?a=b".to_owned(),
        events: events.iter().copied().collect(),
        label: "siem".to_owned(),
        group: group.map(ToOwned::to_owned),
    }
}

async fn made(courier: &Courier, wanted: Wanted) -> Created {
    let mut batch = Batch::new();
    let created = create(courier, &mut batch, wanted, NOW).await.expect("made");
    courier.store.commit(batch).await.expect("a commit");
    created
}

fn event(name: EventName, group: Option<&str>) -> Event {
    let group = group.map(ToOwned::to_owned);
    Event { name, date: NOW, account: Some("alice".to_owned()), group, data: json!({ "key": "0123456789ab" }) }
}

async fn announced(courier: &Courier, event: &Event) {
    let mut batch = Batch::new();
    announce(&*courier.store, &mut batch, event, &*courier.random).await.expect("announced");
    courier.store.commit(batch).await.expect("a commit");
}

async fn told(courier: &Courier, webhook: &Created) -> Vec<(String, Delivery)> {
    deliveries(&*courier.store, &webhook.id, &Range::first(100)).await.expect("a page").items
}

#[tokio::test]
async fn a_webhook_hears_of_what_it_wants_and_a_groups_of_its_group_only() {
    let courier = courier();
    let all = made(&courier, wanted(None, &[])).await;
    let revoked = made(&courier, wanted(None, &[EventName::KeyRevoked])).await;
    let soc = made(&courier, wanted(Some("soc"), &[])).await;
    let other = made(&courier, wanted(Some("other"), &[])).await;
    announced(&courier, &event(EventName::KeyCreated, Some("soc"))).await;
    announced(&courier, &event(EventName::KeyRevoked, None)).await;
    let count = async |webhook: &Created| told(&courier, webhook).await.len();
    assert_eq!((count(&all).await, count(&revoked).await, count(&soc).await, count(&other).await), (2, 1, 1, 0));
    let (_, delivery) = told(&courier, &soc).await.remove(0);
    assert_eq!(
        delivery.body,
        r#"{"type":"key.created","timestamp":"2026-01-01T00:00:00Z","account":"alice","group":"soc","data":{"key":"0123456789ab"}}"#
    );
    assert_eq!((delivery.status, delivery.group.as_deref()), (DeliveryStatus::Pending, Some("soc")));
    assert_eq!(courier.store.backlog().await.expect("a count").open, 4);
}

#[tokio::test]
async fn a_deed_that_is_rolled_back_tells_nobody() {
    let courier = courier();
    let webhook = made(&courier, wanted(None, &[])).await;
    let mut batch = Batch::new();
    batch.put(webhook_key(&webhook.id), b"{}".as_slice().into(), Expect::Absent);
    announce(&*courier.store, &mut batch, &event(EventName::KeyCreated, None), &*courier.random)
        .await
        .expect("announced");
    assert!(matches!(courier.store.commit(batch).await, Err(StoreError::Conflict)));
    assert!(told(&courier, &webhook).await.is_empty());
    assert_eq!(courier.store.backlog().await.expect("a count").open, 0);
}

#[tokio::test]
async fn the_secret_is_shown_once_and_kept_sealed() {
    let courier = courier();
    let created = made(&courier, wanted(None, &[])).await;
    let record = courier.store.read(&webhook_key(&created.id)).await.expect("a read").expect("a record");
    let kept = String::from_utf8_lossy(&record.body).into_owned();
    assert!(created.secret.starts_with("whsec_") && !kept.contains("whsec_"), "{kept}");
    assert!(!kept.contains(created.secret.trim_start_matches("whsec_")));
    let audited = created.webhook.audited().to_string();
    assert!(
        audited.contains("https://8.8.8.8\"") && !audited.contains("T0K3N") && !audited.contains("secret"),
        "{audited}"
    );
}

#[tokio::test]
async fn a_url_that_may_not_be_called_is_refused_with_what_to_do_about_it() {
    let courier = courier();
    for (url, mend) in [
        ("https://127.0.0.1/", "webhooks.allow"),
        ("https://localhost/", "webhooks.allow"),
        ("http://8.8.8.8/", "webhooks.allow_http"),
        ("https://name:password@8.8.8.8/", "verify the signature"),
        ("https://name.invalid/", "cannot be resolved"),
        ("8.8.8.8", "no absolute URL"),
    ] {
        let wanted = Wanted { url: url.to_owned(), ..Wanted::default() };
        let refused = create(&courier, &mut Batch::new(), wanted, NOW).await.err().expect(url);
        assert_eq!(refused.code.status(), 400, "{url}");
        assert!(refused.message.contains(mend) && !refused.message.contains("127.0.0.1"), "{url}: {}", refused.message);
    }
    let created = made(&courier, wanted(None, &[])).await;
    let change = Change { url: Some("https://10.0.0.1/".to_owned()), ..Change::default() };
    let refused = update(&courier, &mut Batch::new(), &created.id, change).await.err().expect("refused");
    assert_eq!(refused.code, Code::InvalidArgument);
}

#[tokio::test]
async fn webhooks_are_listed_by_group_changed_and_removed() {
    let courier = courier();
    let store = &*courier.store;
    let (ours, theirs) = (made(&courier, wanted(None, &[])).await, made(&courier, wanted(Some("soc"), &[])).await);
    let ids = async |group: Option<&str>| -> Vec<String> {
        let page = list(store, group, &Range::first(10)).await.expect("a page");
        page.items.into_iter().map(|(id, _)| id).collect()
    };
    assert_eq!(ids(Some("soc")).await, std::slice::from_ref(&theirs.id));
    assert_eq!(ids(None).await.len(), 2);

    let mut batch = Batch::new();
    let change = Change { status: Some(WebhookStatus::Disabled), label: Some("old".to_owned()), ..Change::default() };
    let (before, after) = update(&courier, &mut batch, &ours.id, change).await.expect("changed");
    store.commit(batch).await.expect("a commit");
    assert_eq!((before.label.as_str(), after.label.as_str(), &*after.url), ("siem", "old", &*before.url));
    announced(&courier, &event(EventName::KeyCreated, None)).await;
    assert!(told(&courier, &ours).await.is_empty(), "a disabled webhook is told nothing");

    let mut batch = Batch::new();
    delete(store, &mut batch, &theirs.id).await.expect("removed");
    store.commit(batch).await.expect("a commit");
    assert!(ids(Some("soc")).await.is_empty() && read(store, &theirs.id).await.expect("a read").is_none());
    assert_eq!(delete(store, &mut Batch::new(), &theirs.id).await.err().map(|error| error.code), Some(Code::NotFound));
}

#[tokio::test]
async fn an_owner_has_only_so_many_webhooks() {
    let courier = courier();
    for _ in 0..MOST {
        made(&courier, wanted(Some("soc"), &[])).await;
    }
    let refused = create(&courier, &mut Batch::new(), wanted(Some("soc"), &[]), NOW).await.err().expect("refused");
    assert_eq!(refused.code, Code::BadRequest);
    made(&courier, wanted(None, &[])).await;
}

#[tokio::test]
async fn old_deliveries_are_swept_and_young_ones_stay() {
    let courier = courier();
    let webhook = made(&courier, wanted(None, &[])).await;
    let later = Timestamp(NOW.0 + 86_400);
    for _ in 0..205 {
        announced(&courier, &event(EventName::KeyCreated, None)).await;
    }
    announced(&courier, &Event { date: later, ..event(EventName::KeyRevoked, None) }).await;
    assert_eq!(sweep(&*courier.store, NOW).await.expect("swept"), 0);
    assert_eq!(sweep(&*courier.store, later).await.expect("swept"), 205);
    let left = told(&courier, &webhook).await;
    assert_eq!(left.iter().map(|(_, delivery)| delivery.event).collect::<Vec<_>>(), [EventName::KeyRevoked]);
}

#[tokio::test]
async fn only_what_is_over_can_be_made_pending_again() {
    let courier = courier();
    let webhook = made(&courier, wanted(None, &[])).await;
    announced(&courier, &event(EventName::KeyCreated, None)).await;
    let (id, _) = told(&courier, &webhook).await.remove(0);
    let again = async |id: &str| replay(&*courier.store, &mut Batch::new(), id, NOW).await.map_err(|error| error.code);
    assert_eq!(again(&id).await.err(), Some(Code::BadRequest));
    assert_eq!(again("unknown").await.err(), Some(Code::NotFound));
}
