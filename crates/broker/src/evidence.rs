//! Who asked for what, what it cost, and what was saved: counted in memory and written as usage figures every second.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use assay_model::usage::{Dimension, Tally};
use assay_model::{Result, Timestamp};
use assay_store::Store;
use serde::Serialize;

use crate::ask::How;

/// Figures of one contract: by outcome.
type Counts = HashMap<(String, Arc<str>, Timestamp, How), u64>;

/// See the module.
#[derive(Default)]
pub(crate) struct Evidence(Mutex<Counts>);

impl Evidence {
    /// Counts a question.
    pub(crate) fn count(&self, contract: &str, account: &Arc<str>, how: How, now: Timestamp) {
        metrics::counter!("assay_broker_answers_total", "contract" => contract.to_owned(), "how" => how.name())
            .increment(1);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((contract.to_owned(), account.clone(), now.day(), how)).or_default() += 1;
    }

    /// Writes what was counted since the last time.
    pub(crate) async fn flush(&self, store: &dyn Store) -> Result<()> {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if counts.is_empty() {
            return Ok(());
        }
        let mut tallies = Vec::with_capacity(2 * counts.len());
        for ((contract, account, day, how), amount) in counts {
            let subject: Arc<str> = format!("upstream:{contract}").into();
            metrics::counter!(
                "assay_broker_account_answers_total",
                "contract" => contract.clone(), "account" => account.to_string(), "how" => how.name()
            )
            .increment(amount);
            let tally = |dimension, value: Arc<str>| Tally { subject: subject.clone(), day, dimension, value, amount };
            tallies.push(tally(Dimension::Broker, how.name().into()));
            tallies.push(tally(Dimension::BrokerAccount, format!("{} {account}", how.name()).into()));
        }
        Ok(store.tally(&tallies).await?)
    }
}

/// By outcome.
pub type Figures = BTreeMap<String, u64>;

/// What became of the questions under a contract.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// All together; `asked` is their sum.
    pub total: Figures,
    /// By UTC day, `YYYY-MM-DD`.
    pub days: BTreeMap<String, Figures>,
    /// By account.
    pub accounts: BTreeMap<String, Figures>,
    /// Questions that were answered and cost nothing.
    pub saved: u64,
    /// The same, percent of all that were answered.
    pub saved_percent: u64,
}

/// The report of a contract from one day to another, both included.
pub async fn report(store: &dyn Store, contract: &str, from: Timestamp, to: Timestamp) -> Result<Report> {
    let subject = format!("upstream:{contract}");
    let mut report = Report::default();
    let from = from.day();
    let mut day = from;
    while day <= to {
        report.days.insert(date(day), with_all(&Figures::new()));
        day = day.next_day();
    }
    for (day, how, count) in store.tallied(&subject, Dimension::Broker, from, to).await? {
        add(report.days.entry(date(day)).or_default(), &how, count);
        add(&mut report.total, &how, count);
    }
    for (_, value, count) in store.tallied(&subject, Dimension::BrokerAccount, from, to).await? {
        if let Some((how, account)) = value.split_once(' ') {
            add(report.accounts.entry(account.to_owned()).or_default(), how, count);
        }
    }
    let total = with_all(&report.total);
    let of = |how: How| total.get(how.name()).copied().unwrap_or(0);
    report.saved = of(How::Local) + of(How::Cached) + of(How::Coalesced) + of(How::Stale);
    let answered = report.saved + of(How::Upstream);
    report.saved_percent = report.saved.saturating_mul(100).checked_div(answered).unwrap_or(0);
    report.total = total;
    for figures in report.accounts.values_mut() {
        *figures = with_all(figures);
    }
    Ok(report)
}

fn add(figures: &mut Figures, how: &str, count: u64) {
    for name in [how, "asked"] {
        *figures.entry(name.to_owned()).or_default() += count;
    }
}

/// Every outcome has a figure, also those that did not happen.
fn with_all(figures: &Figures) -> Figures {
    let mut all: Figures = How::ALL.iter().map(|how| (how.name().to_owned(), 0)).collect();
    all.insert("asked".to_owned(), 0);
    all.extend(figures.iter().map(|(name, count)| (name.clone(), *count)));
    all
}

fn date(day: Timestamp) -> String {
    day.text()[..10].to_owned()
}
