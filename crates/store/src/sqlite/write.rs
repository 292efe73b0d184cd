//! The statements that write. Each function checks all its conditions before it writes anything, so that a conflict
//! leaves the transaction of its group untouched.

use std::sync::Arc;

use assay_model::record::{Class, Job, Key, Space, StageName};
use assay_model::{Kind, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::batch::{Ending, Put, Turn};
use crate::{Batch, Claimed, Expect, Result, StoreError};

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
    for (from, link, to) in &batch.unlinked {
        let text = "DELETE FROM edges WHERE space = ?1 AND link = ?2 AND from_id = ?3 AND to_id = ?4";
        let edge = params![from.space.stored(), link.stored(), &*from.id, &*to.id];
        connection.prepare_cached(text)?.execute(edge)?;
    }
    for edge in &batch.edges {
        let mut statement = connection.prepare_cached(
            "INSERT INTO edges (space, link, from_id, to_id, at, context) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO NOTHING",
        )?;
        let (space, context) = (edge.from.space.stored(), edge.context.as_deref());
        statement.execute(params![space, edge.link.stored(), &*edge.from.id, &*edge.to.id, edge.at.0, context])?;
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
    for (job, turn) in &batch.jobs {
        claimed.extend(enqueue(connection, job, *turn)?);
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

fn enqueue(connection: &Connection, job: &Job, turn: Turn) -> Result<Option<Claimed>> {
    let attempt = u32::from(turn.is_claimed());
    let mut statement = connection.prepare_cached(
        "INSERT INTO jobs (stage, space, kind, subject, class, attempt, not_before) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO NOTHING RETURNING id",
    )?;
    let subject = &job.subject;
    let (stage, space, kind) = (job.stage.stored(), subject.space.stored(), subject.kind.wire());
    let values = params![stage, space, kind, &*subject.id, job.class.rank(), attempt, turn.not_before().0];
    let id: Option<i64> = statement.query_row(values, |row| row.get(0)).optional()?;
    Ok(id.filter(|_| turn.is_claimed()).map(|id| Claimed { id, attempt, job: job.clone() }))
}

/// Claims jobs of some stages whose moment has come.
pub(super) fn claim(
    connection: &Connection,
    stages: &[StageName],
    now: Timestamp,
    until: Timestamp,
    most: usize,
) -> Result<Vec<Claimed>> {
    let mut ready: Vec<(u8, i64)> = Vec::new();
    for stage in stages {
        let mut statement = connection.prepare_cached(
            "SELECT class, id FROM jobs INDEXED BY jobs_by_turn WHERE died_of IS NULL AND stage = ?1 AND not_before <= ?2
             ORDER BY class, id LIMIT ?3",
        )?;
        let values = params![stage.stored(), now.0, i64::try_from(most).unwrap_or(i64::MAX)];
        let found = statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
        ready.extend(found.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    ready.sort_unstable();
    ready.dedup();
    ready.truncate(most);
    ready.into_iter().map(|(_, id)| claim_one(connection, id, until)).collect()
}

fn claim_one(connection: &Connection, id: i64, until: Timestamp) -> Result<Claimed> {
    let mut statement = connection.prepare_cached(
        "UPDATE jobs SET attempt = attempt + 1, not_before = ?2 WHERE id = ?1
         RETURNING attempt, stage, space, kind, subject, class",
    )?;
    let mut rows = statement.query(params![id, until.0])?;
    let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let (stage, kind): (String, String) = (row.get(1)?, row.get(3)?);
    let (Some(stage), Ok(kind)) = (StageName::named(&stage), kind.parse::<Kind>()) else {
        return Err(StoreError::Corrupt(format!("a job of unknown stage {stage} or kind {kind}").into()));
    };
    let subject = Key { space: Space::from_stored(&row.get::<_, String>(2)?), kind, id: row.get::<_, Arc<str>>(4)? };
    let job = Job { stage, subject, class: Class::ranked(row.get(5)?) };
    Ok(Claimed { id, attempt: row.get(0)?, job })
}

/// Extends a lease.
pub(super) fn renew(connection: &Connection, id: i64, attempt: u32, until: Timestamp) -> Result<()> {
    check_claim(connection, id, attempt)?;
    connection.prepare_cached("UPDATE jobs SET not_before = ?2 WHERE id = ?1")?.execute(params![id, until.0])?;
    Ok(())
}
