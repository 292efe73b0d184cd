//! What a client wrote: the `data` of a document, attribute by attribute. In goes a body, out come typed values; what is
//! missing, of the wrong shape, too large or not for writing ends in an error that names the attribute.

use std::collections::BTreeSet;
use std::time::Duration;

use assay_model::account::{NETWORKS_MAX, parse_network};
use assay_model::{Code, Error, Result, Timestamp};
use http_body_util::{BodyExt as _, Limited};
use ipnet::IpNet;
use serde_json::{Map, Value};

use crate::route::{Call, Takes};

/// The largest document, bytes.
const DOCUMENT_MAX: usize = 64 << 10;
/// The longest text attribute, bytes.
const TEXT_MAX: usize = 1_024;
/// The largest free-form attribute, bytes of its JSON text.
const MAP_MAX: usize = 16 << 10;
/// The longest list.
const LIST_MAX: usize = 256;

/// What was said about an attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Field<T> {
    /// Nothing: it stays as it is.
    Absent,
    /// `null`: it goes.
    Cleared,
    /// It is to be this.
    Set(T),
}

impl<T> Field<T> {
    /// The value, where one was given.
    pub(crate) fn value(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Absent | Self::Cleared => None,
        }
    }

    /// The same said of another value.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Field<U> {
        match self {
            Self::Set(value) => Field::Set(change(value)),
            Self::Cleared => Field::Cleared,
            Self::Absent => Field::Absent,
        }
    }

    /// Puts it into an optional place.
    pub(crate) fn apply(self, place: &mut Option<T>) {
        match self {
            Self::Absent => {}
            Self::Cleared => *place = None,
            Self::Set(value) => *place = Some(value),
        }
    }

    /// Puts it into a place that has an empty value.
    pub(crate) fn apply_or_default(self, place: &mut T)
    where
        T: Default,
    {
        match self {
            Self::Absent => {}
            Self::Cleared => *place = T::default(),
            Self::Set(value) => *place = value,
        }
    }
}

/// The object that a client wrote.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// `data.id`.
    pub(crate) id: Option<String>,
    /// What `data` has beside its type, id and attributes.
    pub(crate) beside: Map<String, Value>,
    attributes: Map<String, Value>,
}

/// Reads the body as a JSON document.
pub(crate) async fn document(call: &mut Call) -> Result<Value> {
    document_of(call, DOCUMENT_MAX).await
}

/// The same, of at most `most` bytes.
pub(crate) async fn document_of(call: &mut Call, most: usize) -> Result<Value> {
    let body = std::mem::take(call.body.get_mut());
    let read = Limited::new(body, most).collect().await.map_err(|cause| {
        if cause.is::<http_body_util::LengthLimitError>() {
            return Error::new(Code::TooLarge, format!("the document is larger than {most} bytes"));
        }
        Error::bad_request("the body ended early").because(cause)
    })?;
    let bytes = read.to_bytes();
    let document = if bytes.iter().all(u8::is_ascii_whitespace) {
        Value::Null
    } else {
        serde_json::from_slice(&bytes).map_err(|cause| Error::bad_request(format!("the body is no JSON: {cause}")))?
    };
    // vt-py's `Client.patch` loses its body: that is no change of nothing.
    if document.is_null() && call.route.takes == Takes::Document {
        return Err(Error::bad_request("the body is empty; it must be a JSON document"));
    }
    Ok(document)
}

impl Written {
    /// Reads `{"data": {"type": kind, "id"?, "attributes": {…}}}`; without a body it is an object of that kind without
    /// attributes.
    pub(crate) async fn read(call: &mut Call, kinds: &[&str]) -> Result<Self> {
        Self::of(&document(call).await?, kinds)
    }

    /// The same, of a document that was read before.
    pub(crate) fn of(document: &Value, kinds: &[&str]) -> Result<Self> {
        let Value::Object(document) = document else {
            return if document.is_null() { Ok(Self::default()) } else { Err(misshapen(kinds[0])) };
        };
        let Some(Value::Object(data)) = document.get("data") else { return Err(misshapen(kinds[0])) };
        let mut data = data.clone();
        match data.remove("type") {
            None => {}
            Some(Value::String(kind)) if kinds.contains(&kind.as_str()) => {}
            Some(_) => return Err(Error::invalid_argument(format!("data.type must be \"{}\"", kinds[0]))),
        }
        let id = match data.remove("id") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(id),
            Some(_) => return Err(Error::invalid_argument("data.id must be a string")),
        };
        let attributes = match data.remove("attributes") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(attributes)) => attributes,
            Some(_) => return Err(Error::invalid_argument("data.attributes must be an object")),
        };
        Ok(Self { id, beside: data, attributes })
    }

    fn field<T>(&mut self, name: &str, shape: &str, read: impl FnOnce(Value) -> Option<T>) -> Result<Field<T>> {
        match self.attributes.shift_remove(name) {
            None => Ok(Field::Absent),
            Some(Value::Null) => Ok(Field::Cleared),
            Some(value) => read(value)
                .map(Field::Set)
                .ok_or_else(|| Error::invalid_argument(format!("the attribute \"{name}\" must be {shape}"))),
        }
    }

    /// A text without control characters.
    pub(crate) fn text(&mut self, name: &str) -> Result<Field<String>> {
        let shape = format!("a text of at most {TEXT_MAX} bytes without control characters");
        self.field(name, &shape, |value| match value {
            Value::String(text) if text.len() <= TEXT_MAX && !text.chars().any(char::is_control) => Some(text),
            _ => None,
        })
    }

    /// A text of at most `most` bytes that may have lines and tabs.
    pub(crate) fn prose(&mut self, name: &str, most: usize) -> Result<Field<String>> {
        let shape =
            format!("a text of at most {most} bytes, without control characters but tabs and the ends of lines");
        let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
        self.field(name, &shape, |value| match value {
            Value::String(text) if text.len() <= most && text.chars().all(plain) => Some(text),
            _ => None,
        })
    }

    /// `true` or `false`.
    pub(crate) fn truth(&mut self, name: &str) -> Result<Field<bool>> {
        self.field(name, "true or false", |value| value.as_bool())
    }

    /// A list of objects.
    pub(crate) fn objects(&mut self, name: &str, most: usize) -> Result<Field<Vec<Value>>> {
        self.field(name, &format!("a list of at most {most} objects"), |value| match value {
            Value::Array(items) if items.len() <= most && items.iter().all(Value::is_object) => Some(items),
            _ => None,
        })
    }

    /// A number from 0.
    pub(crate) fn number(&mut self, name: &str) -> Result<Field<u64>> {
        self.field(name, "a whole number from 0", |value| value.as_u64())
    }

    /// A date: `YYYY-MM-DD HH:MM:SS`, `YYYY-MM-DD`, or Unix seconds.
    pub(crate) fn moment(&mut self, name: &str) -> Result<Field<Timestamp>> {
        self.field(name, "a date: YYYY-MM-DD HH:MM:SS or Unix seconds", |value| match value {
            Value::String(text) => parse_moment(&text),
            number => number.as_i64().filter(|seconds| (0..=LAST).contains(seconds)).map(Timestamp),
        })
    }

    /// A moment in the future, Unix seconds.
    pub(crate) fn future(&mut self, name: &str, now: Timestamp) -> Result<Field<Timestamp>> {
        let moment = self.field(name, "a date in Unix seconds", |value| value.as_i64())?;
        match moment {
            Field::Set(seconds) if seconds <= now.0 => {
                Err(Error::invalid_argument(format!("the attribute \"{name}\" is in the past")))
            }
            // Further than any key lives, and a slip of milliseconds for seconds.
            Field::Set(seconds) if seconds > now.0 + 100 * 366 * 86_400 => {
                Err(Error::invalid_argument(format!("the attribute \"{name}\" is more than a hundred years away")))
            }
            Field::Set(seconds) => Ok(Field::Set(Timestamp(seconds))),
            Field::Cleared => Ok(Field::Cleared),
            Field::Absent => Ok(Field::Absent),
        }
    }

    /// A length of time: seconds, or a text such as `24h`.
    pub(crate) fn duration(&mut self, name: &str) -> Result<Field<Duration>> {
        self.field(name, "a number of seconds or a text such as \"24h\"", |value| match value {
            Value::Number(number) => number.as_u64().map(Duration::from_secs),
            Value::String(text) => humantime::parse_duration(&text).ok(),
            _ => None,
        })
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, name: &str) -> Result<Field<Vec<String>>> {
        let shape = format!("a list of at most {LIST_MAX} texts");
        self.field(name, &shape, |value| {
            let Value::Array(items) = value else { return None };
            let text = |item: Value| match item {
                Value::String(text) if text.len() <= TEXT_MAX => Some(text),
                _ => None,
            };
            if items.len() > LIST_MAX { None } else { items.into_iter().map(text).collect() }
        })
    }

    /// A list of words that `parse` knows.
    pub(crate) fn words<T: std::str::FromStr + Ord>(&mut self, name: &str) -> Result<Field<BTreeSet<T>>>
    where
        T::Err: std::fmt::Display,
    {
        let words = match self.texts(name)? {
            Field::Set(words) => words,
            Field::Cleared => return Ok(Field::Cleared),
            Field::Absent => return Ok(Field::Absent),
        };
        let parse = |word: String| word.parse().map_err(|unknown: T::Err| Error::invalid_argument(unknown.to_string()));
        words.into_iter().map(parse).collect::<Result<_>>().map(Field::Set)
    }

    /// A list of networks in CIDR notation.
    pub(crate) fn networks(&mut self, name: &str) -> Result<Field<Vec<IpNet>>> {
        let networks = match self.texts(name)? {
            Field::Set(networks) => networks,
            Field::Cleared => return Ok(Field::Cleared),
            Field::Absent => return Ok(Field::Absent),
        };
        if networks.len() > NETWORKS_MAX {
            return Err(Error::invalid_argument(format!("\"{name}\" names more than {NETWORKS_MAX} networks")));
        }
        let networks = networks.iter().map(|text| parse_network(text)).collect::<Result<Vec<_>>>()?;
        Ok(Field::Set(networks))
    }

    /// A free-form object.
    pub(crate) fn map(&mut self, name: &str) -> Result<Field<Map<String, Value>>> {
        let shape = format!("an object of at most {MAP_MAX} bytes");
        self.field(name, &shape, |value| match value {
            Value::Object(map) if Value::Object(map.clone()).to_string().len() <= MAP_MAX => Some(map),
            _ => None,
        })
    }

    /// An attribute that must be there.
    pub(crate) fn required<T>(name: &str, field: Field<T>) -> Result<T> {
        field.value().ok_or_else(|| Error::invalid_argument(format!("the attribute \"{name}\" is missing")))
    }

    /// Refuses whatever was written beside what was read.
    pub(crate) fn finish(self, writable: &[&str]) -> Result<()> {
        match self.attributes.keys().next() {
            None => Ok(()),
            Some(name) => Err(Error::invalid_argument(format!(
                "the attribute \"{}\" cannot be written here by this caller; writable: {}",
                name.chars().take(64).collect::<String>().escape_debug(),
                writable.join(", ")
            ))),
        }
    }
}

/// The last second of the year 9999.
const LAST: i64 = 253_402_300_799;

/// Reads `YYYY-MM-DD`, with `HH:MM:SS` behind a blank or a T where it is said; UTC.
pub(crate) fn parse_moment(text: &str) -> Option<Timestamp> {
    let text = text.trim().trim_end_matches('Z');
    let full = if text.len() == 10 { format!("{text}T00:00:00Z") } else { format!("{}Z", text.replacen(' ', "T", 1)) };
    let moment = humantime::parse_rfc3339_weak(&full).ok()?;
    let seconds = moment.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
    i64::try_from(seconds).ok().filter(|seconds| *seconds <= LAST).map(Timestamp)
}

fn misshapen(kind: &str) -> Error {
    Error::bad_request(format!("the body must be {{\"data\": {{\"type\": \"{kind}\", \"attributes\": {{…}}}}}}"))
}
