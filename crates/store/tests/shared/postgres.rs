//! The store over PostgreSQL: the contract, bare and behind the cache, and what holds when several nodes share it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use assay_model::quota::Quota;
use assay_model::record::{Class, Facet, FacetName, Job, Key, Space, StageName};
use assay_model::{Kind, Timestamp};
use assay_store::batch::Ending;
use assay_store::{Batch, Config, Expect, Paced, Range, Rate, Spent, Store, StoreError, Want, open, suite};
use assay_testing::postgres::Server;
use tokio_postgres::{Client, NoTls};
use tokio_util::task::TaskTracker;

async fn store(url: &str, cache_bytes: u64) -> Arc<dyn Store> {
    let config = Config::Postgres { url: url.to_owned(), password: None, cache_bytes };
    open(&config).await.expect("a store")
}

/// A connection for looking and for doing harm.
async fn operator(url: &str) -> Client {
    let (client, wire) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
    // Ends with the client.
    TaskTracker::new().spawn(wire);
    client
}

fn user(id: &str) -> Key {
    Key::shared(Kind::User, id)
}

fn put(key: &Key, body: &str, expect: Expect) -> Batch {
    let mut batch = Batch::new();
    batch.put(key.clone(), body.as_bytes().into(), expect);
    batch
}

async fn body(store: &dyn Store, key: &Key) -> String {
    let record = store.read(key).await.expect("a read").expect("the record");
    String::from_utf8_lossy(&record.body).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shared_store_keeps_the_contract() {
    let server = Server::start();
    suite::run(async || store(&server.database(), 0).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shared_store_keeps_the_contract_behind_the_cache() {
    let server = Server::start();
    suite::run(async || store(&server.database(), 1 << 20).await).await;
}

/// Asks until the answer is `wanted`; fails after a second.
async fn within_a_second<T: PartialEq + std::fmt::Debug>(wanted: T, ask: impl AsyncFn() -> T) {
    let started = Instant::now();
    loop {
        let answer = ask().await;
        if answer == wanted {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(1), "{answer:?} after a second, not {wanted:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_together_find_one_database() {
    let server = Server::start();
    let url = server.database();
    let mut nodes = tokio::task::JoinSet::new();
    for n in 0..8 {
        let url = url.clone();
        nodes.spawn(async move {
            let store = store(&url, 1 << 20).await;
            store.commit(put(&user(&n.to_string()), "{}", Expect::Absent)).await.expect("a commit");
            store
        });
    }
    let nodes = nodes.join_all().await;
    let page = nodes[0].list(&Space::Shared, Kind::User, &Range::first(99)).await.expect("a page");
    assert_eq!(page.items.len(), 8);
    let newer = operator(&url).await;
    newer.batch_execute("UPDATE assay_schema SET done = 99").await.expect("a newer version");
    let config = Config::Postgres { url, password: None, cache_bytes: 0 };
    assert!(matches!(open(&config).await.err(), Some(StoreError::Corrupt(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_node_writes_is_seen_within_a_second() {
    let server = Server::start();
    let url = server.database();
    let (ours, theirs) = (store(&url, 1 << 20).await, store(&url, 1 << 20).await);
    let key = user("u");
    ours.commit(put(&key, "0", Expect::Absent)).await.expect("a commit");
    let mut slowest = Duration::ZERO;
    for n in 1..=50 {
        assert_eq!(body(&*ours, &key).await, (n - 1).to_string());
        theirs.commit(put(&key, &n.to_string(), Expect::Version(n))).await.expect("a commit");
        let written = Instant::now();
        within_a_second(n.to_string(), async || body(&*ours, &key).await).await;
        slowest = slowest.max(written.elapsed());
    }
    assert!(slowest < Duration::from_millis(500), "typically milliseconds, but {slowest:?}");
    let mut many = Batch::new();
    many.delete(key.clone());
    for n in 0..2000 {
        many.put(user(&format!("{n}-{}", "x".repeat(40))), "{}".as_bytes().into(), Expect::Any);
    }
    theirs.commit(many).await.expect("more than fits into a notice");
    within_a_second(true, async || ours.read(&key).await.expect("a read").is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_of_one_node_wakes_the_other() {
    let server = Server::start();
    let url = server.database();
    let (ours, theirs) = (store(&url, 0).await, store(&url, 0).await);
    let mut changes = ours.watch();
    tokio::time::sleep(Duration::from_millis(300)).await;
    while changes.try_recv().is_ok() {}
    let mut batch = Batch::new();
    batch.enqueue(Job { stage: StageName::Identify, subject: user("u"), class: Class::Normal });
    theirs.commit(batch).await.expect("a commit");
    let woken = tokio::time::timeout(Duration::from_secs(1), assay_store::until_jobs(&mut changes)).await;
    woken.expect("woken within a second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_claimed_by_one_node_only() {
    let server = Server::start();
    let url = server.database();
    let nodes = [store(&url, 0).await, store(&url, 0).await];
    let mut batch = Batch::new();
    for n in 0..400 {
        batch.enqueue(Job { stage: StageName::Identify, subject: user(&n.to_string()), class: Class::Normal });
    }
    nodes[0].commit(batch).await.expect("a commit");
    let mut workers = tokio::task::JoinSet::new();
    for n in 0..16 {
        let store = nodes[n % 2].clone();
        workers.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claimed =
                    store.claim(StageName::ALL, Timestamp(5), Timestamp(60), 1 + n % 3).await.expect("a claim");
                if claimed.is_empty() && store.backlog().await.expect("a count").open == 0 {
                    return mine;
                }
                for one in claimed {
                    mine.push(one.job.subject.id.to_string());
                    let mut done = Batch::new();
                    done.end(one, Ending::Done).soon();
                    store.commit(done).await.expect("the lease holds");
                }
            }
        });
    }
    let mut claimed: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    claimed.sort();
    assert_eq!(claimed.len(), 400);
    claimed.dedup();
    assert_eq!(claimed.len(), 400, "no job was claimed twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_of_two_nodes_hand_out_exactly_the_limit() {
    let server = Server::start();
    let url = server.database();
    let nodes = [store(&url, 0).await, store(&url, 0).await];
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..32 {
        let store = nodes[n % 2].clone();
        tasks.spawn(async move {
            let node = format!("node {n}");
            let wants = ["person", "group"].map(|account| Want {
                account: account.into(),
                quota: Quota::ApiRequestsDaily,
                window: Timestamp(0),
                limit: if account == "group" { 1000 } else { 5000 },
                amount: 1,
                most: 9,
                held: 0,
            });
            let mut granted = 0;
            // Half of them name the counters the other way round.
            let wants = if n % 4 < 2 {
                wants
            } else {
                let [one, other] = wants;
                [other, one]
            };
            let group = usize::from(n % 4 < 2);
            while let Spent::Granted(grants) = store.lease(&node, &wants, Timestamp(100)).await.expect("an answer") {
                granted += grants[group];
            }
            granted
        });
    }
    let granted: u64 = tasks.join_all().await.into_iter().sum();
    assert_eq!(granted, 1000);
    let used = nodes[1].spent("group", Quota::ApiRequestsDaily, Timestamp(0)).await.expect("a count");
    assert_eq!(used, 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fast_rate_over_two_nodes_never_grants_more_than_one_would() {
    let server = Server::start();
    let url = server.database();
    let nodes = [store(&url, 0).await, store(&url, 0).await];
    // 5,000 a second and as many at once: far more than the nodes can ask for one by one.
    let (interval, burst) = (200_000, 5_000);
    let rate = Rate { account: "a".into(), quota: Quota::ApiRequestsHourly, interval, burst, amount: 1 };
    let clock = Arc::new(std::sync::atomic::AtomicI64::new(1_800_000_000_000_000_000));
    let start = clock.load(Ordering::SeqCst);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..16 {
        let (store, rate, clock) = (nodes[n % 2].clone(), rate.clone(), clock.clone());
        tasks.spawn(async move {
            let mut granted = 0_u64;
            for _ in 0..1500 {
                // All of them together move the time on by half a second, by far not enough for all that is asked.
                let now = clock.fetch_add(500_000_000 / (16 * 1500), Ordering::SeqCst);
                let paced = store.pace(std::slice::from_ref(&rate), now).await.expect("an answer");
                granted += u64::from(matches!(paced, Paced::Granted(_)));
            }
            granted
        });
    }
    let granted: u64 = tasks.join_all().await.into_iter().sum();
    let passed = clock.load(Ordering::SeqCst) - start;
    let most = burst + u64::try_from(passed / interval).expect("time goes forward") + 1;
    assert!(granted <= most, "{granted} of at most {most}");
    assert!(granted >= most * 9 / 10, "{granted} of {most}: what one node holds back is little");
    // After a pause there is a whole burst again and not one more, whatever a node had drawn before.
    let later = clock.load(Ordering::SeqCst) + 10_000_000_000;
    let mut again = 0;
    for n in 0..burst * 2 {
        let node = &nodes[usize::try_from(n % 2).expect("small")];
        again += u64::from(matches!(
            node.pace(std::slice::from_ref(&rate), later).await.expect("an answer"),
            Paced::Granted(_)
        ));
    }
    assert!((burst * 9 / 10..=burst).contains(&again), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_touch_the_same_records_in_any_order_all_go_through() {
    let server = Server::start();
    let url = server.database();
    let nodes = [store(&url, 0).await, store(&url, 1 << 20).await];
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..16_usize {
        let store = nodes[n % 2].clone();
        tasks.spawn(async move {
            for round in 0..20 {
                let mut batch = Batch::new();
                for k in 0..8 {
                    let key = user(&((k * (1 + 2 * (n % 4)) + n + round) % 8).to_string());
                    batch.put(key.clone(), "{}".as_bytes().into(), Expect::Any);
                    batch.replace_facets(&key, FacetName::Tag, [format!("{n}-{round}")]);
                }
                store.commit(batch).await.expect("a commit");
            }
        });
    }
    tasks.join_all().await;
    for n in 0..8 {
        let record = nodes[0].read(&user(&n.to_string())).await.expect("a read").expect("the record");
        assert_eq!(record.version, 16 * 20);
    }
    let looking = operator(&url).await;
    let row = looking.query_one("SELECT count(*) FROM facets", &[]).await.expect("a count");
    assert_eq!(row.get::<_, i64>(0), 8, "each commit left exactly its own facet on each");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_connections_are_survived_and_no_commit_is_told_wrongly() {
    let server = Server::start();
    let url = server.database();
    let node = store(&url, 1 << 20).await;
    let stop = Arc::new(AtomicBool::new(false));
    let harm = {
        let (client, stop) = (operator(&url).await, stop.clone());
        TaskTracker::new().spawn(async move {
            let mut ended = 0;
            while !stop.load(Ordering::SeqCst) {
                let text = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                            WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
                ended += client.query_one(text, &[]).await.expect("an answer").get::<_, i64>(0);
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
            ended
        })
    };
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let node = node.clone();
        tasks.spawn(async move {
            let mut outcomes = Vec::new();
            for round in 0..200 {
                let key = user(&format!("{n}-{round}"));
                outcomes.push((key.clone(), node.commit(put(&key, "{}", Expect::Absent)).await));
            }
            outcomes
        });
    }
    let outcomes: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    stop.store(true, Ordering::SeqCst);
    let ended = harm.await.expect("harm was done");
    let mut failed = 0;
    for (key, outcome) in &outcomes {
        let there = node.read(key).await.expect("a read").is_some();
        match outcome {
            Ok(_) => assert!(there, "{key} was acknowledged"),
            Err(StoreError::Unavailable(_)) => {
                failed += 1;
                assert!(!there, "{key} was refused");
            }
            Err(other) => panic!("{key}: {other:?}"),
        }
    }
    assert!(ended > 8, "only {ended} connections were lost");
    assert!(failed < outcomes.len() / 4, "{failed} of {} failed", outcomes.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_is_unavailable_meanwhile_and_then_there_again() {
    let server = Server::start();
    let url = server.database();
    let node = store(&url, 1 << 20).await;
    let key = user("u");
    node.commit(put(&key, "old", Expect::Absent)).await.expect("a commit");
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.stop();
    assert!(matches!(node.commit(put(&key, "new", Expect::Any)).await, Err(StoreError::Unavailable(_))));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(matches!(node.read(&key).await, Err(StoreError::Unavailable(_))), "nothing old is answered from memory");
    let closed = Config::Postgres { url, password: None, cache_bytes: 0 };
    assert!(matches!(open(&closed).await.err(), Some(StoreError::Unavailable(_))));
    server.start_again();
    assert_eq!(body(&*node, &key).await, "old");
    node.commit(put(&key, "new", Expect::Version(1))).await.expect("a commit");
    assert_eq!(body(&*node, &key).await, "new");
}

/// The process that serves the connection on which a node listens.
async fn listening(operator: &Client) -> i32 {
    let text = "SELECT pid FROM pg_stat_activity WHERE query = 'SELECT 1' AND pid <> pg_backend_pid()";
    operator.query_one(text, &[]).await.expect("one connection that listens").get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_holds_within_a_second_although_the_other_node_hears_nothing() {
    let server = Server::start();
    let url = server.database();
    let (ours, key, operator) = (store(&url, 1 << 20).await, user("u"), operator(&url).await);
    ours.commit(put(&key, "0", Expect::Absent)).await.expect("a commit");
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(body(&*ours, &key).await, "0");
    let pid = listening(&operator).await;
    let theirs = store(&url, 1 << 20).await;
    // The process stands still: nothing breaks, nothing comes.
    let signal = |name: &str| assert!(send_signal(name, pid), "a signal");
    signal("STOP");
    theirs.commit(put(&key, "1", Expect::Version(1))).await.expect("a commit");
    within_a_second("1".to_owned(), async || body(&*ours, &key).await).await;
    theirs.commit(put(&key, "2", Expect::Version(2))).await.expect("a commit");
    within_a_second("2".to_owned(), async || body(&*ours, &key).await).await;
    signal("CONT");
    for n in 3..20 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        theirs.commit(put(&key, &n.to_string(), Expect::Any)).await.expect("a commit");
        within_a_second(n.to_string(), async || body(&*ours, &key).await).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "a test does harm to the server that it started")]
fn send_signal(name: &str, pid: i32) -> bool {
    let kill = std::process::Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    kill.is_ok_and(|status| status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_text_cannot_hold_is_kept_all_the_same() {
    let server = Server::start();
    let node = store(&server.database(), 0).await;
    let key = Key { space: Space::Private("g\0".into()), ..user("a\0b\u{1}") };
    let bytes: Arc<[u8]> = [0, 0xff, 0xfe, b'"', 0].into();
    let long = "x".repeat(20_000);
    let mut batch = Batch::new();
    batch.put(key.clone(), bytes.clone(), Expect::Absent);
    batch.facet(key.clone(), Facet::new(FacetName::Detection, "na\0me"));
    batch.facet(key.clone(), Facet::new(FacetName::Detection, &*long));
    batch.enqueue(Job { stage: StageName::Index, subject: key.clone(), class: Class::Normal });
    node.commit(batch).await.expect("a commit");
    assert_eq!(node.read(&key).await.expect("a read").expect("the record").body, bytes);
    assert_eq!(node.read(&user("a\0b")).await.expect("a read"), None);
    for name in ["na\0me", &long] {
        let sought = Facet::new(FacetName::Detection, name);
        let page = node.find(&key.space, Kind::User, &sought, &Range::first(9)).await.expect("a page");
        assert_eq!(page.items, std::slice::from_ref(&key));
    }
    let claimed = node.claim(StageName::ALL, Timestamp(0), Timestamp(1), 1).await.expect("a claim");
    assert_eq!(claimed[0].job.subject, key);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mode_of_tls_is_honoured() {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let (own_path, other_path) = (file("own.pem", own.cert.pem()), file("other.pem", other.cert.pem()));
    let opens = async |url: String| {
        let config = Config::Postgres { url, password: Some("not asked for".into()), cache_bytes: 0 };
        open(&config).await.is_ok()
    };
    let server = Server::with_tls(&own.cert.pem(), &own.signing_key.serialize_pem());
    let url = server.database();
    let operator = operator(&format!("{url}&sslmode=disable")).await;
    let encrypted = async || {
        let text = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                    WHERE ssl AND application_name = 'assay'";
        operator.query_one(text, &[]).await.expect("a count").get::<_, i64>(0) > 0
    };
    let plain = store(&format!("{url}&sslmode=disable"), 0).await;
    plain.backlog().await.expect("a count");
    assert!(!encrypted().await);
    drop(plain);
    let preferred = store(&url, 0).await;
    preferred.backlog().await.expect("a count");
    assert!(encrypted().await);
    assert!(opens(format!("{url}&sslmode=require")).await);
    assert!(opens(format!("{url}&sslmode=verify-full&sslrootcert={own_path}")).await);
    assert!(!opens(format!("{url}&sslmode=verify-full&sslrootcert={other_path}")).await);
    assert!(!opens(format!("{url}&sslmode=require&sslrootcert={other_path}")).await);
    let elsewhere = url.replace("localhost", "127.0.0.1");
    assert!(!opens(format!("{elsewhere}&sslmode=verify-full&sslrootcert={own_path}")).await, "the name counts");

    let without = Server::start();
    let url = without.database();
    assert!(!opens(format!("{url}&sslmode=require")).await);
    assert!(opens(format!("{url}&sslmode=prefer")).await);
}
