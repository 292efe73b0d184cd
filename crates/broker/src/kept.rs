//! Answers as they are kept: in the space of the contract's tenant, under the name of their question. An answer that is on
//! its way is marked so, by the process that fetches it, so that no other fetches it too.

use std::sync::{Arc, Weak};

use assay_model::record::{Key, Record, Space, body};
use assay_model::{Kind, Result, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::contract::Named;
use crate::question::{Form, Question};
use crate::{Broker, about};

/// The record of an answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// Under which contract it was had.
    pub(crate) contract: String,
    /// When; none before the first answer has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fetched_at: Option<Timestamp>,
    /// Until when it is fresh.
    #[serde(default)]
    pub(crate) fresh_until: Timestamp,
    /// The name under which the answer itself is kept, where the question named its object in another way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) see: Option<String>,
    /// Who fetches it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) flight: Option<Flight>,
    /// What was answered; none where it was not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) document: Option<Box<RawValue>>,
}

impl Stored {
    /// Nothing yet.
    pub(crate) fn empty(contract: &str) -> Self {
        Self {
            contract: contract.to_owned(),
            fetched_at: None,
            fresh_until: Timestamp(0),
            see: None,
            flight: None,
            document: None,
        }
    }
}

/// A process that fetches an answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Flight {
    pub(crate) node: String,
    /// From when on it counts as dead.
    pub(crate) until: Timestamp,
}

/// What is said about an answer beside its document.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    fetched_at: Timestamp,
    fresh_until: Timestamp,
    see: Option<Arc<str>>,
    is_known: bool,
}

impl Header {
    /// None where the answer has not come yet, or came under another contract.
    fn of(named: &Named, stored: &Stored) -> Option<Self> {
        let fetched_at = stored.fetched_at.filter(|_| stored.contract == named.name)?;
        Some(Self {
            fetched_at,
            fresh_until: stored.fresh_until,
            see: stored.see.as_deref().map(Arc::from),
            is_known: stored.document.is_some(),
        })
    }
}

/// A header that was read before, and the record that it was read from; the record itself may go.
pub(crate) type Read = (Weak<Record>, Arc<Header>);

/// An answer that was had.
#[derive(Debug)]
pub struct Kept {
    /// The record; the same one as long as the answer is the same.
    pub record: Arc<Record>,
    header: Arc<Header>,
}

impl Kept {
    /// When it came.
    pub fn fetched_at(&self) -> Timestamp {
        self.header.fetched_at
    }

    /// Until when it is fresh.
    pub(crate) fn fresh_until(&self) -> Timestamp {
        self.header.fresh_until
    }

    /// How old it is; nothing where the clock was set back.
    pub fn age(&self, now: Timestamp) -> u64 {
        (now.0 - self.header.fetched_at.0).max(0).unsigned_abs()
    }

    /// Whether upstream knew it.
    pub fn is_known(&self) -> bool {
        self.header.is_known
    }

    /// An answer that the store had no room for.
    pub(crate) fn unkept(named: &Named, record: Record) -> Result<Option<Self>> {
        let header = Header::of(named, &record.parse()?);
        Ok(header.map(|header| Self { record: Arc::new(record), header: Arc::new(header) }))
    }

    /// What upstream answered.
    pub fn document(&self) -> Option<Value> {
        let stored: Stored = self.record.parse().ok()?;
        serde_json::from_str(stored.document?.get()).ok()
    }

    /// Whether it need not be asked for again. An answer from the future is not believed: the clock was set back.
    pub(crate) fn is_fresh(&self, now: Timestamp, max_age: Option<u64>) -> bool {
        let believed = self.header.fetched_at.0 <= now.0 + 60;
        believed && now < self.header.fresh_until && max_age.is_none_or(|most| self.age(now) < most.max(1))
    }
}

/// The record that keeps the answer of that name.
pub(crate) fn key(named: &Named, name: &Arc<str>) -> Key {
    Key { space: named.space(), kind: Kind::UpstreamAnswer, id: name.clone() }
}

/// The space of a tenant: a group's own, or that of an installation which is one tenant. No group has that name.
pub(crate) fn space(group: Option<&str>) -> Space {
    Space::Private(group.unwrap_or("*").into())
}

impl Broker {
    /// The answer that is kept for a question, if any.
    pub(crate) async fn kept(&self, named: &Named, question: &Question) -> Result<Option<Arc<Kept>>> {
        let Some(kept) = self.kept_as(named, question.name()).await? else { return Ok(None) };
        match &kept.header.see {
            // One step: what is kept elsewhere is kept there itself.
            Some(name) => self.kept_as(named, name).await,
            None => Ok(Some(kept)),
        }
    }

    async fn kept_as(&self, named: &Named, name: &Arc<str>) -> Result<Option<Arc<Kept>>> {
        let key = key(named, name);
        let Some(record) = self.store.read(&key).await? else { return Ok(None) };
        let same = |read: &Read| std::ptr::eq(read.0.as_ptr(), Arc::as_ptr(&record));
        let header = if let Some((_, header)) = self.read.get(&key).filter(same) {
            header
        } else {
            let Some(header) = Header::of(named, &record.parse()?) else { return Ok(None) };
            let header = Arc::new(header);
            self.read.insert(key, (Arc::downgrade(&record), header.clone()));
            header
        };
        Ok(Some(Arc::new(Kept { record, header })))
    }
}

/// The record's body of an answer that has come.
pub(crate) fn answered(named: &Named, now: Timestamp, until: Timestamp, document: Option<&Value>) -> Arc<[u8]> {
    let document = document.map(|document| serde_json::value::to_raw_value(document).expect("a document serialises"));
    body(&Stored { fetched_at: Some(now), fresh_until: until, document, ..Stored::empty(&named.name) })
}

/// The record's body that points to where an answer is kept.
pub(crate) fn pointer(named: &Named, now: Timestamp, until: Timestamp, to: &Arc<str>) -> Arc<[u8]> {
    body(&Stored { fetched_at: Some(now), fresh_until: until, see: Some(to.to_string()), ..Stored::empty(&named.name) })
}

/// Whether a document is an answer to a question; else what is wrong with it.
pub(crate) fn check(question: &Question, document: &Value) -> Result<(), String> {
    let data = &document["data"];
    if !(document["meta"].is_null() || document["meta"].is_object()) {
        return Err("its meta is no object".to_owned());
    }
    if let Some(kind) = question.wants() {
        is_object(data)?;
        if data["type"] != kind {
            return Err(format!("it is no {kind}"));
        }
        if !data["attributes"].is_object() {
            return Err("its attributes are no object".to_owned());
        }
        return is_the_one(question, data);
    }
    match data {
        serde_json::Value::Array(items) => items.iter().try_for_each(is_object),
        serde_json::Value::Object(_) | serde_json::Value::Null if question.form != Form::Object => Ok(()),
        _ => Err("its data is neither a list nor an object".to_owned()),
    }
}

fn is_object(data: &Value) -> Result<(), String> {
    let text = |name: &str| data[name].as_str().is_some_and(|text| !text.is_empty() && text.len() <= 512);
    if text("type") && text("id") { Ok(()) } else { Err("an object in it has no type or id".to_owned()) }
}

/// An answer about something else would be kept as one about this.
fn is_the_one(question: &Question, data: &Value) -> Result<(), String> {
    let id = data["id"].as_str().unwrap_or_default();
    let asked = question.id.to_ascii_lowercase();
    let same = match question.operation.collection {
        "files" => match asked.len() {
            64 => id == asked,
            40 => data["attributes"]["sha1"] == asked && id.len() == 64,
            _ => data["attributes"]["md5"] == asked && id.len() == 64,
        },
        // A URL may be asked for by itself, and its id is its hash.
        "urls" => id.len() == 64 && (asked.len() != 64 || id == asked),
        "analyses" => about::is_same_analysis(&question.id, id),
        _ => id.eq_ignore_ascii_case(&question.id),
    };
    if same { Ok(()) } else { Err("it is about another object".to_owned()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::question::Page;

    #[test]
    fn only_an_answer_to_the_question_is_kept() {
        let (sha256, md5) = ("0a".repeat(32), "0b".repeat(16));
        let file = |id: &str| json!({ "data": { "type": "file", "id": id, "attributes": { "md5": md5 } } });
        let by = |id: &str| Question::object("files", id, &[]).expect("a row");
        assert_eq!(check(&by(&sha256), &file(&sha256)), Ok(()));
        assert_eq!(check(&by(&md5), &file(&sha256)), Ok(()));
        for (question, document) in [
            (by(&sha256), file(&"0c".repeat(32))),
            (by(&"0d".repeat(16)), file(&sha256)),
            (by(&sha256), json!({ "data": { "type": "url", "id": sha256, "attributes": {} } })),
            (by(&sha256), json!({ "data": { "type": "file", "id": sha256, "attributes": [] } })),
            (by(&sha256), json!({ "data": [] })),
            (by(&sha256), json!({ "data": "text" })),
            (by(&sha256), json!({ "data": { "type": "file", "id": 7, "attributes": {} } })),
            (by(&sha256), json!({ "data": file(&sha256)["data"], "meta": [] })),
        ] {
            assert!(check(&question, &document).is_err(), "{document}");
        }
        let page = Question::joined("files", &sha256, "comments", Form::Joined, Page::default()).expect("a row");
        assert_eq!(check(&page, &json!({ "data": [{ "type": "comment", "id": "f-1" }] })), Ok(()));
        assert_eq!(check(&page, &json!({ "data": null })), Ok(()));
        assert!(check(&page, &json!({ "data": [7] })).is_err());
        assert!(check(&page, &json!({ "data": 7 })).is_err());
    }
}
