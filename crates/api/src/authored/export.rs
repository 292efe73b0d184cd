//! `GET /collections/{id}/download/{format}`, of all of it or of one relationship: JSON, CSV, or a STIX 2.1 bundle. In goes
//! a collection, out comes a document that is no envelope.

use std::fmt::Write as _;

use assay_model::record::{Edge, Key, Record};
use assay_model::{Error, Kind, Result};
use axum::http::{HeaderValue, header};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::members::{self, Membership};
use super::{Standing, Work, governed};
use crate::objects;
use crate::objects::collection::MEMBERS;
use crate::route::{Call, Reply, ReplyBody};

/// Formats of a list of items.
const FORMATS: &[&str] = &["json", "csv", "stix"];

/// `GET /collections/{id}/download/{format}`.
pub(crate) async fn all(call: Call) -> Result<Reply> {
    export(&call, None).await
}

/// `GET /collections/{id}/{relationship}/download/{format}`.
pub(crate) async fn one(call: Call) -> Result<Reply> {
    let name = call.route.path.split('/').nth(5).unwrap_or_default().to_owned();
    export(&call, Some(&name)).await
}

pub(super) fn no_such_format(format: &str, known: &[&str]) -> Error {
    let shown: String = format.chars().take(32).collect();
    Error::invalid_argument(format!("there is no format \"{}\"; there are {}", shown.escape_debug(), known.join(", ")))
}

async fn export(call: &Call, only: Option<&str>) -> Result<Reply> {
    let format = call.arguments.path("format");
    if !FORMATS.contains(&format) {
        return Err(no_such_format(format, FORMATS));
    }
    let (work, key, _) = governed(call, Standing::Viewer).await?;
    let mut lists = Vec::new();
    for membership in MEMBERS.iter().filter(|membership| only.is_none_or(|name| name == membership.name)) {
        lists.push((membership, items(call, &key, membership).await?));
    }
    Ok(match format {
        "json" => Reply::value(&json_of(&lists, only.is_none())),
        "csv" => text("text/csv; charset=utf-8", csv_of(&lists)),
        _ => Reply::value(&stix_of(&key, &work, &lists)),
    })
}

/// The items of one relationship: URLs by their text as far as it was said or is known, everything else by id.
async fn items(call: &Call, key: &Key, membership: &Membership) -> Result<Vec<String>> {
    let members = members::all(&call.app, key, membership.link).await?;
    if membership.kind != Kind::Url {
        return Ok(members.into_iter().map(|edge| edge.to.id.to_string()).collect());
    }
    let keys: Vec<_> = members.iter().map(|edge| edge.to.clone()).collect();
    let records = call.app.store().read_many(&keys).await?;
    let said = |edge: &Edge| {
        let context: Value = serde_json::from_str(edge.context.as_deref()?).ok()?;
        context.get("url")?.as_str().map(ToOwned::to_owned)
    };
    let text = |(edge, record): (&Edge, Option<std::sync::Arc<Record>>)| match record {
        Some(record) => objects::url::text(&record),
        None => Ok(said(edge).unwrap_or_else(|| edge.to.id.to_string())),
    };
    members.iter().zip(records).map(text).collect()
}

type Lists<'a> = [(&'a Membership, Vec<String>)];

/// `{"files": […], "urls": […], …}`.
fn json_of(lists: &Lists<'_>, whole: bool) -> Value {
    let mut document: Map<String, Value> =
        lists.iter().map(|(membership, items)| (membership.name.to_owned(), items.clone().into())).collect();
    if whole {
        for name in ["files", "urls", "domains", "ip_addresses", "references", "threat_actors"] {
            document.entry(name).or_insert_with(|| json!([]));
        }
    }
    document.into()
}

/// `type,id` and a line for each item.
fn csv_of(lists: &Lists<'_>) -> String {
    let mut csv = "type,id\r\n".to_owned();
    for (membership, items) in lists {
        for item in items {
            write!(csv, "{},{}\r\n", membership.kind, field(item)).expect("writing to a string does not fail");
        }
    }
    csv
}

/// A field of RFC 4180. What a spreadsheet would run as a formula is text.
pub(super) fn field(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// A STIX 2.1 bundle: an observable and an indicator's pattern for each item, and a grouping around them.
fn stix_of(key: &Key, work: &Work, lists: &Lists<'_>) -> Value {
    let mut objects = Vec::new();
    let mut references = Vec::new();
    for (membership, items) in lists {
        for item in items {
            if let Some(observable) = observable(membership.kind, item) {
                references.push(observable["id"].clone());
                objects.push(observable);
            }
        }
    }
    if !references.is_empty() {
        let date = |name: &str| moment(work.attributes.get(name).and_then(Value::as_i64).unwrap_or(0));
        objects.push(json!({
            "type": "grouping", "spec_version": "2.1", "id": format!("grouping--{}", uuid(&key.to_string())),
            "created": date("creation_date"), "modified": date("last_modification_date"),
            "name": work.attributes.get("name"), "context": "suspicious-activity", "object_refs": references,
        }));
    }
    json!({ "type": "bundle", "id": format!("bundle--{}", uuid(&format!("bundle/{key}"))), "objects": objects })
}

/// An item as an observable of STIX 2.1 (section 6).
fn observable(kind: Kind, item: &str) -> Option<Value> {
    let (name, member, value) = match kind {
        Kind::File => ("file", "hashes", json!({ "SHA-256": item })),
        Kind::Url if item.contains("://") => ("url", "value", item.into()),
        Kind::Domain => ("domain-name", "value", item.into()),
        Kind::IpAddress => (if item.contains(':') { "ipv6-addr" } else { "ipv4-addr" }, "value", item.into()),
        _ => return None,
    };
    let id = format!("{name}--{}", uuid(&format!("{name}/{item}")));
    Some(json!({ "type": name, "spec_version": "2.1", "id": id, member: value }))
}

/// A UUID of version 8 (RFC 9562) that is the same for the same name.
fn uuid(name: &str) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(name)[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

fn moment(seconds: i64) -> String {
    let moment = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds.max(0).unsigned_abs());
    humantime::format_rfc3339_millis(moment).to_string()
}

/// A document to be kept, not to be shown.
pub(super) fn text(kind: &'static str, text: String) -> Reply {
    let mut reply = Reply::json("");
    reply.body = ReplyBody::Text(kind, text);
    reply
        .headers
        .push((header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"collection.csv\"")));
    reply.headers.push((header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_never_formulas() {
        assert_eq!(field("https://x/?a=1,2"), "\"https://x/?a=1,2\"");
        assert_eq!(field("=cmd()"), "'=cmd()");
        assert_eq!(field("a\"b"), "\"a\"\"b\"");
    }

    #[test]
    fn names_have_one_uuid() {
        assert_eq!(uuid("file/a"), uuid("file/a"));
        assert_ne!(uuid("file/a"), uuid("file/b"));
        assert_eq!((uuid("x").len(), uuid("x").as_bytes()[14]), (36, b'8'));
    }
}
