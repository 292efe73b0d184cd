//! The statements that read.

use std::sync::Arc;

use assay_model::record::{Edge, Facet, Key, Record, Space};
use assay_model::{Kind, Link, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::facet::{LONGEST, shortened};
use crate::page::{COUNTED, counted};
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

/// The edges at one object. Behind a place, those of the same moment and those of earlier ones are asked for apart: of a
/// comparison of both together `SQLite` takes only the moment to its index, and a list may be of one moment.
pub(super) fn linked(connection: &Connection, of: &Key, link: Link, end: End, range: &Range) -> Result<Page<Edge>> {
    let (own, other) = if end == End::Tail { ("from_id", "to_id") } else { ("to_id", "from_id") };
    let rows = |place: &str| {
        format!(
            "SELECT {other}, at, sequence, context FROM edges WHERE space = ?1 AND link = ?2 AND {own} = ?3 {place}
             ORDER BY at DESC, sequence DESC LIMIT ?4"
        )
    };
    let (space, name, id, most) = (of.space.stored(), link.stored(), &*of.id, surplus(range));
    let (select, at, sequence) = match &range.after {
        Some(Position::Time(at, sequence)) => {
            let (same, earlier) = (rows("AND at = ?5 AND sequence < ?6"), rows("AND at < ?5"));
            let both = format!(
                "SELECT * FROM ({same}) UNION ALL SELECT * FROM ({earlier}) ORDER BY at DESC, sequence DESC LIMIT ?4"
            );
            (both, *at, *sequence)
        }
        _ => (rows(""), 0, 0),
    };
    let (tail, head) = link.ends();
    let mut statement = connection.prepare_cached(&select)?;
    let values = params![space, name, id, most, at, sequence];
    let values = &values[..statement.parameter_count()];
    let rows = statement
        .query_map(values, |row| {
            let (other, at, sequence): (Arc<str>, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let context = row.get(3)?;
            let other_kind = if end == End::Tail { head } else { tail };
            let other = Key { space: of.space.clone(), kind: other_kind, id: other };
            let (from, to) = if end == End::Tail { (of.clone(), other) } else { (other, of.clone()) };
            Ok((Edge { from, link, to, at: Timestamp(at), context }, Position::Time(at, sequence)))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let total = if let Some(total) = Page::whole(&rows, range) {
        Some(total)
    } else {
        let most = i64::try_from(COUNTED + 1).unwrap_or(i64::MAX);
        let count = format!(
            "SELECT count(*) FROM (SELECT 1 FROM edges WHERE space = ?1 AND link = ?2 AND {own} = ?3 LIMIT ?4)"
        );
        let values = params![space, name, id, most];
        let count: i64 = connection.prepare_cached(&count)?.query_row(values, |row| row.get(0))?;
        counted(count.unsigned_abs())
    };
    Ok(Page::cut(rows, range.limit, total))
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
