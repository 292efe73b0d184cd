//! The statements that read.

use std::sync::Arc;

use assay_model::record::{Edge, Facet, Key, Record, Space};
use assay_model::{Kind, Link, Timestamp};
use tokio_postgres::Row;

use super::pool::{Ask, Pool};
use super::session::value;
use super::text::{facet, kept, told};
use crate::page::{COUNTED, counted};
use crate::{Backlog, End, Page, Position, Range, Result};

/// Every statement of this file.
pub(super) const ALL: &[&str] = &[RECORD, RECORDS, LIST, FIND, TAIL, HEAD, TAILS, HEADS, BACKLOG];

const RECORD: &str = "SELECT version, body FROM records WHERE space = $1 AND kind = $2 AND id = $3";
const RECORDS: &str = "
    SELECT k.nth, r.version, r.body
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (space, kind, id, nth)
    JOIN records r ON r.space = k.space AND r.kind = k.kind AND r.id = k.id";
const LIST: &str = "SELECT id FROM records WHERE space = $1 AND kind = $2 AND id > $3 ORDER BY id LIMIT $4";
const FIND: &str = "
    SELECT id FROM facets WHERE space = $1 AND kind = $2 AND name = $3 AND value = $4 AND id > $5
    ORDER BY id LIMIT $6";
const TAIL: &str = "
    SELECT to_id, at, sequence, context FROM edges
    WHERE space = $1 AND link = $2 AND from_id = $3 AND (at, sequence) < ($4, $5)
    ORDER BY at DESC, sequence DESC LIMIT $6";
const HEAD: &str = "
    SELECT from_id, at, sequence, context FROM edges
    WHERE space = $1 AND link = $2 AND to_id = $3 AND (at, sequence) < ($4, $5)
    ORDER BY at DESC, sequence DESC LIMIT $6";
const TAILS: &str = "
    SELECT count(*) FROM (SELECT 1 FROM edges WHERE space = $1 AND link = $2 AND from_id = $3 LIMIT $4) AS counted";
const HEADS: &str = "
    SELECT count(*) FROM (SELECT 1 FROM edges WHERE space = $1 AND link = $2 AND to_id = $3 LIMIT $4) AS counted";
const BACKLOG: &str = "SELECT count(*) FILTER (WHERE died_of IS NULL), count(died_of) FROM jobs";

/// One record.
pub(super) async fn record(pool: &Pool, key: &Key) -> Result<Option<Arc<Record>>> {
    let values = vec![value(kept(key.space.stored())), value(key.kind.wire()), value(kept(&key.id))];
    let answer =
        |rows: &[Row]| rows.first().map(|row| Ok(record_of(key, row.try_get(0)?, row.try_get(1)?))).transpose();
    pool.run(&Ask { text: RECORD.into(), values, answer }).await
}

/// Several records.
pub(super) async fn records(pool: &Pool, keys: &[Key]) -> Result<Vec<Option<Arc<Record>>>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let spaces: Vec<_> = keys.iter().map(|key| kept(key.space.stored())).collect();
    let kinds: Vec<_> = keys.iter().map(|key| key.kind.wire()).collect();
    let ids: Vec<_> = keys.iter().map(|key| kept(&key.id)).collect();
    let answer = |rows: &[Row]| {
        let mut found = vec![None; keys.len()];
        for row in rows {
            let place = usize::try_from(row.try_get::<_, i64>(0)? - 1).unwrap_or(usize::MAX);
            if let (Some(key), Some(slot)) = (keys.get(place), found.get_mut(place)) {
                *slot = Some(record_of(key, row.try_get(1)?, row.try_get(2)?));
            }
        }
        Ok(found)
    };
    pool.run(&Ask { text: RECORDS.into(), values: vec![value(spaces), value(kinds), value(ids)], answer }).await
}

fn record_of(key: &Key, version: i64, body: &[u8]) -> Arc<Record> {
    Arc::new(Record { key: key.clone(), version: version.unsigned_abs(), body: body.into() })
}

/// The keys of a kind.
pub(super) async fn list(pool: &Pool, space: &Space, kind: Kind, range: &Range) -> Result<Page<Key>> {
    let values =
        vec![value(kept(space.stored())), value(kind.wire()), value(kept(after_id(range))), value(surplus(range))];
    pool.run(&Ask { text: LIST.into(), values, answer: |rows: &[Row]| by_id(space, kind, rows, range) }).await
}

/// The keys that have a facet.
pub(super) async fn find(pool: &Pool, space: &Space, kind: Kind, sought: &Facet, range: &Range) -> Result<Page<Key>> {
    let values = vec![
        value(kept(space.stored())),
        value(kind.wire()),
        value(sought.name.stored()),
        value(facet(&sought.value)),
        value(kept(after_id(range))),
        value(surplus(range)),
    ];
    pool.run(&Ask { text: FIND.into(), values, answer: |rows: &[Row]| by_id(space, kind, rows, range) }).await
}

/// The edges at one object.
pub(super) async fn linked(pool: &Pool, of: &Key, link: Link, end: End, range: &Range) -> Result<Page<Edge>> {
    let (select, count) = if end == End::Tail { (TAIL, TAILS) } else { (HEAD, HEADS) };
    let object = || vec![value(kept(of.space.stored())), value(link.stored()), value(kept(&of.id))];
    let (at, sequence) = match &range.after {
        Some(Position::Time(at, sequence)) => (*at, *sequence),
        _ => (i64::MAX, i64::MAX),
    };
    let mut values = object();
    values.extend([value(at), value(sequence), value(surplus(range))]);
    let answer = |rows: &[Row]| rows.iter().map(|row| edge_of(of, link, end, row)).collect::<Result<Vec<_>, _>>();
    let select = Ask { text: select.into(), values, answer: |rows: &[Row]| Ok(answer(rows)?) };
    let rows = pool.run(&select).await?;
    let total = if let Some(total) = Page::whole(&rows, range) {
        Some(total)
    } else {
        let mut values = object();
        values.push(value(i64::try_from(COUNTED + 1).unwrap_or(i64::MAX)));
        let answer = |rows: &[Row]| Ok(rows[0].try_get::<_, i64>(0)?);
        counted(pool.run(&Ask { text: count.into(), values, answer }).await?.unsigned_abs())
    };
    Ok(Page::cut(rows, range.limit, total))
}

fn edge_of(of: &Key, link: Link, end: End, row: &Row) -> Result<(Edge, Position), tokio_postgres::Error> {
    let (other, at, sequence): (&str, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let context = row.try_get::<_, Option<&str>>(3)?.map(told);
    let (tail, head) = link.ends();
    let other = Key { space: of.space.clone(), kind: if end == End::Tail { head } else { tail }, id: told(other) };
    let (from, to) = if end == End::Tail { (of.clone(), other) } else { (other, of.clone()) };
    Ok((Edge { from, link, to, at: Timestamp(at), context }, Position::Time(at, sequence)))
}

/// How much work there is.
pub(super) async fn backlog(pool: &Pool) -> Result<Backlog> {
    let answer = |rows: &[Row]| {
        let (open, dead): (i64, i64) = (rows[0].try_get(0)?, rows[0].try_get(1)?);
        Ok(Backlog { open: open.unsigned_abs(), dead: dead.unsigned_abs() })
    };
    pool.run(&Ask { text: BACKLOG.into(), values: Vec::new(), answer }).await
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

fn by_id(space: &Space, kind: Kind, rows: &[Row], range: &Range) -> Result<Page<Key>, super::fault::Fault> {
    let row = |row: &Row| {
        let id = told(row.try_get(0)?);
        Ok((Key { space: space.clone(), kind, id: id.clone() }, Position::Id(id.to_string())))
    };
    let rows = rows.iter().map(row).collect::<Result<Vec<_>, tokio_postgres::Error>>()?;
    Ok(Page::cut(rows, range.limit, None))
}
