//! Counters, leases on them, and usage figures. Whatever changes counters locks them first, in their order, and only then
//! touches leases: so two nodes that take from the same ones wait for each other and never in a ring.

use std::sync::Arc;

use assay_model::Timestamp;
use assay_model::quota::Quota;
use assay_model::usage::{Dimension, Tally};
use async_trait::async_trait;
use tokio_postgres::Row;

use super::fault::Fault;
use super::pool::{Ask, Done, Pool, Work};
use super::session::{Session, Steps, Value, value};
use super::text::{kept, told};
use crate::lease::floor;
use crate::{Charge, Durability, Held, Result, Spent, StoreError, Want};

/// Every statement of this file.
pub(super) const ALL: &[&str] =
    &[SPENT, ENSURE, LOCK, ADD, LEASED, LEASE, EXTEND, FLOOR, END, OVER, END_OVER, TALLY, TALLIED, FORGET];

const SPENT: &str = "SELECT used FROM counters WHERE account = $1 AND quota = $2 AND opens = $3";
const ENSURE: &str = "
    INSERT INTO counters (account, quota, opens, used)
    SELECT DISTINCT k.account, k.quota, k.opens, 0
    FROM unnest($1::text[], $2::text[], $3::bigint[]) AS k (account, quota, opens)
    ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING";
const LOCK: &str = "
    SELECT k.nth, c.used
    FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS k (account, quota, opens, nth)
    JOIN counters c ON c.account = k.account AND c.quota = k.quota AND c.opens = k.opens
    ORDER BY c.account, c.quota, c.opens FOR UPDATE OF c";
const ADD: &str = "
    UPDATE counters c SET used = greatest(0, c.used + k.amount)
    FROM (SELECT account, quota, opens, sum(amount)::bigint AS amount
          FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS k (account, quota, opens, amount)
          GROUP BY account, quota, opens) AS k
    WHERE c.account = k.account AND c.quota = k.quota AND c.opens = k.opens";
const LEASED: &str = "
    SELECT k.nth
    FROM unnest($2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY AS k (account, quota, opens, nth)
    JOIN leases l ON l.node = $1 AND l.account = k.account AND l.quota = k.quota AND l.opens = k.opens";
const LEASE: &str = "
    INSERT INTO leases (node, account, quota, opens, returns, until)
    SELECT $1, k.account, k.quota, k.opens, k.returns, $6
    FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[]) AS k (account, quota, opens, returns)
    ON CONFLICT (node, account, quota, opens) DO UPDATE SET returns = excluded.returns, until = excluded.until";
const EXTEND: &str = "UPDATE leases SET until = $2 WHERE node = $1";
const FLOOR: &str = "
    UPDATE leases l SET returns = k.returns
    FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[])
        WITH ORDINALITY AS k (account, quota, opens, returns, nth)
    WHERE l.node = $1 AND l.account = k.account AND l.quota = k.quota AND l.opens = k.opens RETURNING k.nth";
const END: &str = "
    DELETE FROM leases l
    USING unnest($2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY AS k (account, quota, opens, nth)
    WHERE l.node = $1 AND l.account = k.account AND l.quota = k.quota AND l.opens = k.opens RETURNING k.nth";
const OVER: &str = "SELECT DISTINCT account, quota, opens FROM leases WHERE until <= $1 ORDER BY 1, 2, 3 LIMIT 1000";
const END_OVER: &str = "
    DELETE FROM leases l USING unnest($2::text[], $3::text[], $4::bigint[]) AS k (account, quota, opens)
    WHERE l.until <= $1 AND l.account = k.account AND l.quota = k.quota AND l.opens = k.opens
    RETURNING l.account, l.quota, l.opens, l.returns";
const TALLY: &str = "
    INSERT INTO tallies (subject, dimension, day, value, amount)
    SELECT k.subject, k.dimension, k.day, k.value, sum(k.amount)::bigint
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[])
        AS k (subject, dimension, day, value, amount)
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (subject, dimension, day, value) DO UPDATE SET amount = tallies.amount + excluded.amount";
const TALLIED: &str = "
    SELECT day, value, amount FROM tallies WHERE subject = $1 AND dimension = $2 AND day BETWEEN $3 AND $4
    ORDER BY day, value";
/// In slices, so that nothing waits long for it.
const FORGET: &str = "
    DELETE FROM tallies WHERE ctid = ANY (ARRAY(SELECT ctid FROM tallies WHERE day < $1 LIMIT 5000)) RETURNING 1";

/// What was taken from a counter.
pub(super) async fn spent(pool: &Pool, account: &str, quota: Quota, window: Timestamp) -> Result<u64> {
    let values = vec![value(kept(account)), value(quota.wire()), value(window.0)];
    let answer = |rows: &[Row]| Ok(rows.first().map_or(Ok(0), |row| row.try_get::<_, i64>(0))?.unsigned_abs());
    pool.run(&Ask { text: SPENT.into(), values, answer }).await
}

/// A counter by its columns.
struct Counter<'a> {
    account: &'a str,
    quota: &'a str,
    opens: i64,
}

impl<'a> Counter<'a> {
    fn of(account: &'a str, quota: Quota, window: Timestamp) -> Self {
        Self { account, quota: quota.wire(), opens: window.0 }
    }
}

fn columns<'a>(counters: impl Iterator<Item = Counter<'a>>) -> Vec<Value<'a>> {
    let rows = counters.map(|counter| (kept(counter.account), (counter.quota, counter.opens)));
    let (accounts, (quotas, windows)): (Vec<_>, (Vec<_>, Vec<_>)) = rows.unzip();
    vec![value(accounts), value(quotas), value(windows)]
}

/// Counters and what is added to each.
fn additions<'a>(counters: impl Iterator<Item = Counter<'a>>, amounts: Vec<i64>) -> Vec<Value<'a>> {
    let mut values = columns(counters);
    values.push(value(amounts));
    values
}

/// What each of `many` counters that were locked has, by its place.
fn used(rows: &[Row], many: usize) -> Result<Vec<u64>, Fault> {
    let mut used = vec![0; many];
    for row in rows {
        if let Some(slot) = used.get_mut(place(row)?) {
            *slot = row.try_get::<_, i64>(1)?.unsigned_abs();
        }
    }
    Ok(used)
}

fn place(row: &Row) -> Result<usize, tokio_postgres::Error> {
    Ok(usize::try_from(row.try_get::<_, i64>(0)? - 1).unwrap_or(usize::MAX))
}

/// Takes from counters, all or none.
pub(super) struct Spend<'a>(pub(super) &'a [Charge]);

fn charged(charge: &Charge) -> Counter<'_> {
    Counter::of(&charge.account, charge.quota, charge.window)
}

#[async_trait]
impl Work for Spend<'_> {
    type Answer = Spent;

    async fn run(&self, session: &Session) -> Result<Done<'_, Spent>, Fault> {
        let mut look = Steps::begin(Durability::Now);
        look.add(ENSURE, columns(self.0.iter().map(charged)));
        let locked = look.add(LOCK, columns(self.0.iter().map(charged)));
        let used = used(&look.run(session).await?[locked], self.0.len())?;
        let mut grants = Vec::with_capacity(used.len());
        for (place, (charge, used)) in self.0.iter().zip(used).enumerate() {
            match charge.limit.saturating_sub(used).min(charge.amount) {
                0 => return Ok(Done::Nothing(Spent::Exhausted(place))),
                grant => grants.push(grant),
            }
        }
        let mut last = Steps::default();
        last.add(ADD, additions(self.0.iter().map(charged), grants.iter().copied().map(signed).collect()));
        Ok(Done::Commit(Spent::Granted(grants), last, None))
    }
}

/// Gives back to counters.
pub(super) struct Refund<'a>(pub(super) &'a [Charge]);

#[async_trait]
impl Work for Refund<'_> {
    type Answer = ();

    async fn run(&self, session: &Session) -> Result<Done<'_, ()>, Fault> {
        let mut lock = Steps::begin(Durability::Soon);
        lock.add(LOCK, columns(self.0.iter().map(charged)));
        let amounts = self.0.iter().map(|charge| -signed(charge.amount)).collect();
        lock.add(ADD, additions(self.0.iter().map(charged), amounts));
        lock.run(session).await?;
        Ok(Done::Commit((), Steps::default(), None))
    }
}

/// Takes portions for a node, all or none.
pub(super) struct Lease<'a> {
    pub(super) node: &'a str,
    pub(super) wants: &'a [Want],
    pub(super) until: Timestamp,
}

fn wanted(want: &Want) -> Counter<'_> {
    Counter::of(&want.account, want.quota, want.window)
}

#[async_trait]
impl Work for Lease<'_> {
    type Answer = Spent;

    async fn run(&self, session: &Session) -> Result<Done<'_, Spent>, Fault> {
        let mut look = Steps::begin(Durability::Now);
        look.add(ENSURE, columns(self.wants.iter().map(wanted)));
        let locked = look.add(LOCK, columns(self.wants.iter().map(wanted)));
        let leased = look.add(LEASED, self.of_node(columns(self.wants.iter().map(wanted))));
        let found = look.run(session).await?;
        let used = used(&found[locked], self.wants.len())?;
        let leased = found[leased].iter().map(place).collect::<Result<Vec<_>, _>>()?;
        let mut grants = Vec::with_capacity(used.len());
        for (place, (want, used)) in self.wants.iter().zip(used).enumerate() {
            if want.held > 0 && !leased.contains(&place) {
                return Err(StoreError::Conflict.into());
            }
            match want.portion(used) {
                None => return Ok(Done::Nothing(Spent::Exhausted(place))),
                Some(grant) => grants.push(grant),
            }
        }
        let mut last = Steps::default();
        last.add(ADD, additions(self.wants.iter().map(wanted), grants.iter().copied().map(signed).collect()));
        let floors = self.wants.iter().zip(&grants).map(|(want, grant)| signed(want.returns(*grant)));
        let mut values = self.of_node(additions(self.wants.iter().map(wanted), floors.collect()));
        values.push(value(self.until.0));
        last.add(LEASE, values);
        Ok(Done::Commit(Spent::Granted(grants), last, None))
    }
}

impl<'a> Lease<'a> {
    fn of_node(&self, values: Vec<Value<'a>>) -> Vec<Value<'a>> {
        std::iter::once(value(kept(self.node))).chain(values).collect()
    }
}

/// Extends a node's leases and moves floors; answers the places of those that are gone.
pub(super) struct Hold<'a> {
    pub(super) node: &'a str,
    pub(super) changed: &'a [Held],
    pub(super) until: Timestamp,
}

fn held(held: &Held) -> Counter<'_> {
    Counter::of(&held.account, held.quota, held.window)
}

#[async_trait]
impl Work for Hold<'_> {
    type Answer = Vec<usize>;

    async fn run(&self, session: &Session) -> Result<Done<'_, Vec<usize>>, Fault> {
        let mut steps = Steps::begin(Durability::Soon);
        steps.add(EXTEND, vec![value(kept(self.node)), value(self.until.0)]);
        let mut values = vec![value(kept(self.node))];
        let floors = self.changed.iter().map(|held| signed(floor(held.left))).collect();
        values.extend(additions(self.changed.iter().map(held), floors));
        let moved = steps.add(FLOOR, values);
        let moved = steps.run(session).await?[moved].iter().map(place).collect::<Result<Vec<_>, _>>()?;
        let gone = (0..self.changed.len()).filter(|place| !moved.contains(place)).collect();
        Ok(Done::Commit(gone, Steps::default(), None))
    }
}

/// Ends leases; what is left of them goes back.
pub(super) struct GiveBack<'a> {
    pub(super) node: &'a str,
    pub(super) held: &'a [Held],
}

#[async_trait]
impl Work for GiveBack<'_> {
    type Answer = ();

    async fn run(&self, session: &Session) -> Result<Done<'_, ()>, Fault> {
        let mut steps = Steps::begin(Durability::Soon);
        steps.add(LOCK, columns(self.held.iter().map(held)));
        let mut values = vec![value(kept(self.node))];
        values.extend(columns(self.held.iter().map(held)));
        let ended = steps.add(END, values);
        let ended = steps.run(session).await?[ended].iter().map(place).collect::<Result<Vec<_>, _>>()?;
        let ended: Vec<_> = ended.into_iter().filter_map(|place| self.held.get(place)).collect();
        let amounts = ended.iter().map(|held| -signed(held.left)).collect();
        let mut last = Steps::default();
        last.add(ADD, additions(ended.iter().map(|one| held(one)), amounts));
        Ok(Done::Commit((), last, None))
    }
}

/// Ends leases that nobody extended, of up to a thousand counters; their floors go back. Answers how many leases.
pub(super) struct EndLeases(pub(super) Timestamp);

#[async_trait]
impl Work for EndLeases {
    type Answer = u64;

    async fn run(&self, session: &Session) -> Result<Done<'_, u64>, Fault> {
        let over = session.query(OVER, &[&self.0.0]).await?;
        if over.is_empty() {
            return Ok(Done::Nothing(0));
        }
        let counters = || counters_of(&over);
        let mut steps = Steps::begin(Durability::Soon);
        steps.add(LOCK, counters()?);
        let mut values = vec![value(self.0.0)];
        values.extend(counters()?);
        let ended = steps.add(END_OVER, values);
        let ended = steps.run(session).await?.swap_remove(ended);
        let mut values = counters_of(&ended)?;
        let floors = ended.iter().map(|row| Ok(-row.try_get::<_, i64>(3)?)).collect::<Result<Vec<_>, Fault>>()?;
        values.push(value(floors));
        let mut last = Steps::default();
        last.add(ADD, values);
        Ok(Done::Commit(ended.len() as u64, last, None))
    }
}

/// The columns of counters as they were read.
fn counters_of(rows: &[Row]) -> Result<Vec<Value<'static>>, Fault> {
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        columns.0.push(row.try_get::<_, String>(0)?);
        columns.1.push(row.try_get::<_, String>(1)?);
        columns.2.push(row.try_get::<_, i64>(2)?);
    }
    Ok(vec![value(columns.0), value(columns.1), value(columns.2)])
}

/// Adds to usage figures.
pub(super) struct Add<'a>(pub(super) &'a [Tally]);

#[async_trait]
impl Work for Add<'_> {
    type Answer = ();

    async fn run(&self, session: &Session) -> Result<Done<'_, ()>, Fault> {
        let subjects: Vec<_> = self.0.iter().map(|tally| kept(&tally.subject)).collect();
        let dimensions: Vec<_> = self.0.iter().map(|tally| tally.dimension.stored()).collect();
        let days: Vec<_> = self.0.iter().map(|tally| tally.day.0).collect();
        let contents: Vec<_> = self.0.iter().map(|tally| kept(&tally.value)).collect();
        let amounts: Vec<_> = self.0.iter().map(|tally| signed(tally.amount)).collect();
        let mut steps = Steps::begin(Durability::Soon);
        steps.add(TALLY, vec![value(subjects), value(dimensions), value(days), value(contents), value(amounts)]);
        steps.run(session).await?;
        Ok(Done::Commit((), Steps::default(), None))
    }
}

/// The figures of a subject.
pub(super) async fn tallied(
    pool: &Pool,
    subject: &str,
    dimension: Dimension,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(Timestamp, Arc<str>, u64)>> {
    let values = vec![value(kept(subject)), value(dimension.stored()), value(from.0), value(to.0)];
    let figure =
        |row: &Row| Ok((Timestamp(row.try_get(0)?), told(row.try_get(1)?), row.try_get::<_, i64>(2)?.unsigned_abs()));
    let answer = |rows: &[Row]| rows.iter().map(figure).collect::<Result<Vec<_>, Fault>>();
    pool.run(&Ask { text: TALLIED.into(), values, answer }).await
}

/// Forgets some usage figures; answers whether there may be more.
pub(super) async fn forget_tallies(pool: &Pool, before: Timestamp) -> Result<bool> {
    let answer = |rows: &[Row]| Ok(!rows.is_empty());
    pool.run(&Ask { text: FORGET.into(), values: vec![value(before.0)], answer }).await
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}
