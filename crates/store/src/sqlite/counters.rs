//! The statements of counters, leases on them, and usage figures.

use std::sync::Arc;

use assay_model::Timestamp;
use assay_model::quota::Quota;
use assay_model::usage::{Dimension, Tally};
use rusqlite::{Connection, OptionalExtension, params};

use crate::lease::floor;
use crate::{Charge, Held, Result, Spent, StoreError, Want};

/// What was taken from a counter.
pub(super) fn spent(connection: &Connection, account: &str, quota: Quota, window: Timestamp) -> Result<u64> {
    let mut statement =
        connection.prepare_cached("SELECT used FROM counters WHERE account = ?1 AND quota = ?2 AND window = ?3")?;
    let used: Option<i64> =
        statement.query_row(params![account, quota.wire(), window.0], |row| row.get(0)).optional()?;
    Ok(used.unwrap_or(0).unsigned_abs())
}

/// Takes from counters, all or none.
pub(super) fn spend(connection: &Connection, charges: &[Charge]) -> Result<Spent> {
    let mut grants = Vec::with_capacity(charges.len());
    for (place, charge) in charges.iter().enumerate() {
        let used = spent(connection, &charge.account, charge.quota, charge.window)?;
        match charge.limit.saturating_sub(used).min(charge.amount) {
            0 => return Ok(Spent::Exhausted(place)),
            grant => grants.push(grant),
        }
    }
    for (charge, grant) in charges.iter().zip(&grants) {
        add(connection, &charge.account, charge.quota, charge.window, *grant)?;
    }
    Ok(Spent::Granted(grants))
}

/// Gives back to counters.
pub(super) fn refund(connection: &Connection, charges: &[Charge]) -> Result<()> {
    charges.iter().try_for_each(|charge| {
        let amount = signed(charge.amount);
        put_back(connection, &charge.account, charge.quota.wire(), charge.window.0, amount)
    })
}

/// Takes portions for a node, all or none.
pub(super) fn lease(connection: &Connection, node: &str, wants: &[Want], until: Timestamp) -> Result<Spent> {
    let mut grants = Vec::with_capacity(wants.len());
    for (place, want) in wants.iter().enumerate() {
        if want.held > 0 && !is_leased(connection, node, &want.account, want.quota, want.window)? {
            return Err(StoreError::Conflict);
        }
        match want.portion(spent(connection, &want.account, want.quota, want.window)?) {
            None => return Ok(Spent::Exhausted(place)),
            Some(grant) => grants.push(grant),
        }
    }
    for (want, grant) in wants.iter().zip(&grants) {
        add(connection, &want.account, want.quota, want.window, *grant)?;
        let mut statement = connection.prepare_cached(
            "INSERT INTO leases (node, account, quota, window, returns, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (node, account, quota, window)
             DO UPDATE SET returns = excluded.returns, until = excluded.until",
        )?;
        let returns = signed(want.returns(*grant));
        statement.execute(params![node, &*want.account, want.quota.wire(), want.window.0, returns, until.0])?;
    }
    Ok(Spent::Granted(grants))
}

/// Extends a node's leases and moves floors; answers the places of those that are gone.
pub(super) fn hold(connection: &Connection, node: &str, changed: &[Held], until: Timestamp) -> Result<Vec<usize>> {
    connection.prepare_cached("UPDATE leases SET until = ?2 WHERE node = ?1")?.execute(params![node, until.0])?;
    let mut gone = Vec::new();
    for (place, held) in changed.iter().enumerate() {
        let mut statement = connection.prepare_cached(
            "UPDATE leases SET returns = ?5 WHERE node = ?1 AND account = ?2 AND quota = ?3 AND window = ?4",
        )?;
        let returns = signed(floor(held.left));
        if statement.execute(params![node, &*held.account, held.quota.wire(), held.window.0, returns])? == 0 {
            gone.push(place);
        }
    }
    Ok(gone)
}

/// Ends leases; what is left of them goes back.
pub(super) fn give_back(connection: &Connection, node: &str, held: &[Held]) -> Result<()> {
    for held in held {
        let (account, quota, window) = (&*held.account, held.quota.wire(), held.window.0);
        let mut statement = connection
            .prepare_cached("DELETE FROM leases WHERE node = ?1 AND account = ?2 AND quota = ?3 AND window = ?4")?;
        if statement.execute(params![node, account, quota, window])? > 0 {
            put_back(connection, account, quota, window, signed(held.left))?;
        }
    }
    Ok(())
}

/// Ends leases that nobody extended; their floors go back.
pub(super) fn end_leases(connection: &Connection, now: Timestamp) -> Result<u64> {
    let mut statement =
        connection.prepare_cached("DELETE FROM leases WHERE until <= ?1 RETURNING account, quota, window, returns")?;
    let over = statement.query_map([now.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let over = over.collect::<rusqlite::Result<Vec<(String, String, i64, i64)>>>()?;
    for (account, quota, window, returns) in &over {
        put_back(connection, account, quota, *window, *returns)?;
    }
    Ok(over.len() as u64)
}

/// Adds to usage figures.
pub(super) fn tally(connection: &Connection, tallies: &[Tally]) -> Result<()> {
    for tally in tallies {
        let mut statement = connection.prepare_cached(
            "INSERT INTO tallies (subject, dimension, day, value, amount) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (subject, dimension, day, value) DO UPDATE SET amount = amount + excluded.amount",
        )?;
        let (dimension, amount) = (tally.dimension.stored(), signed(tally.amount));
        statement.execute(params![&*tally.subject, dimension, tally.day.0, &*tally.value, amount])?;
    }
    Ok(())
}

/// The figures of a subject.
pub(super) fn tallied(
    connection: &Connection,
    subject: &str,
    dimension: Dimension,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(Timestamp, Arc<str>, u64)>> {
    let mut statement = connection.prepare_cached(
        "SELECT day, value, amount FROM tallies WHERE subject = ?1 AND dimension = ?2 AND day BETWEEN ?3 AND ?4
         ORDER BY day, value",
    )?;
    let figures = statement.query_map(params![subject, dimension.stored(), from.0, to.0], |row| {
        Ok((Timestamp(row.get(0)?), row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs()))
    })?;
    Ok(figures.collect::<rusqlite::Result<_>>()?)
}

/// Forgets usage figures.
pub(super) fn forget_tallies(connection: &Connection, before: Timestamp) -> Result<()> {
    connection.prepare_cached("DELETE FROM tallies WHERE day < ?1")?.execute([before.0])?;
    Ok(())
}

fn add(connection: &Connection, account: &str, quota: Quota, window: Timestamp, amount: u64) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO counters (account, quota, window, used) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (account, quota, window) DO UPDATE SET used = used + excluded.used",
    )?;
    statement.execute(params![account, quota.wire(), window.0, signed(amount)])?;
    Ok(())
}

fn put_back(connection: &Connection, account: &str, quota: &str, window: i64, amount: i64) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "UPDATE counters SET used = max(0, used - ?4) WHERE account = ?1 AND quota = ?2 AND window = ?3",
    )?;
    statement.execute(params![account, quota, window, amount])?;
    Ok(())
}

fn is_leased(
    connection: &Connection,
    node: &str,
    account: &str,
    quota: Quota,
    window: Timestamp,
) -> rusqlite::Result<bool> {
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM leases WHERE node = ?1 AND account = ?2 AND quota = ?3 AND window = ?4")?;
    statement.exists(params![node, account, quota.wire(), window.0])
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}
