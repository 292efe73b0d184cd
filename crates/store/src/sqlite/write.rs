//! The statements that write. Each function checks all its conditions before it writes anything, so that a conflict
//! leaves the transaction of its group untouched.

use std::sync::Arc;

use assay_model::record::{Class, Job, Key, Space, StageName};
use assay_model::{Kind, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::batch::{Ending, Put};
use crate::{Batch, Charge, Claimed, Expect, Result, Spent, StoreError};

/// Writes a batch.
pub(super) fn commit(connection: &Connection, batch: &Batch) -> Result<Vec<Claimed>> {
    let versions = batch.puts.iter().map(|put| check(connection, put)).collect::<Result<Vec<_>>>()?;
    for (claimed, _) in &batch.endings {
        check_claim(connection, claimed.id, claimed.attempt)?;
    }
    for (put, version) in batch.puts.iter().zip(versions) {
        write_record(connection, put, version)?;
    }
    for key in &batch.deletes {
        delete(connection, key)?;
    }
    for edge in &batch.edges {
        let mut statement = connection.prepare_cached(
            "INSERT INTO edges (space, link, from_id, to_id, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        )?;
        let space = edge.from.space.stored();
        statement.execute(params![space, edge.link.stored(), &*edge.from.id, &*edge.to.id, edge.at.0])?;
    }
    for (key, name) in &batch.cleared {
        let text = "DELETE FROM facets WHERE space = ?1 AND kind = ?2 AND id = ?3 AND name = ?4";
        let facet = params![key.space.stored(), key.kind.wire(), &*key.id, name.stored()];
        connection.prepare_cached(text)?.execute(facet)?;
    }
    for (key, facet) in &batch.facets {
        let mut statement = connection.prepare_cached(
            "INSERT INTO facets (space, kind, name, value, id) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        )?;
        let name = facet.name.stored();
        statement.execute(params![key.space.stored(), key.kind.wire(), name, facet.value, &*key.id])?;
    }
    for (claimed, ending) in &batch.endings {
        end(connection, claimed.id, ending)?;
    }
    let mut claimed = Vec::new();
    for (job, until) in &batch.jobs {
        claimed.extend(enqueue(connection, job, *until)?);
    }
    Ok(claimed)
}

/// The version that a put finds, or a conflict.
fn check(connection: &Connection, put: &Put) -> Result<i64> {
    let mut statement =
        connection.prepare_cached("SELECT version FROM records WHERE space = ?1 AND kind = ?2 AND id = ?3")?;
    let key = params![put.key.space.stored(), put.key.kind.wire(), &*put.key.id];
    let version: i64 = statement.query_row(key, |row| row.get(0)).optional()?.unwrap_or(0);
    let fits = match put.expect {
        Expect::Any => true,
        Expect::Absent => version == 0,
        Expect::Version(expected) => i64::try_from(expected) == Ok(version),
    };
    if fits { Ok(version) } else { Err(StoreError::Conflict) }
}

fn check_claim(connection: &Connection, id: i64, attempt: u32) -> Result<()> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM jobs WHERE id = ?1 AND attempt = ?2 AND died_of IS NULL")?;
    if statement.exists(params![id, attempt])? { Ok(()) } else { Err(StoreError::Conflict) }
}

fn write_record(connection: &Connection, put: &Put, found: i64) -> Result<()> {
    let (space, kind, id) = (put.key.space.stored(), put.key.kind.wire(), &*put.key.id);
    if found == 0 {
        let mut statement = connection.prepare_cached(
            "INSERT INTO records (space, kind, id, version, body) VALUES (?1, ?2, ?3, 1, ?4)
                             ON CONFLICT (space, kind, id) DO UPDATE SET version = version + 1, body = excluded.body",
        )?;
        statement.execute(params![space, kind, id, &*put.body])?;
    } else {
        let mut statement = connection.prepare_cached(
            "UPDATE records SET version = version + 1, body = ?4 WHERE space = ?1 AND kind = ?2 AND id = ?3",
        )?;
        statement.execute(params![space, kind, id, &*put.body])?;
    }
    Ok(())
}

fn delete(connection: &Connection, key: &Key) -> Result<()> {
    let (space, kind, id) = (key.space.stored(), key.kind.wire(), &*key.id);
    let object = params![space, kind, id];
    connection.prepare_cached("DELETE FROM records WHERE space = ?1 AND kind = ?2 AND id = ?3")?.execute(object)?;
    connection.prepare_cached("DELETE FROM facets WHERE space = ?1 AND kind = ?2 AND id = ?3")?.execute(object)?;
    for link in assay_model::Link::ALL {
        let (tail, head) = link.ends();
        let edge = params![space, link.stored(), id];
        if tail == key.kind {
            let text = "DELETE FROM edges WHERE space = ?1 AND link = ?2 AND from_id = ?3";
            connection.prepare_cached(text)?.execute(edge)?;
        }
        if head == key.kind {
            let text = "DELETE FROM edges WHERE space = ?1 AND link = ?2 AND to_id = ?3";
            connection.prepare_cached(text)?.execute(edge)?;
        }
    }
    Ok(())
}

fn end(connection: &Connection, id: i64, ending: &Ending) -> Result<()> {
    match ending {
        Ending::Done => connection.prepare_cached("DELETE FROM jobs WHERE id = ?1")?.execute([id])?,
        Ending::Again(moment) => connection
            .prepare_cached("UPDATE jobs SET not_before = ?2 WHERE id = ?1")?
            .execute(params![id, moment.0])?,
        Ending::Dead(cause) => {
            connection.prepare_cached("UPDATE jobs SET died_of = ?2 WHERE id = ?1")?.execute(params![id, cause])?
        }
    };
    Ok(())
}

fn enqueue(connection: &Connection, job: &Job, until: Option<Timestamp>) -> Result<Option<Claimed>> {
    let attempt = u32::from(until.is_some());
    let mut statement = connection.prepare_cached(
        "INSERT INTO jobs (stage, space, kind, subject, class, attempt, not_before) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO NOTHING RETURNING id",
    )?;
    let subject = &job.subject;
    let (stage, space, kind) = (job.stage.stored(), subject.space.stored(), subject.kind.wire());
    let values =
        params![stage, space, kind, &*subject.id, job.class.rank(), attempt, until.map_or(0, |moment| moment.0)];
    let id: Option<i64> = statement.query_row(values, |row| row.get(0)).optional()?;
    Ok(id.filter(|_| until.is_some()).map(|id| Claimed { id, attempt, job: job.clone() }))
}

/// Takes from counters, all or none.
pub(super) fn spend(connection: &Connection, charges: &[Charge]) -> Result<Spent> {
    let mut grants = Vec::with_capacity(charges.len());
    for (place, charge) in charges.iter().enumerate() {
        let used = super::read::spent(connection, &charge.account, charge.quota, charge.window)?;
        match charge.limit.saturating_sub(used).min(charge.amount) {
            0 => return Ok(Spent::Exhausted(place)),
            grant => grants.push(grant),
        }
    }
    for (charge, grant) in charges.iter().zip(&grants) {
        let mut statement = connection.prepare_cached(
            "INSERT INTO counters (account, quota, window, used) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (account, quota, window) DO UPDATE SET used = used + excluded.used",
        )?;
        let grant = i64::try_from(*grant).unwrap_or(i64::MAX);
        statement.execute(params![&*charge.account, charge.quota.wire(), charge.window.0, grant])?;
    }
    Ok(Spent::Granted(grants))
}

/// Gives back to counters.
pub(super) fn refund(connection: &Connection, charges: &[Charge]) -> Result<()> {
    for charge in charges {
        let mut statement = connection.prepare_cached(
            "UPDATE counters SET used = max(0, used - ?4) WHERE account = ?1 AND quota = ?2 AND window = ?3",
        )?;
        let amount = i64::try_from(charge.amount).unwrap_or(i64::MAX);
        statement.execute(params![&*charge.account, charge.quota.wire(), charge.window.0, amount])?;
    }
    Ok(())
}

/// Claims jobs whose moment has come.
pub(super) fn claim(connection: &Connection, now: Timestamp, until: Timestamp, most: usize) -> Result<Vec<Claimed>> {
    let mut statement = connection.prepare_cached(
        "UPDATE jobs SET attempt = attempt + 1, not_before = ?2 WHERE id IN (
             SELECT id FROM jobs INDEXED BY jobs_by_turn WHERE died_of IS NULL AND not_before <= ?1
             ORDER BY class, id LIMIT ?3)
         RETURNING id, attempt, stage, space, kind, subject, class",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![now.0, until.0, most])?;
    let mut claimed = Vec::new();
    while let Some(row) = rows.next()? {
        let (stage, kind): (String, String) = (row.get(2)?, row.get(4)?);
        let (Some(stage), Ok(kind)) = (StageName::named(&stage), kind.parse::<Kind>()) else {
            return Err(StoreError::Corrupt(format!("a job of unknown stage {stage} or kind {kind}").into()));
        };
        let subject =
            Key { space: Space::from_stored(&row.get::<_, String>(3)?), kind, id: row.get::<_, Arc<str>>(5)? };
        let job = Job { stage, subject, class: Class::ranked(row.get(6)?) };
        claimed.push(Claimed { id: row.get(0)?, attempt: row.get(1)?, job });
    }
    claimed.sort_by_key(|one| (one.job.class, one.id));
    Ok(claimed)
}

/// Extends a lease.
pub(super) fn renew(connection: &Connection, id: i64, attempt: u32, until: Timestamp) -> Result<()> {
    check_claim(connection, id, attempt)?;
    connection.prepare_cached("UPDATE jobs SET not_before = ?2 WHERE id = ?1")?.execute(params![id, until.0])?;
    Ok(())
}
