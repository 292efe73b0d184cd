//! Quotas under random schedules: exactly what is left is granted, by one process and by two over one store.

use std::sync::Arc;

use assay_api::meter::{Bill, Meter, Payer};
use assay_model::clock::Fixed;
use assay_model::quota::Quota;
use assay_model::random::Counting;
use assay_store::Store;
use proptest::prelude::*;

use crate::support::{NOON, limits};

/// Many clients over some processes on one store, until nobody gets anything. Answers what each process granted.
async fn drain(day: u64, processes: usize, clients: usize, amounts: &[u64], beats: usize) -> (Vec<u64>, u64) {
    let store = assay_store::open(&assay_store::Config::Memory).await.expect("memory");
    let clock = Arc::new(Fixed::at(NOON));
    let random = Counting::default();
    let meters: Vec<_> = (0..processes).map(|_| Arc::new(Meter::new(store.clone(), clock.clone(), &random))).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for client in 0..clients {
        let meter = meters[client % processes].clone();
        let amount = amounts[client % amounts.len()];
        tasks.spawn(async move {
            let (account, pool): (Arc<str>, Arc<str>) = ("someone".into(), "group:soc".into());
            let own = limits(1_000_000_000, 1_000_000_000, 1_000_000_000);
            let shared = limits(1_000_000_000, day, 1_000_000_000);
            let payers = [Payer { name: &account, limits: &own }, Payer { name: &pool, limits: &shared }];
            let mut granted = 0;
            let mut calls = 0;
            while meter.charge(&payers, Bill::requests(amount)).await.is_ok() {
                granted += amount;
                calls += 1;
                if calls % beats == 0 {
                    meter.beat().await.expect("a beat");
                }
                tokio::task::yield_now().await;
            }
            (client % processes, granted)
        });
    }
    let mut granted = vec![0; processes];
    for (process, amount) in tasks.join_all().await {
        granted[process] += amount;
    }
    for meter in &meters {
        meter.settle().await;
    }
    let counted = spent(&*store, "group:soc").await;
    assert_eq!(counted, spent(&*store, "someone").await, "both ledgers counted the same");
    (granted, counted)
}

async fn spent(store: &dyn Store, name: &str) -> u64 {
    let quota = Quota::ApiRequestsDaily;
    store.spent(name, quota, quota.window().start(NOON)).await.expect("a count")
}

proptest! {
    #[test]
    fn with_n_left_exactly_n_are_granted(day in 0_u64..600, processes in 1_usize..3, beats in 1_usize..50) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
        let (granted, counted) = runtime.block_on(drain(day, processes, 64, &[1], beats));
        prop_assert_eq!(granted.iter().sum::<u64>(), day);
        prop_assert_eq!(counted, day);
    }

    #[test]
    fn calls_of_any_price_are_never_granted_beyond_the_limit(
        day in 0_u64..600,
        processes in 1_usize..3,
        amounts in proptest::collection::vec(1_u64..40, 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
        let (granted, counted) = runtime.block_on(drain(day, processes, 16, &amounts, 7));
        prop_assert!(granted.iter().sum::<u64>() <= day);
        prop_assert_eq!(counted, granted.iter().sum::<u64>());
    }
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
    let before = spent(&*store, "someone").await;
    clock.advance(std::time::Duration::from_secs(11));
    other.beat().await.expect("a beat");
    let after = spent(&*store, "someone").await;
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
