//! Comments. `{id}` is what the comment is about, with eight digits behind it.

use std::sync::Arc;

use assay_model::record::{Key, Record};
use assay_model::{Kind, Link, Result, Timestamp};
use assay_store::{End, Page, Range};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Member, ObjectType, Relationship, Source, Viewer, sight};
use crate::community::comments::{self, Comment};
use crate::community::items::Item;

/// The type.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::Comment,
    title: "Comment",
    id: "Id of the comment",
    relationships: &[
        Relationship::forward("author", Link::Wrote, "Who wrote the comment").one(),
        Relationship::unobserved("item", "item", "What the comment is about")
            .one()
            .from(Source::Computed(|record| Ok(Some(record.parse::<Comment>()?.about())))),
    ],
    locate: |viewer, id| Box::pin(locate(viewer, id)),
    attributes,
    more: None,
    more_in_lists: false,
    meta: None,
    links: None,
    schema: |generator| generator.subschema_for::<CommentAttributes>(),
    check: crate::route::any,
    needs: None,
    free: false,
};

/// The attributes of a comment.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CommentAttributes {
    date: Timestamp,
    /// As it was written.
    text: String,
    /// The same as HTML, with all markup of the text escaped.
    html: String,
    /// Its hashtags, lower case.
    tags: Vec<String>,
    /// How many call it positive, negative, abuse.
    #[schemars(with = "std::collections::BTreeMap<String, u64>")]
    votes: Value,
}

async fn locate(viewer: &Viewer<'_>, id: &str) -> Result<Arc<Record>> {
    let record = viewer.app.store().read(&Key::shared(Kind::Comment, id)).await?;
    let record = record.ok_or_else(|| comments::not_found(id))?;
    if sight::sees(&record, viewer).await? { Ok(record) } else { Err(comments::not_found(id)) }
}

fn attributes(record: &Record, _: &Viewer<'_>) -> Result<Map<String, Value>> {
    let comment: Comment = record.parse()?;
    let votes = comment.votes();
    let Comment { date, text, html, tags, .. } = comment;
    Ok(super::object_of(&CommentAttributes { date, text, html, tags, votes }))
}

/// What people say about another object than the one that was asked for.
pub(crate) async fn on(viewer: &Viewer<'_>, about: Option<Key>, range: &Range) -> Result<Page<Member>> {
    let Some((row, key)) = about.and_then(|key| Some((Item::of(key.kind)?, key))) else {
        return Ok(Page { items: Vec::new(), next: None, total: Some(0) });
    };
    let page = viewer.app.store().linked(&key, row.commented, End::Head, range).await?;
    let items = page.items.into_iter().map(|edge| Member::plain(edge.from)).collect();
    Ok(Page { items, next: page.next, total: page.total })
}

/// What a list says about a comment that stands under something else than what was asked for.
pub(crate) fn posted_in(record: &Record) -> Result<Value> {
    let comment: Comment = record.parse()?;
    Ok(json!({ "posted_in": { "type": comment.kind.wire(), "id": comment.item } }))
}
