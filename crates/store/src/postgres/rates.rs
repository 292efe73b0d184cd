//! Rates over all nodes: one row each, and in the memory of each node what it has drawn of the fast ones.
//!
//! A rate's arrival moves on by one interval with each one that is taken: each has a slot of its own on that line, from
//! one interval to the next, whichever node took it. Of a fast rate a node draws the slots of the next few milliseconds
//! at once, and spends them from memory. A slot that has begun is not spent any more: by then the line has let it go, and
//! somebody else may have got its like. So all nodes together never grant more than one store in memory would.
//!
//! A refusal is remembered for a moment too: nothing but a gift back makes room before its time, and who asks again and
//! again must not keep the database busy.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use assay_model::quota::Quota;
use async_trait::async_trait;
use tokio::sync::MutexGuard;
use tokio_postgres::Row;

use super::fault::Fault;
use super::pool::{Done, Pool, Work};
use super::session::{Session, Steps, Value, value};
use super::text::kept;
use crate::{Durability, Paced, Rate, Result};

/// Every statement of this file.
pub(super) const ALL: &[&str] = &[ENSURE, LOCK, MOVE, GIVE];

const ENSURE: &str = "
    INSERT INTO rates (account, quota, arrival) SELECT k.account, k.quota, 0
    FROM unnest($1::text[], $2::text[]) AS k (account, quota) ORDER BY 1, 2 ON CONFLICT DO NOTHING";
const LOCK: &str = "
    SELECT k.nth, r.arrival FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (account, quota, nth)
    JOIN rates r ON r.account = k.account AND r.quota = k.quota ORDER BY r.account, r.quota FOR UPDATE OF r";
const MOVE: &str = "
    UPDATE rates r SET arrival = k.arrival
    FROM unnest($1::text[], $2::text[], $3::bigint[]) AS k (account, quota, arrival)
    WHERE r.account = k.account AND r.quota = k.quota";
const GIVE: &str = "
    UPDATE rates r SET arrival = r.arrival - k.taken
    FROM unnest($1::text[], $2::text[], $3::bigint[]) AS k (account, quota, taken)
    WHERE r.account = k.account AND r.quota = k.quota";

/// How far ahead slots are drawn, in nanoseconds.
const AHEAD: i64 = 20_000_000;
/// How long a refusal is remembered, in nanoseconds, also if it holds longer.
const REFUSED: i64 = 500_000_000;
/// With so many rates in memory, what is over is dropped.
const MANY: usize = 4096;
/// At most this part of the burst is drawn at once.
const PART: u64 = 16;
/// How many accounts may ask the database at the same time.
const GATES: usize = 64;

type Name = (Arc<str>, Quota);

/// Slots that were drawn and not spent: from the beginning of the first to the end of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slots {
    next: i64,
    end: i64,
}

impl Slots {
    /// Spends some, the earliest that have not begun.
    fn spend(&mut self, rate: &Rate, now: i64) -> bool {
        let behind = now.saturating_sub(self.next).max(0);
        let begun = behind.div_euclid(rate.interval) + i64::from(behind.rem_euclid(rate.interval) > 0);
        let next = self.next.saturating_add(begun.saturating_mul(rate.interval));
        let fits = self.end.saturating_sub(next) >= rate.taken();
        self.next = if fits { next + rate.taken() } else { next };
        fits
    }
}

/// That there is no room.
struct Refusal {
    rate: Rate,
    /// When there is room again.
    opens: i64,
    /// Until when that is believed.
    holds: i64,
}

#[derive(Default)]
struct Known {
    drawn: HashMap<Name, (i64, Slots)>,
    refused: HashMap<Name, Refusal>,
}

/// What this node knows of the rates.
pub(super) struct Rates {
    known: Mutex<Known>,
    /// One asks for an account at a time, so that the others find what it drew, and no account takes all connections.
    gates: Vec<tokio::sync::Mutex<()>>,
}

impl Default for Rates {
    fn default() -> Self {
        Self { known: Mutex::default(), gates: (0..GATES).map(|_| tokio::sync::Mutex::default()).collect() }
    }
}

impl Known {
    /// Takes from what was drawn of every rate, or refuses what was just refused; none where the database must be asked.
    fn answer(&mut self, rates: &[Rate], now: i64) -> Option<Paced> {
        self.spend(rates, now).or_else(|| {
            let refused = rates.iter().enumerate().find_map(|(place, rate)| Some((place, self.refusal(rate, now)?)));
            refused.map(|(place, wait)| Paced::Wait(place, wait))
        })
    }

    fn spend(&mut self, rates: &[Rate], now: i64) -> Option<Paced> {
        let mut left = Vec::with_capacity(rates.len());
        for rate in rates {
            let (interval, mut slots) = *self.drawn.get(&name(rate))?;
            if interval != rate.interval || !slots.spend(rate, now) {
                return None;
            }
            left.push(slots);
        }
        for (rate, slots) in rates.iter().zip(&left) {
            self.drawn.insert(name(rate), (rate.interval, *slots));
        }
        Some(Paced::Granted(left.iter().map(|slots| slots.next).collect()))
    }

    fn refusal(&self, rate: &Rate, now: i64) -> Option<Duration> {
        let Refusal { rate: refused, opens, holds } = self.refused.get(&name(rate))?;
        let same = refused.interval == rate.interval && refused.burst == rate.burst && refused.amount <= rate.amount;
        (same && now < *holds).then(|| Duration::from_nanos((opens - now).unsigned_abs()))
    }

    fn learn(&mut self, rates: &[Rate], now: i64, paced: &Paced, drawn: Vec<Slots>) {
        if let Paced::Wait(place, wait) = paced
            && let Some(rate) = rates.get(*place)
        {
            let wait = i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX);
            let (opens, holds) = (now.saturating_add(wait), now.saturating_add(wait.min(REFUSED)));
            self.refused.insert(name(rate), Refusal { rate: rate.clone(), opens, holds });
        }
        for (rate, slots) in rates.iter().zip(drawn).filter(|(_, slots)| slots.end > slots.next) {
            self.drawn.insert(name(rate), (rate.interval, slots));
        }
        if self.drawn.len() + self.refused.len() > MANY {
            self.drawn.retain(|_, (_, slots)| slots.end > now);
            self.refused.retain(|_, refusal| refusal.holds > now);
        }
    }
}

/// How many more than are asked for are drawn of a rate.
fn more(rate: &Rate) -> u64 {
    let ahead = AHEAD.checked_div(rate.interval).unwrap_or(0);
    u64::try_from(ahead).unwrap_or(0).min(rate.burst / PART)
}

impl Rates {
    /// Takes from every rate or from none.
    pub(super) async fn pace(&self, pool: &Pool, rates: &[Rate], now: i64) -> Result<Paced> {
        let known = self.known().answer(rates, now);
        if let Some(known) = known {
            return Ok(known);
        }
        let _gates = self.enter(rates).await;
        // Whoever was here before may have learned enough.
        let known = self.known().answer(rates, now);
        if let Some(known) = known {
            return Ok(known);
        }
        let (paced, drawn) = pool.run(&Draw { rates, now }).await?;
        self.known().learn(rates, now, &paced, drawn);
        Ok(paced)
    }

    /// Gives back. What is given back of a fast rate would be there again in a few milliseconds by itself.
    pub(super) async fn unpace(&self, pool: &Pool, rates: &[Rate]) -> Result<()> {
        let slow: Vec<_> = rates.iter().filter(|rate| more(rate) == 0).collect();
        if slow.is_empty() {
            return Ok(());
        }
        pool.run(&Give(&slow)).await?;
        let mut known = self.known();
        known.refused.retain(|name, _| !rates.iter().any(|rate| rate.account == name.0 && rate.quota == name.1));
        Ok(())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn enter(&self, rates: &[Rate]) -> Vec<MutexGuard<'_, ()>> {
        let gate = |rate: &Rate| BuildHasherDefault::<DefaultHasher>::default().hash_one(name(rate)) % GATES as u64;
        let mut gates: Vec<_> = rates.iter().map(gate).collect();
        // In one order, so that nobody waits in a ring.
        gates.sort_unstable();
        gates.dedup();
        let mut guards = Vec::with_capacity(gates.len());
        for gate in gates {
            guards.push(self.gates[usize::try_from(gate).unwrap_or(0)].lock().await);
        }
        guards
    }
}

fn name(rate: &Rate) -> Name {
    (rate.account.clone(), rate.quota)
}

/// Takes from the rows of rates, all or none, and draws some more; answers what was drawn of each.
struct Draw<'a> {
    rates: &'a [Rate],
    now: i64,
}

#[async_trait]
impl Work for Draw<'_> {
    type Answer = (Paced, Vec<Slots>);

    async fn run(&self, session: &Session) -> Result<Done<'_, Self::Answer>, Fault> {
        let mut look = Steps::begin(Durability::Soon);
        look.add(ENSURE, columns(self.rates));
        let locked = look.add(LOCK, columns(self.rates));
        let stored = arrivals(&look.run(session).await?[locked], self.rates.len())?;
        let (mut taken, mut drawn) = (Vec::with_capacity(stored.len()), Vec::with_capacity(stored.len()));
        for (place, (rate, stored)) in self.rates.iter().zip(stored).enumerate() {
            match rate.take(stored, self.now) {
                Ok(arrival) => {
                    taken.push(arrival);
                    drawn.push(Slots { next: arrival, end: draw(rate, arrival, self.now) });
                }
                Err(wait) => return Ok(Done::Nothing((Paced::Wait(place, wait), Vec::new()))),
            }
        }
        let mut values = columns(self.rates);
        values.push(value(drawn.iter().map(|slots| slots.end).collect::<Vec<_>>()));
        let mut last = Steps::default();
        last.add(MOVE, values);
        Ok(Done::Commit((Paced::Granted(taken), drawn), last, None))
    }
}

/// The arrival after some more was drawn. Near the limit nothing is: what lies on one node would be missed on another.
fn draw(rate: &Rate, arrival: i64, now: i64) -> i64 {
    let more = Rate { amount: more(rate), ..rate.clone() }.taken();
    let drawn = arrival.saturating_add(more);
    let whole = Rate { amount: rate.burst, ..rate.clone() }.taken();
    if drawn.saturating_sub(now) <= whole / 4 * 3 { drawn } else { arrival }
}

/// Moves the arrivals of rates back.
struct Give<'a>(&'a [&'a Rate]);

#[async_trait]
impl Work for Give<'_> {
    type Answer = ();

    async fn run(&self, session: &Session) -> Result<Done<'_, ()>, Fault> {
        let mut steps = Steps::begin(Durability::Soon);
        steps.add(LOCK, columns(self.0.iter().copied()));
        let mut values = columns(self.0.iter().copied());
        values.push(value(self.0.iter().map(|rate| rate.taken()).collect::<Vec<_>>()));
        steps.add(GIVE, values);
        steps.run(session).await?;
        Ok(Done::Commit((), Steps::default(), None))
    }
}

fn columns<'a>(rates: impl IntoIterator<Item = &'a Rate>) -> Vec<Value<'a>> {
    let (accounts, quotas): (Vec<_>, Vec<_>) =
        rates.into_iter().map(|rate| (kept(&rate.account), rate.quota.wire())).unzip();
    vec![value(accounts), value(quotas)]
}

fn arrivals(rows: &[Row], many: usize) -> Result<Vec<i64>, Fault> {
    let mut arrivals = vec![0; many];
    for row in rows {
        let place = usize::try_from(row.try_get::<_, i64>(0)? - 1).unwrap_or(usize::MAX);
        if let Some(slot) = arrivals.get_mut(place) {
            *slot = row.try_get(1)?;
        }
    }
    Ok(arrivals)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(amount: u64) -> Rate {
        Rate { account: "a".into(), quota: Quota::ApiRequestsHourly, interval: 10, burst: 100, amount }
    }

    #[test]
    fn a_slot_is_spent_before_it_begins_or_never() {
        let mut slots = Slots { next: 100, end: 150 };
        assert!(slots.spend(&rate(1), 90));
        assert_eq!(slots.next, 110);
        assert!(slots.spend(&rate(1), 110), "it begins now");
        assert!(!slots.spend(&rate(3), 121), "of the three that are left one has begun");
        assert!(slots.spend(&rate(2), 121) && !slots.spend(&rate(1), 121));
    }

    #[test]
    fn only_fast_rates_are_drawn_ahead_and_none_near_the_limit() {
        let slow = Rate { interval: 1_000_000_000, burst: 60, ..rate(1) };
        let fast = Rate { interval: 1_000_000, burst: 60_000, ..rate(1) };
        assert_eq!((more(&slow), more(&fast)), (0, 20));
        assert_eq!(draw(&fast, 5_000_000, 0), 25_000_000);
        assert_eq!(draw(&fast, 50_000_000_000, 0), 50_000_000_000);
    }
}
