//! Who may how often. In goes who pays (an account, and its group where it has one) and a [`Bill`], out comes a receipt,
//! or which window of whose is exhausted and when it opens.
//!
//! The minute slides (GCRA) and is kept by the store. Days and months are counters in the store, from which each process
//! takes leases and spends them in memory, so that the hot path does not wait for the disk. With N left and any number
//! of clients and processes exactly N are granted: the store hands out every unit once.
//!
//! | when | what happens to a lease |
//! |---|---|
//! | every second | it is extended, and the store learns what is left of it |
//! | nobody spends for a few seconds, or the process ends | what is left goes back |
//! | the process dies | the store takes back what cannot have been spent; what could have been stays counted |
//!
//! Invariant: a lease is spent only down to its floor, which is what the store takes back from a dead process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use assay_model::clock::Clock;
use assay_model::quota::{Limits, Quota, UNLIMITED};
use assay_model::random::Random;
use assay_model::{Result, Timestamp};
use assay_store::{Charge, Held, Paced, Rate, Spent, Store, StoreError, Want};

mod ledger;
mod remaining;

use ledger::{Ledger, Take};
use remaining::exhausted;
pub use remaining::{Exhausted, Remaining};

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
/// How long a lease holds without being extended, seconds.
const LEASE: i64 = 10;
/// After how many seconds without a call an account's leases go back.
const IDLE: i64 = 3;
/// At what shares of a limit its owner is told, percent.
const THRESHOLDS: [u64; 4] = [50, 80, 95, 100];

/// See the module.
pub struct Meter {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// The name of this process towards the store.
    node: String,
    ledgers: Mutex<HashMap<Arc<str>, Arc<Ledger>>>,
}

/// What a call costs, and in what.
#[derive(Debug, Clone, Copy)]
pub struct Bill {
    counted: &'static [Quota],
    paced: bool,
    amount: u64,
}

impl Bill {
    /// API requests: a minute, a day, a month.
    pub const fn requests(amount: u64) -> Self {
        Self { counted: &[Quota::ApiRequestsDaily, Quota::ApiRequestsMonthly], paced: true, amount }
    }

    /// Whether it costs nothing.
    pub const fn is_free(&self) -> bool {
        self.amount == 0
    }

    /// How much it costs.
    pub const fn amount(&self) -> u64 {
        self.amount
    }

    /// One of what is made and counted by a quota of its own.
    pub const fn one_of(quotas: &'static [Quota]) -> Self {
        Self { counted: quotas, paced: false, amount: 1 }
    }

    /// Downloads of an account that has Intelligence and no API requests.
    pub const fn downloads(amount: u64) -> Self {
        Self { counted: &[Quota::IntelligenceDownloadsMonthly], paced: false, amount }
    }
}

/// Somebody who pays.
#[derive(Debug, Clone, Copy)]
pub struct Payer<'a> {
    /// The name of the ledger: the account's, or its group's ([`assay_model::access::Pool`]).
    pub name: &'a Arc<str>,
    /// What may be used.
    pub limits: &'a Limits,
}

/// What a call was charged, and what is left of the minute.
#[derive(Debug)]
pub struct Receipt {
    paid: Vec<(Arc<Ledger>, Option<Rate>)>,
    counted: &'static [Quota],
    windows: Vec<Timestamp>,
    /// What was taken.
    pub amount: u64,
    /// The minute of the payer that has least left.
    pub minute: Option<Remaining>,
}

impl Receipt {
    /// The ledgers that paid.
    pub fn payers(&self) -> Vec<String> {
        self.paid.iter().map(|(ledger, _)| ledger.name.to_string()).collect()
    }
}

/// A share of a limit that was passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threshold {
    /// Whose ledger.
    pub name: Arc<str>,
    /// Of what.
    pub quota: Quota,
    /// The first second of the window.
    pub window: Timestamp,
    /// The share, percent.
    pub percent: u64,
    /// What was used.
    pub used: u64,
    /// Of how much.
    pub limit: u64,
}

impl Meter {
    /// A meter of one process over a store.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, random: &dyn Random) -> Self {
        let mut node = [0; 8];
        random.fill(&mut node);
        Self { store, clock, node: hex::encode(node), ledgers: Mutex::default() }
    }

    /// Takes what a call costs from everybody who pays, or from nobody and says what is exhausted.
    pub async fn charge(&self, payers: &[Payer<'_>], bill: Bill) -> Result<Arc<Receipt>> {
        let ledgers: Vec<_> = payers.iter().map(|payer| self.ledger(payer.name)).collect();
        let rates = if bill.paced { payers.iter().map(|payer| rate(payer, bill.amount)).collect() } else { Vec::new() };
        let minute = self.pace(payers, &rates).await?;
        let paid = ledgers
            .iter()
            .enumerate()
            .map(|(place, ledger)| (ledger.clone(), rates.get(place).filter(|rate| is_held(rate)).cloned()));
        let mut receipt =
            Receipt { paid: paid.collect(), counted: bill.counted, windows: Vec::new(), amount: bill.amount, minute };
        loop {
            let now = self.clock.now();
            match ledger::take(&ledgers, bill, now) {
                Take::Taken(windows) => {
                    receipt.windows = windows;
                    return Ok(Arc::new(receipt));
                }
                Take::Short => {
                    if let Err(error) = self.refill(&ledgers, payers, bill).await {
                        self.unpace(&receipt).await;
                        return Err(error);
                    }
                }
            }
        }
    }

    async fn pace(&self, payers: &[Payer<'_>], rates: &[Rate]) -> Result<Option<Remaining>> {
        let held: Vec<_> = rates.iter().filter(|rate| is_held(rate)).cloned().collect();
        if held.is_empty() {
            return Ok(None);
        }
        let now = self.clock.nanoseconds();
        match self.store.pace(&held, now).await? {
            Paced::Granted(arrivals) => {
                let minutes = held.iter().zip(arrivals).map(|(rate, arrival)| minute(rate, arrival - now));
                Ok(minutes.min_by_key(|minute| minute.left))
            }
            Paced::Wait(place, wait) => {
                let name = &held[place].account;
                let payer = payers.iter().find(|payer| payer.name == name).unwrap_or(&payers[0]);
                Err(exhausted(payer.name, Quota::ApiRequestsHourly, payer.limits, self.clock.now(), Some(wait)))
            }
        }
    }

    async fn unpace(&self, receipt: &Receipt) {
        let rates: Vec<_> = receipt.paid.iter().filter_map(|(_, rate)| rate.clone()).collect();
        if rates.is_empty() {
            return;
        }
        if let Err(error) = self.store.unpace(&rates).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "requests of a minute could not be given back");
        }
    }

    /// Gives back what a call was charged.
    pub async fn refund(&self, receipt: &Receipt) {
        self.unpace(receipt).await;
        let mut late = Vec::new();
        for (ledger, _) in &receipt.paid {
            for (quota, window) in receipt.counted.iter().zip(&receipt.windows) {
                if !ledger.put_back(*quota, *window, receipt.amount, self.clock.now()) {
                    late.push(Charge {
                        account: ledger.name.clone(),
                        quota: *quota,
                        window: *window,
                        limit: 0,
                        amount: receipt.amount,
                    });
                }
            }
        }
        if late.is_empty() {
            return;
        }
        if let Err(error) = self.store.refund(&late).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "requests could not be given back");
        }
    }

    /// Gives back one of what counts as long as it is there, to the ledgers that paid for it ([`Receipt::payers`]).
    pub async fn give_up(&self, payers: &[String], quota: Quota) -> Result<()> {
        let window = quota.window().start(self.clock.now());
        let charge = |name: &String| Charge { account: name.as_str().into(), quota, window, limit: 0, amount: 1 };
        let charges: Vec<_> = payers.iter().map(charge).collect();
        if charges.is_empty() {
            return Ok(());
        }
        Ok(self.store.refund(&charges).await?)
    }

    /// What a payer has used of a quota in the current window. The rate is told per hour, as its limit is: a minute that is
    /// used up shows as an hour that is.
    pub async fn used(&self, payer: &Payer<'_>, quota: Quota) -> Result<u64> {
        if quota == Quota::ApiRequestsHourly {
            return self.used_of_minute(payer).await.map(|used| used.saturating_mul(60));
        }
        let window = quota.window().start(self.clock.now());
        // Read before the lease: a lease taken in between makes the figure too high, never too low.
        let leased = self.known(payer.name).map_or(0, |ledger| ledger.left(quota, window));
        Ok(self.store.spent(payer.name, quota, window).await?.saturating_sub(leased))
    }

    async fn used_of_minute(&self, payer: &Payer<'_>) -> Result<u64> {
        let rate = rate(payer, 0);
        if !is_held(&rate) {
            return Ok(0);
        }
        let now = self.clock.nanoseconds();
        Ok(match self.store.pace(std::slice::from_ref(&rate), now).await? {
            Paced::Granted(arrivals) => {
                let left = arrivals.first().map_or(rate.burst, |arrival| minute(&rate, arrival - now).left);
                rate.burst.saturating_sub(left)
            }
            Paced::Wait(..) => rate.burst,
        })
    }

    /// Extends the leases, gives back those of accounts that are idle, and takes back those of processes that died.
    /// To be called every second. Answers the shares of limits that were passed.
    pub async fn beat(&self) -> Result<Vec<Threshold>> {
        let now = self.clock.now();
        let until = Timestamp(now.0 + LEASE);
        let ledgers = self.all();
        let (busy, idle): (Vec<_>, Vec<_>) = ledgers.into_iter().partition(|ledger| ledger.last_call() > now.0 - IDLE);
        self.release(idle).await;
        let reports: Vec<_> = busy.iter().flat_map(|ledger| ledger.reports(now)).collect();
        let held: Vec<_> = reports.iter().map(|report| report.held.clone()).collect();
        if !held.is_empty() {
            let gone = self.store.hold(&self.node, &held, until).await?;
            for (place, report) in reports.iter().enumerate() {
                report.told(!gone.contains(&place), until);
            }
        }
        let ended = self.store.end_leases(now).await?;
        if ended > 0 {
            tracing::info!(ended, "leases of a process that is gone were taken back");
        }
        let mut passed = Vec::new();
        for report in reports {
            passed.extend(self.passed(report).await?);
        }
        Ok(passed)
    }

    /// The highest threshold that a lease's counter has passed and that was not told yet.
    async fn passed(&self, report: ledger::Report) -> Result<Option<Threshold>> {
        let (Held { account, quota, window, .. }, left) = (report.held, report.left);
        if report.limit >= UNLIMITED || report.limit == 0 {
            return Ok(None);
        }
        let used = self.store.spent(&account, quota, window).await?.saturating_sub(left);
        let share = used.saturating_mul(100) / report.limit;
        let percent = THRESHOLDS.into_iter().filter(|threshold| *threshold <= share).max();
        let told = percent.filter(|percent| report.ledger.tell(quota, window, *percent));
        Ok(told.map(|percent| Threshold { name: account, quota, window, percent, used, limit: report.limit }))
    }

    /// Gives back all that is leased and not spent; for the end of the process.
    pub async fn settle(&self) {
        self.release(self.all()).await;
    }

    async fn release(&self, ledgers: Vec<Arc<Ledger>>) {
        let held: Vec<_> = ledgers.iter().flat_map(|ledger| ledger.empty()).collect();
        {
            let mut kept = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
            for ledger in ledgers {
                // The map's and this one: nobody else can get at it while the map is locked.
                if Arc::strong_count(&ledger) == 2 && ledger.is_empty() {
                    kept.remove(&ledger.name);
                }
            }
        }
        if held.is_empty() {
            return;
        }
        if let Err(error) = self.store.give_back(&self.node, &held).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "leases could not be given back; they run out");
        }
    }

    fn all(&self) -> Vec<Arc<Ledger>> {
        self.ledgers.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn known(&self, name: &Arc<str>) -> Option<Arc<Ledger>> {
        self.ledgers.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn ledger(&self, name: &Arc<str>) -> Arc<Ledger> {
        let mut ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ledger) = ledgers.get(name) {
            return ledger.clone();
        }
        let ledger = Arc::new(Ledger::new(name.clone()));
        ledgers.insert(name.clone(), ledger.clone());
        ledger
    }

    /// Leases more of what ran out.
    async fn refill(&self, ledgers: &[Arc<Ledger>], payers: &[Payer<'_>], bill: Bill) -> Result<()> {
        // Whoever held the locks before may have refilled: what is enough by now is not short. Everybody locks the
        // account before its group, so nobody waits in a circle.
        let mut one_at_a_time = Vec::with_capacity(ledgers.len());
        for ledger in ledgers {
            one_at_a_time.push(ledger.refill.lock().await);
        }
        let now = self.clock.now();
        let mut over = Vec::new();
        let mut short = Vec::new();
        for (ledger, payer) in ledgers.iter().zip(payers) {
            for quota in bill.counted {
                let limit = payer.limits.of(*quota);
                let most = (limit / 1000).clamp(1, 10_000).max(bill.amount);
                over.extend(ledger.drop_over(*quota, now));
                if let Some(held) = ledger.short_of(*quota, bill.amount, now) {
                    let window = quota.window().start(now);
                    let account = ledger.name.clone();
                    short.push((
                        ledger,
                        payer,
                        Want { account, quota: *quota, window, limit, amount: bill.amount, most, held },
                    ));
                }
            }
        }
        if !over.is_empty() {
            self.store.give_back(&self.node, &over).await?;
        }
        if short.is_empty() {
            return Ok(());
        }
        let until = Timestamp(now.0 + LEASE);
        let wants: Vec<_> = short.iter().map(|(.., want)| want.clone()).collect();
        match self.store.lease(&self.node, &wants, until).await {
            Err(StoreError::Conflict) => {
                // Something that was held has run out and was taken back: what is left of the others goes back too.
                let held = short.iter().filter_map(|(ledger, _, want)| ledger.forget(want.quota)).collect::<Vec<_>>();
                self.store.give_back(&self.node, &held).await?;
                Ok(())
            }
            Err(error) => Err(error.into()),
            Ok(Spent::Granted(grants)) => {
                for ((ledger, _, want), grant) in short.into_iter().zip(grants) {
                    ledger.add(&want, grant, until);
                }
                Ok(())
            }
            Ok(Spent::Exhausted(place)) => {
                let (ledger, payer, want) = &short[place];
                let end = want.quota.window().end(now);
                let opens_in = end.map(|end| Duration::from_secs((end.0 - now.0).max(1).unsigned_abs()));
                Err(exhausted(&ledger.name, want.quota, payer.limits, now, opens_in))
            }
        }
    }
}

fn rate(payer: &Payer<'_>, amount: u64) -> Rate {
    let burst = payer.limits.minute;
    let interval = (MINUTE / i64::try_from(burst.max(1)).unwrap_or(i64::MAX)).max(1);
    Rate { account: payer.name.clone(), quota: Quota::ApiRequestsHourly, interval, burst, amount }
}

/// Whether a rate limits anything.
fn is_held(rate: &Rate) -> bool {
    rate.burst < UNLIMITED
}

fn minute(rate: &Rate, ahead: i64) -> Remaining {
    let used = u64::try_from(divide_up(ahead, rate.interval)).unwrap_or(0);
    Remaining {
        quota: rate.quota,
        limit: rate.burst,
        left: rate.burst.saturating_sub(used),
        reset: Some(u64::try_from(divide_up(ahead, SECOND)).unwrap_or(0)),
    }
}

/// Divides and rounds up; `by` is positive.
fn divide_up(number: i64, by: i64) -> i64 {
    number.saturating_add(by - 1).div_euclid(by)
}
