//! Keys of a contract: sealed, rotated, refused, never added up.

use std::time::Duration;

use assay_events::audit;
use assay_store::Range;
use assay_upstream::UpstreamError;
use serde_json::Value;

use super::{World, file, hash, key, refused_key, user, wanted};
use crate::Refusal;
use crate::ask::How;
use crate::contract::UpstreamKeyState;

/// Upstream answers this file to the one key, and 401 to others.
fn tell_for(world: &World, digit: char, sha256: &str) {
    let (text, known) = (key(digit), file(sha256));
    world.upstream.tell(&format!("files/{sha256}"), move |call| {
        if call.key.reveal() == text.reveal() { Ok(known.clone()) } else { Err(refused_key()) }
    });
}

#[tokio::test]
async fn a_key_is_sealed_and_shown_nowhere() {
    let world = World::new().with_contract(1_000).await;
    let record = world.store.read(&world.named().await.key()).await.expect("a store").expect("a record");
    let text = String::from_utf8(record.body.to_vec()).expect("JSON");
    assert!(!text.contains(&hash('a')) && !format!("{:?}", world.named().await).contains(&hash('a')));
    assert!(text.contains("v1."), "it is sealed");
}

#[tokio::test]
async fn what_is_no_key_or_no_host_is_refused_before_anything_is_sent() {
    let world = World::new();
    for host in [
        "vt.example",
        "ftp://vt.example",
        "http://vt.example",
        "https://u:p@vt.example",
        "https://vt.example/api/v3",
        "https://",
    ] {
        let wanted = crate::manage::Wanted { host: host.to_owned(), ..wanted("vt", None) };
        assert!(world.broker.draw_up(&wanted, &key('a')).await.is_err(), "{host}");
    }
    let short = assay_upstream::UpstreamKey::new("abc");
    let refused = world.broker.draw_up(&wanted("vt", None), &short).await.expect_err("no key");
    assert!(!refused.message.contains("abc"));
    assert!(world.upstream.asked().is_empty());
}

#[tokio::test]
async fn a_key_that_upstream_does_not_take_is_not_registered() {
    let world = World::new();
    world.upstream.tell("users/{key}", |_| Err(refused_key()));
    let refused = world.broker.draw_up(&wanted("vt", None), &key('a')).await.expect_err("a dead key");
    assert!(refused.message.contains("WrongCredentialsError"), "{}", refused.message);
}

#[tokio::test]
async fn a_second_key_of_another_group_is_refused() {
    let world = World::new().with_contract(1_000).await;
    world.upstream.tell_document("users/{key}", user("other", Some("rivals")));
    world.upstream.tell_document("users/{key}", user("other", Some("rivals")));
    world.upstream.tell_document("users/other/overall_quotas", serde_json::json!({ "data": {} }));
    let _the_first_telling_is_used_up = world.broker.stage(&*world.named().await, &key('b')).await;
    let refused = world.broker.stage(&*world.named().await, &key('b')).await.expect_err("another group");
    assert!(refused.message.contains("another group (rivals)"), "{}", refused.message);
}

#[tokio::test]
async fn a_rotation_loses_no_request_and_says_when_the_old_key_is_out_of_use() {
    let world = World::new().with_contract(1_000).await;
    let staged = world.broker.stage(&*world.named().await, &key('b')).await.expect("the same group");
    assert_eq!(staged.keys.len(), 2);
    assert!(world.broker.stage(&*world.named().await, &key('a')).await.is_err(), "in use already");
    world.write("vt", &staged).await;
    tell_for(&world, 'a', &hash('1'));
    world.ask(&hash('1')).await.expect("the old key is in use until the new one is");
    let turned = world.broker.activate(&*world.named().await, None).expect("a staged key");
    world.write("vt", &turned).await;
    tell_for(&world, 'b', &hash('2'));
    world.ask(&hash('2')).await.expect("the new key");
    let named = world.named().await;
    let old = named.contract.key(UpstreamKeyState::Draining).expect("the old key").clone();
    assert!(world.broker.drains_for(&old).is_some_and(|left| left <= 35));
    assert!(world.broker.without_key(&named, &old.id).is_err(), "calls may be under way");
    world.clock.advance(Duration::from_secs(36));
    assert_eq!(world.broker.drains_for(&old), None);
    let less = world.broker.without_key(&named, &old.id).expect("out of use");
    assert_eq!(less.keys.len(), 1);
    assert!(world.broker.without_key(&named, &less.keys[0].id).is_err(), "the one in use stays");
}

#[tokio::test]
async fn a_401_in_the_middle_of_a_burst_is_answered_by_the_second_key_and_told_once() {
    let world = World::new().with_contract(1_000).await;
    let staged = world.broker.stage(&*world.named().await, &key('b')).await.expect("the same group");
    world.write("vt", &staged).await;
    let digits = ['1', '2', '3', '4', '5', '6', '7', '8'];
    for digit in digits {
        tell_for(&world, 'b', &hash(digit));
    }
    let ids = digits.map(hash);
    let asked = ids.iter().map(|id| world.ask(id));
    let mut tasks = Vec::new();
    for ask in asked {
        tasks.push(ask.await.expect("no request is lost").how);
    }
    assert_eq!(tasks, [How::Upstream; 8]);
    let named = world.named().await;
    let state = |place: usize| named.contract.keys[place].state;
    assert_eq!((state(0), state(1)), (UpstreamKeyState::Refused, UpstreamKeyState::Active));
    let told = audit::find(&*world.store, &audit::Filter::default(), &Range::first(10)).await.expect("a log");
    let entries: Vec<_> = told.items.iter().map(|found| &found.entry).collect();
    let entries = serde_json::to_value(&entries).unwrap_or(Value::Null).to_string();
    assert_eq!(told.items.len(), 1, "{entries}");
    assert!(!entries.contains(&hash('a')));
}

#[tokio::test]
async fn without_a_second_key_nothing_is_asked_until_upstream_takes_the_first_again() {
    let world = World::new().with_contract(1_000).await;
    world.upstream.tell(&format!("files/{}", hash('1')), |_| Err(refused_key()));
    for _ in 0..3 {
        assert_eq!(world.refusal(&hash('1')).await, Refusal::NoKey);
    }
    assert_eq!(world.calls(), 1);
    world.broker.every_minute().await.expect("tried");
    world.tell_file(&hash('2'));
    assert_eq!(world.ask(&hash('2')).await.expect("it works again").how, How::Upstream);
}

#[tokio::test]
async fn a_replaced_key_comes_back_by_its_name_and_takes_over_where_the_new_one_is_refused() {
    let world = World::new().with_contract(1_000).await;
    let old = world.named().await.contract.keys[0].id.clone();
    let staged = world.broker.stage(&*world.named().await, &key('b')).await.expect("the same group");
    world.write("vt", &staged).await;
    assert!(world.broker.activate(&*world.named().await, Some("nobody")).is_err());
    let turned = world.broker.activate(&*world.named().await, None).expect("a staged key");
    world.write("vt", &turned).await;
    let back = world.broker.activate(&*world.named().await, Some(&old)).expect("the old one");
    assert_eq!(back.key(UpstreamKeyState::Active).map(|key| &key.id), Some(&old));
    assert_eq!(world.broker.activate(&*world.named().await, Some(&back.keys[1].id)).expect("no change"), turned);
    // The new one is in use, and upstream does not take it any more.
    tell_for(&world, 'a', &hash('1'));
    assert_eq!(world.ask(&hash('1')).await.expect("an answer").how, How::Upstream);
    assert_eq!(world.named().await.contract.key(UpstreamKeyState::Active).map(|key| key.id.clone()), Some(old));
    let refused = world.named().await.contract.key(UpstreamKeyState::Refused).expect("the new one").id.clone();
    assert!(world.broker.activate(&*world.named().await, Some(&refused)).is_err());
}

#[tokio::test]
async fn a_403_is_told_and_no_reason_to_change_keys_where_there_is_no_other() {
    let world = World::new().with_contract(1_000).await;
    world.upstream.tell(&format!("files/{}", hash('1')), |_| Err(UpstreamError::Forbidden("no".to_owned())));
    for _ in 0..3 {
        assert!(matches!(world.refusal(&hash('1')).await, Refusal::Forbidden(_)));
    }
    assert!(world.named().await.contract.key(UpstreamKeyState::Active).is_some());
    assert_eq!(told(&world).await, 1, "once an hour");
    world.clock.advance(Duration::from_mins(61));
    assert!(matches!(world.refusal(&hash('1')).await, Refusal::Forbidden(_)));
    assert_eq!(told(&world).await, 2);
}

#[tokio::test]
async fn a_403_to_what_every_key_may_ask_is_answered_by_the_second_key() {
    let world = World::new().with_contract(1_000).await;
    let staged = world.broker.stage(&*world.named().await, &key('b')).await.expect("the same group");
    world.write("vt", &staged).await;
    let (second, known) = (key('b'), file(&hash('1')));
    world.upstream.tell(&format!("files/{}", hash('1')), move |call| {
        if call.key.reveal() == second.reveal() {
            Ok(known.clone())
        } else {
            Err(UpstreamError::Forbidden("the key may not".to_owned()))
        }
    });
    assert_eq!(world.ask(&hash('1')).await.expect("an answer").how, How::Upstream);
    let named = world.named().await;
    let states: Vec<_> = named.contract.keys.iter().map(|key| key.state).collect();
    assert_eq!(states, [UpstreamKeyState::Refused, UpstreamKeyState::Active]);
    assert_eq!(told(&world).await, 1);
}

/// How many entries the audit log has.
async fn told(world: &World) -> usize {
    audit::find(&*world.store, &audit::Filter::default(), &Range::first(10)).await.expect("a log").items.len()
}
