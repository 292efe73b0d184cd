//! Several processes over one store.

use std::sync::Arc;
use std::time::Duration;

use assay_model::record::{Class, body};
use assay_store::{Batch, Expect, Memory, Store};
use assay_upstream::Recorded;

use super::{World, asker, by, hash, settings};
use crate::ask::How;
use crate::freshness::after;
use crate::kept::{self, Flight, Stored};
use crate::{Settings, evidence};

fn node(store: &Arc<dyn Store>, upstream: &Arc<Recorded>) -> World {
    World::over(store.clone(), upstream.clone(), Settings { shared_store: true, ..settings() })
}

#[tokio::test]
async fn equal_questions_on_two_nodes_cause_one_call() {
    let (store, upstream): (Arc<dyn Store>, _) =
        (Arc::new(Memory::default()), Arc::new(Recorded::slow(Duration::from_millis(80))));
    let one = node(&store, &upstream).with_contract(1_000).await;
    let other = node(&store, &upstream);
    one.tell_file(&hash('1'));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200 {
        let broker = [&one, &other][number % 2].broker.clone();
        tasks.spawn(
            async move { broker.answer(&asker(Class::Normal), &by(&hash('1'))).await.map(|answered| answered.how) },
        );
    }
    let hows: Vec<_> = tasks.join_all().await.into_iter().map(|how| how.expect("an answer")).collect();
    assert_eq!(one.calls(), 1);
    assert_eq!(hows.iter().filter(|how| **how == How::Upstream).count(), 1);
    for world in [&one, &other] {
        world.broker.every_second().await.expect("written");
    }
    let report = evidence::report(&*store, "vt", super::NOON, super::NOON).await.expect("a report");
    assert_eq!((report.total["asked"], report.total["upstream"]), (200, 1));
}

#[tokio::test]
async fn what_failed_on_one_node_is_asked_by_the_other() {
    let (store, upstream): (Arc<dyn Store>, _) = (Arc::new(Memory::default()), Arc::new(Recorded::default()));
    let one = node(&store, &upstream).with_contract(1_000).await;
    let path = format!("files/{}", hash('2'));
    one.upstream.tell(&path, |_| Err(assay_upstream::UpstreamError::Garbled("no".to_owned())));
    one.tell_file(&hash('2'));
    one.refusal(&hash('2')).await;
    let other = node(&store, &upstream);
    assert_eq!(other.ask(&hash('2')).await.expect("an answer").how, How::Upstream);
}

#[tokio::test]
async fn a_node_that_died_on_the_way_is_not_waited_for_for_ever() {
    let (store, upstream): (Arc<dyn Store>, _) = (Arc::new(Memory::default()), Arc::new(Recorded::default()));
    let world = node(&store, &upstream).with_contract(1_000).await;
    world.tell_file(&hash('3'));
    let named = world.named().await;
    let mark = |seconds: u64| {
        let until = after(super::NOON, Duration::from_secs(seconds));
        body(&Stored { flight: Some(Flight { node: "gone".to_owned(), until }), ..Stored::empty("vt") })
    };
    let write = async |seconds: u64| {
        let mut batch = Batch::new();
        batch.put(kept::key(&named, by(&hash('3')).name()), mark(seconds), Expect::Any);
        store.commit(batch).await.expect("room");
    };
    write(30).await;
    let waiting = tokio::time::timeout(Duration::from_millis(200), world.ask(&hash('3'))).await;
    assert!(waiting.is_err(), "it may still bring it");
    world.clock.advance(Duration::from_secs(31));
    let answered = tokio::time::timeout(Duration::from_secs(5), world.ask(&hash('3'))).await.expect("in time");
    assert!(answered.expect("an answer").kept.is_known());
    assert_eq!(world.calls(), 1);
    // Its mark is from before the clock was set back by an hour.
    write(31 + 3_600).await;
    let answered = tokio::time::timeout(Duration::from_secs(5), world.ask(&hash('3'))).await.expect("in time");
    assert!(answered.expect("an answer").kept.is_known());
    assert_eq!(world.calls(), 2);
}
