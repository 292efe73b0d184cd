//! `GET /search`: whatever `query` names (a hash, a URL, a domain, an IP address, the id of a comment, a collection, a
//! graph), `#tag`, or words of comments. In goes a text, out comes a list; where nothing is found it is empty.

use assay_model::record::{Facet, FacetName, Key, Record};
use assay_model::{Code, Error, Kind, Result};
use assay_store::Range;
use serde_json::{Value, json};

use super::comments::{self, Comment};
use super::{named, remarks};
use crate::brokered::searches::{self, Elsewhere};
use crate::objects::sight::{self, Listing};
use crate::objects::{self, comment, serve};
use crate::route::{Arguments, Call, Reply};
use crate::{cursor, envelope};

/// The longest query, bytes.
const LONGEST: usize = 4_096;
/// The list of what a query names, which is one page and has no cursors.
const NAMED: &str = "search";
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

/// `GET /search`: what is known here, and where that is nothing, what upstream finds.
pub(crate) async fn get(call: Call) -> Result<Reply> {
    let query = call.arguments.query("query").unwrap_or_default().trim().to_owned();
    let local = found(&call, &query).await;
    let asks = match &local {
        Ok(page) => page["data"].as_array().is_none_or(Vec::is_empty),
        // A cursor that is none of ours may be upstream's.
        Err(error) => error.code == Code::InvalidArgument && call.arguments.query("cursor").is_some(),
    };
    let elsewhere = if asks { searches::search(&call, &query).await? } else { Elsewhere::Nothing };
    if let Elsewhere::Answer(reply) = elsewhere {
        return Ok(reply);
    }
    let mut page = local?;
    if let Elsewhere::NotAsked(why) = elsewhere {
        page["meta"]["assay"] = json!({ "origin": "local", "not_asked": why.to_string() });
    }
    Ok(Reply::value(&page))
}

/// A page of what is known here.
async fn found(call: &Call, query: &str) -> Result<Value> {
    if let Some(tag) = query.strip_prefix('#').filter(|tag| !tag.is_empty() && !tag.contains(char::is_whitespace)) {
        return comments::tagged(call, Some(&tag.to_lowercase())).await;
    }
    let (viewer, store) = (call.viewer(), call.app.store());
    let mut keys: Vec<Key> = BY_ID.iter().map(|kind| Key::shared(*kind, query)).collect();
    keys.extend(named::every(store, query).await?.into_iter().map(|named| named.key));
    let mut items = Vec::new();
    for record in store.read_many(&keys).await?.into_iter().flatten() {
        if sight::sees(&record, &viewer).await? {
            let object = objects::view_of(&record);
            let inline = serve::inline_known(object, &call.arguments);
            items.push(serve::full(&viewer, object, &record, &call.arguments, &inline, false).await?);
        }
    }
    if !items.is_empty() {
        let count = Some(items.len() as u64);
        return Ok(envelope::page(viewer.base, &call.arguments, items, None, count));
    }
    if keys.len() > BY_ID.len() {
        // It names something that is not known here; a cursor is none of ours, whatever it is.
        call.arguments.query("cursor").map(|text| cursor::read(NAMED, text)).transpose()?;
        return Ok(envelope::page(viewer.base, &call.arguments, items, None, Some(0)));
    }
    by_words(call, query).await
}

/// The comments that have all words of a query.
async fn by_words(call: &Call, query: &str) -> Result<Value> {
    let viewer = call.viewer();
    let words = remarks::words(query);
    // The longest word is the rarest one, as a rule; the others are looked for in what it finds.
    let Some(rarest) = words.iter().max_by_key(|word| word.len()) else {
        return Ok(envelope::page(viewer.base, &call.arguments, Vec::<Value>::new(), None, Some(0)));
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
    Ok(envelope::page(viewer.base, &call.arguments, items, next, page.total))
}
