//! `GET /collections/{id}/search`: the items of a collection that a query describes, in the syntax of Intelligence. Items are
//! looked through one by one, so what can be asked is what their reports say; what only an index of all objects could answer
//! is refused by name.

use std::sync::Arc;

use assay_model::record::{Key, Record};
use assay_model::{Error, Kind, Result};
use assay_store::{Position, Range};
use serde_json::{Map, Value};

use super::filter::{self, Filter, Place};
use super::listing::{self, Ranked};
use super::{Standing, Work, governed, members};
use crate::objects::collection::MEMBERS;
use crate::objects::{self, ObjectType, serve};
use crate::route::{Arguments, Call, Reply};
use crate::{cursor, envelope};

/// How many items are read at a time.
const CHUNK: usize = 500;

/// A kind of items that can be searched.
struct Entity {
    kind: Kind,
    /// What `entity:` calls it.
    names: &'static [&'static str],
    /// What can be asked of it beside what is [`COMMON`].
    fields: &'static [(&'static str, Place)],
    /// What `order` takes, with the attribute that is meant; the first is the order where none is said.
    orders: &'static [(&'static str, &'static str)],
}

/// What can be asked of items of every kind.
const COMMON: &[(&str, Place)] = &[
    ("entity", Place::Anywhere),
    ("tag", Place::Attribute(&["tags"])),
    ("engines", Place::Attribute(&["detections"])),
    ("positives", Place::Attribute(&["positives"])),
    ("p", Place::Attribute(&["positives"])),
    ("la", Place::Date("last_analysis_date")),
];
/// What can be asked of what people submit.
const SUBMITTED: &[(&str, Place)] = &[
    ("submissions", Place::Attribute(&["times_submitted"])),
    ("s", Place::Attribute(&["times_submitted"])),
    ("fs", Place::Date("first_submission_date")),
    ("ls", Place::Date("last_submission_date")),
];

/// Every kind; where a query names none, the first is meant.
const ENTITIES: &[Entity] = &[
    Entity {
        kind: Kind::File,
        names: &["file"],
        fields: &[
            ("sha256", Place::Attribute(&["sha256"])),
            ("sha1", Place::Attribute(&["sha1"])),
            ("md5", Place::Attribute(&["md5"])),
            ("size", Place::Attribute(&["size"])),
            ("type", Place::Attribute(&["types"])),
            ("name", Place::Attribute(&["names_joined"])),
            ("magic", Place::Attribute(&["magic"])),
            ("vhash", Place::Attribute(&["vhash"])),
            ("imphash", Place::Attribute(&["pe_info", "imphash"])),
            ("sources", Place::Attribute(&["unique_sources"])),
        ],
        orders: &[
            ("last_submission_date", "last_submission_date"),
            ("first_submission_date", "first_submission_date"),
            ("positives", "positives"),
            ("times_submitted", "times_submitted"),
            ("size", "size"),
            ("unique_sources", "unique_sources"),
        ],
    },
    Entity {
        kind: Kind::Url,
        names: &["url"],
        fields: &[
            ("url", Place::Attribute(&["url"])),
            ("title", Place::Attribute(&["title"])),
            ("tld", Place::Attribute(&["tld"])),
            ("category", Place::Attribute(&["categories_joined"])),
            ("response_code", Place::Attribute(&["last_http_response_code"])),
        ],
        orders: &[
            ("last_submission_date", "last_submission_date"),
            ("first_submission_date", "first_submission_date"),
            ("positives", "positives"),
            ("times_submitted", "times_submitted"),
            ("status", "last_http_response_code"),
        ],
    },
    Entity {
        kind: Kind::Domain,
        names: &["domain"],
        fields: &[
            ("domain", Place::Attribute(&["id"])),
            ("tld", Place::Attribute(&["tld"])),
            ("registrar", Place::Attribute(&["registrar"])),
            ("category", Place::Attribute(&["categories_joined"])),
            ("creation_date", Place::Date("creation_date")),
            ("expiration_date", Place::Date("expiration_date")),
            ("last_update_date", Place::Date("last_update_date")),
        ],
        orders: &[
            ("last_modification_date", "last_modification_date"),
            ("creation_date", "creation_date"),
            ("last_update_date", "last_update_date"),
            ("positives", "positives"),
        ],
    },
    Entity {
        kind: Kind::IpAddress,
        names: &["ip", "ip_address"],
        fields: &[
            ("ip", Place::Attribute(&["id"])),
            ("asn", Place::Attribute(&["asn"])),
            ("as_owner", Place::Attribute(&["as_owner"])),
            ("country", Place::Attribute(&["country"])),
            ("continent", Place::Attribute(&["continent"])),
        ],
        orders: &[("last_modification_date", "last_modification_date"), ("ip", "id"), ("positives", "positives")],
    },
];

/// There is a query, and `limit` is one.
pub(crate) fn check(arguments: &Arguments) -> Result<()> {
    if arguments.query("query").is_none_or(|query| query.trim().is_empty()) {
        return Err(Error::invalid_argument("the argument \"query\" is missing"));
    }
    serve::limit(arguments).map(drop)
}

/// `GET /collections/{id}/search`.
pub(crate) async fn get(call: Call) -> Result<Reply> {
    let text = call.arguments.query("query").unwrap_or_default().trim().to_owned();
    let (entity, filter) = understood(&text, call.app.now())?;
    let (attribute, ascending) = entity.order(call.arguments.query("order"))?;
    let object = objects::of(entity.kind).ok_or_else(|| Error::not_found("Object", entity.kind.wire()))?;
    let inline = serve::inline_names(object, &call.arguments)?;
    let (_, key, _) = governed(&call, Standing::Viewer).await?;
    let name = format!("{key}/search?{text}&{}", call.arguments.query("order").unwrap_or_default());
    let after = call.arguments.query("cursor").map(|text| cursor::read(&name, text)).transpose()?;
    let range = Range::after(serve::limit(&call.arguments)?, after);
    let found = matches(&call, entity, object, &key, &filter, attribute).await?;
    let hits = found.len();
    let (records, next) = listing::cut(found, ascending, &range);
    let (viewer, bare) = (call.viewer(), call.arguments.query("descriptors_only") == Some("true"));
    let mut items = Vec::with_capacity(records.len());
    for record in &records {
        items.push(if bare {
            envelope::descriptor(viewer.base, entity.kind, &record.key.id).into()
        } else {
            serve::full(&viewer, object, record, &call.arguments, &inline, false).await?
        });
    }
    let next = next.map(|position: Position| cursor::write(&name, &position));
    let mut page = envelope::page(viewer.base, &call.arguments, items, next, None);
    page["meta"]["total_hits"] = hits.into();
    page["meta"]["allowed_orders"] = entity.orders.iter().map(|(name, _)| *name).collect();
    Ok(Reply::value(&page))
}

/// What kind of items a query asks for, and which of them.
fn understood(text: &str, now: assay_model::Timestamp) -> Result<(&'static Entity, Filter)> {
    let fields = filter::fields(text)?;
    let mut named: Vec<_> = fields.iter().filter(|(name, _)| name == "entity").map(|(_, value)| value).collect();
    named.dedup();
    let entity = match *named {
        [] => &ENTITIES[0],
        [name] => {
            ENTITIES.iter().find(|entity| entity.names.contains(&name.to_lowercase().as_str())).ok_or_else(|| {
                Error::invalid_argument(
                    "entity is one of file, url, domain, ip; a collection holds no others to search",
                )
            })?
        }
        _ => return Err(Error::invalid_argument("a query is about one entity")),
    };
    let submitted = if matches!(entity.kind, Kind::File | Kind::Url) { SUBMITTED } else { &[] };
    let known: Vec<_> = [entity.fields, submitted, COMMON].concat();
    let is_known = |name: &str| known.iter().any(|(known, _)| *known == name);
    if let Some((name, _)) = fields.iter().find(|(name, _)| !is_known(name)) {
        let known: Vec<_> = known.iter().map(|(name, _)| *name).collect();
        let shown: String = name.chars().take(64).collect();
        return Err(Error::invalid_argument(format!(
            "\"{}:\" needs the index of Intelligence search, which this server does not have yet; each {} of a collection \
             can be asked for {}",
            shown.escape_debug(),
            entity.names[0],
            known.join(", ")
        )));
    }
    Ok((entity, filter::parse(text, &known, now)?))
}

impl Entity {
    /// `name`, `name+` or `name-`: the attribute, and whether from the smallest; a blank is what a plus becomes.
    fn order(&self, text: Option<&str>) -> Result<(&'static str, bool)> {
        let text = text.unwrap_or_default();
        let name = text.trim_end_matches(['+', '-', ' ']);
        let found = self.orders.iter().find(|(known, _)| *known == name || name.is_empty());
        let (_, attribute) = found.ok_or_else(|| {
            let known: Vec<_> = self.orders.iter().map(|(name, _)| *name).collect();
            Error::invalid_argument(format!("the order is one of {}, with + or - behind it", known.join(", ")))
        })?;
        Ok((attribute, text.ends_with(['+', ' '])))
    }
}

/// The known items of a kind that fit, each with what it is sorted by.
async fn matches(
    call: &Call,
    entity: &Entity,
    object: &ObjectType,
    collection: &Key,
    filter: &Filter,
    order: &str,
) -> Result<Vec<Ranked>> {
    let Some(membership) = MEMBERS.iter().find(|membership| membership.kind == entity.kind) else {
        return Ok(Vec::new());
    };
    let (viewer, caller) = (call.viewer(), super::caller(call)?);
    let keys: Vec<_> =
        members::all(&call.app, collection, membership.link).await?.into_iter().map(|edge| edge.to).collect();
    let mut found = Vec::new();
    for chunk in keys.chunks(CHUNK) {
        for record in call.app.store().read_many(chunk).await?.into_iter().flatten() {
            let attributes = searched(&record, (object.attributes)(&record, &viewer)?);
            let work = Work::of_attributes(attributes);
            if filter.fits(&record.key.id, &work, caller) {
                found.push((listing::sortable(work.attributes.get(order)), record));
            }
        }
    }
    Ok(found)
}

/// A report with what modifiers ask for beside its attributes.
fn searched(record: &Arc<Record>, mut attributes: Map<String, Value>) -> Map<String, Value> {
    let positives = attributes.get("last_analysis_stats").and_then(|stats| stats.get("malicious")).cloned();
    let results = attributes.get("last_analysis_results").and_then(Value::as_object);
    let detections = results
        .into_iter()
        .flat_map(Map::values)
        .filter(|result| matches!(result.get("category").and_then(Value::as_str), Some("malicious" | "suspicious")));
    let detections: Vec<_> = detections.filter_map(|result| result.get("result")?.as_str()).collect();
    let joined = |name: &str| {
        let mut texts = Vec::new();
        filter::texts(attributes.get(name).unwrap_or(&Value::Null), &mut |text| texts.push(text.to_owned()));
        Value::from(texts.join("\n"))
    };
    let types = ["type_tag", "type_tags"].iter().filter_map(|name| attributes.get(*name));
    let types = types.flat_map(|value| match value {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    });
    let more = [
        ("id", Value::from(&*record.key.id)),
        ("positives", positives.unwrap_or_else(|| 0.into())),
        ("detections", detections.join("\n").into()),
        ("types", types.collect()),
        ("names_joined", joined("names")),
        ("categories_joined", joined("categories")),
    ];
    attributes.extend(more.map(|(name, value)| (name.to_owned(), value)));
    attributes
}

#[cfg(test)]
mod tests {
    use assay_model::Timestamp;

    use super::*;

    const NOW: Timestamp = Timestamp(1_768_478_400);

    #[test]
    fn a_query_names_its_entity_or_means_files() {
        let kind = |text: &str| understood(text, NOW).map(|(entity, _)| entity.kind);
        assert_eq!(kind("type:pdf AND positives:5+").ok(), Some(Kind::File));
        assert_eq!(kind("entity:ip (country:NL OR asn:64500)").ok(), Some(Kind::IpAddress));
        assert_eq!(kind("Entity:DOMAIN tld:com").ok(), Some(Kind::Domain));
        for text in ["entity:collection", "entity:file entity:url", "type:", "(", "entity:url size:5+"] {
            assert!(kind(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_needs_an_index_is_refused_by_name() {
        let refused = understood("behaviour:\"x\"", NOW).map(|(entity, _)| entity.kind).expect_err("refused");
        assert!(
            refused.message.contains("\"behaviour:\" needs the index of Intelligence search"),
            "{}",
            refused.message
        );
    }

    #[test]
    fn orders_are_those_of_the_entity_and_descend_where_nothing_is_said() {
        let file = &ENTITIES[0];
        assert_eq!(file.order(None).ok(), Some(("last_submission_date", false)));
        assert_eq!(file.order(Some("size+")).ok(), Some(("size", true)));
        assert_eq!(file.order(Some("size ")).ok(), Some(("size", true)));
        assert!(file.order(Some("country")).is_err());
    }
}
