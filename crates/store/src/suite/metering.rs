//! The contract of leases, rates and usage figures.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use assay_model::Timestamp;
use assay_model::quota::Quota;
use assay_model::usage::{Dimension, Tally};

use crate::{Held, Paced, Rate, Spent, Store, StoreError, Want, lease};

const QUOTA: Quota = Quota::ApiRequestsDaily;
const WINDOW: Timestamp = Timestamp(0);

/// Runs the contract over stores that `fresh` makes.
pub(super) async fn run<F, R>(fresh: &F)
where
    F: Fn() -> R,
    R: Future<Output = Arc<dyn Store>>,
{
    leases_hand_out_exactly_the_limit_to_many_on_two_nodes(fresh().await).await;
    a_lease_that_nobody_extends_gives_back_what_is_below_its_floor(&*fresh().await).await;
    a_lease_that_is_extended_stays_and_its_floor_follows_what_is_left(&*fresh().await).await;
    a_lease_that_is_gone_is_told_and_never_comes_back(&*fresh().await).await;
    what_is_left_of_a_lease_can_be_given_back(&*fresh().await).await;
    an_exhausted_counter_leases_nothing_of_the_others(&*fresh().await).await;
    a_rate_grants_its_burst_and_then_one_each_interval(&*fresh().await).await;
    several_rates_are_taken_together_or_not_at_all(&*fresh().await).await;
    what_was_given_back_to_a_rate_can_be_taken_again(&*fresh().await).await;
    a_rate_grants_no_more_to_many_at_once(fresh().await).await;
    usage_figures_add_up_and_are_forgotten_by_day(&*fresh().await).await;
}

fn want(account: &str, limit: u64, held: u64) -> Want {
    Want { account: account.into(), quota: QUOTA, window: WINDOW, limit, amount: 1, most: 40, held }
}

fn held(account: &str, left: u64) -> Held {
    Held { account: account.into(), quota: QUOTA, window: WINDOW, left }
}

async fn used(store: &dyn Store, account: &str) -> u64 {
    store.spent(account, QUOTA, WINDOW).await.expect("a count")
}

/// Leases for one counter; answers the grant.
async fn take(store: &dyn Store, node: &str, want: Want) -> u64 {
    match store.lease(node, &[want], Timestamp(10)).await.expect("an answer") {
        Spent::Granted(grants) => grants[0],
        Spent::Exhausted(_) => 0,
    }
}

/// What a node has in memory of one lease, as the module [`lease`] says that it is to be used.
#[derive(Default)]
struct Node {
    name: &'static str,
    /// What is left, and down to where it may be handed out.
    state: Mutex<(u64, u64)>,
    asking: tokio::sync::Mutex<()>,
}

impl Node {
    fn hand_out(&self) -> bool {
        let mut state = self.state.lock().expect("no panic");
        let enough = state.0 > state.1;
        state.0 -= u64::from(enough);
        enough
    }

    /// Answers whether there is more to hand out.
    async fn ask(&self, store: &dyn Store, limit: u64) -> bool {
        let _one_at_a_time = self.asking.lock().await;
        let left = {
            let mut state = self.state.lock().expect("no panic");
            if state.0 > state.1 {
                return true;
            }
            state.1 = state.1.max(lease::floor(state.0));
            state.0
        };
        let grant = take(store, self.name, want("a", limit, left)).await;
        if grant == 0 && left > 0 {
            store.hold(self.name, &[held("a", left)], Timestamp(10)).await.expect("an answer");
        }
        let mut state = self.state.lock().expect("no panic");
        state.0 += grant;
        state.1 = lease::floor(left + grant);
        grant > 0 || left > 0
    }
}

async fn leases_hand_out_exactly_the_limit_to_many_on_two_nodes(store: Arc<dyn Store>) {
    let nodes = ["one", "two"].map(|name| Arc::new(Node { name, ..Node::default() }));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..64 {
        let (store, node) = (store.clone(), nodes[n % 2].clone());
        tasks.spawn(async move {
            let mut granted = 0;
            while node.ask(&*store, 1000).await {
                granted += u64::from(node.hand_out());
                if granted % 7 == 0 {
                    store.hold(node.name, &[], Timestamp(20)).await.expect("an answer");
                }
            }
            granted
        });
    }
    let granted: u64 = tasks.join_all().await.into_iter().sum();
    assert_eq!(granted, 1000);
    assert_eq!(used(&*store, "a").await, 1000);
    store.end_leases(Timestamp(99)).await.expect("an answer");
    assert_eq!(used(&*store, "a").await, 1000, "all was handed out, nothing comes back");
}

async fn a_lease_that_nobody_extends_gives_back_what_is_below_its_floor(store: &dyn Store) {
    assert_eq!(take(store, "one", want("a", 80, 0)).await, 10);
    assert_eq!(take(store, "two", want("a", 80, 0)).await, 8);
    assert_eq!(take(store, "one", want("a", 80, 5)).await, 7);
    assert_eq!(used(store, "a").await, 25);
    assert_eq!(store.end_leases(Timestamp(9)).await.expect("an answer"), 0);
    store.hold("two", &[], Timestamp(20)).await.expect("an answer");
    assert_eq!(store.end_leases(Timestamp(10)).await.expect("an answer"), 1);
    assert_eq!(used(store, "a").await, 25 - 6, "half of the 12 that were held");
    assert_eq!(store.end_leases(Timestamp(20)).await.expect("an answer"), 1);
    assert_eq!(used(store, "a").await, 25 - 6 - 4);
    assert_eq!(store.end_leases(Timestamp(99)).await.expect("an answer"), 0);
}

async fn a_lease_that_is_extended_stays_and_its_floor_follows_what_is_left(store: &dyn Store) {
    assert_eq!(take(store, "one", want("a", 80, 0)).await, 10);
    assert_eq!(take(store, "one", want("b", 80, 0)).await, 10);
    let gone = store.hold("one", &[held("a", 3)], Timestamp(30)).await.expect("an answer");
    assert!(gone.is_empty());
    assert_eq!(store.end_leases(Timestamp(29)).await.expect("an answer"), 0);
    assert_eq!(store.end_leases(Timestamp(30)).await.expect("an answer"), 2);
    assert_eq!((used(store, "a").await, used(store, "b").await), (9, 5));
}

async fn a_lease_that_is_gone_is_told_and_never_comes_back(store: &dyn Store) {
    assert_eq!(take(store, "one", want("a", 80, 0)).await, 10);
    assert_eq!(take(store, "one", want("b", 80, 0)).await, 10);
    store.hold("one", &[], Timestamp(20)).await.expect("an answer");
    store.give_back("one", &[held("b", 10)]).await.expect("an answer");
    assert_eq!(store.end_leases(Timestamp(20)).await.expect("an answer"), 1);
    let gone = store.hold("one", &[held("b", 10), held("a", 8)], Timestamp(30)).await.expect("an answer");
    assert_eq!(gone, [0, 1]);
    let refused = store.lease("one", &[want("c", 80, 0), want("a", 80, 8)], Timestamp(30)).await;
    assert!(matches!(refused, Err(StoreError::Conflict)));
    store.give_back("one", &[held("a", 8)]).await.expect("an answer");
    assert_eq!((used(store, "a").await, used(store, "b").await, used(store, "c").await), (5, 0, 0));
    assert_eq!(store.end_leases(Timestamp(99)).await.expect("an answer"), 0);
    assert_eq!(take(store, "one", want("a", 85, 0)).await, 10, "and what is asked for anew is a new lease");
}

async fn what_is_left_of_a_lease_can_be_given_back(store: &dyn Store) {
    assert_eq!(take(store, "one", want("a", 80, 0)).await, 10);
    store.give_back("two", &[held("a", 7)]).await.expect("an answer");
    assert_eq!(used(store, "a").await, 10, "it is not the other node's");
    store.give_back("one", &[held("a", 7), held("never was", 7)]).await.expect("an answer");
    store.give_back("one", &[held("a", 7)]).await.expect("an answer");
    assert_eq!(used(store, "a").await, 3);
}

async fn an_exhausted_counter_leases_nothing_of_the_others(store: &dyn Store) {
    let both = |amount| [want("person", 80, 0), Want { amount, ..want("group", 10, 0) }];
    let lease = async |least| store.lease("one", &both(least), Timestamp(10)).await.expect("an answer");
    assert_eq!(lease(3).await, Spent::Granted(vec![10, 3]));
    assert_eq!(lease(8).await, Spent::Exhausted(1));
    assert_eq!((used(store, "person").await, used(store, "group").await), (10, 3));
    assert_eq!(store.end_leases(Timestamp(10)).await.expect("an answer"), 2);
}

const START: i64 = 1_800_000_000_000_000_000;

fn rate(account: &str, interval: i64, burst: u64, amount: u64) -> Rate {
    Rate { account: account.into(), quota: Quota::ApiRequestsHourly, interval, burst, amount }
}

async fn a_rate_grants_its_burst_and_then_one_each_interval(store: &dyn Store) {
    let pace = async |amount, now| store.pace(&[rate("a", 100, 4, amount)], START + now).await.expect("an answer");
    for n in 1..=4 {
        assert_eq!(pace(1, 0).await, Paced::Granted(vec![START + 100 * n]));
    }
    assert_eq!(pace(1, 0).await, Paced::Wait(0, Duration::from_nanos(100)));
    assert_eq!(pace(1, 60).await, Paced::Wait(0, Duration::from_nanos(40)));
    assert_eq!(pace(1, 100).await, Paced::Granted(vec![START + 500]));
    assert_eq!(pace(2, 200).await, Paced::Wait(0, Duration::from_nanos(100)));
    assert_eq!(pace(2, 300).await, Paced::Granted(vec![START + 700]));
    assert!(matches!(pace(5, 9_000).await, Paced::Wait(0, _)), "more than the burst never fits");
    assert_eq!(pace(4, 9_000).await, Paced::Granted(vec![START + 9_400]), "and a pause fills it up again");
}

async fn several_rates_are_taken_together_or_not_at_all(store: &dyn Store) {
    let both = [rate("person", 100, 4, 1), rate("group", 1000, 2, 1)];
    for n in 1..=2 {
        let arrivals = vec![START + 100 * n, START + 1000 * n];
        assert_eq!(store.pace(&both, START).await.expect("an answer"), Paced::Granted(arrivals));
    }
    assert_eq!(store.pace(&both, START).await.expect("an answer"), Paced::Wait(1, Duration::from_micros(1)));
    let alone = store.pace(&both[..1], START).await.expect("an answer");
    assert_eq!(alone, Paced::Granted(vec![START + 300]), "the refusal took nothing");
}

async fn what_was_given_back_to_a_rate_can_be_taken_again(store: &dyn Store) {
    let all = [rate("a", 100, 4, 4)];
    assert_eq!(store.pace(&all, START).await.expect("an answer"), Paced::Granted(vec![START + 400]));
    store.unpace(&[rate("a", 100, 4, 3), rate("never was", 100, 4, 1)]).await.expect("an answer");
    let again = store.pace(&[rate("a", 100, 4, 3)], START).await.expect("an answer");
    assert_eq!(again, Paced::Granted(vec![START + 400]));
    assert!(matches!(store.pace(&[rate("a", 100, 4, 1)], START).await.expect("an answer"), Paced::Wait(0, _)));
}

async fn a_rate_grants_no_more_to_many_at_once(store: Arc<dyn Store>) {
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..64 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut granted = 0;
            // Sixteen moments, ten intervals in all.
            for moment in 0..16 {
                let now = START + 1_000_000_000 * moment / 16 + n;
                let answer = store.pace(&[rate("a", 100_000_000, 30, 1)], now).await.expect("an answer");
                granted += u64::from(matches!(answer, Paced::Granted(_)));
            }
            granted
        });
    }
    let granted: u64 = tasks.join_all().await.into_iter().sum();
    assert!((39..=40).contains(&granted), "30 at once and then one each interval: {granted}");
}

async fn usage_figures_add_up_and_are_forgotten_by_day(store: &dyn Store) {
    let tally = |day, value: &str, amount| Tally {
        subject: "a".into(),
        day: Timestamp(day),
        dimension: Dimension::Endpoint,
        value: value.into(),
        amount,
    };
    let other = Tally { subject: "b".into(), ..tally(0, "/files/{id}", 50) };
    let key = Tally { dimension: Dimension::Key, ..tally(0, "/files/{id}", 60) };
    let first =
        [tally(0, "/files/{id}", 1), tally(86_400, "/files", 2), tally(86_400, "/analyses/{id}", 3), other, key];
    store.tally(&first).await.expect("an answer");
    store.tally(&[tally(86_400, "/files", 5), tally(172_800, "/files", 7)]).await.expect("an answer");
    let read = async |from, to| {
        let figures = store.tallied("a", Dimension::Endpoint, Timestamp(from), Timestamp(to)).await.expect("figures");
        figures.into_iter().map(|(day, value, amount)| (day.0, value.to_string(), amount)).collect::<Vec<_>>()
    };
    let second_day = [(86_400, "/analyses/{id}".to_owned(), 3), (86_400, "/files".to_owned(), 7)];
    assert_eq!(read(1, 86_400).await, second_day);
    assert_eq!(read(0, 172_800).await.len(), 4);
    store.forget_tallies(Timestamp(172_800)).await.expect("an answer");
    assert_eq!(read(0, i64::MAX).await, [(172_800, "/files".to_owned(), 7)]);
}
