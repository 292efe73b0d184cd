//! Entries of the audit log, newest first, in pages that cost the same wherever they start and whatever is filtered.

use assay_model::record::{Facet, FacetName, Key, Record, Space};
use assay_model::{Kind, Link, Result, Timestamp};
use assay_store::{End, Page, Position, Range, Store};

use super::{Entry, Filter, head, id, key};

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

/// A page of the entries that fit, newest first. `total` is known where nothing but a group is asked for.
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

async fn total(store: &dyn Store, filter: &Filter) -> Result<Option<u64>> {
    let group_only = Filter { group: filter.group.clone(), ..Filter::default() };
    if *filter != group_only {
        return Ok(None);
    }
    let Some(group) = &filter.group else {
        return Ok(Some(head(store).await?.map_or(0, |head| head.sequence)));
    };
    let group = Key::shared(Kind::Group, group.as_str());
    Ok(store.linked(&group, Link::Logged, End::Head, &Range::first(1)).await?.total)
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
