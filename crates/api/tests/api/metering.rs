//! Quotas under random schedules: exactly what is left is granted, by one process and by two over one store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use assay_api::meter::{Bill, Meter, Payer};
use assay_model::Timestamp;
use assay_model::clock::Fixed;
use assay_model::quota::Quota;
use assay_model::random::Counting;
use assay_store::Store;
use proptest::prelude::*;

use crate::support::{NOON, limits};

/// A limit that nothing here comes near to.
const PLENTY: u64 = 1_000_000_000;

/// What is tried: how much is left, and who asks for it in which way.
struct Schedule {
    day: u64,
    processes: usize,
    clients: usize,
    amounts: Vec<u64>,
    /// After how many calls of a client its process does what it does every second.
    beats: usize,
    /// After how many grants the first process dies.
    death: Option<u64>,
}

/// What came of it.
struct Outcome {
    /// Requests that were granted.
    granted: u64,
    /// Requests that the store has counted, when every lease has ended.
    counted: u64,
}

/// Many clients over some processes on one store, until nobody gets anything. Whatever the schedule, every counter of
/// everybody who pays holds what was granted, and beyond it only what a dead process could have spent. `open` answers the store as one process
/// sees it.
async fn drain(open: impl AsyncFn() -> Arc<dyn Store>, accounts: &str, schedule: &Schedule) -> Outcome {
    let clock = Arc::new(Fixed::at(NOON));
    let random = Counting::default();
    let mut meters = Vec::new();
    for _ in 0..schedule.processes {
        meters.push(Arc::new(Meter::new(open().await, clock.clone(), &random)));
    }
    let dead = Arc::new(AtomicBool::new(false));
    let handed_out = Arc::new(AtomicU64::new(0));
    let (account, pool): (Arc<str>, Arc<str>) = (accounts.into(), format!("group:{accounts}").into());
    let mut tasks = tokio::task::JoinSet::new();
    for client in 0..schedule.clients {
        let process = client % schedule.processes;
        let meter = meters[process].clone();
        let amount = schedule.amounts[client % schedule.amounts.len()];
        let (beats, death) = (schedule.beats, schedule.death.filter(|_| process == 0));
        let (account, pool, dead, handed_out) = (account.clone(), pool.clone(), dead.clone(), handed_out.clone());
        let day = schedule.day;
        tasks.spawn(async move {
            let own = limits(PLENTY, PLENTY, PLENTY);
            let shared = limits(PLENTY, day, PLENTY);
            let payers = [Payer { name: &account, limits: &own }, Payer { name: &pool, limits: &shared }];
            let mut granted = 0;
            let mut calls = 0;
            while !(death.is_some() && dead.load(Ordering::SeqCst))
                && meter.charge(&payers, Bill::requests(amount)).await.is_ok()
            {
                granted += amount;
                calls += 1;
                if calls % beats == 0 {
                    meter.beat().await.expect("a beat");
                }
                if death.is_some_and(|death| handed_out.fetch_add(amount, Ordering::SeqCst) + amount >= death) {
                    dead.store(true, Ordering::SeqCst);
                }
                tokio::task::yield_now().await;
            }
            granted
        });
    }
    let granted = tasks.join_all().await.into_iter().sum();
    // Whoever died gives nothing back; its leases run out.
    let survivors = if schedule.death.is_some() { &meters[1..] } else { &meters[..] };
    for meter in survivors {
        meter.settle().await;
    }
    let store = open().await;
    store.end_leases(Timestamp(NOON.0 + 3_600)).await.expect("leases end");
    for (name, quota, limit) in [
        (&account, Quota::ApiRequestsDaily, PLENTY),
        (&account, Quota::ApiRequestsMonthly, PLENTY),
        (&pool, Quota::ApiRequestsDaily, schedule.day),
        (&pool, Quota::ApiRequestsMonthly, PLENTY),
    ] {
        let counted = spent(&*store, name, quota).await;
        // Half of what a dead process held at most, which is no more than its last portion.
        let lost = if schedule.death.is_some() { (limit / 1_000).clamp(1, 10_000) } else { 0 };
        assert!(
            (granted..=granted + lost).contains(&counted),
            "{granted} were granted, {name} has counted {counted} of {}",
            quota.wire(),
        );
    }
    Outcome { granted, counted: spent(&*store, &pool, Quota::ApiRequestsDaily).await }
}

/// The same over a store in memory.
fn drain_in_memory(schedule: &Schedule) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    runtime.block_on(async {
        let store = assay_store::open(&assay_store::Config::Memory).await.expect("memory");
        drain(async || store.clone(), "someone", schedule).await
    })
}

async fn spent(store: &dyn Store, name: &str, quota: Quota) -> u64 {
    store.spent(name, quota, quota.window().start(NOON)).await.expect("a count")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn with_n_left_exactly_n_are_granted(day in 0_u64..600, processes in 1_usize..3, beats in 1_usize..50) {
        let outcome = drain_in_memory(&Schedule { day, processes, clients: 64, amounts: vec![1], beats, death: None });
        prop_assert_eq!((outcome.granted, outcome.counted), (day, day));
    }
}

proptest! {
    #[test]
    fn calls_of_any_price_are_never_granted_beyond_the_limit(
        day in 0_u64..600,
        processes in 1_usize..3,
        amounts in proptest::collection::vec(1_u64..40, 1..6),
    ) {
        let outcome = drain_in_memory(&Schedule { day, processes, clients: 16, amounts, beats: 7, death: None });
        prop_assert!(outcome.granted <= day);
        prop_assert_eq!(outcome.counted, outcome.granted);
    }

    #[test]
    fn a_death_at_any_moment_loses_no_grant_and_grants_nothing_twice(
        day in 0_u64..5_000,
        beats in 1_usize..50,
        death in 1_u64..1_000,
    ) {
        let schedule = Schedule { day, processes: 2, clients: 64, amounts: vec![1], beats, death: Some(death) };
        let outcome = drain_in_memory(&schedule);
        prop_assert!(outcome.granted <= outcome.counted, "{} of {} are counted", outcome.counted, outcome.granted);
        prop_assert!(outcome.counted <= day);
    }
}

fn threads() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// Random schedules over two processes, each with its own way to one store. Fewer than in memory, for each costs a
/// hundred times as much; `PROPTEST_CASES=1000` runs a thousand.
fn two_processes_grant_exactly_what_is_left(runtime: &tokio::runtime::Runtime, processes: &[Arc<dyn Store>; 2]) {
    let tried = std::cell::Cell::new(0);
    let schedules = (0_u64..40, 1_usize..20, proptest::option::of(1_u64..20));
    proptest!(|((day, beats, death) in schedules)| {
        let number = tried.replace(tried.get() + 1);
        let schedule = Schedule { day, processes: 2, clients: 64, amounts: vec![1], beats, death };
        let turn = std::cell::Cell::new(0);
        let outcome = runtime.block_on(drain(
            async || processes[turn.replace(turn.get() + 1) % processes.len()].clone(),
            &format!("someone-{number}"),
            &schedule,
        ));
        if death.is_none() {
            prop_assert_eq!((outcome.granted, outcome.counted), (day, day));
        }
        prop_assert!(outcome.granted <= outcome.counted && outcome.counted <= day);
    });
}

#[test]
fn two_nodes_over_one_postgres_grant_exactly_what_is_left() {
    let server = assay_testing::postgres::Server::start();
    let config = assay_store::Config::Postgres { url: server.database(), password: None, cache_bytes: 0 };
    let runtime = threads();
    let nodes = runtime.block_on(async {
        let node = async || assay_store::open(&config).await.expect("a store");
        [node().await, node().await]
    });
    two_processes_grant_exactly_what_is_left(&runtime, &nodes);
}

#[test]
fn two_processes_over_one_embedded_store_grant_exactly_what_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = assay_store::Config::Sqlite { path: folder.path().join("assay.sqlite"), cache_bytes: 1 << 20 };
    let runtime = threads();
    let processes = runtime.block_on(async {
        let process = async || assay_store::open(&config).await.expect("a store");
        [process().await, process().await]
    });
    two_processes_grant_exactly_what_is_left(&runtime, &processes);
}

#[tokio::test]
async fn a_process_that_dies_loses_no_grant_and_returns_what_it_cannot_have_spent() {
    let store = assay_store::open(&assay_store::Config::Memory).await.expect("memory");
    let clock = Arc::new(Fixed::at(NOON));
    let random = Counting::default();
    let dying = Meter::new(store.clone(), clock.clone(), &random);
    let other = Meter::new(store.clone(), clock.clone(), &random);
    let name: Arc<str> = "someone".into();
    let limits = limits(1_000_000_000, 80_000, 1_000_000_000);
    let payers = [Payer { name: &name, limits: &limits }];
    for _ in 0..10 {
        dying.charge(&payers, Bill::requests(1)).await.expect("granted");
    }
    drop(dying);
    let before = spent(&*store, "someone", Quota::ApiRequestsDaily).await;
    clock.advance(std::time::Duration::from_secs(11));
    other.beat().await.expect("a beat");
    let after = spent(&*store, "someone", Quota::ApiRequestsDaily).await;
    assert!((10..before).contains(&after), "ten were granted, {before} were leased, {after} stay counted");
}

#[tokio::test]
async fn a_share_of_a_limit_is_told_once() {
    let store = assay_store::open(&assay_store::Config::Memory).await.expect("memory");
    let meter = Meter::new(store, Arc::new(Fixed::at(NOON)), &Counting::default());
    let name: Arc<str> = "someone".into();
    let limits = limits(1_000_000_000, 100, 1_000_000_000);
    let mut told = Vec::new();
    for _ in 0..101 {
        let _exhausted_at_the_end = meter.charge(&[Payer { name: &name, limits: &limits }], Bill::requests(1)).await;
        let passed = meter.beat().await.expect("a beat");
        told.extend(
            passed.into_iter().filter(|one| one.quota == Quota::ApiRequestsDaily).map(|one| (one.percent, one.used)),
        );
    }
    assert_eq!(told, [(50, 50), (80, 80), (95, 95), (100, 100)]);
}
