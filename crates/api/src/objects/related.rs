//! The members of a relationship, a page at a time: their keys, and what is said about each of them.

use std::sync::Arc;

use assay_model::record::{Edge, Facet, Key, Record, Space};
use assay_model::{Code, Error, Kind, Link, Result};
use assay_store::{End, Page, Position, Range};
use serde_json::{Map, Value, json};

use super::sight::{self, Listing};
use super::{Relationship, Source, Viewer, url};

/// A member of a relationship.
#[derive(Debug, Clone)]
pub struct Member {
    /// Which object.
    pub key: Key,
    /// What is said about the fact that joins the two: a JSON object.
    pub said: Option<Arc<str>>,
}

impl Member {
    /// A member of which nothing more is said.
    pub fn plain(key: Key) -> Self {
        Self { key, said: None }
    }

    fn of_edge(edge: Edge, end: End) -> Self {
        let key = if end == End::Tail { edge.to } else { edge.from };
        Self { key, said: edge.context }
    }

    fn context(&self) -> Result<Map<String, Value>> {
        let Some(text) = self.said.as_deref() else { return Ok(Map::new()) };
        serde_json::from_str(text).map_err(|cause| {
            Error::new(Code::Internal, "what is said about a relationship could not be read").because(cause)
        })
    }
}

/// One page of a relationship.
pub(crate) async fn page(
    viewer: &Viewer<'_>,
    relationship: &Relationship,
    record: &Record,
    range: &Range,
) -> Result<Page<Member>> {
    match relationship.source {
        Source::Unobserved => Ok(Page { items: Vec::new(), next: None, total: Some(0) }),
        Source::Link(link, end) if relationship.screened => {
            let page = sight::page(viewer, Listing::Linked(&record.key, link, end), range, &|_| true).await?;
            let items = page.items.iter().map(|record| Member::plain(record.key.clone())).collect();
            Ok(Page { items, next: page.next, total: page.total })
        }
        Source::Link(link, end) => {
            let page = viewer.app.store().linked(&record.key, link, end, range).await?;
            let items = page.items.into_iter().map(|edge| Member::of_edge(edge, end)).collect();
            Ok(Page { items, next: page.next, total: page.total })
        }
        Source::Read(read) => read(viewer, record, range).await,
        Source::Computed(compute) => {
            let items: Vec<_> = compute(record)?.into_iter().map(Member::plain).collect();
            let total = Some(items.len() as u64);
            Ok(Page { items, next: None, total })
        }
    }
}

/// Whether the members' records are needed to say something about them.
pub(crate) fn says_more(relationship: &Relationship, members: &[Member]) -> bool {
    relationship.context.is_some() || members.iter().any(|member| member.key.kind == Kind::Url)
}

/// What is said about a member, in `context_attributes`: what is known of the fact, of the member's part in it, and of a
/// URL what its id does not say.
pub(crate) fn context(relationship: &Relationship, member: &Member, record: Option<&Record>) -> Result<Option<Value>> {
    let mut context = member.context()?;
    if let Some(record) = record {
        if let Some(Value::Object(part)) = relationship.context.map(|context| context(record)).transpose()? {
            context.extend(part);
        }
        if member.key.kind == Kind::Url {
            context.insert("url".to_owned(), url::text(record)?.into());
        }
    }
    Ok(if context.is_empty() { None } else { Some(context.into()) })
}

/// What points to another object than the one that was asked for, by the link of that object's kind; what is said about
/// each tells from where.
pub(crate) async fn by_way_of(
    viewer: &Viewer<'_>,
    other: Option<Key>,
    links: &[Link],
    range: &Range,
) -> Result<Page<Member>> {
    let link = |other: &Key| links.iter().copied().find(|link| link.ends().1 == other.kind);
    let Some((other, link)) = other.and_then(|other| link(&other).map(|link| (other, link))) else {
        return Ok(Page { items: Vec::new(), next: None, total: Some(0) });
    };
    let page = sight::page(viewer, Listing::Linked(&other, link, End::Head), range, &|_| true).await?;
    let said: Arc<str> =
        json!({ "related_from": [{ "type": other.kind.wire(), "id": &*other.id }] }).to_string().into();
    let member = |record: &Arc<Record>| Member { key: record.key.clone(), said: Some(said.clone()) };
    Ok(Page { items: page.items.iter().map(member).collect(), next: page.next, total: page.total })
}

/// The collections around another object.
pub(crate) const GATHERING: &[Link] = &[Link::GathersDomain, Link::GathersIp];

/// The publications on another object.
pub(crate) const CITING: &[Link] = &[Link::CitesDomain, Link::CitesIp];

/// The other objects of the same kind that have a facet.
pub(crate) async fn same_facet(
    viewer: &Viewer<'_>,
    record: &Record,
    facet: &Facet,
    range: &Range,
) -> Result<Page<Member>> {
    // The object itself is in the list; one more is read so that its place does not end the page early.
    let wider = Range { limit: range.limit + 1, after: range.after.clone() };
    let page = viewer.app.store().find(&Space::Shared, record.key.kind, facet, &wider).await?;
    let mut items: Vec<_> = page.items.into_iter().filter(|key| *key != record.key).collect();
    let more = page.next.is_some() || items.len() > range.limit;
    items.truncate(range.limit);
    let next = items.last().filter(|_| more).map(|key| Position::Id(key.id.to_string()));
    Ok(Page { items: items.into_iter().map(Member::plain).collect(), next, total: None })
}
