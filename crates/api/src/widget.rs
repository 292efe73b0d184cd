//! The widget (VT Augment): `GET /widget/url` answers an address that shows what is known of an object to anybody for three
//! days, inside a frame of another site. The address is its own ticket; the page runs no script and loads nothing.

use std::fmt::Write as _;

use assay_model::record::{Key, Record};
use assay_model::{Code, Error, Kind, Result, Timestamp};
use axum::http::{HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::app::App;
use crate::community::named;
use crate::community::remarks::html;
use crate::objects;
use crate::route::{Arguments, Call, Reply, ReplyBody};

/// How long an address lives, seconds.
const LIFE: i64 = 3 * 86_400;
/// The longest address that is looked at.
const TOKEN_MAX: usize = 2_048;
/// The longest query.
const QUERY_MAX: usize = 1_024;
/// How many engines are named.
const ENGINES: usize = 20;
/// Colours by their arguments, as at VirusTotal.
const COLOURS: [(&str, &str); 4] = [("fg1", "4d4d4d"), ("bg1", "ffffff"), ("bg2", "f9f9f9"), ("bd1", "e6e6e6")];

/// What an address shows.
#[derive(Debug, Serialize, Deserialize)]
struct Ticket {
    kind: Option<Kind>,
    /// The object's id, or what was asked for where nothing is known of it.
    id: String,
    /// Text, background, background of rows, border.
    colours: [String; 4],
    expires: Timestamp,
}

/// There is a query, and colours are colours.
pub(crate) fn check(arguments: &Arguments) -> Result<()> {
    match arguments.query("query").map(str::trim) {
        None | Some("") => return Err(Error::invalid_argument("the argument \"query\" is missing")),
        Some(query) if query.len() > QUERY_MAX => {
            return Err(Error::invalid_argument(format!("the query is longer than {QUERY_MAX} bytes")));
        }
        Some(_) => {}
    }
    colours(arguments).map(drop)
}

fn colours(arguments: &Arguments) -> Result<[String; 4]> {
    let mut colours = COLOURS.map(|(_, usual)| usual.to_owned());
    for (colour, (name, _)) in colours.iter_mut().zip(COLOURS) {
        let Some(written) = arguments.query(name) else { continue };
        if !matches!(written.len(), 3 | 6) || !written.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Error::invalid_argument(format!("{name} must be a colour of 3 or 6 hexadecimal digits")));
        }
        *colour = written.to_ascii_lowercase();
    }
    Ok(colours)
}

/// `GET /widget/url`.
pub(crate) async fn url(call: Call) -> Result<Reply> {
    let query = call.arguments.query("query").unwrap_or_default().trim();
    let keys: Vec<Key> = named::every(call.app.store(), query).await?.into_iter().map(|named| named.key).collect();
    let found = call.app.store().read_many(&keys).await?.into_iter().flatten().next();
    let ticket = Ticket {
        kind: found.as_ref().map(|record| record.key.kind),
        id: found.as_ref().map_or_else(|| query.to_owned(), |record| record.key.id.to_string()),
        colours: colours(&call.arguments)?,
        expires: Timestamp(call.app.now().0 + LIFE),
    };
    let (detections, total) = match &found {
        Some(record) => ratio(&attributes(&call, record)?),
        None => (0, 0),
    };
    let address = format!("{}/ui/widget/html/{}", call.base, write(&call.app, &ticket));
    let mut data = json!({ "url": address, "found": found.is_some(),
                           "detection_ratio": { "detections": detections, "total": total } });
    if let Some(record) = found {
        data["type"] = record.key.kind.wire().into();
        data["id"] = (*record.key.id).into();
    }
    Ok(Reply::data(data))
}

/// `GET /widget/html/{token}`: for anybody who has the address.
pub(crate) async fn page(call: Call) -> Result<Reply> {
    let ticket = read(&call.app, call.arguments.path("token"))?;
    let record = match ticket.kind {
        Some(kind) => call.app.store().read(&Key::shared(kind, ticket.id.as_str())).await?,
        None => None,
    };
    let [fg1, bg1, bg2, bd1] = &ticket.colours;
    let style = format!(
        "body{{margin:0;padding:12px;font:14px system-ui,sans-serif;color:#{fg1};background:#{bg1}}}\
         h1{{font-size:18px;margin:0 0 8px;overflow-wrap:anywhere}}table{{border-collapse:collapse;width:100%}}\
         td,th{{text-align:left;padding:4px 8px;border:1px solid #{bd1}}}tr:nth-child(odd){{background:#{bg2}}}"
    );
    let body = match &record {
        Some(record) => known(&ticket, &attributes(&call, record)?),
        None => format!("<h1>{}</h1><p>Nothing is known of it.</p>", html(&ticket.id)),
    };
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Assay</title><style>{style}</style></head>\
         <body>{body}</body></html>"
    );
    Ok(framed(text, &style))
}

/// A page for a frame: no script, nothing loaded, one style that is named by its hash.
fn framed(text: String, style: &str) -> Reply {
    let mut reply = Reply::json("");
    reply.body = ReplyBody::Text("text/html; charset=utf-8", text);
    let hash = STANDARD.encode(Sha256::digest(style));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; sandbox; frame-ancestors *"
    );
    for (name, value) in [
        ("content-security-policy", policy.as_str()),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "private, max-age=300"),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            reply.headers.push((HeaderName::from_static(name), value));
        }
    }
    reply
}

fn attributes(call: &Call, record: &Record) -> Result<Map<String, Value>> {
    let object = objects::view_of(record);
    (object.attributes)(record, &call.viewer())
}

/// How many engines of how many found something.
fn ratio(attributes: &Map<String, Value>) -> (u64, u64) {
    let stats = attributes.get("last_analysis_stats").and_then(Value::as_object);
    let count = |names: &[&str]| {
        let figures = names.iter().filter_map(|name| stats?.get(*name)?.as_u64());
        figures.sum::<u64>()
    };
    (count(&["malicious", "suspicious"]), count(&["malicious", "suspicious", "undetected", "harmless"]))
}

/// What is known of an object. Everything that somebody wrote is escaped.
fn known(ticket: &Ticket, attributes: &Map<String, Value>) -> String {
    let (detections, total) = ratio(attributes);
    let named = ["meaningful_name", "url"].iter().find_map(|name| attributes.get(*name)?.as_str());
    let mut body = format!("<h1>{}</h1><table>", html(named.unwrap_or(&ticket.id)));
    let mut row = |name: &str, value: &str| {
        write!(body, "<tr><th>{}</th><td>{}</td></tr>", html(name), html(value))
            .expect("writing to a string does not fail");
    };
    row("Id", &ticket.id);
    row("Detections", &format!("{detections} of {total}"));
    if let Some(kind) = attributes.get("type_description").and_then(Value::as_str) {
        row("Type", kind);
    }
    if let Some(reputation) = attributes.get("reputation").and_then(Value::as_i64) {
        row("Reputation", &reputation.to_string());
    }
    let results = attributes.get("last_analysis_results").and_then(Value::as_object);
    let bad = results.into_iter().flatten().filter(|(_, result)| {
        matches!(result.get("category").and_then(Value::as_str), Some("malicious" | "suspicious"))
    });
    for (engine, result) in bad.take(ENGINES) {
        row(engine, result.get("result").and_then(Value::as_str).unwrap_or("malicious"));
    }
    body.push_str("</table>");
    body
}

fn write(app: &App, ticket: &Ticket) -> String {
    let text = serde_json::to_vec(ticket).expect("a ticket serialises");
    format!("{}.{}", URL_SAFE_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(seal(app, &text)))
}

fn read(app: &App, token: &str) -> Result<Ticket> {
    let wrong = || Error::new(Code::BadRequest, "the address of the widget is over, or never was; ask for a new one");
    let (text, presented) = token.split_once('.').filter(|_| token.len() <= TOKEN_MAX).ok_or_else(wrong)?;
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong());
    let (text, presented) = (decode(text)?, decode(presented)?);
    let genuine: bool = seal(app, &text).ct_eq(&presented).into();
    if !genuine {
        return Err(wrong());
    }
    let ticket: Ticket = serde_json::from_slice(&text).map_err(|_| wrong())?;
    if ticket.expires < app.now() { Err(wrong()) } else { Ok(ticket) }
}

fn seal(app: &App, text: &[u8]) -> Vec<u8> {
    let key = app.pepper.derive("addresses of widgets");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key[..]).expect("HMAC takes a key of any length");
    mac.update(text);
    mac.finalize().into_bytes()[..16].to_vec()
}
