//! The contract of [`Store`] as tests. Every backend passes all of them; each test gets a fresh, empty store.

use std::sync::Arc;

use assay_model::quota::Quota;
use assay_model::record::{Class, Edge, Facet, FacetName, Job, Key, Space, StageName};
use assay_model::{Kind, Link, Timestamp};

use crate::batch::Ending;
use crate::page::COUNTED;
use crate::{Batch, Charge, Claimed, End, Expect, Range, Spent, Store, StoreError};

mod metering;

/// Runs the whole contract over stores that `fresh` makes.
pub async fn run<F, R>(fresh: F)
where
    F: Fn() -> R,
    R: Future<Output = Arc<dyn Store>>,
{
    a_record_is_read_back_with_its_version(&*fresh().await).await;
    a_write_over_an_unexpected_version_is_a_conflict_and_changes_nothing(&*fresh().await).await;
    a_link_is_read_from_both_ends_in_pages(&*fresh().await).await;
    a_list_is_counted_up_to_a_bound(&*fresh().await).await;
    objects_are_found_by_facet_and_listed_by_id(&*fresh().await).await;
    what_is_said_about_a_link_is_read_from_both_ends(&*fresh().await).await;
    what_was_parted_is_no_longer_joined(&*fresh().await).await;
    a_deleted_object_leaves_nothing_behind(&*fresh().await).await;
    spaces_do_not_see_each_other(&*fresh().await).await;
    jobs_are_claimed_by_class_and_age_and_come_back_when_their_lease_ends(&*fresh().await).await;
    a_worker_that_lost_its_lease_cannot_commit(&*fresh().await).await;
    a_job_may_be_made_and_claimed_in_one_commit(&*fresh().await).await;
    a_dead_job_is_kept_but_never_claimed(&*fresh().await).await;
    a_job_is_claimed_only_for_its_stage(&*fresh().await).await;
    a_job_may_be_for_later(&*fresh().await).await;
    counters_grant_exactly_their_limit_to_many_at_once(fresh().await).await;
    an_exhausted_counter_takes_nothing_from_the_others(&*fresh().await).await;
    one_of_many_writers_of_the_same_version_wins(fresh().await).await;
    metering::run(&fresh).await;
}

fn file(id: &str) -> Key {
    Key::shared(Kind::File, id)
}

fn analysis(id: &str) -> Key {
    Key::shared(Kind::Analysis, id)
}

fn text(content: &str) -> Arc<[u8]> {
    content.as_bytes().into()
}

fn edge(from: &str, to: &str, at: i64) -> Edge {
    Edge::new(analysis(from), Link::Analysed, file(to), Timestamp(at))
}

fn job(subject: &str, class: Class) -> Job {
    Job { stage: StageName::Identify, subject: analysis(subject), class }
}

async fn write(store: &dyn Store, fill: impl FnOnce(&mut Batch)) {
    let mut batch = Batch::new();
    fill(&mut batch);
    store.commit(batch).await.expect("a commit");
}

async fn claim(store: &dyn Store, now: i64, until: i64, most: usize) -> Vec<Claimed> {
    store.claim(StageName::ALL, Timestamp(now), Timestamp(until), most).await.expect("a claim")
}

async fn a_record_is_read_back_with_its_version(store: &dyn Store) {
    assert!(store.read(&file("a")).await.expect("a read").is_none());
    write(store, |batch| _ = batch.put(file("a"), text("{\"n\":1}"), Expect::Absent)).await;
    write(store, |batch| _ = batch.put(file("a"), text("{\"n\":2}"), Expect::Version(1))).await;
    let record = store.read(&file("a")).await.expect("a read").expect("the record");
    assert_eq!((record.version, &*record.body), (2, &b"{\"n\":2}"[..]));
    let many = store.read_many(&[file("b"), file("a")]).await.expect("a read");
    assert_eq!(many, vec![None, Some(record)]);
}

async fn a_write_over_an_unexpected_version_is_a_conflict_and_changes_nothing(store: &dyn Store) {
    write(store, |batch| _ = batch.put(file("a"), text("1"), Expect::Absent)).await;
    for expect in [Expect::Absent, Expect::Version(2)] {
        let mut batch = Batch::new();
        batch.put(file("b"), text("other"), Expect::Any).put(file("a"), text("2"), expect);
        batch.enqueue(job("x", Class::Normal)).link(edge("x", "a", 1));
        assert!(matches!(store.commit(batch).await, Err(StoreError::Conflict)));
    }
    let many = store.read_many(&[file("a"), file("b")]).await.expect("a read");
    assert_eq!(many[0].as_ref().map(|record| record.version), Some(1));
    assert_eq!(many[1], None);
    assert_eq!(store.backlog().await.expect("a count").open, 0);
}

async fn a_link_is_read_from_both_ends_in_pages(store: &dyn Store) {
    write(store, |batch| {
        for n in 0..7 {
            // Two of each moment: the order of arrival decides between equals.
            batch.link(edge(&format!("n{n}"), "a", i64::from(n) / 2));
        }
        batch.link(edge("n3", "a", 99)).link(edge("other", "b", 5));
    })
    .await;
    let (mut seen, mut range) = (Vec::new(), Range::first(3));
    loop {
        let page = store.linked(&file("a"), Link::Analysed, End::Head, &range).await.expect("a page");
        assert_eq!(page.total, Some(7));
        assert!(!page.items.is_empty() || page.next.is_none());
        seen.extend(page.items.into_iter().map(|edge| edge.from.id.to_string()));
        match page.next {
            Some(next) => range = Range::after(3, Some(next)),
            None => break,
        }
    }
    assert_eq!(seen, ["n6", "n5", "n4", "n3", "n2", "n1", "n0"]);
    let back = store.linked(&analysis("n2"), Link::Analysed, End::Tail, &Range::first(9)).await.expect("a page");
    assert_eq!(back.items, vec![edge("n2", "a", 1)]);
}

async fn a_list_is_counted_up_to_a_bound(store: &dyn Store) {
    let bound = i64::try_from(COUNTED).expect("a small number");
    write(store, |batch| {
        for n in 0..bound {
            batch.link(edge(&format!("n{n}"), "a", n));
        }
    })
    .await;
    let page = store.linked(&file("a"), Link::Analysed, End::Head, &Range::first(1)).await.expect("a page");
    assert_eq!(page.total, Some(COUNTED));
    write(store, |batch| _ = batch.link(edge("one more", "a", bound))).await;
    let page = store.linked(&file("a"), Link::Analysed, End::Head, &Range::first(1)).await.expect("a page");
    assert_eq!((page.total, page.items), (None, vec![edge("one more", "a", bound)]));
}

async fn what_is_said_about_a_link_is_read_from_both_ends(store: &dyn Store) {
    let said = edge("x", "a", 1).with_context(&serde_json::json!({ "port": 443, "odd": "\0é\u{1}" }));
    write(store, |batch| _ = batch.link(said.clone()).link(edge("y", "a", 2))).await;
    let page = store.linked(&file("a"), Link::Analysed, End::Head, &Range::first(9)).await.expect("a page");
    assert_eq!(page.items, [edge("y", "a", 2), said.clone()]);
    let page = store.linked(&analysis("x"), Link::Analysed, End::Tail, &Range::first(9)).await.expect("a page");
    assert_eq!(page.items, [said]);
    write(store, |batch| {
        let other = edge("x", "a", 5).with_context(&serde_json::json!({ "port": 80 }));
        batch.link(other).link(edge("y", "a", 2).with_context(&7));
    })
    .await;
    let page = store.linked(&file("a"), Link::Analysed, End::Head, &Range::first(9)).await.expect("a page");
    assert_eq!(page.items[0].context, None, "joining again changes nothing");
    assert!(page.items[1].context.as_deref().is_some_and(|said| said.contains("443")));
    write(store, |batch| {
        let other = edge("x", "a", 9).with_context(&serde_json::json!({ "port": 80 }));
        batch.unlink(analysis("x"), Link::Analysed, file("a")).link(other);
    })
    .await;
    let page = store.linked(&file("a"), Link::Analysed, End::Head, &Range::first(1)).await.expect("a page");
    assert_eq!(page.items[0].context.as_deref(), Some("{\"port\":80}"), "joined anew, said anew");
}

async fn what_was_parted_is_no_longer_joined(store: &dyn Store) {
    write(store, |batch| _ = batch.link(edge("x", "a", 1)).link(edge("x", "b", 2)).link(edge("y", "a", 3))).await;
    let part = |batch: &mut Batch| _ = batch.unlink(analysis("x"), Link::Analysed, file("a"));
    write(store, part).await;
    write(store, part).await;
    let page = store.linked(&file("a"), Link::Analysed, End::Head, &Range::first(9)).await.expect("a page");
    assert_eq!((page.items, page.total), (vec![edge("y", "a", 3)], Some(1)));
    let page = store.linked(&analysis("x"), Link::Analysed, End::Tail, &Range::first(9)).await.expect("a page");
    assert_eq!(page.items, [edge("x", "b", 2)]);
    write(store, |batch| {
        batch.link(edge("y", "a", 9)).unlink(analysis("y"), Link::Analysed, file("a"));
    })
    .await;
    let page = store.linked(&file("a"), Link::Analysed, End::Head, &Range::first(9)).await.expect("a page");
    assert_eq!(page.items, [edge("y", "a", 9)], "one batch may join anew what it parts");
}

async fn objects_are_found_by_facet_and_listed_by_id(store: &dyn Store) {
    write(store, |batch| {
        for id in ["c", "a", "b"] {
            batch.put(file(id), text("{}"), Expect::Any).facet(file(id), Facet::new(FacetName::Type, "elf"));
        }
        batch.facet(file("a"), Facet::new(FacetName::Type, "elf")).facet(file("z"), Facet::new(FacetName::Md5, "elf"));
    })
    .await;
    let elf = Facet::new(FacetName::Type, "elf");
    let first = store.find(&Space::Shared, Kind::File, &elf, &Range::first(2)).await.expect("a page");
    assert_eq!(first.items, [file("a"), file("b")]);
    let rest = store.find(&Space::Shared, Kind::File, &elf, &Range::after(2, first.next)).await.expect("a page");
    assert_eq!((rest.items, rest.next), (vec![file("c")], None));
    write(store, |batch| {
        batch.replace_facets(&file("a"), FacetName::Type, ["pe".to_owned()]);
    })
    .await;
    let left = store.find(&Space::Shared, Kind::File, &elf, &Range::first(9)).await.expect("a page");
    assert_eq!(left.items, [file("b"), file("c")]);
    let listed = store.list(&Space::Shared, Kind::File, &Range::first(10)).await.expect("a page");
    assert_eq!(listed.items, [file("a"), file("b"), file("c")]);
}

async fn a_deleted_object_leaves_nothing_behind(store: &dyn Store) {
    let md5 = Facet::new(FacetName::Md5, "m");
    write(store, |batch| {
        batch.put(file("a"), text("{}"), Expect::Any).facet(file("a"), md5.clone()).link(edge("x", "a", 1));
    })
    .await;
    write(store, |batch| _ = batch.delete(file("a")).delete(file("never was"))).await;
    assert_eq!(store.read(&file("a")).await.expect("a read"), None);
    assert!(store.find(&Space::Shared, Kind::File, &md5, &Range::first(1)).await.expect("a page").items.is_empty());
    let edges = store.linked(&file("a"), Link::Analysed, End::Head, &Range::first(1)).await.expect("a page");
    assert_eq!((edges.items.len(), edges.total), (0, Some(0)));
}

async fn spaces_do_not_see_each_other(store: &dyn Store) {
    let private = Key { space: Space::Private("group".into()), ..file("a") };
    write(store, |batch| _ = batch.put(private.clone(), text("1"), Expect::Absent)).await;
    assert_eq!(store.read(&file("a")).await.expect("a read"), None);
    assert!(store.read(&private).await.expect("a read").is_some());
    assert!(store.list(&Space::Shared, Kind::File, &Range::first(1)).await.expect("a page").items.is_empty());
}

async fn jobs_are_claimed_by_class_and_age_and_come_back_when_their_lease_ends(store: &dyn Store) {
    write(store, |batch| {
        batch
            .enqueue(job("bulk", Class::Bulk))
            .enqueue(job("first", Class::Normal))
            .enqueue(job("next", Class::Normal));
        batch.enqueue(job("person", Class::Interactive)).enqueue(job("first", Class::Normal));
    })
    .await;
    let order = claim(store, 10, 20, 3).await;
    let names: Vec<_> = order.iter().map(|claimed| claimed.job.subject.id.to_string()).collect();
    assert_eq!(names, ["person", "first", "next"]);
    assert_eq!(claim(store, 19, 29, 9).await.len(), 1, "only bulk is left");
    store.renew(&order[0], Timestamp(40)).await.expect("still ours");
    let again = claim(store, 20, 30, 9).await;
    let names: Vec<_> = again.iter().map(|claimed| (&*claimed.job.subject.id, claimed.attempt)).collect();
    assert_eq!(names, [("first", 2), ("next", 2)]);
    assert!(matches!(store.renew(&order[1], Timestamp(50)).await, Err(StoreError::Conflict)));
}

async fn a_worker_that_lost_its_lease_cannot_commit(store: &dyn Store) {
    write(store, |batch| _ = batch.enqueue(job("x", Class::Normal))).await;
    let slow = claim(store, 0, 10, 1).await.remove(0);
    let quick = claim(store, 10, 20, 1).await.remove(0);
    let finish = |claimed, word| {
        let mut batch = Batch::new();
        batch.put(file("a"), text(word), Expect::Any).end(claimed, Ending::Done);
        batch
    };
    assert!(matches!(store.commit(finish(slow, "slow")).await, Err(StoreError::Conflict)));
    store.commit(finish(quick.clone(), "quick")).await.expect("the lease holds");
    assert!(matches!(store.commit(finish(quick, "twice")).await, Err(StoreError::Conflict)));
    let record = store.read(&file("a")).await.expect("a read").expect("the record");
    assert_eq!(&*record.body, b"quick");
}

async fn a_job_may_be_made_and_claimed_in_one_commit(store: &dyn Store) {
    let mut batch = Batch::new();
    batch.enqueue_claimed(job("x", Class::Normal), Timestamp(10)).enqueue(job("y", Class::Normal));
    let mine = store.commit(batch).await.expect("a commit");
    assert_eq!(mine.len(), 1);
    let others = claim(store, 9, 19, 9).await;
    assert_eq!(others.len(), 1);
    assert_eq!(&*others[0].job.subject.id, "y");
    let mut batch = Batch::new();
    batch.end(mine[0].clone(), Ending::Again(Timestamp(30)));
    store.commit(batch).await.expect("the lease holds");
    assert!(claim(store, 20, 25, 1).await.len() == 1, "y came back");
    assert_eq!(claim(store, 30, 40, 9).await.len(), 2);
}

async fn a_dead_job_is_kept_but_never_claimed(store: &dyn Store) {
    write(store, |batch| _ = batch.enqueue(job("x", Class::Normal))).await;
    let claimed = claim(store, 0, 10, 1).await.remove(0);
    write(store, |batch| _ = batch.end(claimed, Ending::Dead("it never worked".to_owned()))).await;
    assert!(claim(store, 99, 100, 1).await.is_empty());
    let backlog = store.backlog().await.expect("a count");
    assert_eq!((backlog.open, backlog.dead), (0, 1));
}

async fn a_job_is_claimed_only_for_its_stage(store: &dyn Store) {
    let analyse = Job { stage: StageName::Analyse, ..job("x", Class::Interactive) };
    write(store, |batch| _ = batch.enqueue(analyse).enqueue(job("x", Class::Bulk))).await;
    let claim = async |stages: &[StageName]| {
        let claimed = store.claim(stages, Timestamp(0), Timestamp(10), 9).await.expect("a claim");
        claimed.into_iter().map(|one| one.job.stage).collect::<Vec<_>>()
    };
    assert!(claim(&[]).await.is_empty());
    assert!(claim(&[StageName::Index]).await.is_empty());
    assert_eq!(claim(&[StageName::Identify, StageName::Index]).await, [StageName::Identify]);
    assert_eq!(claim(StageName::ALL).await, [StageName::Analyse]);
}

async fn a_job_may_be_for_later(store: &dyn Store) {
    write(store, |batch| _ = batch.enqueue_at(job("x", Class::Normal), Timestamp(50))).await;
    write(store, |batch| _ = batch.enqueue(job("x", Class::Normal))).await;
    assert!(claim(store, 49, 59, 9).await.is_empty());
    assert_eq!(store.backlog().await.expect("a count").open, 1);
    let claimed = claim(store, 50, 60, 9).await;
    assert_eq!((claimed.len(), claimed[0].attempt), (1, 1));
}

fn charge(account: &str, limit: u64, amount: u64) -> Charge {
    Charge { account: account.into(), quota: Quota::ApiRequestsDaily, window: Timestamp(0), limit, amount }
}

async fn counters_grant_exactly_their_limit_to_many_at_once(store: Arc<dyn Store>) {
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..64 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut granted = 0;
            while let Spent::Granted(grants) = store.spend(&[charge("a", 500, 1 + n % 3)]).await.expect("an answer") {
                granted += grants[0];
            }
            granted
        });
    }
    let granted: u64 = tasks.join_all().await.into_iter().sum();
    assert_eq!(granted, 500);
    assert_eq!(store.spent("a", Quota::ApiRequestsDaily, Timestamp(0)).await.expect("a count"), 500);
    store.refund(&[charge("a", 500, 20)]).await.expect("a refund");
    assert_eq!(store.spent("a", Quota::ApiRequestsDaily, Timestamp(0)).await.expect("a count"), 480);
    store.refund(&[charge("a", 500, 9_000)]).await.expect("a refund");
    assert_eq!(store.spent("a", Quota::ApiRequestsDaily, Timestamp(0)).await.expect("a count"), 0);
}

async fn an_exhausted_counter_takes_nothing_from_the_others(store: &dyn Store) {
    let both = [charge("person", 10, 3), charge("group", 2, 3)];
    assert_eq!(store.spend(&both).await.expect("an answer"), Spent::Granted(vec![3, 2]));
    assert_eq!(store.spend(&both).await.expect("an answer"), Spent::Exhausted(1));
    assert_eq!(store.spent("person", Quota::ApiRequestsDaily, Timestamp(0)).await.expect("a count"), 3);
}

async fn one_of_many_writers_of_the_same_version_wins(store: Arc<dyn Store>) {
    write(&*store, |batch| _ = batch.put(file("a"), text("0"), Expect::Absent)).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..32 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut batch = Batch::new();
            batch.put(file("a"), text(&n.to_string()), Expect::Version(1));
            let won = store.commit(batch).await.is_ok();
            let seen = store.read(&file("a")).await.expect("a read").expect("the record").version;
            (won, seen)
        });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|(won, _)| *won).count(), 1);
    assert!(outcomes.iter().filter(|(won, _)| *won).all(|(_, seen)| *seen == 2), "a writer reads its own write");
}
