//! Look-ups in the words of v2: of files, URLs, domains and IP addresses. What is known here is told; what is not is asked
//! upstream, where there is a contract. What v2 says of related samples and URLs is left out: v3 has it as relationships.

use assay_model::url::CanonicalUrl;
use assay_model::{Code, Error, Kind, Result, Timestamp};
use serde_json::{Map, Value, json};

use super::{Fields, field, fields, pay};
use crate::brokered::v2::{self as brokered, Told};
use crate::gate::Paid;
use crate::objects::{self, ObjectType, Viewer};
use crate::route::{Call, Reply, parse_hash};

/// How many hashes one look-up may name.
const HASHES: usize = 25;
/// What v2 says of a report that is there.
const FINISHED: &str = "Scan finished, information embedded";
/// And of what is not known.
const UNKNOWN: &str = "The requested resource is not among the finished, queued or pending scans";

/// An object by whoever knows it.
struct Known {
    id: String,
    attributes: Map<String, Value>,
}

/// What a look-up came to.
enum Found {
    Known(Known),
    /// Not known, and why nobody else was asked.
    Unknown(Option<String>),
}

/// Looks here, then upstream.
async fn find(call: &Call, paid: &Paid, object_type: &'static ObjectType, id: &str) -> Result<Found> {
    let viewer = Viewer { app: &call.app, paid, base: &call.base };
    match (object_type.locate)(&viewer, id).await {
        Ok(record) => {
            brokered::answered_locally(call, paid);
            let attributes = (object_type.attributes)(&record, &viewer)?;
            Ok(Found::Known(Known { id: record.key.id.to_string(), attributes }))
        }
        Err(error) if error.code == Code::NotFound => Ok(match brokered::object(call, paid, object_type, id).await? {
            Told::Object(mut object) => {
                let id = object["id"].as_str().unwrap_or_default().to_owned();
                match object["attributes"].take() {
                    Value::Object(attributes) => Found::Known(Known { id, attributes }),
                    _ => Found::Unknown(None),
                }
            }
            Told::Nothing => Found::Unknown(None),
            Told::NotAsked(why) => Found::Unknown(Some(why.to_string())),
        }),
        Err(error) => Err(error),
    }
}

fn nothing(resource: &str, code: i64, words: &str, why: Option<String>) -> Value {
    let words = why.map_or_else(|| words.to_owned(), |why| format!("{words} ({why})"));
    json!({ "response_code": code, "resource": resource, "verbose_msg": words })
}

fn wanted<'a>(fields: &'a Fields, name: &str) -> Result<&'a str> {
    let value = field(fields, name).map(str::trim).filter(|value| !value.is_empty());
    value.ok_or_else(|| Error::bad_request(format!("the argument {name} is missing")))
}

/// `file/report`: one hash, or several separated by commas.
pub(super) async fn file(mut call: Call) -> Result<Reply> {
    let fields = fields(&mut call).await?;
    let resource = wanted(&fields, "resource")?;
    let names: Vec<_> = resource.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.is_empty() || names.len() > HASHES {
        return Err(Error::bad_request(format!("name 1 to {HASHES} hashes")));
    }
    let paid = pay(&call, field(&fields, "apikey"), names.len() as u64).await?;
    let mut reports = Vec::with_capacity(names.len());
    for name in &names {
        reports.push(one_file(&call, &paid, name).await?);
    }
    let answer = if names.len() == 1 { reports.pop().unwrap_or_default() } else { reports.into() };
    Ok(Reply::value(&answer))
}

async fn one_file(call: &Call, paid: &Paid, name: &str) -> Result<Value> {
    // A scan id is the file's SHA-256 with a time behind it.
    let hash = name.split_once('-').map_or(name, |(hash, _)| hash);
    if parse_hash(hash).is_err() {
        return Ok(nothing(name, -1, "Invalid resource, check what you are submitting", None));
    }
    let known = match find(call, paid, &objects::file::TYPE, hash).await? {
        Found::Known(known) => known,
        Found::Unknown(why) => return Ok(nothing(name, 0, UNKNOWN, why)),
    };
    if !known.attributes.get("last_analysis_results").is_some_and(Value::is_object) {
        return Ok(nothing(name, -2, "Your resource is queued for analysis", None));
    }
    let mut report = scanned(&known, |result| {
        json!({ "detected": is_detected(result), "version": result["engine_version"], "result": result["result"],
                "update": result["engine_update"] })
    });
    let more = [
        ("verbose_msg", FINISHED.into()),
        ("resource", name.into()),
        ("md5", said(&known, "md5")),
        ("sha1", said(&known, "sha1")),
        ("sha256", said(&known, "sha256")),
        ("permalink", crate::envelope::link(&call.base, Kind::File, &known.id).into()),
    ];
    report.extend(more.map(|(name, value)| (name.to_owned(), value)));
    Ok(report.into())
}

/// `url/report`: a URL, or the id of a scan.
pub(super) async fn url(mut call: Call) -> Result<Reply> {
    let fields = fields(&mut call).await?;
    let resource = wanted(&fields, "resource")?.to_owned();
    let paid = pay(&call, field(&fields, "apikey"), 1).await?;
    let scan = resource.split_once('-').map_or(resource.as_str(), |(hash, _)| hash);
    let is_id = scan.len() == 64 && scan.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = match resource.parse::<CanonicalUrl>() {
        _ if is_id => scan.to_owned(),
        Ok(url) => url.base64(),
        Err(_) => return Ok(Reply::value(&nothing(&resource, -1, "Invalid URL", None))),
    };
    let known = match find(&call, &paid, &objects::url::TYPE, &id).await? {
        Found::Known(known) => known,
        Found::Unknown(why) => return Ok(Reply::value(&nothing(&resource, 0, UNKNOWN, why))),
    };
    let mut report = scanned(&known, |result| json!({ "detected": is_detected(result), "result": result["result"] }));
    let more = [
        ("verbose_msg", FINISHED.into()),
        ("resource", resource.into()),
        ("url", said(&known, "url")),
        ("permalink", crate::envelope::link(&call.base, Kind::Url, &known.id).into()),
    ];
    report.extend(more.map(|(name, value)| (name.to_owned(), value)));
    Ok(Reply::value(&report.into()))
}

/// `domain/report`.
pub(super) async fn domain(mut call: Call) -> Result<Reply> {
    const SHOWN: &[(&str, &str)] = &[
        ("categories", "categories"),
        ("whois", "whois"),
        ("whois_date", "whois_timestamp"),
        ("last_dns_records", "dns_records"),
        ("last_dns_records_date", "dns_records_date"),
        ("last_https_certificate", "https_certificate"),
        ("last_https_certificate_date", "https_certificate_date"),
        ("popularity_ranks", "popularity_ranks"),
    ];
    host(&mut call, "domain", &objects::domain::TYPE, ("Domain", SHOWN)).await
}

/// `ip-address/report`.
pub(super) async fn ip_address(mut call: Call) -> Result<Reply> {
    const SHOWN: &[(&str, &str)] = &[
        ("asn", "asn"),
        ("as_owner", "as_owner"),
        ("country", "country"),
        ("continent", "continent"),
        ("network", "network"),
        ("whois", "whois"),
        ("whois_date", "whois_timestamp"),
        ("last_https_certificate", "https_certificate"),
        ("last_https_certificate_date", "https_certificate_date"),
    ];
    host(&mut call, "ip", &objects::ip_address::TYPE, ("IP address", SHOWN)).await
}

/// What is known of a domain or an address, by the attributes' names in v3 and in v2.
async fn host(
    call: &mut Call,
    argument: &str,
    object_type: &'static ObjectType,
    (title, shown): (&str, &[(&str, &str)]),
) -> Result<Reply> {
    let fields = fields(call).await?;
    let name = wanted(&fields, argument)?.to_owned();
    let paid = pay(call, field(&fields, "apikey"), 1).await?;
    let found = match find(call, &paid, object_type, &name).await {
        Err(error) if error.code == Code::InvalidArgument => {
            return Ok(Reply::value(&json!({ "response_code": -1, "verbose_msg": format!("Invalid {title}") })));
        }
        found => found?,
    };
    let known = match found {
        Found::Known(known) => known,
        Found::Unknown(why) => {
            let words = format!("{title} not found");
            let words = why.map_or_else(|| words.clone(), |why| format!("{words} ({why})"));
            return Ok(Reply::value(&json!({ "response_code": 0, "verbose_msg": words })));
        }
    };
    let mut report = scanned(&known, |result| json!({ "detected": is_detected(result), "result": result["result"] }));
    report.insert("verbose_msg".to_owned(), format!("{title} found in dataset").into());
    report.insert(argument.to_owned(), known.id.as_str().into());
    for (v3, v2) in shown {
        if let Some(value) = known.attributes.get(*v3) {
            report.insert((*v2).to_owned(), value.clone());
        }
    }
    Ok(Reply::value(&report.into()))
}

fn said(known: &Known, name: &str) -> Value {
    known.attributes.get(name).cloned().unwrap_or_default()
}

fn is_detected(result: &Value) -> bool {
    matches!(result["category"].as_str(), Some("malicious" | "suspicious"))
}

/// The verdicts of a report, engine by engine.
fn scanned(known: &Known, entry: impl Fn(&Value) -> Value) -> Map<String, Value> {
    let date = Timestamp(known.attributes.get("last_analysis_date").and_then(Value::as_i64).unwrap_or_default());
    let results = known.attributes.get("last_analysis_results").and_then(Value::as_object);
    let (mut scans, mut positives) = (Map::new(), 0_u32);
    for (name, result) in results.into_iter().flatten() {
        positives += u32::from(is_detected(result));
        scans.insert(name.clone(), entry(result));
    }
    let fields = [
        ("response_code", 1.into()),
        ("scan_id", format!("{}-{}", known.id, date.0).into()),
        ("scan_date", date.text().into()),
        ("positives", positives.into()),
        ("total", scans.len().into()),
        ("scans", scans.into()),
    ];
    fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}
