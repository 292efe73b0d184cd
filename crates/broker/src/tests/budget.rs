//! The contract is never overspent, and people go first.

use std::time::Duration;

use assay_model::quota::Quota;
use assay_model::record::Class;
use assay_upstream::UpstreamError;
use serde_json::json;

use super::{World, asker, by, file, hash};
use crate::ask::{How, Unanswered};
use crate::{Refusal, evidence};

/// Hashes that nobody has asked for, none like the other.
fn fresh(number: u64) -> String {
    format!("{number:064x}")
}

async fn granted(world: &World, class: Class, from: u64, count: u64) -> u64 {
    let mut granted = 0;
    for number in from..from + count {
        // Each in a second of its own: the minute is not what is looked at.
        world.clock.advance(Duration::from_secs(1));
        granted += u64::from(world.broker.answer(&asker(class), &by(&fresh(number))).await.is_ok());
    }
    granted
}

#[tokio::test]
async fn the_day_is_never_overspent_and_what_was_had_is_shown_with_its_age() {
    let world = World::new().with_contract(20).await;
    world.tell_file(&hash('1'));
    world.ask(&hash('1')).await.expect("an answer");
    assert_eq!(granted(&world, Class::Interactive, 0, 50).await, 19);
    assert_eq!(world.calls(), 20);
    let refused = world.refusal(&fresh(99)).await;
    let Refusal::Budget { message, wait } = &refused else { panic!("{refused:?}") };
    assert!(message.contains("UTC day (20)"), "{message}");
    assert!(wait.as_secs() > 43_000 - 60 && wait.as_secs() <= 43_200, "until midnight: {wait:?}");
    // The next day there is more, and the file is as fresh as before.
    world.clock.advance(*wait);
    assert_eq!(granted(&world, Class::Interactive, 100, 50).await, 20);
    world.clock.advance(Duration::from_hours(8 * 24));
    world.upstream.tell(&format!("files/{}", hash('2')), |_| Err(UpstreamError::Exhausted { retry_after: None }));
    assert!(matches!(world.refusal(&hash('2')).await, Refusal::Budget { .. }));
    assert_eq!(world.ask(&hash('1')).await.expect("an old answer").how, How::Stale);
}

#[tokio::test]
async fn bulk_leaves_the_reserve_to_people() {
    let world = World::new().with_contract(100).await;
    // At noon: 80 % of the day, of which a tenth was there at midnight and half of the rest is there now.
    assert_eq!(granted(&world, Class::Bulk, 0, 60).await, 44);
    assert_eq!(granted(&world, Class::Interactive, 1_000, 100).await, 56);
}

#[tokio::test]
async fn a_minute_is_never_overspent_however_it_is_cut() {
    let world = World::new().with_contract(1_000_000).await;
    let mut sent = Vec::new();
    for tenth in 0..1_800_u64 {
        world.clock.advance(Duration::from_millis(100));
        if world.ask(&fresh(tenth)).await.is_ok() {
            sent.push(tenth);
        }
    }
    for start in 0..1_800 {
        let within = sent.iter().filter(|sent| (start..start + 600).contains(*sent)).count();
        assert!(within <= 100, "{within} in the minute from {start}");
    }
    assert!(sent.len() >= 3 * 90, "and it is used: {}", sent.len());
}

#[tokio::test]
async fn a_429_stops_everything_for_as_long_as_upstream_says() {
    let world = World::new().with_contract(1_000).await;
    let retry_after = Some(Duration::from_secs(30));
    world.upstream.tell(&format!("files/{}", hash('3')), move |_| Err(UpstreamError::Exhausted { retry_after }));
    let known = file(&hash('3'));
    world.upstream.tell(&format!("files/{}", hash('3')), move |_| Ok(known.clone()));
    for id in [hash('3'), hash('4'), hash('3')] {
        assert!(matches!(world.refusal(&id).await, Refusal::Budget { .. }));
    }
    assert_eq!(world.calls(), 1, "it is not tried blindly");
    world.clock.advance(Duration::from_secs(31));
    assert_eq!(world.ask(&hash('3')).await.expect("an answer").how, How::Upstream);
    // What was not consumed was given back.
    let spent = world.store.spent("upstream:vt", Quota::ApiRequestsDaily, super::NOON.day()).await.expect("a count");
    assert_eq!(spent, 1);
}

#[tokio::test]
async fn what_upstream_counts_beyond_us_is_counted_here_too() {
    let world = World::new().with_contract(100).await;
    let quotas = |used: u64, allowed: u64| {
        json!({ "data": { "api_requests_hourly": { "user": { "allowed": 6_000 } },
                          "api_requests_daily": { "user": { "allowed": allowed, "used": used } },
                          "api_requests_monthly": { "user": { "allowed": 1_000, "used": used } } } })
    };
    world.upstream.tell_document("users/soc/overall_quotas", quotas(90, 100));
    world.upstream.tell_document("users/soc/overall_quotas", quotas(90, 100));
    for _ in 0..2 {
        world.broker.reconcile(&world.named().await).await.expect("counted");
    }
    assert_eq!(granted(&world, Class::Interactive, 0, 30).await, 10);
    let count = world.named().await.contract.count.clone().expect("a count");
    assert_eq!(count.upstream[&Quota::ApiRequestsDaily], 90);
    // A larger contract holds from the next look on.
    world.upstream.tell_document("users/soc/overall_quotas", quotas(100, 105));
    for _ in 0..2 {
        world.broker.reconcile(&world.named().await).await.expect("counted");
    }
    assert_eq!(granted(&world, Class::Interactive, 50, 30).await, 5);
}

#[tokio::test]
async fn what_the_contract_may_do_is_looked_at_every_day() {
    let world = World::new().with_contract(100).await;
    let told = |until: i64| {
        let privileges = json!({ "file-feed": { "granted": true }, "url-feed": { "granted": true, "expiration_date": until },
                                 "private": { "granted": false } });
        let group = json!({ "data": { "type": "group", "id": "acme" } });
        json!({ "data": { "type": "user", "id": "soc", "attributes": { "privileges": privileges },
                          "relationships": { "api_quota_group": group } } })
    };
    let has = async || world.named().await.contract.privileges.iter().cloned().collect::<Vec<_>>();
    assert_eq!(has().await, ["private"]);
    let end = super::NOON.next_day().next_day().0;
    for _ in 0..2 {
        world.upstream.tell_document("users/{key}", told(end));
    }
    // What was told before comes first.
    world.broker.reconcile(&world.named().await).await.expect("counted");
    assert_eq!(has().await, ["private"]);
    world.clock.advance(Duration::from_hours(24));
    world.broker.reconcile(&world.named().await).await.expect("counted");
    assert_eq!(has().await, ["file-feed", "url-feed"]);
    let looks = || world.upstream.asked().iter().filter(|path| path.starts_with("users/{key}")).count();
    let before = looks();
    world.broker.reconcile(&world.named().await).await.expect("counted");
    assert_eq!(looks(), before, "once a day");
    world.clock.advance(Duration::from_hours(24));
    world.broker.reconcile(&world.named().await).await.expect("counted");
    assert_eq!((has().await, looks()), (vec!["file-feed".to_owned()], before + 1));
}

#[tokio::test]
async fn figures_say_who_asked_what_and_what_was_saved() {
    let world = World::new().with_contract(2).await;
    world.tell_file(&hash('5'));
    for _ in 0..3 {
        world.ask(&hash('5')).await.expect("an answer");
    }
    world.ask(&hash('6')).await.expect("an answer");
    assert!(matches!(world.ask(&hash('7')).await, Err(Unanswered::Refused(_))));
    world.broker.answered_locally(&asker(Class::Interactive));
    world.broker.every_second().await.expect("written");
    let report = evidence::report(&*world.store, "vt", super::NOON, super::NOON).await.expect("a report");
    let total = |how: &str| report.total[how];
    assert_eq!([total("asked"), total("upstream"), total("cached"), total("local"), total("refused")], [6, 2, 2, 1, 1]);
    assert_eq!((report.saved, report.saved_percent), (3, 60));
    assert_eq!(report.accounts["ann"]["asked"], 6);
    assert_eq!(report.days["2026-01-15"]["upstream"], 2);
}
