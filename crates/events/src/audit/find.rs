//! Entries of the audit log, newest first, in pages that cost the same wherever they start and whatever is filtered.

use std::ops::RangeInclusive;

use assay_model::record::{Facet, FacetName, Key, Record, Space};
use assay_model::{Kind, Link, Result, Timestamp};
use assay_store::{End, Page, Position, Range, Store};

use super::{Entry, Filter, head, id, key};

/// How many entries of the index are looked at to count a list; a longer one has no count.
const COUNTED: usize = 10_000;

/// How many of them at once.
const COUNT_STRIDE: usize = 1_000;

/// An entry and its id.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its id on the wire.
    pub id: String,
    /// What it says.
    pub entry: Entry,
}

/// The entry of an id.
pub async fn read(store: &dyn Store, id: &str) -> Result<Option<Entry>> {
    let record = store.read(&Key::shared(Kind::ActivityLogEntry, id)).await?;
    record.map(|record| record.parse()).transpose()
}

/// A page of the entries that fit, newest first. `total` counts them all; it is not there where a filter fits very many.
///
/// Dates follow the order of the entries, so the first page of a span is found by halving; the pages cost what pages
/// without a date cost.
pub async fn find(store: &dyn Store, filter: &Filter, range: &Range) -> Result<Page<Found>> {
    let after = match (&range.after, filter.to) {
        (None, Some(to)) => Some(Position::Id(id(count_until(store, to).await? + 1))),
        (after, _) => after.clone(),
    };
    let range = Range::after(range.limit, after);
    let page = match filter.facet() {
        Some(value) => {
            let facet = Facet::new(FacetName::Activity, value);
            store.find(&Space::Shared, Kind::ActivityLogEntry, &facet, &range).await?
        }
        None => store.list(&Space::Shared, Kind::ActivityLogEntry, &range).await?,
    };
    let mut found = Vec::with_capacity(page.items.len());
    let mut next = page.next;
    for record in store.read_many(&page.items).await?.into_iter().flatten() {
        let entry: Entry = record.parse()?;
        if filter.from.is_some_and(|from| entry.date < from) {
            next = None;
            break;
        }
        if filter.fits(&entry) {
            found.push(Found { id: id_of(&record), entry });
        }
    }
    Ok(Page { items: found, next, total: total(store, filter).await? })
}

fn id_of(record: &Record) -> String {
    record.key.id.to_string()
}

/// How many entries fit. Exact or not told: what only the index knows is counted up to [`COUNTED`].
async fn total(store: &dyn Store, filter: &Filter) -> Result<Option<u64>> {
    let last = match filter.to {
        Some(to) => count_until(store, to).await?,
        None => head(store).await?.map_or(0, |head| head.sequence),
    };
    let before = match filter.from {
        Some(from) => count_until(store, Timestamp(from.0.saturating_sub(1))).await?,
        None => 0,
    };
    let Some(value) = filter.facet() else { return Ok(Some(last.saturating_sub(before))) };
    if let Some(group) = filter.nothing_but_group() {
        let group = Key::shared(Kind::Group, group);
        return Ok(store.linked(&group, Link::Logged, End::Head, &Range::first(1)).await?.total);
    }
    count(store, filter, &Facet::new(FacetName::Activity, value), before + 1..=last).await
}

/// How many entries of a span of the chain have the facet and fit.
async fn count(store: &dyn Store, filter: &Filter, facet: &Facet, span: RangeInclusive<u64>) -> Result<Option<u64>> {
    // Ids count down: what is older has a greater one.
    let (mut after, oldest) = (Some(Position::Id(id(span.end() + 1))), id(*span.start()));
    let (mut counted, mut looked_at) = (0, 0);
    while let Some(position) = after {
        if looked_at >= COUNTED {
            return Ok(None);
        }
        let range = Range::after(COUNT_STRIDE, Some(position));
        let page = store.find(&Space::Shared, Kind::ActivityLogEntry, facet, &range).await?;
        looked_at += page.items.len();
        let within = page.items.partition_point(|key| *key.id <= *oldest);
        after = page.next.filter(|_| within == page.items.len());
        let keys = &page.items[..within];
        counted += if filter.is_told_by_facet() { keys.len() } else { fitting(store, filter, keys).await? };
    }
    Ok(u64::try_from(counted).ok())
}

async fn fitting(store: &dyn Store, filter: &Filter, keys: &[Key]) -> Result<usize> {
    let mut fitting = 0;
    for record in store.read_many(keys).await?.into_iter().flatten() {
        fitting += usize::from(filter.fits(&record.parse()?));
    }
    Ok(fitting)
}

/// How many entries there are up to a moment.
async fn count_until(store: &dyn Store, moment: Timestamp) -> Result<u64> {
    let (mut within, mut beyond) = (0, head(store).await?.map_or(0, |head| head.sequence) + 1);
    while beyond - within > 1 {
        let middle = within.midpoint(beyond);
        // An entry that is missing is taken as one of later: the walk along the chain tells of it, not a list.
        let date = match store.read(&key(middle)).await? {
            Some(record) => record.parse::<Entry>()?.date,
            None => Timestamp(i64::MAX),
        };
        if date <= moment { within = middle } else { beyond = middle }
    }
    Ok(within)
}
