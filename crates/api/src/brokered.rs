//! Look-ups that local knowledge does not answer, through the broker. In go a call and what was found here, out comes
//! upstream's answer in our own clothes: links lead here, `meta.assay` says where it is from and how old it is.
//!
//! The order of answers is the broker's; what is asked here is only whether it is to be asked at all. An account without a
//! contract notices nothing of it.

use std::sync::Arc;

use assay_broker::ask::Unanswered;
use assay_broker::question::{Form, Page};
use assay_broker::{Answered, Asker, How, NotAsked, Question, operations, priority};
use assay_model::domain::DomainName;
use assay_model::ip::IpAddress;
use assay_model::privilege::Privilege;
use assay_model::record::Record;
use assay_model::url::UrlName;
use assay_model::{Code, Error, FileHash, Kind, Result};
use axum::http::HeaderValue;
use axum::http::header::{AGE, CACHE_CONTROL, USER_AGENT};
use serde_json::{Map, Value, json};

use crate::envelope;
use crate::gate::Paid;
use crate::objects::serve::{self, inline_names};
use crate::objects::{ObjectType, Relationship, file};
use crate::route::{Arguments, Call, Reply, ReplyBody, parse_hash};

pub(crate) mod behaviour;
pub(crate) mod download;
pub(crate) mod feeds;
mod linked;
mod merge;
pub(crate) mod searches;
pub(crate) mod v2;

/// The longest cursor of upstream's that is handed back to it.
const CURSOR_MAX: usize = 2_048;

/// Who asks; nobody where no key was asked for.
fn asker(call: &Call) -> Option<Asker> {
    asker_of(call, &call.paid)
}

/// The same, of a call whose key is an argument.
fn asker_of(call: &Call, paid: &Paid) -> Option<Asker> {
    let identity = paid.identity()?;
    let header = |name| call.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or("");
    let rules = &call.app.broker.settings().rules;
    let caller = (&*identity.account, &*identity.label, header(USER_AGENT));
    let may_refresh = paid.has(Privilege::UpstreamRefresh);
    Some(Asker {
        account: identity.account.clone(),
        group: identity.user.group.clone(),
        class: priority::class(rules, paid.class(), caller),
        max_age: max_age(header(CACHE_CONTROL)).filter(|_| may_refresh),
    })
}

/// Who asks, where there is a contract to ask under.
async fn served(call: &Call) -> Result<Option<Asker>> {
    let Some(asker) = asker(call) else { return Ok(None) };
    Ok(call.app.broker.serves(&asker).await?.then_some(asker))
}

/// How old an answer may be (RFC 9111 5.2.1), seconds.
fn max_age(header: &str) -> Option<u64> {
    header.split(',').map(str::trim).find_map(|directive| match directive.split_once('=') {
        None if directive.eq_ignore_ascii_case("no-cache") => Some(0),
        Some((name, seconds)) if name.trim().eq_ignore_ascii_case("max-age") => seconds.trim().parse().ok(),
        _ => None,
    })
}

/// An id as upstream is asked for it: one object has one name.
fn canonical(object_type: &ObjectType, id: &str) -> Option<String> {
    Some(match object_type.kind {
        Kind::File => match parse_hash(id).ok()? {
            FileHash::Sha256(sha256) => sha256.to_string(),
            FileHash::Sha1(sha1) => sha1.to_string(),
            FileHash::Md5(md5) => md5.to_string(),
        },
        Kind::Url => match id.parse().ok()? {
            UrlName::Id(id) => id.to_string(),
            UrlName::Url(url) => url.base64(),
        },
        Kind::Domain => id.parse::<DomainName>().ok()?.to_string(),
        Kind::IpAddress => id.parse::<IpAddress>().ok()?.to_string(),
        Kind::Analysis => linked::padded(id),
        _ => id.to_owned(),
    })
}

/// `GET /{collection}/{id}`: none where what was found here is the answer.
pub(crate) async fn object(
    call: &Call,
    object_type: &'static ObjectType,
    located: &Result<Arc<Record>>,
) -> Result<Option<Reply>> {
    let Some((asker, question)) = question_of(call, object_type, located).await? else { return Ok(None) };
    let broker = &call.app.broker;
    let Ok(record) = located else {
        linked::pay(call, &asker).await?;
        return match broker.answer(&asker, &question).await {
            Ok(answered) if answered.kept.is_known() => whole(call, object_type, &answered, None).map(Some),
            Ok(_) => Ok(None),
            Err(unanswered) => {
                call.tab.give_back(&call.app).await;
                unanswered_object(call, object_type, unanswered)
            }
        };
    };
    let both = if broker.settings().enrich || asker.max_age.is_some() {
        broker.answer(&asker, &question).await.ok().filter(|answered| answered.kept.is_known())
    } else {
        broker.answered_locally(&asker);
        broker.remembered(&asker, &question).await?
    };
    match both {
        Some(answered) => whole(call, object_type, &answered, Some(record)).map(Some),
        None => Ok(None),
    }
}

/// The question that a call comes to; none where it is not for upstream.
async fn question_of(
    call: &Call,
    object_type: &'static ObjectType,
    located: &Result<Arc<Record>>,
) -> Result<Option<(Asker, Question)>> {
    let collection = object_type.kind.collection();
    if operations::find(collection, "").is_none() || !concerns_upstream(located) {
        return Ok(None);
    }
    let (Some(asker), Some(id)) = (served(call).await?, canonical(object_type, call.arguments.path("id"))) else {
        return Ok(None);
    };
    if linked::is_ours(call, object_type.kind, &id, located).await? {
        call.app.broker.answered_locally(&asker);
        return Ok(None);
    }
    let mut inside = Vec::new();
    for relationship in inline_names(object_type, &call.arguments)? {
        let allowed = relationship.needs.is_none_or(|privilege| call.paid.has(privilege));
        if allowed && call.app.broker.includes(&asker, collection, relationship.name).await? {
            inside.push(relationship.name);
        }
    }
    Ok(Question::object(collection, &id, &inside).map(|question| (asker, question)))
}

/// Only what was found, or is not known here, is a case for upstream; a wrong id and our own faults are not.
fn concerns_upstream(located: &Result<Arc<Record>>) -> bool {
    located.as_ref().map_or_else(|error| error.code == Code::NotFound, |_| true)
}

/// Why there is no answer, in the words of a look-up.
fn unanswered_object(call: &Call, object_type: &ObjectType, unanswered: Unanswered) -> Result<Option<Reply>> {
    match unanswered {
        Unanswered::NotAsked(NotAsked::NoContract) => Ok(None),
        Unanswered::NotAsked(why) => {
            let mut error = Error::not_found(object_type.title, call.arguments.path("id"));
            error.message = format!("{} ({why})", error.message);
            Err(error)
        }
        Unanswered::Refused(refusal) => Err(refusal.into()),
    }
}

/// An object as upstream describes it, with what is known here where it is known here too.
fn whole(
    call: &Call,
    object_type: &'static ObjectType,
    answered: &Answered,
    local: Option<&Arc<Record>>,
) -> Result<Reply> {
    let shaped =
        ["attributes", "exclude_attributes", "relationships"].iter().any(|name| call.arguments.query(name).is_some());
    let render = || {
        let mut document = dressed(call, answered)?;
        narrow(&call.paid, &mut document["data"]);
        let mut about = about(answered);
        if let Some(record) = local {
            let own = (object_type.attributes)(record, &call.viewer())?;
            merge::into(&mut document["data"], own, &mut about);
        }
        shape(&mut document["data"], &call.arguments);
        complete(call, object_type, &mut document["data"])?;
        if let Some(permalink) = permalink(answered, &document["data"]) {
            about.insert("permalink".to_owned(), permalink.into());
        }
        add_about(&mut document, about);
        Ok::<_, Error>(document.to_string())
    };
    let ready = !shaped && local.is_none() && answered.how != How::Stale;
    let text = if ready {
        let view = file::view(&call.viewer());
        call.app.reports.text(&answered.kept.record, view, &call.base, render)?
    } else {
        render()?.into()
    };
    Ok(aged(Reply::json(text), answered, call))
}

/// `GET /{collection}/{id}/{relationship}` and its descriptors: none where what was found here is the answer.
pub(crate) async fn related(
    call: &Call,
    object_type: &'static ObjectType,
    relationship: &'static Relationship,
    bare: bool,
    located: &Result<Arc<Record>>,
) -> Result<Option<Reply>> {
    let collection = object_type.kind.collection();
    if operations::find(collection, relationship.name).is_none() || !concerns_upstream(located) {
        return Ok(None);
    }
    let (Some(asker), Some(id)) = (served(call).await?, canonical(object_type, call.arguments.path("id"))) else {
        return Ok(None);
    };
    let is_ours = match located {
        Ok(record) if linked::is_report(object_type.kind) => {
            serve::has_any(&call.viewer(), relationship, record).await?
        }
        _ => linked::is_ours(call, object_type.kind, &id, located).await?,
    };
    if is_ours {
        call.app.broker.answered_locally(&asker);
        return Ok(None);
    }
    let page = Page { limit: Some(serve::limit(&call.arguments)?), cursor: cursor(&call.arguments)? };
    let form = if bare { Form::Descriptors } else { Form::Joined };
    let Some(question) = Question::joined(collection, &id, relationship.name, form, page) else { return Ok(None) };
    match call.app.broker.answer(&asker, &question).await {
        Ok(answered) if answered.kept.is_known() => told(call, &answered).map(Some),
        // What is known here alone has what is known of it here.
        Err(_) if located.is_ok() => Ok(None),
        Ok(_) => Ok(None),
        Err(unanswered) => unanswered_object(call, object_type, unanswered),
    }
}

/// A page of objects, one object or a dictionary, as upstream has it and as this caller may see it.
fn told(call: &Call, answered: &Answered) -> Result<Reply> {
    let mut document = dressed(call, answered)?;
    let items = match &mut document["data"] {
        Value::Array(items) => items.as_mut_slice(),
        one => std::slice::from_mut(one),
    };
    for item in items {
        narrow(&call.paid, item);
        shape(item, &call.arguments);
    }
    if let Some(relationship) = call.route.relationship {
        lead_as_asked(&mut document["links"], relationship.name, &call.arguments);
    }
    add_about(&mut document, about(answered));
    Ok(aged(Reply::value(&document), answered, call))
}

fn cursor(arguments: &Arguments) -> Result<Option<&str>> {
    match arguments.query("cursor") {
        Some(cursor) if cursor.len() > CURSOR_MAX => Err(Error::invalid_argument("the cursor is damaged")),
        cursor => Ok(cursor),
    }
}

/// The answer's document with its links leading here.
fn dressed(call: &Call, answered: &Answered) -> Result<Value> {
    let garbled = || Error::new(Code::Internal, "a kept answer could not be read");
    let mut document = answered.kept.document().ok_or_else(garbled)?;
    lead_here(&mut document, &call.base);
    Ok(document)
}

/// Links of every object in a document: upstream's `https://host/api/v3/…` and `/ui/…` become ours.
fn lead_here(value: &mut Value, base: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| lead_here(item, base)),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match member {
                    Value::Object(links) if name == "links" => {
                        links.values_mut().for_each(|link| rebase(link, base));
                    }
                    // Attributes hold no links of the API, and are most of the document.
                    _ if name == "attributes" => {}
                    other => lead_here(other, base),
                }
            }
        }
        _ => {}
    }
}

fn rebase(link: &mut Value, base: &str) {
    let Value::String(text) = link else { return };
    let path = ["/api/v3/", "/ui/"].into_iter().find_map(|prefix| text.split_once(prefix)).map(|(_, path)| path);
    if let Some(path) = path {
        *link = format!("{base}/api/v3/{path}").into();
    }
}

/// One kept answer serves every writing of its address: an id in capitals, descriptors by either path. Its links lead to the
/// one that was asked.
fn lead_as_asked(links: &mut Value, name: &str, arguments: &Arguments) {
    let Value::Object(links) = links else { return };
    let bare = arguments.query("descriptors_only") == Some("true");
    let as_written = |text: &str| {
        let (mut path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        let between = if let Some(shorter) = path.strip_suffix(&format!("/relationships/{name}")) {
            path = shorter;
            if bare { "" } else { "/relationships" }
        } else {
            path = path.strip_suffix(&format!("/{name}"))?;
            ""
        };
        let (collection, _) = path.rsplit_once('/')?;
        let said = ["descriptors_only=true"].into_iter().filter(|_| bare).chain(query).collect::<Vec<_>>().join("&");
        let mark = if said.is_empty() { "" } else { "?" };
        Some(format!("{collection}/{}{between}/{name}{mark}{said}", envelope::encode(arguments.path("id"))))
    };
    for link in links.values_mut() {
        if let Some(written) = link.as_str().and_then(as_written) {
            *link = written.into();
        }
    }
}

/// Takes off what a caller's account does not show of an object.
fn narrow(paid: &Paid, object: &mut Value) {
    let is_file = object["type"] == Kind::File.wire();
    let Some(Value::Object(attributes)) = object.get_mut("attributes").filter(|_| !paid.has(Privilege::AllInfo)) else {
        return;
    };
    if is_file {
        file::take_premium(attributes);
    } else {
        attributes.shift_remove("favicon");
    }
}

/// `attributes=` and `exclude_attributes=`.
fn shape(object: &mut Value, arguments: &Arguments) {
    let Some(Value::Object(attributes)) = object.get_mut("attributes") else { return };
    let wanted = arguments.list("attributes");
    if !wanted.is_empty() {
        attributes.retain(|name, _| wanted.contains(&name.as_str()));
    }
    for unwanted in arguments.list("exclude_attributes") {
        attributes.shift_remove(unwanted);
    }
}

/// Relationships that were asked for and that the contract does not have are there and empty: clients index them blindly.
fn complete(call: &Call, object_type: &'static ObjectType, object: &mut Value) -> Result<()> {
    let wanted = inline_names(object_type, &call.arguments)?;
    let own = object["links"]["self"].as_str().unwrap_or_default().to_owned();
    for relationship in wanted {
        let name = relationship.name;
        if object["relationships"].get(name).is_some() {
            continue;
        }
        let data = if relationship.many { json!([]) } else { Value::Null };
        let links = json!({ "self": format!("{own}/relationships/{name}"), "related": format!("{own}/{name}") });
        object["relationships"][name] = json!({ "data": data, "links": links });
    }
    Ok(())
}

/// What `meta.assay` says.
fn about(answered: &Answered) -> Map<String, Value> {
    let mut about = Map::new();
    about.insert("origin".to_owned(), "upstream".into());
    about.insert("host".to_owned(), answered.host.host_str().unwrap_or_default().into());
    about.insert("fetched_at".to_owned(), answered.kept.fetched_at().0.into());
    about.insert("stale".to_owned(), (answered.how == How::Stale).into());
    about
}

fn add_about(document: &mut Value, about: Map<String, Value>) {
    if !document["meta"].is_object() {
        document["meta"] = json!({});
    }
    document["meta"]["assay"] = about.into();
}

/// Where people find the object upstream.
fn permalink(answered: &Answered, object: &Value) -> Option<String> {
    let id = object["id"].as_str()?;
    let kind = match object["type"].as_str()? {
        "ip_address" => "ip-address",
        kind @ ("file" | "url" | "domain") => kind,
        _ => return None,
    };
    Some(format!("{}gui/{kind}/{id}", answered.host))
}

fn aged(mut reply: Reply, answered: &Answered, call: &Call) -> Reply {
    reply.headers.push((AGE, HeaderValue::from(answered.kept.age(call.app.now()))));
    reply
}

/// Says of a local answer that it is one, to accounts whose other answers say the same.
pub(crate) async fn mark_local(call: &Call, reply: Reply) -> Result<Reply> {
    let Some(asker) = asker(call) else { return Ok(reply) };
    if !call.app.broker.serves(&asker).await? {
        return Ok(reply);
    }
    let ReplyBody::Json(text) = &reply.body else { return Ok(reply) };
    // Only answers without `meta` come here; the text stays as it is but for its end.
    let Some(start) = text.strip_suffix(b"}") else { return Ok(reply) };
    let mut marked = Vec::with_capacity(text.len() + 48);
    marked.extend_from_slice(start);
    marked.extend_from_slice(br#","meta":{"assay":{"origin":"local"}}}"#);
    Ok(Reply { body: ReplyBody::Json(marked.into()), ..reply })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_says_how_old_an_answer_may_be() {
        assert_eq!(max_age("no-cache"), Some(0));
        assert_eq!(max_age("private, Max-Age = 60"), Some(60));
        assert_eq!(max_age("no-store"), None);
        assert_eq!(max_age("max-age=soon"), None);
        assert_eq!(max_age(""), None);
    }

    #[test]
    fn links_lead_to_the_address_that_was_asked() {
        let asked = |id: &str, bare: bool, link: &str| {
            let query = if bare { vec![("descriptors_only".to_owned(), "true".to_owned())] } else { Vec::new() };
            let path = vec![("id".to_owned(), id.to_owned())];
            let mut links = json!({ "self": link, "other": 7 });
            lead_as_asked(&mut links, "votes", &Arguments { path, query, target: String::new() });
            links["self"].as_str().expect("a text").to_owned()
        };
        let there = "http://h/api/v3/files/ab";
        assert_eq!(asked("AB", false, &format!("{there}/votes?limit=2")), "http://h/api/v3/files/AB/votes?limit=2");
        let descriptors = format!("{there}/relationships/votes");
        assert_eq!(asked("ab", false, &descriptors), descriptors);
        assert_eq!(asked("ab", true, &descriptors), format!("{there}/votes?descriptors_only=true"));
        let next = format!("{descriptors}?limit=2&cursor=x");
        assert_eq!(asked("ab", true, &next), format!("{there}/votes?descriptors_only=true&limit=2&cursor=x"));
        assert_eq!(asked("AB", false, "http://h/elsewhere"), "http://h/elsewhere");
    }

    #[test]
    fn links_lead_here_wherever_they_led() {
        let mut document = json!({
            "data": { "links": { "self": "https://www.virustotal.com/ui/files/ab" },
                      "attributes": { "links": { "self": "https://elsewhere/api/v3/x" } },
                      "relationships": { "comments": { "data": [{ "links": { "self": "https://v/api/v3/comments/1" } }],
                                                       "links": { "next": "https://v/api/v3/files/ab/comments?cursor=x" } } } },
            "links": { "self": "https://v/api/v3/files/ab", "other": null },
        });
        lead_here(&mut document, "http://here");
        assert_eq!(document["data"]["links"]["self"], "http://here/api/v3/files/ab");
        let comments = &document["data"]["relationships"]["comments"];
        assert_eq!(comments["links"]["next"], "http://here/api/v3/files/ab/comments?cursor=x");
        assert_eq!(comments["data"][0]["links"]["self"], "http://here/api/v3/comments/1");
        assert_eq!(
            document["data"]["attributes"]["links"]["self"], "https://elsewhere/api/v3/x",
            "an attribute is theirs"
        );
    }
}
