//! The order of answers.

use std::time::Duration;

use assay_model::record::Class;
use assay_upstream::{Recorded, UpstreamError};
use serde_json::json;

use super::{World, asker, by, file, hash, settings};
use crate::ask::{How, Unanswered};
use crate::question::{Form, Page};
use crate::{NotAsked, Question, Refusal};

#[tokio::test]
async fn a_question_is_asked_once_and_then_remembered_until_its_time_is_over() {
    let world = World::new().with_contract(1_000).await;
    world.tell_file(&hash('1'));
    let hows = |answered: crate::Answered| answered.how;
    assert_eq!(world.ask(&hash('1')).await.map(hows).ok(), Some(How::Upstream));
    assert_eq!(world.ask(&hash('1')).await.map(hows).ok(), Some(How::Cached));
    world.clock.advance(Duration::from_hours(7 * 24 - 1));
    assert_eq!(world.ask(&hash('1')).await.map(hows).ok(), Some(How::Cached));
    world.clock.advance(Duration::from_hours(2));
    assert_eq!(world.ask(&hash('1')).await.map(hows).ok(), Some(How::Upstream));
    assert_eq!(world.calls(), 2);
}

#[tokio::test]
async fn that_something_is_not_known_is_remembered_too_but_for_shorter() {
    let world = World::new().with_contract(1_000).await;
    for how in [How::Upstream, How::Cached] {
        let answered = world.ask(&hash('2')).await.expect("an answer");
        assert!(!answered.kept.is_known() && answered.how == how);
    }
    world.clock.advance(Duration::from_hours(7));
    assert_eq!(world.ask(&hash('2')).await.expect("an answer").how, How::Upstream);
}

#[tokio::test]
async fn a_file_is_one_file_by_whatever_hash() {
    let world = World::new().with_contract(1_000).await;
    let (sha256, md5) = (hash('3'), hash('3')[..32].to_owned());
    world.upstream.tell_document(&format!("files/{md5}"), file(&sha256));
    assert_eq!(world.ask(&md5).await.expect("an answer").how, How::Upstream);
    assert_eq!(world.ask(&md5).await.expect("an answer").how, How::Cached);
    assert_eq!(world.ask(&sha256).await.expect("an answer").how, How::Cached);
    assert_eq!(world.calls(), 1);
}

#[tokio::test]
async fn a_thousand_equal_questions_at_once_cause_one_call() {
    let upstream = std::sync::Arc::new(Recorded::slow(Duration::from_millis(100)));
    let store = std::sync::Arc::new(assay_store::Memory::default());
    let world = World::over(store, upstream, settings()).with_contract(1_000).await;
    world.tell_file(&hash('4'));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..1_000 {
        let (broker, question) = (world.broker.clone(), by(&hash('4')));
        let class = [Class::Interactive, Class::Normal, Class::Bulk][number % 3];
        tasks.spawn(async move { broker.answer(&asker(class), &question).await.map(|answered| answered.how) });
    }
    let hows: Vec<_> = tasks.join_all().await.into_iter().map(|how| how.expect("an answer")).collect();
    assert_eq!(world.calls(), 1);
    assert_eq!(hows.iter().filter(|how| **how == How::Upstream).count(), 1);
}

#[tokio::test]
async fn a_call_whose_askers_have_gone_is_paid_for_and_kept() {
    let upstream = std::sync::Arc::new(Recorded::slow(Duration::from_millis(50)));
    let store = std::sync::Arc::new(assay_store::Memory::default());
    let world = World::over(store, upstream, settings()).with_contract(1_000).await;
    world.tell_file(&hash('4'));
    let left = tokio::time::timeout(Duration::from_millis(5), world.ask(&hash('4'))).await;
    assert!(left.is_err(), "gone before the answer");
    world.broker.settle().await.expect("settled");
    assert_eq!(world.ask(&hash('4')).await.expect("an answer").how, How::Cached);
}

#[tokio::test]
async fn an_answer_from_a_time_to_come_is_not_believed() {
    let world = World::new().with_contract(1_000).await;
    world.tell_file(&hash('5'));
    world.clock.advance(Duration::from_hours(48));
    world.ask(&hash('5')).await.expect("an answer");
    // Another process, whose clock was set back.
    let other = World::over(world.store.clone(), world.upstream.clone(), settings());
    assert_eq!(other.ask(&hash('5')).await.expect("an answer").how, How::Upstream);
}

#[tokio::test]
async fn who_may_say_how_old_an_answer_may_be_asks_again() {
    let world = World::new().with_contract(1_000).await;
    world.tell_file(&hash('6'));
    world.ask(&hash('6')).await.expect("an answer");
    world.clock.advance(Duration::from_mins(10));
    let mut asker = asker(Class::Interactive);
    for (max_age, how) in
        [(Some(3_600), How::Cached), (Some(60), How::Upstream), (Some(0), How::Cached), (None, How::Cached)]
    {
        asker.max_age = max_age;
        let answered = world.broker.answer(&asker, &by(&hash('6'))).await.expect("an answer");
        assert_eq!(answered.how, how, "{max_age:?}");
    }
}

#[tokio::test]
async fn a_failure_in_passing_is_tried_again_and_a_lasting_one_leaves_the_host_alone() {
    let world = World::new().with_contract(1_000).await;
    let path = format!("files/{}", hash('7'));
    world.upstream.tell(&path, |_| Err(UpstreamError::Failed("it answers 502".to_owned())));
    world.tell_file(&hash('7'));
    assert_eq!(world.ask(&hash('7')).await.expect("an answer").how, How::Upstream);
    assert_eq!(world.calls(), 2);
    world.upstream.tell(&format!("files/{}", hash('8')), |_| Err(UpstreamError::Unreachable("refused".to_owned())));
    for _ in 0..3 {
        assert!(matches!(world.refusal(&hash('8')).await, Refusal::Away { .. }));
    }
    assert_eq!(world.calls(), 2 + 5, "after five failures in a row nothing is asked");
    world.clock.advance(Duration::from_secs(6));
    world.tell_file(&hash('9'));
    assert_eq!(world.ask(&hash('9')).await.expect("an answer").how, How::Upstream);
}

#[tokio::test]
async fn an_old_answer_bridges_whatever_is_wrong_upstream_and_says_its_age() {
    let world = World::new().with_contract(1_000).await;
    let path = format!("files/{}", hash('a'));
    let known = file(&hash('a'));
    world.upstream.tell(&path, move |_| Ok(known.clone()));
    world.upstream.tell(&path, |_| Err(UpstreamError::Garbled("it is no JSON".to_owned())));
    world.ask(&hash('a')).await.expect("an answer");
    world.clock.advance(Duration::from_hours(10 * 24));
    let answered = world.ask(&hash('a')).await.expect("an old answer");
    assert_eq!((answered.how, answered.kept.age(world.broker.now())), (How::Stale, 10 * 86_400));
    world.clock.advance(Duration::from_hours(40 * 24));
    assert!(matches!(world.refusal(&hash('a')).await, Refusal::Garbled(_)), "too old");
}

#[tokio::test]
async fn an_answer_about_something_else_is_not_kept() {
    let world = World::new().with_contract(1_000).await;
    world.upstream.tell_document(&format!("files/{}", hash('b')), file(&hash('c')));
    for _ in 0..2 {
        assert!(matches!(world.refusal(&hash('b')).await, Refusal::Garbled(_)));
    }
}

#[tokio::test]
async fn relationships_and_searches_go_by_the_contract() {
    let world = World::new().with_contract(1_000).await;
    let page = |name: &str| Question::joined("files", &hash('d'), name, Form::Joined, Page::default()).expect("a row");
    world.upstream.tell_document(&format!("files/{}/itw_urls", hash('d')), json!({ "data": [] }));
    let someone = asker(Class::Normal);
    assert!(world.broker.answer(&someone, &page("itw_urls")).await.is_ok(), "the contract is a premium one");
    let search = Question::search("intelligence", "search", "type:peexe", None, Page::default()).expect("a row");
    let refused = world.broker.answer(&someone, &search).await;
    assert!(matches!(refused, Err(Unanswered::NotAsked(NotAsked::NotIncluded))), "{refused:?}");
    assert_eq!(world.calls(), 1);
}

#[tokio::test]
async fn what_must_not_leave_is_not_asked() {
    let world = World::new().with_contract(1_000).await;
    for (collection, id) in [
        ("domains", "wiki.corp"),
        ("ip_addresses", "10.0.0.1"),
        ("urls", "aHR0cDovLzEwLjAuMC4xLw"),
        ("files", "report.docx"),
    ] {
        let question = Question::object(collection, id, &[]).expect("a row");
        let refused = world.broker.answer(&asker(Class::Interactive), &question).await;
        assert!(matches!(refused, Err(Unanswered::NotAsked(NotAsked::Private(_)))), "{collection}/{id}: {refused:?}");
    }
    assert_eq!(world.calls(), 0);
}
