//! What becomes of a delivery: taken, tried again, given up, made again.

use std::sync::atomic::Ordering;
use std::time::Duration;

use assay_events::Settings;
use assay_events::webhook::{self, DeliveryStatus, WebhookStatus};
use assay_model::Kind;
use assay_model::clock::Clock as _;
use assay_model::record::{Key, StageName};

use crate::world::{World, allowing_loopback};

fn pausing(seconds: &[u64]) -> Settings {
    Settings { pauses: seconds.iter().copied().map(Duration::from_secs).collect(), ..allowing_loopback() }
}

#[tokio::test]
async fn an_event_arrives_signed_and_whole() {
    let world = World::start(allowing_loopback()).await;
    let (hook, other) = (world.hook("/ok/1?token=2").await, world.hook("/ok/2").await);
    world.happen(None).await;
    let delivery = world.until_status(&hook, DeliveryStatus::Delivered).await;
    let arrivals = world.until_arrived("/ok/1", 1).await;
    assert_eq!(arrivals.len(), 1);
    let arrival = &arrivals[0];
    assert!(hook.signed(arrival) && !other.signed(arrival));
    assert_eq!(arrival.body, delivery.body);
    assert_eq!(arrival.header("webhook-id"), world.delivery(&hook).await.0);
    assert_eq!(arrival.header("webhook-timestamp"), "1767225600");
    assert_eq!(arrival.header("content-type"), "application/json");
    assert!(arrival.header("user-agent").starts_with("Assay/"));
    assert_eq!((delivery.attempts, delivery.last_status, delivery.last_error), (1, Some(200), None));
    assert_eq!((delivery.last_attempt_date, delivery.next_attempt_date), (Some(world.clock.now()), None));
    world.until_status(&other, DeliveryStatus::Delivered).await;
    assert_eq!(world.store.backlog().await.expect("a count").open, 0);
}

#[tokio::test]
async fn a_delivery_that_failed_is_tried_again_when_its_pause_is_over_and_not_before() {
    let world = World::start(allowing_loopback()).await;
    let hook = world.hook("/flaky/2").await;
    world.happen(None).await;
    let failed = world.until(&hook, |delivery| delivery.attempts == 1).await;
    assert_eq!((failed.status, failed.last_status), (DeliveryStatus::Pending, Some(500)));
    assert_eq!(failed.last_error.as_deref(), Some("answered 500"));
    let pause = failed.next_attempt_date.expect("a date").0 - world.clock.now().0;
    assert!((4..=6).contains(&pause), "5 seconds, a fifth more or less: {pause}");

    world.clock.advance(Duration::from_secs(pause.unsigned_abs() - 1));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(world.receiver.arrivals("/flaky/2").len(), 1, "too early");
    world.clock.advance(Duration::from_secs(1));
    let failed = world.until(&hook, |delivery| delivery.attempts == 2).await;
    let pause = failed.next_attempt_date.expect("a date").0 - world.clock.now().0;
    assert!((24..=36).contains(&pause), "30 seconds, a fifth more or less: {pause}");

    world.clock.advance(Duration::from_secs(36));
    let delivery = world.until_status(&hook, DeliveryStatus::Delivered).await;
    assert_eq!((delivery.attempts, delivery.last_status, delivery.last_error), (3, Some(204), None));
    let arrivals = world.receiver.arrivals("/flaky/2");
    assert_eq!(arrivals.len(), 3);
    assert!(arrivals.iter().all(|one| hook.signed(one) && one.body == arrivals[0].body));
    assert!(arrivals.iter().all(|one| one.header("webhook-id") == arrivals[0].header("webhook-id")));
    assert!(arrivals[2].header("webhook-timestamp") > arrivals[0].header("webhook-timestamp"));
}

#[tokio::test]
async fn a_delivery_that_fails_too_often_is_given_up_and_can_be_made_again() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _here = metrics::set_default_local_recorder(&recorder);
    let world = World::start(pausing(&[1])).await;
    let hook = world.hook("/moody").await;
    world.receiver.seen.mood.store(503, Ordering::SeqCst);
    world.happen(None).await;
    world.until(&hook, |delivery| delivery.attempts == 1).await;
    world.clock.advance(Duration::from_secs(2));
    let dead = world.until_status(&hook, DeliveryStatus::Dead).await;
    assert_eq!((dead.attempts, dead.next_attempt_date), (2, None));
    assert_eq!(dead.last_error.as_deref(), Some("answered 503"));
    assert_eq!(world.store.backlog().await.expect("a count").open, 0);

    world.receiver.seen.mood.store(200, Ordering::SeqCst);
    world.replay(&hook).await;
    let delivered = world.until_status(&hook, DeliveryStatus::Delivered).await;
    assert_eq!((delivered.attempts, delivered.last_error), (1, None));
    // What was delivered can be delivered again too.
    world.replay(&hook).await;
    let arrivals = world.until_arrived("/moody", 4).await;
    world.until_status(&hook, DeliveryStatus::Delivered).await;
    let figures = recorder.handle().render();
    for (outcome, count) in [("retried", 1), ("dead", 1), ("delivered", 2)] {
        let figure = format!("assay_webhook_deliveries_total{{outcome=\"{outcome}\"}} {count}");
        assert!(figures.contains(&figure), "{figures}");
    }
    assert!(arrivals.iter().all(|one| one.header("webhook-id") == arrivals[0].header("webhook-id")));
}

#[tokio::test]
async fn a_receiver_that_is_gone_disables_its_webhook() {
    let world = World::start(allowing_loopback()).await;
    let (gone, ok) = (world.hook("/status/410").await, world.hook("/ok").await);
    world.happen(None).await;
    let dead = world.until_status(&gone, DeliveryStatus::Dead).await;
    assert_eq!((dead.attempts, dead.last_status), (1, Some(410)));
    let webhook = webhook::read(&*world.store, &gone.id).await.expect("a read").expect("a webhook");
    assert_eq!(webhook.status, WebhookStatus::Disabled);
    world.happen(None).await;
    world.until_arrived("/ok", 2).await;
    world.until_status(&ok, DeliveryStatus::Delivered).await;
    assert_eq!(world.receiver.arrivals("/status/410").len(), 1);
}

#[tokio::test]
async fn what_is_on_its_way_to_a_removed_webhook_is_given_up() {
    let mut world = World::asleep(allowing_loopback()).await;
    let hook = world.hook("/ok").await;
    world.happen(None).await;
    let (id, _) = world.delivery(&hook).await;
    let mut batch = assay_store::Batch::new();
    webhook::delete(&*world.store, &mut batch, &hook.id).await.expect("removed");
    world.store.commit(batch).await.expect("a commit");
    world.wake();
    let watching = async {
        while world.store.backlog().await.expect("a count").open > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), watching).await.expect("the job ends");
    let delivery = webhook::read_delivery(&*world.store, &id).await.expect("a read").expect("a delivery");
    assert_eq!((delivery.status, delivery.attempts), (DeliveryStatus::Dead, 0));
    assert_eq!(delivery.last_error.as_deref(), Some("the webhook was removed"));
    assert!(world.receiver.arrivals("/ok").is_empty());
}

#[tokio::test]
async fn a_receiver_can_ask_for_a_longer_pause() {
    let world = World::start(allowing_loopback()).await;
    let hook = world.hook("/busy").await;
    world.happen(None).await;
    let failed = world.until(&hook, |delivery| delivery.attempts == 1).await;
    assert_eq!(failed.next_attempt_date.expect("a date").0 - world.clock.now().0, 3600);
}

#[tokio::test]
async fn slow_receivers_hold_up_nobody() {
    let world = World::start(allowing_loopback()).await;
    for _ in 0..3 {
        world.hook_at(&world.receiver.url("/slow"), Some("tarpits")).await;
    }
    for _ in 0..20 {
        world.happen(Some("tarpits")).await;
    }
    // The 60 deliveries to the slow ones are first in the line, and each takes longer than this test may.
    world.until_arrived("/slow", 3).await;
    let quick = world.hook("/ok").await;
    for count in 1..=10 {
        world.happen(Some("tarpits")).await;
        world.until_arrived("/ok", count).await;
    }
    world.until_status(&quick, DeliveryStatus::Delivered).await;
    assert_eq!(world.receiver.arrivals("/slow").len(), 3, "one at a time to each");
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_is_not_waited_for_for_ever() {
    let world = World::start(Settings { patience: Duration::from_secs(1), ..allowing_loopback() }).await;
    let hook = world.hook("/slow").await;
    world.happen(None).await;
    let failed = world.until(&hook, |delivery| delivery.attempts == 1).await;
    assert_eq!(failed.last_error.as_deref(), Some("no answer within 1 s"));
    assert_eq!((failed.status, failed.last_status), (DeliveryStatus::Pending, None));
}

#[tokio::test]
async fn a_crash_after_sending_sends_again_with_the_same_id() {
    let mut world = World::start(allowing_loopback()).await;
    let hook = world.hook("/slow").await;
    world.happen(None).await;
    world.until_arrived("/slow", 1).await;
    world.crash().await;
    world.wake();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(world.receiver.arrivals("/slow").len(), 1, "the lease of the crashed one still holds");
    world.clock.advance(Duration::from_secs(61));
    let arrivals = world.until_arrived("/slow", 2).await;
    assert_eq!(arrivals[0].header("webhook-id"), arrivals[1].header("webhook-id"));
    assert!(arrivals.iter().all(|one| hook.signed(one)));
    assert_eq!(world.delivery(&hook).await.1.attempts, 0, "nothing was written down yet");
}

#[tokio::test]
async fn deliveries_are_left_to_the_worker_and_other_work_to_others() {
    let world = World::asleep(allowing_loopback()).await;
    world.hook("/ok").await;
    world.happen(None).await;
    let (now, until) = (world.clock.now(), assay_model::Timestamp(world.clock.now().0 + 60));
    let others = [StageName::Identify, StageName::Analyse, StageName::Index];
    assert!(world.store.claim(&others, now, until, 9).await.expect("a claim").is_empty());
    assert_eq!(world.store.claim(&[StageName::Deliver], now, until, 9).await.expect("a claim").len(), 1);
}

#[tokio::test]
async fn a_long_backlog_for_one_webhook_is_delivered_whole() {
    let mut world = World::asleep(allowing_loopback()).await;
    let hook = world.hook("/ok").await;
    for _ in 0..100 {
        world.happen(None).await;
    }
    world.wake();
    let watching = async {
        while world.store.backlog().await.expect("a count").open > 0 {
            // What was put off for want of room comes back with time.
            world.clock.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), watching).await.expect("all are made");
    let arrivals = world.receiver.arrivals("/ok");
    let ids: std::collections::BTreeSet<_> = arrivals.iter().map(|one| one.header("webhook-id").to_owned()).collect();
    assert_eq!((arrivals.len(), ids.len()), (100, 100), "each once");
    assert!(arrivals.iter().all(|one| hook.signed(one)));
}

#[tokio::test]
async fn a_delivery_that_cannot_be_read_holds_up_nobody() {
    let mut world = World::asleep(allowing_loopback()).await;
    let (damaged, ok) = (world.hook("/ok/damaged").await, world.hook("/ok/whole").await);
    world.happen(None).await;
    let mut batch = assay_store::Batch::new();
    let key = Key::shared(Kind::WebhookDelivery, world.delivery(&damaged).await.0);
    batch.put(key, b"{}".as_slice().into(), assay_store::Expect::Any);
    world.store.commit(batch).await.expect("a commit");
    world.wake();
    world.until_status(&ok, DeliveryStatus::Delivered).await;
    let backlog = world.store.backlog().await.expect("a count");
    assert_eq!((backlog.open, backlog.dead), (0, 1));
}
