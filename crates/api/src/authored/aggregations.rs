//! What the objects of a collection have in common: `GET /collections/{id}/aggregations/download/{format}`, and attributes of
//! the collection itself. In goes a collection, out comes for each kind of its items how often which value occurs. Counted are
//! the newest items, and what at least two of them share.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use assay_model::record::{Key, Record};
use assay_model::{Kind, Link, Result};
use assay_store::{End, Range, Store};
use serde_json::{Map, Value, json};

use super::export::{field, no_such_format, text};
use super::{Standing, governed};
use crate::objects::collection::MEMBERS;
use crate::objects::{Viewer, file, report_of, url};
use crate::route::{Call, Reply};

/// How many items of a kind are looked at for a document, and for the collection's own attributes.
const ITEMS_OF_DOCUMENT: usize = 500;
const ITEMS_OF_OBJECT: usize = 100;
/// How many related objects of each item count.
const RELATED: usize = 100;
/// How many values of each sort are told, the most frequent first.
const VALUES: usize = 20;
/// What fewer items share is not common.
const SHARED: u64 = 2;
/// How many tags and icons the collection itself shows.
const SHOWN: usize = 10;

/// Attributes that are counted: the kind of the items, the name of the count, the path to the value; `*` is each of several.
#[rustfmt::skip]
const ATTRIBUTES: &[(Kind, &str, &[&str])] = &[
    (Kind::File, "type_tags", &["type_tags"]),
    (Kind::File, "tags", &["tags"]),
    (Kind::File, "names", &["names"]),
    (Kind::File, "vhash", &["vhash"]),
    (Kind::File, "imphash", &["pe_info", "imphash"]),
    (Kind::File, "main_icon_raw_md5", &["main_icon", "raw_md5"]),
    (Kind::File, "detections", &["last_analysis_results", "*", "result"]),
    (Kind::File, "crowdsourced_yara_rules", &["crowdsourced_yara_results", "*", "rule_name"]),
    (Kind::Url, "tlds", &["tld"]),
    (Kind::Url, "tags", &["tags"]),
    (Kind::Url, "titles", &["title"]),
    (Kind::Url, "threat_names", &["threat_names"]),
    (Kind::Url, "last_final_urls", &["last_final_url"]),
    (Kind::Url, "http_response_contents", &["last_http_response_content_sha256"]),
    (Kind::Url, "favicon_raw_md5", &["favicon", "raw_md5"]),
    (Kind::Url, "targeted_brands", &["targeted_brand", "*"]),
    (Kind::Domain, "tlds", &["tld"]),
    (Kind::Domain, "tags", &["tags"]),
    (Kind::Domain, "registrars", &["registrar"]),
    (Kind::Domain, "jarm", &["jarm"]),
    (Kind::Domain, "favicon_raw_md5", &["favicon", "raw_md5"]),
    (Kind::IpAddress, "countries", &["country"]),
    (Kind::IpAddress, "as_owners", &["as_owner"]),
    (Kind::IpAddress, "asns", &["asn"]),
    (Kind::IpAddress, "networks", &["network"]),
    (Kind::IpAddress, "tags", &["tags"]),
    (Kind::IpAddress, "jarm", &["jarm"]),
];

/// Relationships whose objects are counted.
#[rustfmt::skip]
const RELATIONSHIPS: &[(Kind, &str, Link, End)] = &[
    (Kind::File, "contacted_domains", Link::ContactsDomain, End::Tail),
    (Kind::File, "contacted_ips", Link::ContactsIp, End::Tail),
    (Kind::File, "contacted_urls", Link::ContactsUrl, End::Tail),
    (Kind::File, "embedded_domains", Link::EmbedsDomain, End::Tail),
    (Kind::File, "embedded_ips", Link::EmbedsIp, End::Tail),
    (Kind::File, "embedded_urls", Link::EmbedsUrl, End::Tail),
    (Kind::File, "itw_domains", Link::DomainServed, End::Head),
    (Kind::File, "itw_ips", Link::IpServed, End::Head),
    (Kind::File, "itw_urls", Link::Served, End::Head),
    (Kind::Url, "domains", Link::OnDomain, End::Tail),
    (Kind::Url, "ip_addresses", Link::OnIp, End::Tail),
    (Kind::Url, "downloaded_files", Link::Served, End::Tail),
    (Kind::Url, "redirects_to", Link::Redirects, End::Tail),
    (Kind::Domain, "parents", Link::Below, End::Tail),
    (Kind::Domain, "ns_records", Link::Ns, End::Tail),
    (Kind::Domain, "mx_records", Link::Mx, End::Tail),
    (Kind::Domain, "communicating_files", Link::ContactsDomain, End::Head),
    (Kind::Domain, "referrer_files", Link::EmbedsDomain, End::Head),
    (Kind::IpAddress, "communicating_files", Link::ContactsIp, End::Head),
    (Kind::IpAddress, "referrer_files", Link::EmbedsIp, End::Head),
];

/// How often which value occurs.
#[derive(Debug, Default)]
struct Tally(HashMap<String, u64>);

impl Tally {
    /// Counts what one item has; each value once.
    fn add(&mut self, values: BTreeSet<String>) {
        for value in values {
            *self.0.entry(value).or_default() += 1;
        }
    }

    /// What is shared, the most frequent first.
    fn common(self) -> Vec<(String, u64)> {
        let mut common: Vec<_> = self.0.into_iter().filter(|(_, count)| *count >= SHARED).collect();
        common.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        common.truncate(VALUES);
        common
    }
}

/// `GET /collections/{id}/aggregations/download/{format}`.
pub(crate) async fn download(call: Call) -> Result<Reply> {
    let format = call.arguments.path("format").to_owned();
    if !["json", "csv"].contains(&format.as_str()) {
        return Err(no_such_format(&format, &["json", "csv"]));
    }
    let (_, key, _) = governed(&call, Standing::Viewer).await?;
    let store = call.app.store();
    let mut all = Map::new();
    for membership in MEMBERS {
        let keys = newest(store, &key, membership.link, ITEMS_OF_DOCUMENT).await?;
        let mut counts = attributes(store, membership.kind, &keys).await?;
        counts.extend(related(store, membership.kind, &keys).await?);
        if !counts.is_empty() {
            all.insert(membership.name.to_owned(), counts.into());
        }
    }
    Ok(match format.as_str() {
        "json" => Reply::value(&Value::from(all)),
        _ => text("text/csv; charset=utf-8", csv(&all)),
    })
}

/// Adds to the attributes of a collection what its newest items have in common.
pub(crate) async fn describe(record: &Record, viewer: &Viewer<'_>, shown: &mut Map<String, Value>) -> Result<()> {
    let store = viewer.app.store();
    let mut all = Map::new();
    for membership in MEMBERS.iter().filter(|membership| ATTRIBUTES.iter().any(|row| row.0 == membership.kind)) {
        let keys = newest(store, &record.key, membership.link, ITEMS_OF_OBJECT).await?;
        let counts = attributes(store, membership.kind, &keys).await?;
        if !counts.is_empty() {
            all.insert(membership.name.to_owned(), counts.into());
        }
    }
    shown.insert("autogenerated_tags".to_owned(), frequent(&all, &["tags"]));
    shown.insert("top_icon_md5".to_owned(), frequent(&all, &["main_icon_raw_md5", "favicon_raw_md5"]));
    let count = |name: &str| shown.get(name).and_then(Value::as_u64).unwrap_or(0);
    let (files, urls) = (count("files_count"), count("urls_count"));
    let (domains, addresses) = (count("domains_count"), count("ip_addresses_count"));
    let counters = json!({ "files": files, "urls": urls, "domains": domains, "ip_addresses": addresses,
                           "iocs": files + urls + domains + addresses });
    shown.insert("counters".to_owned(), counters);
    shown.insert("aggregations".to_owned(), all.into());
    Ok(())
}

/// The most frequent values of some counts, over all kinds of items.
fn frequent(all: &Map<String, Value>, names: &[&str]) -> Value {
    let mut sums: HashMap<String, u64> = HashMap::new();
    let lists = all.values().flat_map(|kind| names.iter().filter_map(move |name| kind.get(*name)?.as_array()));
    for entry in lists.flatten() {
        if let (Some(value), Some(count)) = (entry["value"].as_str(), entry["count"].as_u64()) {
            *sums.entry(value.to_owned()).or_default() += count;
        }
    }
    let mut values = Tally(sums).common();
    values.truncate(SHOWN);
    values.into_iter().map(|(value, _)| value).collect()
}

async fn newest(store: &dyn Store, collection: &Key, link: Link, most: usize) -> Result<Vec<Key>> {
    let page = store.linked(collection, link, End::Tail, &Range::first(most)).await?;
    Ok(page.items.into_iter().map(|edge| edge.to).collect())
}

/// What the reports of items have in common.
async fn attributes(store: &dyn Store, kind: Kind, keys: &[Key]) -> Result<Map<String, Value>> {
    let rows: Vec<_> = ATTRIBUTES.iter().filter(|row| row.0 == kind).collect();
    let mut tallies: Vec<_> = rows.iter().map(|_| Tally::default()).collect();
    if rows.is_empty() {
        return Ok(Map::new());
    }
    for record in store.read_many(keys).await?.into_iter().flatten() {
        let report = Value::from(if kind == Kind::File { file::report(&record)? } else { report_of(&record)? });
        for ((_, _, path), tally) in rows.iter().zip(&mut tallies) {
            let mut values = BTreeSet::new();
            gather(&report, path, &mut values);
            tally.add(values);
        }
    }
    let counted = rows.iter().zip(tallies).map(|((_, name, _), tally)| (*name, tally.common()));
    Ok(counted
        .filter(|(_, common)| !common.is_empty())
        .map(|(name, common)| (name.to_owned(), entries(common)))
        .collect())
}

/// Every text and number at a path.
fn gather(value: &Value, path: &[&str], values: &mut BTreeSet<String>) {
    match (path, value) {
        ([], Value::String(text)) => _ = values.insert(text.clone()),
        ([], Value::Number(number)) => _ = values.insert(number.to_string()),
        ([], Value::Array(list)) => list.iter().for_each(|value| gather(value, path, values)),
        (["*", rest @ ..], Value::Array(list)) => list.iter().for_each(|value| gather(value, rest, values)),
        (["*", rest @ ..], Value::Object(map)) => map.values().for_each(|value| gather(value, rest, values)),
        ([name, rest @ ..], Value::Object(map)) => {
            if let Some(value) = map.get(*name) {
                gather(value, rest, values);
            }
        }
        _ => {}
    }
}

fn entries(common: Vec<(String, u64)>) -> Value {
    common.into_iter().map(|(value, count)| json!({ "value": value, "count": count })).collect()
}

/// What items are related to in common.
async fn related(store: &dyn Store, kind: Kind, keys: &[Key]) -> Result<Map<String, Value>> {
    let mut counts = Map::new();
    for (_, name, link, end) in RELATIONSHIPS.iter().filter(|row| row.0 == kind) {
        let (mut tally, mut said) = (Tally::default(), HashMap::<String, Arc<str>>::new());
        for key in keys {
            let edges = store.linked(key, *link, *end, &Range::first(RELATED)).await?.items;
            let ids = edges.into_iter().map(|edge| {
                let id = if *end == End::Tail { edge.to.id } else { edge.from.id }.to_string();
                said.extend(edge.context.map(|context| (id.clone(), context)));
                id
            });
            tally.add(ids.collect());
        }
        let mut common = tally.common();
        let ends = link.ends();
        if (if *end == End::Tail { ends.1 } else { ends.0 }) == Kind::Url {
            write_out(store, &mut common, &said).await?;
        }
        if !common.is_empty() {
            counts.insert((*name).to_owned(), entries(common));
        }
    }
    Ok(counts)
}

/// Puts URLs in the place of their ids, as far as they are known or were said.
async fn write_out(store: &dyn Store, common: &mut [(String, u64)], said: &HashMap<String, Arc<str>>) -> Result<()> {
    let keys: Vec<_> = common.iter().map(|(id, _)| Key::shared(Kind::Url, id.as_str())).collect();
    let records = store.read_many(&keys).await?;
    for ((value, _), record) in common.iter_mut().zip(records) {
        let context = said.get(value).and_then(|said| serde_json::from_str::<Value>(said).ok());
        match (record, context.as_ref().and_then(|context| context["url"].as_str())) {
            (Some(record), _) => *value = url::text(&record)?,
            (None, Some(text)) => text.clone_into(value),
            (None, None) => {}
        }
    }
    Ok(())
}

fn csv(all: &Map<String, Value>) -> String {
    let mut csv = "entity,aggregation,value,count\r\n".to_owned();
    for (entity, counts) in all {
        for (name, entries) in counts.as_object().into_iter().flatten() {
            for entry in entries.as_array().into_iter().flatten() {
                let value = field(entry["value"].as_str().unwrap_or_default());
                write!(csv, "{entity},{name},{value},{}\r\n", entry["count"])
                    .expect("writing to a string does not fail");
            }
        }
    }
    csv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_gathered_along_a_path() {
        let report = json!({ "tags": ["a", "b"], "asn": 7, "results": { "X": { "result": "EICAR" }, "Y": { "result": null } },
                             "rules": [{ "name": "r" }] });
        let found = |path: &[&str]| {
            let mut values = BTreeSet::new();
            gather(&report, path, &mut values);
            values.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(found(&["tags"]), ["a", "b"]);
        assert_eq!(found(&["asn"]), ["7"]);
        assert_eq!(found(&["results", "*", "result"]), ["EICAR"]);
        assert_eq!(found(&["rules", "*", "name"]), ["r"]);
        assert!(found(&["nothing"]).is_empty() && found(&["tags", "x"]).is_empty());
    }

    #[test]
    fn what_only_one_has_is_not_common() {
        let mut tally = Tally::default();
        for values in [["a", "b"], ["a", "c"], ["a", "b"]] {
            tally.add(values.map(str::to_owned).into());
        }
        assert_eq!(tally.common(), [("a".to_owned(), 3), ("b".to_owned(), 2)]);
    }
}
