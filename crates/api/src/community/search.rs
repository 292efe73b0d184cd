//! `GET /search`: whatever `query` names (a hash, a URL, a domain, an IP address, the id of a comment, a collection, a
//! graph), `#tag`, or words of comments. In goes a text, out comes a list; where nothing is found it is empty.

use assay_model::record::{Facet, FacetName, Key, Record};
use assay_model::{Error, Kind, Result};
use assay_store::Range;
use serde_json::Value;

use super::comments::{self, Comment};
use super::{named, remarks};
use crate::objects::sight::{self, Listing};
use crate::objects::{self, comment, serve};
use crate::route::{Arguments, Call, Reply};
use crate::{cursor, envelope};

/// The longest query, bytes.
const LONGEST: usize = 4_096;
/// Kinds whose ids are looked up as they stand.
const BY_ID: &[Kind] = &[Kind::Comment, Kind::Collection, Kind::Graph];

/// There is a query, and it is not too long.
pub(crate) fn check(arguments: &Arguments) -> Result<()> {
    match arguments.query("query").map(str::trim) {
        None | Some("") => Err(Error::invalid_argument("the argument \"query\" is missing")),
        Some(query) if query.len() > LONGEST => {
            Err(Error::invalid_argument(format!("the query is longer than {LONGEST} bytes")))
        }
        Some(_) => serve::limit(arguments).map(drop),
    }
}

/// `GET /search`.
pub(crate) async fn get(call: Call) -> Result<Reply> {
    let query = call.arguments.query("query").unwrap_or_default().trim().to_owned();
    if let Some(tag) = query.strip_prefix('#').filter(|tag| !tag.is_empty() && !tag.contains(char::is_whitespace)) {
        return comments::tagged(&call, Some(&tag.to_lowercase())).await;
    }
    let (viewer, store) = (call.viewer(), call.app.store());
    let mut keys: Vec<Key> = BY_ID.iter().map(|kind| Key::shared(*kind, query.as_str())).collect();
    keys.extend(named::every(store, &query).await?.into_iter().map(|named| named.key));
    let mut items = Vec::new();
    for record in store.read_many(&keys).await?.into_iter().flatten() {
        if sight::sees(&record, &viewer).await? {
            let object = objects::view_of(&record);
            let inline = serve::inline_known(object, &call.arguments);
            items.push(serve::full(&viewer, object, &record, &call.arguments, &inline, false).await?);
        }
    }
    if !items.is_empty() || keys.len() > BY_ID.len() {
        let count = Some(items.len() as u64);
        return Ok(Reply::value(&envelope::page(viewer.base, &call.arguments, items, None, count)));
    }
    by_words(&call, &query).await
}

/// The comments that have all words of a query.
async fn by_words(call: &Call, query: &str) -> Result<Reply> {
    let viewer = call.viewer();
    let words = remarks::words(query);
    // The longest word is the rarest one, as a rule; the others are looked for in what it finds.
    let Some(rarest) = words.iter().max_by_key(|word| word.len()) else {
        return Ok(Reply::value(&envelope::page(viewer.base, &call.arguments, Vec::<Value>::new(), None, Some(0))));
    };
    let facet = Facet::new(FacetName::Word, rarest.as_str());
    let name = format!("search?{query}");
    let after = call.arguments.query("cursor").map(|text| cursor::read(&name, text)).transpose()?;
    let range = Range::after(serve::limit(&call.arguments)?, after);
    let all = |record: &Record| {
        record.parse::<Comment>().is_ok_and(|comment| words.is_subset(&remarks::words(&comment.text)))
    };
    let page = sight::page(&viewer, Listing::Found(Kind::Comment, &facet), &range, &all).await?;
    let inline = serve::inline_known(&comment::TYPE, &call.arguments);
    let mut items = Vec::with_capacity(page.items.len());
    for record in &page.items {
        items.push(serve::full(&viewer, &comment::TYPE, record, &call.arguments, &inline, false).await?);
    }
    let next = page.next.map(|position| cursor::write(&name, &position));
    Ok(Reply::value(&envelope::page(viewer.base, &call.arguments, items, next, page.total)))
}
