//! How answers look: objects, pages, errors, and links on the host that the client used.

use std::fmt::Write as _;
use std::time::Duration;

use assay_model::account::Retirement;
use assay_model::{Error, Kind, Timestamp};
use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::app::Settings;
use crate::meter::Remaining;
use crate::route::{Arguments, Reply, ReplyBody};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The address under which this client reaches us, without a slash at its end.
pub(crate) fn base(settings: &Settings, headers: &HeaderMap) -> String {
    if let Some(url) = &settings.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let forwarded = |name: &str| {
        let value = headers.get(name).filter(|_| settings.trust_forwarded)?.to_str().ok()?;
        value.split(',').next().map(str::trim).filter(|value| !value.is_empty())
    };
    let scheme = match forwarded("x-forwarded-proto") {
        Some("https") => "https",
        Some("http") => "http",
        _ if settings.tls => "https",
        _ => "http",
    };
    let host = forwarded("x-forwarded-host").or_else(|| headers.get(HOST)?.to_str().ok());
    let plain = |host: &&str| host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b));
    [scheme, "://", host.filter(plain).unwrap_or("localhost")].concat()
}

/// The address of an object.
pub(crate) fn link(base: &str, kind: Kind, id: &str) -> String {
    format!("{base}/api/v3/{}/{}", kind.collection(), encode(id))
}

/// Percent-encodes what cannot stand in a path segment; leaves `=` as it is, as clients do.
pub(crate) fn encode(id: &str) -> String {
    let mut text = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~=".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("writing to a string does not fail");
        }
    }
    text
}

/// `{type, id, links}`.
pub(crate) fn descriptor(base: &str, kind: Kind, id: &str) -> Map<String, Value> {
    let Value::Object(descriptor) = json!({ "type": kind.wire(), "id": id, "links": { "self": link(base, kind, id) } })
    else {
        unreachable!("the macro was given an object");
    };
    descriptor
}

/// The list part of a page: `data`, `meta`, `links`.
pub(crate) fn page(
    base: &str,
    arguments: &Arguments,
    data: impl Into<Value>,
    cursor: Option<String>,
    count: Option<u64>,
) -> Value {
    let mut meta = Map::new();
    let mut links = Map::new();
    links.insert("self".to_owned(), address(base, arguments, arguments.query("cursor")).into());
    if let Some(count) = count {
        meta.insert("count".to_owned(), count.into());
    }
    if let Some(cursor) = cursor {
        links.insert("next".to_owned(), address(base, arguments, Some(&cursor)).into());
        meta.insert("cursor".to_owned(), cursor.into());
    }
    let data: Value = data.into();
    json!({ "data": data, "meta": meta, "links": links })
}

/// The address of this request with another cursor.
fn address(base: &str, arguments: &Arguments, cursor: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in arguments.query.iter().filter(|(name, _)| name != "cursor") {
        query.append_pair(name, value);
    }
    if let Some(cursor) = cursor {
        query.append_pair("cursor", cursor);
    }
    let query = query.finish();
    let target = &arguments.target;
    if query.is_empty() { format!("{base}{target}") } else { format!("{base}{target}?{query}") }
}

/// An answer as HTTP.
pub(crate) fn respond(reply: Reply) -> Response<Body> {
    let mut response = match reply.body {
        ReplyBody::Json(text) => with_type(Body::from(text), JSON),
        ReplyBody::Binary(bytes) => with_type(Body::from(bytes), HeaderValue::from_static("application/octet-stream")),
        ReplyBody::Arriving(body, length) => {
            let mut response = with_type(body, HeaderValue::from_static("application/octet-stream"));
            if let Some(length) = length {
                response.headers_mut().insert(CONTENT_LENGTH, length.into());
            }
            response
        }
        ReplyBody::Picture(bytes) => with_type(Body::from(bytes), HeaderValue::from_static("image/png")),
        ReplyBody::Text(kind, text) => with_type(Body::from(text), HeaderValue::from_static(kind)),
        ReplyBody::Nothing => {
            let mut response = Response::new(Body::empty());
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            response
        }
    };
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    response.headers_mut().extend(reply.headers);
    response
}

/// An error as HTTP, in the client's voice.
pub(crate) fn refuse(error: &Error) -> Response<Body> {
    let text = json!({ "error": { "code": error.code.wire(), "message": error.message } }).to_string();
    let mut response = with_type(Body::from(text), JSON);
    *response.status_mut() = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(wait) = error.retry_after {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    response
}

fn with_type(body: Body, kind: HeaderValue) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// What an answer to a key that is being replaced says: `Deprecation` (RFC 9745), `Sunset` (RFC 8594).
pub(crate) fn retiring(response: &mut Response<Body>, retirement: &Retirement) {
    let seconds = |moment: Timestamp| Duration::from_secs(moment.0.max(0).unsigned_abs());
    let sunset = httpdate::fmt_http_date(std::time::UNIX_EPOCH + seconds(retirement.deadline));
    let deprecation = format!("@{}", retirement.since.0);
    if let (Ok(deprecation), Ok(sunset)) = (HeaderValue::try_from(deprecation), HeaderValue::try_from(sunset)) {
        response.headers_mut().insert("deprecation", deprecation);
        response.headers_mut().insert("sunset", sunset);
    }
}

/// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers) on every metered answer: what remains of the
/// minute, or the window for which the call was refused.
pub(crate) fn limits(response: &mut Response<Body>, remaining: &Remaining, now: Timestamp) {
    let name = remaining.name();
    let window = remaining.length(now).map_or_else(String::new, |seconds| format!(";w={seconds}"));
    let policy = format!("\"{name}\";q={}{window}", remaining.limit);
    let reset = remaining.reset.map_or_else(String::new, |seconds| format!(";t={seconds}"));
    let state = format!("\"{name}\";r={}{reset}", remaining.left);
    if let (Ok(policy), Ok(state)) = (HeaderValue::try_from(policy), HeaderValue::try_from(state)) {
        response.headers_mut().insert("ratelimit-policy", policy);
        response.headers_mut().insert("ratelimit", state);
    }
}
