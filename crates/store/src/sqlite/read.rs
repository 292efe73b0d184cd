//! The statements that read.

use std::sync::Arc;

use assay_model::record::{Edge, Facet, Key, Record, Space};
use assay_model::{Kind, Link, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::facet::{LONGEST, shortened};
use crate::{Backlog, End, Page, Position, Range, Result};

/// One record.
pub(super) fn record(connection: &Connection, key: &Key) -> Result<Option<Arc<Record>>> {
    let mut statement =
        connection.prepare_cached("SELECT version, body FROM records WHERE space = ?1 AND kind = ?2 AND id = ?3")?;
    let found = statement
        .query_row(params![key.space.stored(), key.kind.wire(), &*key.id], |row| {
            let version: i64 = row.get(0)?;
            let body: Arc<[u8]> = row.get_ref(1)?.as_blob()?.into();
            Ok(Arc::new(Record { key: key.clone(), version: version.unsigned_abs(), body }))
        })
        .optional()?;
    Ok(found)
}

/// The keys of a kind.
pub(super) fn list(connection: &Connection, space: &Space, kind: Kind, range: &Range) -> Result<Page<Key>> {
    let mut statement = connection
        .prepare_cached("SELECT id FROM records WHERE space = ?1 AND kind = ?2 AND id > ?3 ORDER BY id LIMIT ?4")?;
    let found = statement
        .query_map(params![space.stored(), kind.wire(), after_id(range), surplus(range)], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(by_id(space, kind, found, range))
}

/// The keys that have a facet.
pub(super) fn find(
    connection: &Connection,
    space: &Space,
    kind: Kind,
    facet: &Facet,
    range: &Range,
) -> Result<Page<Key>> {
    // What came from a backend that shortens long values is found as well.
    let text = if facet.value.len() > LONGEST {
        "SELECT DISTINCT id FROM facets WHERE space = ?1 AND kind = ?2 AND name = ?3 AND value IN (?4, ?7) AND id > ?5
         ORDER BY id LIMIT ?6"
    } else {
        "SELECT id FROM facets WHERE space = ?1 AND kind = ?2 AND name = ?3 AND value = ?4 AND id > ?5
         ORDER BY id LIMIT ?6"
    };
    let mut statement = connection.prepare_cached(text)?;
    let (name, value, short) = (facet.name.stored(), &facet.value, shortened(&facet.value));
    let values = params![space.stored(), kind.wire(), name, value, after_id(range), surplus(range), short];
    let values = &values[..statement.parameter_count()];
    let found = statement.query_map(values, |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(by_id(space, kind, found, range))
}

/// The edges at one object.
pub(super) fn linked(connection: &Connection, of: &Key, link: Link, end: End, range: &Range) -> Result<Page<Edge>> {
    let (select, count) = match end {
        End::Tail => (
            "SELECT to_id, at, sequence, context FROM edges WHERE space = ?1 AND link = ?2 AND from_id = ?3
             AND (at, sequence) < (?4, ?5) ORDER BY at DESC, sequence DESC LIMIT ?6",
            "SELECT count(*) FROM edges WHERE space = ?1 AND link = ?2 AND from_id = ?3",
        ),
        End::Head => (
            "SELECT from_id, at, sequence, context FROM edges WHERE space = ?1 AND link = ?2 AND to_id = ?3
             AND (at, sequence) < (?4, ?5) ORDER BY at DESC, sequence DESC LIMIT ?6",
            "SELECT count(*) FROM edges WHERE space = ?1 AND link = ?2 AND to_id = ?3",
        ),
    };
    let (space, name, id) = (of.space.stored(), link.stored(), &*of.id);
    let (at, sequence) = match &range.after {
        Some(Position::Time(at, sequence)) => (*at, *sequence),
        _ => (i64::MAX, i64::MAX),
    };
    let (tail, head) = link.ends();
    let mut statement = connection.prepare_cached(select)?;
    let rows = statement
        .query_map(params![space, name, id, at, sequence, surplus(range)], |row| {
            let (other, at, sequence): (Arc<str>, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let context = row.get(3)?;
            let other_kind = if end == End::Tail { head } else { tail };
            let other = Key { space: of.space.clone(), kind: other_kind, id: other };
            let (from, to) = if end == End::Tail { (of.clone(), other) } else { (other, of.clone()) };
            Ok((Edge { from, link, to, at: Timestamp(at), context }, Position::Time(at, sequence)))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let total: i64 = connection.prepare_cached(count)?.query_row(params![space, name, id], |row| row.get(0))?;
    Ok(Page::cut(rows, range.limit, Some(total.unsigned_abs())))
}

/// How much work there is.
pub(super) fn backlog(connection: &Connection) -> Result<Backlog> {
    let mut statement =
        connection.prepare_cached("SELECT count(*) FILTER (WHERE died_of IS NULL), count(died_of) FROM jobs")?;
    let (open, dead): (i64, i64) = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Backlog { open: open.unsigned_abs(), dead: dead.unsigned_abs() })
}

fn after_id(range: &Range) -> &str {
    match &range.after {
        Some(Position::Id(id)) => id,
        _ => "",
    }
}

/// One more than a page holds, to know whether there is a next one.
fn surplus(range: &Range) -> i64 {
    i64::try_from(range.limit).unwrap_or(i64::MAX - 1) + 1
}

fn by_id(space: &Space, kind: Kind, ids: Vec<String>, range: &Range) -> Page<Key> {
    let row = |id: String| (Key { space: space.clone(), kind, id: id.as_str().into() }, Position::Id(id));
    Page::cut(ids.into_iter().map(row).collect(), range.limit, None)
}
