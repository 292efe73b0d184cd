//! One store into another, of another backend, whatever comes between.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use assay_model::quota::Quota;
use assay_model::record::{Class, Edge, Facet, FacetName, Job, Key, Space, StageName};
use assay_model::usage::{Dimension, Tally};
use assay_model::{Kind, Link, Timestamp};
use assay_store::batch::Ending;
use assay_store::copy::{CopyError, Progress, Step, Summary, run};
use assay_store::dump::Table;
use assay_store::{Batch, Charge, Config, End, Expect, Range, Store, StoreError, Want, open};
use assay_testing::postgres::Server;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

const QUOTA: Quota = Quota::ApiRequestsDaily;

fn file(n: usize) -> Key {
    Key::shared(Kind::File, format!("{n:04}"))
}

fn analysis(n: usize) -> Key {
    Key::shared(Kind::Analysis, format!("a{n:04}"))
}

fn odd() -> Key {
    Key { space: Space::Private("gr\0up".into()), ..Key::shared(Kind::File, "\u{1}\0é") }
}

fn job(subject: Key) -> Job {
    Job { stage: StageName::Identify, subject, class: Class::Bulk }
}

/// Some thousand rows of every table.
async fn fill(store: &dyn Store) {
    for hundred in 0..20 {
        let mut batch = Batch::new();
        for n in hundred * 100..(hundred + 1) * 100 {
            let (file, analysis) = (file(n), analysis(n));
            batch.put(file.clone(), vec![b'x'; n * 7].into(), Expect::Absent);
            batch.put(analysis.clone(), format!("{{\"n\":{n}}}").into_bytes().into(), Expect::Absent);
            batch.facet(file.clone(), Facet::new(FacetName::Type, if n % 2 == 0 { "elf" } else { "pe" }));
            batch.facet(file.clone(), Facet::new(FacetName::Md5, format!("{n:032x}")));
            // Equal moments: the order of arrival has to survive.
            let edge = Edge::new(analysis, Link::Analysed, self::file(n / 10), Timestamp(5));
            batch.link(if n % 3 == 0 { edge.with_context(&n) } else { edge });
            batch.enqueue_at(job(file), Timestamp(i64::try_from(n).expect("small")));
        }
        store.commit(batch).await.expect("a commit");
    }
    let mut batch = Batch::new();
    batch.put(file(3), "second".as_bytes().into(), Expect::Version(1));
    batch.put(odd(), [0, 0xff, 0].into(), Expect::Absent);
    batch.facet(odd(), Facet::new(FacetName::Detection, "x".repeat(5000)));
    batch.facet(odd(), Facet::new(FacetName::Detection, "na\0me"));
    let claimed = store.claim(StageName::ALL, Timestamp(0), Timestamp(77), 1).await.expect("a claim").remove(0);
    batch.end(claimed, Ending::Dead("it \0 never worked".to_owned()));
    store.commit(batch).await.expect("a commit");
    let (accounts, window): (Vec<Arc<str>>, _) =
        ((0..1500).map(|n| format!("account {n}").into()).collect(), Timestamp(86_400));
    for (hundred, accounts) in accounts.chunks(100).enumerate() {
        let amount = 1 + hundred as u64;
        let charge =
            |account: &Arc<str>| Charge { account: account.clone(), quota: QUOTA, window, limit: 9000, amount };
        store.spend(&accounts.iter().map(charge).collect::<Vec<_>>()).await.expect("a grant");
        let want = |account: &Arc<str>| Want {
            account: account.clone(),
            quota: QUOTA,
            window,
            limit: 9000,
            amount: 1,
            most: 8,
            held: 0,
        };
        let wants: Vec<_> = accounts.iter().map(want).collect();
        store.lease("node", &wants, Timestamp(50)).await.expect("a lease");
    }
    let tally = |n: u64| Tally {
        subject: format!("subject {}", n % 7).into(),
        day: Timestamp(86_400 * i64::try_from(n % 11).expect("small")),
        dimension: Dimension::Endpoint,
        value: format!("/files/{n}").into(),
        amount: n,
    };
    store.tally(&(0..2000).map(tally).collect::<Vec<_>>()).await.expect("figures");
}

async fn assert_same(ours: &dyn Store, theirs: &dyn Store) {
    let every = Range::first(10_000);
    for space in [Space::Shared, odd().space] {
        for kind in [Kind::File, Kind::Analysis] {
            let listed = ours.list(&space, kind, &every).await.expect("a page").items;
            assert_eq!(theirs.list(&space, kind, &every).await.expect("a page").items, listed);
            let records = ours.read_many(&listed).await.expect("records");
            assert_eq!(theirs.read_many(&listed).await.expect("records"), records);
        }
    }
    let facets = [(FacetName::Type, "elf".to_owned()), (FacetName::Md5, format!("{:032x}", 77))];
    let odd_facets = [(FacetName::Detection, "x".repeat(5000)), (FacetName::Detection, "na\0me".to_owned())];
    for (name, value) in facets.into_iter().chain(odd_facets) {
        let space = if name == FacetName::Detection { odd().space } else { Space::Shared };
        let facet = Facet { name, value };
        let found = ours.find(&space, Kind::File, &facet, &every).await.expect("a page").items;
        assert!(!found.is_empty());
        assert_eq!(theirs.find(&space, Kind::File, &facet, &every).await.expect("a page").items, found);
    }
    for n in [0, 7, 199] {
        let edges = ours.linked(&file(n), Link::Analysed, End::Head, &every).await.expect("a page");
        assert_eq!(edges.items.len(), 10);
        assert_eq!(
            theirs.linked(&file(n), Link::Analysed, End::Head, &every).await.expect("a page").items,
            edges.items
        );
    }
    for account in ["account 0", "account 1499"] {
        let used = ours.spent(account, QUOTA, Timestamp(86_400)).await.expect("a count");
        assert_eq!(theirs.spent(account, QUOTA, Timestamp(86_400)).await.expect("a count"), used);
    }
    let figures = ours.tallied("subject 3", Dimension::Endpoint, Timestamp(0), Timestamp(i64::MAX)).await;
    let copied = theirs.tallied("subject 3", Dimension::Endpoint, Timestamp(0), Timestamp(i64::MAX)).await;
    assert_eq!(copied.expect("figures"), figures.expect("figures"));
    assert_eq!(theirs.backlog().await.expect("a count"), ours.backlog().await.expect("a count"));
}

/// What is written after the copy comes after what was copied.
async fn assert_goes_on(store: &dyn Store) {
    let mut batch = Batch::new();
    batch.link(Edge::new(analysis(1900), Link::Analysed, file(7), Timestamp(5)));
    batch.enqueue_claimed(job(analysis(0)), Timestamp(5));
    let claimed = store.commit(batch).await.expect("a commit");
    assert_eq!(claimed.len(), 1);
    let page = store.linked(&file(7), Link::Analysed, End::Head, &Range::first(1)).await.expect("a page");
    assert_eq!(page.items[0].from, analysis(1900), "the last to arrive is the first");
    let others = store.claim(StageName::ALL, Timestamp(1_000_000), Timestamp(2_000_000), 9999).await.expect("a claim");
    assert_eq!(others.len(), 2000, "one is dead, one was made just now");
    assert!(others.iter().all(|one| one.id <= claimed[0].id));
    assert_eq!(store.end_leases(Timestamp(50)).await.expect("an answer"), 1500);
}

fn embedded(folder: &tempfile::TempDir, name: &str) -> Config {
    Config::Sqlite { path: folder.path().join(name), cache_bytes: 1 << 20 }
}

fn shared(url: &str) -> Config {
    Config::Postgres { url: url.to_owned(), password: None, cache_bytes: 1 << 20 }
}

/// Copies until `calls` portions were told of, then drops the copy.
async fn copy_for(from: &Config, to: &Config, calls: u32) -> Option<Summary> {
    let (enough, told) = (Arc::new(Notify::new()), AtomicU32::new(0));
    let stop = enough.clone();
    let mut progress = move |at: Progress| {
        assert!(at.done <= at.total, "{at:?}");
        if told.fetch_add(1, Ordering::Relaxed) + 1 == calls {
            stop.notify_one();
        }
    };
    tokio::select! {
        biased;
        () = enough.notified() => None,
        summary = run(from, to, &mut progress) => Some(summary.expect("a copy")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_copied_there_and_back_although_the_copy_is_stopped_again_and_again() {
    let server = Server::start();
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (embedded(&folder, "from.sqlite"), shared(&server.database()));
    let source = open(&from).await.expect("a store");
    fill(&*source).await;

    assert_eq!(copy_for(&from, &to, 6).await, None);
    assert!(matches!(open(&to).await.err(), Some(StoreError::Unavailable(_))), "half a copy is no store");
    let other = embedded(&folder, "other.sqlite");
    drop(open(&other).await.expect("a store"));
    assert!(matches!(run(&other, &to, &mut |_| ()).await, Err(CopyError::HalfOfAnother(_))));
    let mut stops = 1;
    let summary = loop {
        match copy_for(&from, &to, 5 + 4 * stops).await {
            Some(summary) => break summary,
            None => stops += 1,
        }
    };
    assert!(stops > 2, "stopped {stops} times");
    assert!(summary.resumed);
    let rows = |table| summary.rows.iter().find(|(one, _)| *one == table).map(|(_, rows)| *rows);
    let wanted = [(Table::Records, 4001), (Table::Edges, 2000), (Table::Facets, 4002), (Table::Counters, 1500)];
    let wanted = wanted.into_iter().chain([(Table::Leases, 1500), (Table::Tallies, 2000), (Table::Jobs, 2000)]);
    for (table, wanted) in wanted {
        assert_eq!(rows(table), Some(wanted), "{}", table.stored());
    }
    let target = open(&to).await.expect("now it is a store");
    assert_same(&*source, &*target).await;
    assert!(matches!(run(&from, &to, &mut |_| ()).await, Err(CopyError::Occupied)));

    let back = embedded(&folder, "back.sqlite");
    assert_eq!(copy_for(&to, &back, 4).await, None);
    assert!(matches!(open(&back).await.err(), Some(StoreError::Unavailable(_))), "half a copy is no store");
    let summary = run(&to, &back, &mut |_| ()).await.expect("a copy");
    assert!(summary.resumed);
    let returned = open(&back).await.expect("a store");
    assert_same(&*target, &*returned).await;
    assert_goes_on(&*returned).await;
    assert_goes_on(&*target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_not_the_same_is_told_and_does_not_become_a_store() {
    let server = Server::start();
    let folder = tempfile::tempdir().expect("a folder");
    let (from, url) = (embedded(&folder, "from.sqlite"), server.database());
    let to = shared(&url);
    let source = open(&from).await.expect("a store");
    let mut batch = Batch::new();
    for n in 0..100 {
        batch.put(file(n), "{}".as_bytes().into(), Expect::Absent);
    }
    source.commit(batch).await.expect("a commit");
    assert!(matches!(run(&Config::Memory, &to, &mut |_| ()).await, Err(CopyError::Memory)));

    // Somebody changes a record behind the copy's back, as soon as all are there.
    let (client, wire) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("a connection");
    TaskTracker::new().spawn(wire);
    let copied = Arc::new(Notify::new());
    let stop = copied.clone();
    let mut until_verified = move |at: Progress| {
        if at.step == Step::Verify {
            stop.notify_one();
        }
    };
    tokio::select! {
        biased;
        () = copied.notified() => {}
        _ = run(&from, &to, &mut until_verified) => panic!("it was to be stopped"),
    }
    client.execute("UPDATE records SET body = 'x' WHERE id = '0042'", &[]).await.expect("a change");
    let outcome = run(&from, &to, &mut |_| ()).await;
    assert!(
        matches!(&outcome, Err(CopyError::Different { table, source_rows: 100, target_rows: 100, .. }) if table == "records file"),
        "{outcome:?}"
    );
    assert!(open(&to).await.is_err());
}
