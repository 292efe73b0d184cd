//! Votes on objects. An account votes once on an object; the object's `total_votes` and `reputation` change in the commit
//! that writes the vote.

use std::collections::BTreeMap;

use assay_model::file::Votes;
use assay_model::record::{Edge, Key, Record, body};
use assay_model::{Code, Error, Kind, Link, Result, Timestamp};
use assay_store::{Batch, Expect, Page, Range};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::items::Item;
use crate::accounts::attributes::Written;
use crate::accounts::deed::persist;
use crate::app::App;
use crate::objects::{Member, Viewer, serve, vote};
use crate::route::{Call, Reply};

/// How many ids are tried where others have taken the first.
const TRIES: u32 = 64;

/// A vote as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Vote {
    pub(crate) date: Timestamp,
    pub(crate) verdict: Opinion,
    pub(crate) value: i64,
    pub(crate) account: String,
}

/// What a vote calls an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Opinion {
    /// Good.
    Harmless,
    /// Bad.
    Malicious,
}

/// The id of an account's vote on an object: the same one each time, so that there cannot be two, and of no use to
/// somebody who wants to know whose it is. Others may have it already, 32 bits being few; then the next one is tried.
fn id(app: &App, row: &Item, item: &str, account: &str, attempt: u32) -> String {
    let key = app.pepper.derive("ids of votes");
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key[..]).expect("HMAC takes a key of any length");
    mac.update(format!("{}/{item}/{attempt}/{account}", row.kind).as_bytes());
    row.id(item, &mac.finalize().into_bytes()[..4])
}

/// An account's vote on an object, or the key that it would have.
async fn find(app: &App, row: &Item, item: &str, account: &str) -> Result<(Key, Option<Vote>)> {
    for attempt in 0..TRIES {
        let key = Key::shared(Kind::Vote, id(app, row, item, account, attempt));
        let Some(record) = app.store().read(&key).await? else { return Ok((key, None)) };
        let vote: Vote = record.parse()?;
        if vote.account == account {
            return Ok((key, Some(vote)));
        }
    }
    Err(Error::new(Code::Internal, "no id is left for a vote"))
}

/// `POST /{collection}/{id}/votes`.
pub(crate) async fn create(mut call: Call) -> Result<Reply> {
    let row = Item::of_call(&call)?;
    let link = row.voted.ok_or_else(|| Error::new(Code::Internal, "a route votes on what takes no votes"))?;
    let item = row.locate(&call).await?.key.clone();
    let mut written = Written::read(&mut call, &["vote"]).await?;
    let verdict = written.text("verdict")?;
    let verdict = match Written::required("verdict", verdict)?.as_str() {
        "harmless" => Opinion::Harmless,
        "malicious" => Opinion::Malicious,
        _ => return Err(Error::invalid_argument("the attribute \"verdict\" must be \"harmless\" or \"malicious\"")),
    };
    written.finish(&["verdict"])?;
    let (app, account) = (&call.app, call.paid.account()?.account.to_string());
    let key = persist(|| async {
        let (key, before) = find(app, row, &item.id, &account).await?;
        if let Some(vote) = before {
            let message = format!(
                "User \"{account}\" already voted \"{}\" for this {}",
                crate::objects::word(&vote.verdict),
                row.kind
            );
            return Err(Error::new(Code::AlreadyExists, message).into());
        }
        let (now, value) = (app.now(), if verdict == Opinion::Harmless { 1 } else { -1 });
        let mut batch = Batch::new();
        let stored = Vote { date: now, verdict, value, account: account.clone() };
        batch.put(key.clone(), body(&stored), Expect::Absent);
        batch.link(Edge::new(key.clone(), link, item.clone(), now));
        let by = Key::shared(Kind::User, account.as_str());
        batch.link(Edge::new(key.clone(), Link::Cast, by, now));
        let record = app.store().read(&item).await?;
        let record = record.ok_or_else(|| Error::not_found(row.kind.wire(), &item.id))?;
        batch.put(item.clone(), counted(&record, &stored)?, Expect::Version(record.version));
        app.store().commit(batch).await?;
        Ok(key)
    })
    .await?;
    let record = (vote::TYPE.locate)(&call.viewer(), &key.id).await?;
    serve::whole(&call, &vote::TYPE, &record, &[]).await
}

/// An object with one vote more: its `total_votes` and `reputation`, which a file has among its attributes and an address in
/// its standing. The rest stays as it is.
fn counted(record: &Record, vote: &Vote) -> Result<std::sync::Arc<[u8]>> {
    let mut object: BTreeMap<String, Box<RawValue>> = record.parse()?;
    let unread = |cause: serde_json::Error| {
        Error::new(Code::Internal, "the attributes of an object could not be read").because(cause)
    };
    let part = if object.contains_key("standing") { "standing" } else { "attributes" };
    let attributes = object.get(part).map_or("{}", |text| text.get());
    let mut attributes: BTreeMap<String, Box<RawValue>> = serde_json::from_str(attributes).map_err(unread)?;
    let mut votes: Votes = match attributes.get("total_votes") {
        Some(text) => serde_json::from_str(text.get()).map_err(unread)?,
        None => Votes::default(),
    };
    let reputation: i64 = match attributes.get("reputation") {
        Some(text) => serde_json::from_str(text.get()).map_err(unread)?,
        None => 0,
    };
    match vote.verdict {
        Opinion::Harmless => votes.harmless += 1,
        Opinion::Malicious => votes.malicious += 1,
    }
    attributes.insert("total_votes".to_owned(), raw(&votes));
    attributes.insert("reputation".to_owned(), raw(&reputation.saturating_add(vote.value)));
    object.insert(part.to_owned(), raw(&attributes));
    Ok(body(&object))
}

fn raw<T: Serialize>(value: &T) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("our own types have string keys and serialise")
}

/// The caller's own vote on an object.
pub(crate) async fn own(viewer: &Viewer<'_>, record: &Record, _: &Range) -> Result<Page<Member>> {
    let mut items = Vec::new();
    if let (Some(row), Some(identity)) = (Item::of(record.key.kind), viewer.paid.identity()) {
        let (key, vote) = find(viewer.app, row, &record.key.id, &identity.account).await?;
        items.extend(vote.map(|_| Member::plain(key)));
    }
    let total = Some(items.len() as u64);
    Ok(Page { items, next: None, total })
}
