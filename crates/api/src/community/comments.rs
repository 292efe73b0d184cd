//! Comments: made and removed, voted on, listed. A comment is seen by whoever sees what it is about.

use std::collections::BTreeMap;

use assay_model::record::{Edge, Facet, FacetName, Key, Record, body};
use assay_model::{Error, Kind, Link, Result, Timestamp};
use assay_store::{Batch, End, Expect, Range};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::items::Item;
use super::remarks::{self, Remark, TEXT_MAX};
use crate::accounts::attributes::{Written, document};
use crate::accounts::deed::{Attempt, persist};
use crate::accounts::rights::{forbidden, shown};
use crate::authored;
use crate::cursor;
use crate::envelope;
use crate::gate::Paid;
use crate::objects::sight::{self, Listing};
use crate::objects::{Viewer, comment, serve};
use crate::route::{Call, Reply};

/// The list of all comments.
const FEED: &str = "comments";
/// How many accounts may vote on one comment.
const VOTERS_MAX: usize = 10_000;

/// A comment as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Comment {
    pub(crate) date: Timestamp,
    pub(crate) text: String,
    pub(crate) html: String,
    pub(crate) tags: Vec<String>,
    pub(crate) author: String,
    /// What it is about.
    pub(crate) kind: Kind,
    pub(crate) item: String,
    /// Who said what about it.
    #[serde(default)]
    pub(crate) voters: BTreeMap<String, Opinion>,
}

/// What somebody says about a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Opinion {
    Positive,
    Negative,
    Abuse,
}

impl Comment {
    /// `{"positive": 0, "negative": 0, "abuse": 0}`.
    pub(crate) fn votes(&self) -> Value {
        let count = |wanted| self.voters.values().filter(|opinion| **opinion == wanted).count();
        json!({ "positive": count(Opinion::Positive), "negative": count(Opinion::Negative), "abuse": count(Opinion::Abuse) })
    }

    /// What it is about.
    pub(crate) fn about(&self) -> Key {
        Key::shared(self.kind, self.item.as_str())
    }
}

/// Whether a caller sees a comment: whether it sees what the comment is about.
pub(crate) async fn sees(record: &Record, viewer: &Viewer<'_>) -> Result<bool> {
    let comment: Comment = record.parse()?;
    if !sight::is_restricted(comment.kind) {
        return Ok(true);
    }
    match viewer.app.store().read(&comment.about()).await? {
        Some(item) => sight::sees(&item, viewer).await,
        None => Ok(false),
    }
}

/// The list of the comments with a tag.
fn topic(tag: Option<&str>) -> Key {
    let name = tag.map_or_else(|| FEED.to_owned(), |tag| format!("{FEED}#{tag}"));
    Key::shared(Kind::Topic, name)
}

/// `POST /{collection}/{id}/comments`.
pub(crate) async fn create(mut call: Call) -> Result<Reply> {
    let row = Item::of_call(&call)?;
    let item = row.locate(&call).await?;
    let mut written = Written::read(&mut call, &["comment"]).await?;
    let text = written.prose("text", TEXT_MAX)?;
    let text = Written::required("text", text)?;
    written.finish(&["text"])?;
    let remark = remarks::read(&text)?;
    let (app, now) = (&call.app, call.app.now());
    let author = call.paid.account()?.account.to_string();
    let mentioned = mentioned(&call, &remark).await?;
    let Remark { tags, html, .. } = remark;
    let stored = Comment {
        date: now,
        text,
        html,
        tags,
        author,
        kind: row.kind,
        item: item.key.id.to_string(),
        voters: BTreeMap::new(),
    };
    let key = persist(|| async {
        let mut suffix = [0; 4];
        app.random.fill(&mut suffix);
        let key = Key::shared(Kind::Comment, row.id(&item.key.id, &suffix));
        let mut batch = Batch::new();
        let mut join = |link, to| _ = batch.link(Edge::new(key.clone(), link, to, now));
        join(row.commented, item.key.clone());
        join(Link::Wrote, Key::shared(Kind::User, stored.author.as_str()));
        join(Link::Posted, topic(None));
        for tag in &stored.tags {
            join(Link::Posted, topic(Some(tag)));
        }
        for account in &mentioned {
            join(Link::Mentions, account.clone());
        }
        for word in remarks::words(&stored.text) {
            batch.facet(key.clone(), Facet::new(FacetName::Word, word));
        }
        batch.put(key.clone(), body(&stored), Expect::Absent);
        count(&call, row, &item.key, 1, &mut batch).await?;
        app.store().commit(batch).await?;
        Ok(key)
    })
    .await?;
    answer(&call, &key.id).await
}

/// The accounts that a text mentions; names of nobody are only words.
async fn mentioned(call: &Call, remark: &Remark) -> Result<Vec<Key>> {
    let keys: Vec<_> = remark.mentions.iter().map(|name| Key::shared(Kind::User, name.as_str())).collect();
    let found = call.app.store().read_many(&keys).await?;
    Ok(found.into_iter().flatten().map(|record| record.key.clone()).collect())
}

/// Moves the count of comments of what they are about, where it has one.
async fn count(call: &Call, row: &Item, item: &Key, by: i64, batch: &mut Batch) -> Attempt<()> {
    let Some(counter) = row.counter else { return Ok(()) };
    if let Some(record) = call.app.store().read(item).await? {
        let mut work: authored::Work = record.parse()?;
        work.add(counter, by);
        batch.put(item.clone(), body(&work), Expect::Version(record.version));
    }
    Ok(())
}

/// A comment that the caller sees, with its version.
async fn seen(call: &Call, id: &str) -> Result<(Comment, Key, u64)> {
    let record = (comment::TYPE.locate)(&call.viewer(), id).await?;
    Ok((record.parse()?, record.key.clone(), record.version))
}

/// `DELETE /comments/{id}`: for its author and the operator.
pub(crate) async fn delete(call: Call) -> Result<Reply> {
    let id = call.arguments.path("id").to_owned();
    persist(|| async {
        let (stored, key, version) = seen(&call, &id).await?;
        if !owns(&call.paid, &stored.author)? {
            return Err(forbidden("a comment is removed by its author").into());
        }
        let mut batch = Batch::new();
        // Written first, so that of two who remove it one is refused and it is counted once.
        batch.put(key.clone(), body(&stored), Expect::Version(version));
        batch.delete(key);
        if let Some(row) = Item::of(stored.kind) {
            count(&call, row, &stored.about(), -1, &mut batch).await?;
        }
        call.app.store().commit(batch).await?;
        Ok(())
    })
    .await?;
    Ok(Reply::value(&json!({})))
}

fn owns(paid: &Paid, author: &str) -> Result<bool> {
    let identity = paid.account()?;
    Ok(*identity.account == *author || identity.is_staff())
}

/// `POST /comments/{id}/vote`: `{"data": "positive"}`. An account has one opinion on a comment; a later one takes its place.
pub(crate) async fn vote(mut call: Call) -> Result<Reply> {
    let id = call.arguments.path("id").to_owned();
    seen(&call, &id).await?;
    let written = document(&mut call).await?;
    let opinion = written.get("data").cloned().and_then(|word| serde_json::from_value::<Opinion>(word).ok());
    let opinion = opinion.ok_or_else(|| {
        Error::invalid_argument("the body must be {\"data\": \"positive\"}, \"negative\" or \"abuse\"")
    })?;
    let voter = call.paid.account()?.account.to_string();
    let counts = persist(|| async {
        let (mut stored, key, version) = seen(&call, &id).await?;
        if stored.voters.len() >= VOTERS_MAX && !stored.voters.contains_key(&voter) {
            return Err(Error::invalid_argument(format!(
                "{VOTERS_MAX} accounts have voted on it; there is no room for more"
            ))
            .into());
        }
        if stored.voters.insert(voter.clone(), opinion) != Some(opinion) {
            let mut batch = Batch::new();
            batch.put(key, body(&stored), Expect::Version(version));
            call.app.store().commit(batch).await?;
        }
        Ok(stored.votes())
    })
    .await?;
    Ok(Reply::data(counts))
}

/// `GET /comments`: the latest, or with `filter=tag:…` the latest with a tag.
pub(crate) async fn feed(call: Call) -> Result<Reply> {
    let tag = call.arguments.query("filter").map(tag_of).transpose()?;
    Ok(Reply::value(&tagged(&call, tag.as_deref()).await?))
}

/// The tag that a filter names.
fn tag_of(filter: &str) -> Result<String> {
    let tag = filter.trim().strip_prefix("tag:").map(|tag| tag.trim_matches(['"', '#', ' ']));
    let tag = tag.filter(|tag| !tag.is_empty() && !tag.chars().any(char::is_whitespace));
    let tag = tag.ok_or_else(|| Error::invalid_argument("the filter of comments is tag:NAME and nothing else"))?;
    Ok(tag.to_lowercase())
}

/// A page of the comments with a tag, or of all, newest first.
pub(crate) async fn tagged(call: &Call, tag: Option<&str>) -> Result<Value> {
    let key = topic(tag);
    let name = key.to_string();
    let after = call.arguments.query("cursor").map(|text| cursor::read(&name, text)).transpose()?;
    let range = Range::after(serve::limit(&call.arguments)?, after);
    let inline = serve::inline_names(&comment::TYPE, &call.arguments)?;
    let viewer = call.viewer();
    let page = sight::page(&viewer, Listing::Linked(&key, Link::Posted, End::Head), &range, &|_| true).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for record in &page.items {
        items.push(serve::full(&viewer, &comment::TYPE, record, &call.arguments, &inline, false).await?);
    }
    let next = page.next.map(|position| cursor::write(&name, &position));
    Ok(envelope::page(viewer.base, &call.arguments, items, next, page.total))
}

async fn answer(call: &Call, id: &str) -> Result<Reply> {
    let record = (comment::TYPE.locate)(&call.viewer(), id).await?;
    serve::whole(call, &comment::TYPE, &record, &[]).await
}

/// 404 in the words of comments.
pub(crate) fn not_found(id: &str) -> Error {
    Error::not_found("Comment", &shown(id))
}
