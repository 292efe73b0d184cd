//! Searches that are asked upstream: what `/search` does not find here, and Intelligence search, which is there alone.

use assay_broker::ask::Unanswered;
use assay_broker::question::Page;
use assay_broker::{Asker, NotAsked, Question};
use assay_model::{Code, Error, Kind, Result};

use super::{cursor, served, told};
use crate::intelligence;
use crate::objects::serve;
use crate::route::{Call, Reply};

/// The kinds that Intelligence search finds.
const ENTITIES: &[Kind] = &[Kind::File, Kind::Url, Kind::Domain, Kind::IpAddress];

/// What upstream has to say on a search.
pub(crate) enum Elsewhere {
    /// This.
    Answer(Reply),
    /// Nothing, or nobody was to be asked.
    Nothing,
    /// It was not asked, by rule.
    NotAsked(NotAsked),
}

/// `GET /search`, where nothing is found here.
pub(crate) async fn search(call: &Call, query: &str) -> Result<Elsewhere> {
    let Some(asker) = served(call).await? else { return Ok(Elsewhere::Nothing) };
    let range = Page { limit: Some(serve::limit(&call.arguments)?), cursor: cursor(&call.arguments)? };
    let Some(question) = Question::search("search", "", query, None, range) else { return Ok(Elsewhere::Nothing) };
    match call.app.broker.answer(&asker, &question).await {
        Ok(answered) if answered.kept.is_known() => told(call, &answered).map(Elsewhere::Answer),
        Ok(_) | Err(Unanswered::NotAsked(NotAsked::NoContract)) => Ok(Elsewhere::Nothing),
        Err(Unanswered::NotAsked(why)) => Ok(Elsewhere::NotAsked(why)),
        Err(Unanswered::Refused(refusal)) => Err(refusal.into()),
    }
}

/// `GET /intelligence/search`.
pub(crate) async fn intelligence(call: &Call, query: &str) -> Result<Reply> {
    let Some(asker) = served(call).await? else { return Err(no_contract()) };
    let arguments = &call.arguments;
    let range = Page { limit: Some(intelligence::limit(arguments)?), cursor: cursor(arguments)? };
    let order = arguments.query("order").filter(|order| !order.is_empty());
    let mut question = Question::search("intelligence", "search", query, order, range).ok_or_else(no_contract)?;
    if arguments.query("descriptors_only") == Some("true") {
        question = question.with("descriptors_only", "true");
    }
    let inside = inside(call, &asker).await?;
    if !inside.is_empty() {
        question = question.with("relationships", &inside.join(","));
    }
    match call.app.broker.answer(&asker, &question).await {
        Ok(answered) if answered.kept.is_known() => told(call, &answered),
        Ok(_) => Err(Error::new(Code::NotFound, "VirusTotal, which this server asks, does not know this search")),
        Err(Unanswered::NotAsked(why)) => Err(not_asked(why)),
        Err(Unanswered::Refused(refusal)) => Err(refusal.into()),
    }
}

/// The relationships to show inside the objects, as far as the table and the contract have them for any kind.
async fn inside<'a>(call: &'a Call, asker: &Asker) -> Result<Vec<&'a str>> {
    let mut inside = call.arguments.list("relationships");
    inside.sort_unstable();
    inside.dedup();
    let mut included = Vec::with_capacity(inside.len());
    for name in inside {
        for kind in ENTITIES {
            if call.app.broker.includes(asker, kind.collection(), name).await? {
                included.push(name);
                break;
            }
        }
    }
    Ok(included)
}

fn no_contract() -> Error {
    let message = "this server has no Intelligence search of its own, and no contract with VirusTotal to ask for you";
    Error::new(Code::NotFound, message)
}

fn not_asked(why: NotAsked) -> Error {
    match why {
        NotAsked::NoContract => no_contract(),
        NotAsked::NotIncluded | NotAsked::PublicKey | NotAsked::SwitchedOff(_) => {
            Error::new(Code::Forbidden, why.to_string())
        }
        NotAsked::Private(_) | NotAsked::PrivateObject => Error::invalid_argument(why.to_string()),
    }
}
