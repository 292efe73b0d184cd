//! One contract a tenant, and nothing of it for anybody else.

use assay_model::Kind;
use assay_model::record::{Class, Key, Space};
use assay_store::{Batch, Expect, Range};

use super::{World, asker, by, hash, key, wanted};
use crate::ask::{How, Unanswered};
use crate::{Asker, NotAsked};

fn member(group: &str) -> Asker {
    Asker { group: Some(group.to_owned()), ..asker(Class::Interactive) }
}

#[tokio::test]
async fn a_tenant_has_one_contract_and_a_contract_one_tenant() {
    let world = World::new().with_contract(1_000).await;
    let refused = world.broker.draw_up(&wanted("again", None), &key('b')).await.expect_err("the same contract");
    assert!(refused.message.contains("never") && refused.message.contains("\"vt\""), "{}", refused.message);
    let world = World::new();
    world.tell_account("one", Some("acme"), 1_000);
    world.add("first", Some("soc"), 'a').await;
    let world = World::over(world.store.clone(), std::sync::Arc::default(), super::settings());
    world.tell_account("two", Some("rivals"), 1_000);
    for (group, fits) in [(Some("soc"), false), (None, false), (Some("lab"), true)] {
        let drawn = world.broker.draw_up(&wanted("second", group), &key('b')).await;
        assert_eq!(drawn.is_ok(), fits, "{group:?}");
        assert!(drawn.is_ok() || drawn.is_err_and(|refused| refused.message.contains("a tenant has one contract")));
    }
}

#[tokio::test]
async fn what_a_tenant_paid_for_is_not_shown_to_another() {
    let world = World::new();
    world.tell_account("one", Some("acme"), 1_000);
    world.add("first", Some("soc"), 'a').await;
    world.tell_file(&hash('1'));
    let answered = world.broker.answer(&member("soc"), &by(&hash('1'))).await.expect("an answer");
    assert_eq!(answered.how, How::Upstream);
    for stranger in [member("lab"), asker(Class::Interactive)] {
        let refused = world.broker.answer(&stranger, &by(&hash('1'))).await;
        assert!(matches!(refused, Err(Unanswered::NotAsked(NotAsked::NoContract))), "{refused:?}");
    }
    let shared = world.store.list(&Space::Shared, Kind::UpstreamAnswer, &Range::first(9)).await.expect("a list");
    assert!(shared.items.is_empty(), "nothing of it is in the shared space");
}

#[tokio::test]
async fn a_key_of_the_public_tier_serves_one_account() {
    let world = World::new();
    world.tell_account("somebody", None, 500);
    let refused = world.broker.draw_up(&wanted("vt", None), &key('a')).await.expect_err("shared");
    assert!(refused.message.contains("public tier"), "{}", refused.message);
    let alone = crate::manage::Wanted { account: Some("ann".to_owned()), ..wanted("vt", None) };
    let drawn = world.broker.draw_up(&alone, &key('a')).await.expect("for one account");
    world.write("vt", &drawn).await;
    world.tell_file(&hash('1'));
    world.ask(&hash('1')).await.expect("ann");
    let bob = Asker { account: "bob".into(), ..asker(Class::Interactive) };
    let refused = world.broker.answer(&bob, &by(&hash('1'))).await;
    assert!(matches!(refused, Err(Unanswered::NotAsked(NotAsked::PublicKey))), "{refused:?}");
}

#[tokio::test]
async fn a_private_object_of_the_tenant_never_leaves() {
    let world = World::new();
    world.tell_account("one", Some("acme"), 1_000);
    world.add("first", Some("soc"), 'a').await;
    let key = Key { space: Space::Private("soc".into()), kind: Kind::File, id: hash('9').into() };
    let mut batch = Batch::new();
    batch.put(key, std::sync::Arc::from(*b"{}"), Expect::Any);
    world.store.commit(batch).await.expect("room");
    let refused = world.broker.answer(&member("soc"), &by(&hash('9'))).await;
    assert!(matches!(refused, Err(Unanswered::NotAsked(NotAsked::PrivateObject))), "{refused:?}");
    assert_eq!(world.calls(), 0);
}

#[tokio::test]
async fn the_end_of_a_contract_removes_all_that_it_has_brought() {
    let world = World::new().with_contract(1_000).await;
    for digit in ['1', '2', '3'] {
        world.tell_file(&hash(digit));
        world.ask(&hash(digit)).await.expect("an answer");
    }
    let named = world.named().await;
    let mut over = named.contract.clone();
    over.ended = true;
    world.write("vt", &over).await;
    let refused = world.ask(&hash('1')).await;
    assert!(matches!(refused, Err(Unanswered::NotAsked(NotAsked::NoContract))), "at once: {refused:?}");
    // A process that was killed before it had removed everything goes on later.
    world.broker.every_minute().await.expect("purged");
    let left = world.store.list(&named.space(), Kind::UpstreamAnswer, &Range::first(9)).await.expect("a list");
    assert!(left.items.is_empty());
    assert!(world.broker.contract("vt").await.expect("a store").is_none());
}
