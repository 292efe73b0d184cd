//! Pages: a list is read from a position on, never by counting from its start, so that page 1,000 costs what page 1
//! costs. For the same reason a list is counted up to [`COUNTED`] and no further.

use serde::{Deserialize, Serialize};

/// How far lists are counted. The size of a longer one is not told: to know it, one would count on every page, or keep a
/// counter that all who write to a popular list would wait for.
pub const COUNTED: u64 = 10_000;

/// Where a page ends: everything up to and including it has been read. Opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Position {
    /// In a list that is ordered by time, newest first: the time and the order of arrival.
    Time(i64, i64),
    /// In a list that is ordered by id.
    Id(String),
}

/// Which page is asked for.
#[derive(Debug, Clone)]
pub struct Range {
    /// How many items at the most.
    pub limit: usize,
    /// The end of the page before; none for the first page.
    pub after: Option<Position>,
}

impl Range {
    /// The first `limit` items.
    pub fn first(limit: usize) -> Self {
        Self { limit, after: None }
    }

    /// The next `limit` items.
    pub fn after(limit: usize, position: Option<Position>) -> Self {
        Self { limit, after: position }
    }
}

/// One page.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The items; not empty where `next` is there.
    pub items: Vec<T>,
    /// Where the next page starts; none on the last page.
    pub next: Option<Position>,
    /// How many items the whole list has, where the list counts them and they are not more than [`COUNTED`].
    pub total: Option<u64>,
}

impl<T> Page<T> {
    /// Makes a page of up to `limit + 1` rows: the surplus row says that there is a next page.
    pub fn cut(mut rows: Vec<(T, Position)>, limit: usize, total: Option<u64>) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(|(_, position)| position.clone()) } else { None };
        Self { items: rows.into_iter().map(|(item, _)| item).collect(), next, total }
    }

    /// The size of a list whose first page this is, where all of it is on the page.
    pub(crate) fn whole(rows: &[(T, Position)], range: &Range) -> Option<u64> {
        (range.after.is_none() && rows.len() <= range.limit).then_some(rows.len() as u64)
    }
}

/// A count that was made up to one beyond [`COUNTED`].
pub(crate) fn counted(count: u64) -> Option<u64> {
    Some(count).filter(|count| *count <= COUNTED)
}
