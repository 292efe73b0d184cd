//! Name servers as a source: the records of a domain become attributes, and edges to what they name.

use std::sync::Arc;

use assay_model::address::{Item, Known};
use assay_model::domain::{DnsRecord, DomainName};
use assay_model::{Link, Timestamp};
use assay_web::{DnsAnswer, NameServers};
use async_trait::async_trait;
use serde_json::{Value, json};

use super::{Enrich, Enrichment};
use crate::Sightings;

/// For so many seconds nobody is asked again: many URLs of one host are often looked at together.
const FRESH: i64 = 60;

/// See the module.
pub struct DnsLookUps(pub Arc<NameServers>);

#[async_trait]
impl Enrich for DnsLookUps {
    async fn enrich(&self, item: &Item, known: &Known, now: Timestamp) -> Option<Enrichment> {
        let (Item::Domain(name), Known::Domain(domain)) = (item, known) else { return None };
        let asked = domain.attributes.last_dns_records_date;
        if asked.is_some_and(|asked| now.0.saturating_sub(asked.0) < FRESH) {
            return None;
        }
        let answer = self.0.records(name).await;
        let outcome = if answer.is_some() { "answered" } else { "unanswered" };
        metrics::counter!("assay_lookups_total", "of" => "dns", "outcome" => outcome).increment(1);
        let (answer, name) = (Arc::new(answer?), name.clone());
        let told = answer.clone();
        Some(Enrichment {
            describe: Arc::new(move |known, now| describe(&told, known, now)),
            join: Box::new(move |sightings, now| join(&name, &answer.records, sightings, now)),
        })
    }
}

/// Of the types of which nothing could be learned what was known stays.
fn describe(answer: &DnsAnswer, known: &mut Known, now: Timestamp) {
    let Known::Domain(domain) = known else { return };
    let domain = &mut domain.attributes;
    domain.last_dns_records.retain(|record| answer.unanswered.contains(&record.kind));
    domain.last_dns_records.extend(answer.records.iter().cloned());
    domain.last_dns_records_date = Some(now);
}

fn join(name: &DomainName, records: &[DnsRecord], sightings: &mut Sightings, now: Timestamp) {
    let domain = sightings.see(&Item::Domain(name.clone()), now);
    for record in records {
        let (link, target) = match &*record.kind {
            "A" | "AAAA" => {
                if let Ok(address) = record.value.parse() {
                    sightings.resolve(name, address, "assay", now);
                }
                continue;
            }
            "CNAME" => (Link::Cname, &*record.value),
            "MX" => (Link::Mx, &*record.value),
            "NS" => (Link::Ns, &*record.value),
            "SOA" => (Link::Soa, &*record.value),
            "CAA" => (Link::Caa, authority(record)),
            _ => continue,
        };
        if let Ok(target) = target.parse::<DomainName>() {
            let target = sightings.see(&Item::Domain(target), now);
            sightings.link_anew(domain.clone(), link, target, now, &context(record, now));
        }
    }
}

/// The authority that a CAA record permits; nothing where it says something else.
fn authority(record: &DnsRecord) -> &str {
    match record.tag.as_deref() {
        Some("issue" | "issuewild" | "issuemail") => record.value.split(';').next().unwrap_or_default(),
        _ => "",
    }
}

/// What is said about an edge: everything of the record but its type and what the edge leads to.
fn context(record: &DnsRecord, now: Timestamp) -> Value {
    let mut context = serde_json::to_value(record).unwrap_or_default();
    if let Some(members) = context.as_object_mut() {
        members.shift_remove("type");
        members.shift_remove("value");
        members.insert("timestamp".to_owned(), json!(now));
    }
    context
}
