//! Who sees an object at all. Most are for everybody with a key; those of [`SIGHT`] decide for themselves. Whatever lists
//! objects of these kinds (relationships, inline relationships, feeds, searches, counts) reads its pages through
//! [`page`], which leaves out what the caller may not know to exist.

use std::pin::Pin;
use std::sync::Arc;

use assay_model::record::{Facet, Key, Record, Space};
use assay_model::{Kind, Link, Result};
use assay_store::{End, Page, Range, Store};

use super::Viewer;
use crate::authored;
use crate::community::comments;

/// Whether a caller sees an object.
pub(crate) type Sees =
    for<'a> fn(&'a Record, &'a Viewer<'a>) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + 'a>>;

/// The kinds that are not for everybody.
const SIGHT: &[(Kind, Sees)] = &[
    (Kind::Comment, |record, viewer| Box::pin(comments::sees(record, viewer))),
    (Kind::Collection, |record, viewer| Box::pin(std::future::ready(authored::sees(record, viewer)))),
    (Kind::Graph, |record, viewer| Box::pin(std::future::ready(authored::sees(record, viewer)))),
    (Kind::SavedSearch, |record, viewer| Box::pin(std::future::ready(authored::sees(record, viewer)))),
];

fn rule(kind: Kind) -> Option<Sees> {
    SIGHT.iter().find(|(restricted, _)| *restricted == kind).map(|(_, sees)| *sees)
}

/// Whether objects of a kind may be hidden from somebody.
pub(crate) fn is_restricted(kind: Kind) -> bool {
    rule(kind).is_some()
}

/// Whether a caller sees this object.
pub(crate) async fn sees(record: &Record, viewer: &Viewer<'_>) -> Result<bool> {
    match rule(record.key.kind) {
        None => Ok(true),
        Some(sees) => sees(record, viewer).await,
    }
}

/// A list in the store whose members may be hidden.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Listing<'a> {
    /// What a link joins to an object, newest first.
    Linked(&'a Key, Link, End),
    /// What has a facet, by id.
    Found(Kind, &'a Facet),
}

impl Listing<'_> {
    async fn read(&self, store: &dyn Store, range: &Range) -> Result<Page<Key>> {
        match self {
            Self::Found(kind, facet) => Ok(store.find(&Space::Shared, *kind, facet, range).await?),
            Self::Linked(of, link, end) => {
                let page = store.linked(of, *link, *end, range).await?;
                let other = |edge: assay_model::record::Edge| if *end == End::Tail { edge.to } else { edge.from };
                Ok(Page { items: page.items.into_iter().map(other).collect(), next: page.next, total: page.total })
            }
        }
    }
}

/// A page of what the caller sees of a list, and what `also` lets through. There is a next page only where it has
/// something on it. The count is told where the whole list is on the page: of a longer one it would tell how much is hidden.
pub(crate) async fn page(
    viewer: &Viewer<'_>,
    listing: Listing<'_>,
    range: &Range,
    also: &(dyn Fn(&Record) -> bool + Sync),
) -> Result<Page<Arc<Record>>> {
    let store = viewer.app.store();
    let mut items: Vec<Arc<Record>> = Vec::with_capacity(range.limit);
    let (mut after, mut next) = (range.after.clone(), None);
    loop {
        // Never more than is wanted, so that the page ends where the chunk ends; then ahead for one more.
        let wanted = range.limit - items.len();
        let size = if wanted == 0 { range.limit } else { wanted };
        let chunk = listing.read(store, &Range::after(size, after.clone())).await?;
        for record in store.read_many(&chunk.items).await?.into_iter().flatten() {
            if also(&record) && sees(&record, viewer).await? {
                if wanted == 0 {
                    return Ok(Page { items, next, total: None });
                }
                items.push(record);
            }
        }
        after = chunk.next;
        if wanted > 0 && items.len() == range.limit {
            next.clone_from(&after);
        }
        if after.is_none() {
            let total = (range.after.is_none()).then_some(items.len() as u64);
            return Ok(Page { items, next: None, total });
        }
    }
}
