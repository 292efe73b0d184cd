//! Registries as a source: what RDAP says of a domain or an IP address becomes attributes and a WHOIS record.

use std::sync::Arc;
use std::time::Duration;

use assay_extract::rdap::{self, Registration};
use assay_intel::Intel;
use assay_model::address::{Item, Known};
use assay_model::domain::Domain;
use assay_model::ip::Ip;
use assay_model::outbound::forbidden;
use assay_model::whois::Whois;
use assay_model::{Timestamp, url::CanonicalUrl};
use assay_web::Web;
use async_trait::async_trait;
use quick_cache::sync::Cache;
use serde_json::Value;

use super::{Enrich, Enrichment};
use crate::Sightings;

/// How many answers are remembered: a registered domain is asked about once for all names below it.
const REMEMBERED: usize = 1000;
/// After so many seconds an answer that failed is asked for again.
const RETRY: i64 = 300;

/// See the module.
pub struct Registrations {
    web: Arc<dyn Web>,
    intel: Arc<Intel>,
    server: Option<String>,
    fresh: i64,
    answers: Cache<String, Arc<Answer>>,
}

struct Answer {
    date: Timestamp,
    read: Option<Registration>,
}

impl Registrations {
    /// Asks whom the operator's lists name, else `server`, and not again as long as an answer is `fresh`.
    pub fn new(web: Arc<dyn Web>, intel: Arc<Intel>, server: Option<String>, fresh: Duration) -> Self {
        let fresh = i64::try_from(fresh.as_secs()).unwrap_or(i64::MAX);
        Self { web, intel, server, fresh, answers: Cache::new(REMEMBERED) }
    }

    fn question(&self, item: &Item) -> Option<CanonicalUrl> {
        let listed = self.intel.registry(item);
        let question = listed.or_else(|| {
            let server = self.server.as_deref()?.trim_end_matches('/');
            match item {
                Item::Url(_) => None,
                Item::Domain(name) => Some(format!("{server}/domain/{name}")),
                Item::IpAddress(address) => Some(format!("{server}/ip/{address}")),
            }
        });
        question?.parse().ok()
    }

    async fn answer(&self, item: &Item, now: Timestamp) -> Option<Arc<Answer>> {
        let question = self.question(item)?;
        let key = question.to_string();
        let age = |answer: &Answer| now.0.saturating_sub(answer.date.0);
        let old = |answer: &Answer| age(answer) >= if answer.read.is_some() { self.fresh } else { RETRY };
        if self.answers.get(&key).is_some_and(|answer| old(&answer)) {
            self.answers.remove(&key);
        }
        let asked = async { Ok::<_, std::convert::Infallible>(Arc::new(self.ask(&question, item, now).await)) };
        self.answers.get_or_insert_async(&key, asked).await.ok()
    }

    async fn ask(&self, question: &CanonicalUrl, item: &Item, now: Timestamp) -> Answer {
        let fetched = self.web.fetch(question).await;
        let answered = fetched.unfinished.is_none() && fetched.hops.last().is_some_and(|hop| hop.status == 200);
        let read = if answered { rdap::read(&fetched.body, item) } else { None };
        let outcome = if read.is_some() { "answered" } else { "unanswered" };
        metrics::counter!("assay_lookups_total", "of" => "rdap", "outcome" => outcome).increment(1);
        Answer { date: now, read }
    }
}

#[async_trait]
impl Enrich for Registrations {
    async fn enrich(&self, item: &Item, known: &Known, now: Timestamp) -> Option<Enrichment> {
        let registered = registered(item)?;
        let asked = match known {
            Known::Url(_) => return None,
            Known::Domain(domain) => domain.attributes.whois_date,
            Known::IpAddress(address) => address.attributes.whois_date,
        };
        if asked.is_some_and(|asked| now.0.saturating_sub(asked.0) < self.fresh) {
            return Some(Enrichment { describe: Arc::new(|known, _| complete(known)), join: Box::new(|_, _| {}) });
        }
        let answer = self.answer(&registered, now).await?;
        let date = answer.date;
        let read = Arc::new(answer.read.clone()?);
        let (told, item) = (read.clone(), item.clone());
        Some(Enrichment {
            describe: Arc::new(move |known, _| describe(&told, known, date)),
            join: Box::new(move |sightings, now| join(&item, &registered, &read, sightings, (date, now))),
        })
    }
}

/// What a registry knows of: the registered domain, an address of the open internet.
fn registered(item: &Item) -> Option<Item> {
    match item {
        Item::Url(_) => None,
        Item::Domain(name) => {
            let known = name.has_known_suffix().then(|| name.registrable()).flatten();
            known.map(Item::Domain)
        }
        Item::IpAddress(address) => forbidden(address.get()).is_none().then(|| item.clone()),
    }
}

fn describe(read: &Registration, known: &mut Known, date: Timestamp) {
    let text = Some(read.text()).filter(|text| !text.is_empty());
    match known {
        Known::Url(_) => {}
        Known::Domain(domain) => {
            let (whois, rdap) = (text, read.tree.clone());
            domain.attributes = Domain {
                registrar: read.registrar.clone(),
                creation_date: read.created,
                last_update_date: read.changed,
                expiration_date: read.expires,
                whois_date: Some(date),
                whois,
                rdap,
                ..std::mem::take(&mut domain.attributes)
            };
        }
        Known::IpAddress(address) => {
            let attributes = std::mem::take(&mut address.attributes);
            address.attributes = Ip {
                whois: text,
                whois_date: Some(date),
                rdap: read.tree.clone(),
                regional_internet_registry: read.registry.map(ToOwned::to_owned),
                network: attributes.network.or_else(|| read.network.clone()),
                country: attributes.country.or_else(|| read.country.clone()),
                ..attributes
            };
        }
    }
}

/// What the operator's databases do not say, and a registry has said before.
fn complete(known: &mut Known) {
    let Known::IpAddress(address) = known else { return };
    let Ip { country, rdap, .. } = &mut address.attributes;
    if let (None, Some(told)) = (&country, rdap.as_ref().and_then(|rdap| rdap.get("country")).and_then(Value::as_str)) {
        *country = Some(told.to_ascii_uppercase());
    }
}

fn join(
    item: &Item,
    registered: &Item,
    read: &Registration,
    sightings: &mut Sightings,
    (date, now): (Timestamp, Timestamp),
) {
    let about = match registered {
        Item::IpAddress(address) => read.network.clone().unwrap_or_else(|| address.to_string()),
        _ => registered.key().id.to_string(),
    };
    let whois = Whois {
        first_seen_date: date,
        last_updated: date,
        registrar_name: read.registrar.clone(),
        registrant_name: read.registrant.clone(),
        registrant_country: read.registrant_country.clone(),
        whois_map: read.map(),
    };
    sightings.registered(&about, &read.text(), whois, [item, registered], now);
    if item != registered {
        let read = read.clone();
        sightings.update(registered, now, move |known| describe(&read, known, date));
    }
}
