//! What a stage came upon beside its subject: addresses, certificates, resolutions, and the facts that join them. Noted
//! in memory, written with the subject's batch.
//!
//! An address brings with it what it is part of: a URL its host, a domain the domains above it.

use std::collections::BTreeMap;
use std::sync::Arc;

use assay_model::address::{Item, Known};
use assay_model::domain::DomainName;
use assay_model::ip::IpAddress;
use assay_model::record::{Edge, Key, body};
use assay_model::resolution::{StoredResolution, resolution_id};
use assay_model::ssl_cert::SslCert;
use assay_model::url::Location;
use assay_model::whois::{Whois, whois_id};
use assay_model::{Kind, Link, Result, Timestamp};
use assay_store::{Batch, Expect};
use serde::Serialize;
use serde_json::json;

use crate::Pipeline;

/// How many of the names that a certificate is for become objects.
const NAMED: usize = 100;

/// See the module.
#[derive(Default)]
pub struct Sightings {
    /// Addresses, which become objects where they are not known yet, and when they were seen.
    addresses: BTreeMap<Key, (Item, Timestamp)>,
    /// What else is written where it is not known yet.
    new: BTreeMap<Key, Arc<[u8]>>,
    /// What is written anew.
    renewed: BTreeMap<Key, Arc<[u8]>>,
    /// What registries say; of what they said before, the date is kept.
    whois: BTreeMap<Key, Whois>,
    /// Facts; a later sighting changes nothing.
    edges: Vec<Edge>,
    /// Facts of which the last sighting counts.
    last: Vec<Edge>,
    /// What is newly known of addresses, whatever the store holds of them.
    updates: BTreeMap<Key, Vec<Update>>,
}

/// Writes down something that is newly known of an address.
type Update = Box<dyn Fn(&mut Known) + Send + Sync>;

impl Sightings {
    /// An address was seen. Answers its key.
    pub fn see(&mut self, item: &Item, now: Timestamp) -> Key {
        let key = item.key();
        if self.addresses.contains_key(&key) {
            return key;
        }
        self.addresses.insert(key.clone(), (item.clone(), now));
        match item {
            Item::Url(url) => {
                let location = Item::from(url.location());
                let link = if matches!(location, Item::Domain(_)) { Link::OnDomain } else { Link::OnIp };
                let host = self.see(&location, now);
                self.edges.push(Edge::new(key.clone(), link, host, now));
            }
            Item::Domain(name) => {
                // A public suffix is nobody's: what is below it is not joined.
                if let Some(parent) = name.immediate_parent().filter(|parent| parent.registrable().is_some()) {
                    let parent = self.see(&Item::Domain(parent), now);
                    self.edges.push(Edge::new(key.clone(), Link::Below, parent, now));
                }
            }
            Item::IpAddress(_) => {}
        }
        key
    }

    /// Two objects are joined.
    pub fn link(&mut self, from: Key, link: Link, to: Key, now: Timestamp) {
        self.edges.push(Edge::new(from, link, to, now));
    }

    /// Two objects are joined, and something is said about it; the last that is said counts.
    pub fn link_anew<T: Serialize>(&mut self, from: Key, link: Link, to: Key, now: Timestamp, context: &T) {
        self.last.push(Edge::new(from, link, to, now).with_context(context));
    }

    /// A name stood for an address.
    pub fn resolve(&mut self, name: &DomainName, address: IpAddress, resolver: &str, now: Timestamp) {
        let (domain, ip) = (self.see(&Item::Domain(name.clone()), now), self.see(&Item::IpAddress(address), now));
        let key = Key::shared(Kind::Resolution, resolution_id(&address, name));
        let resolver = resolver.to_owned();
        let resolution = StoredResolution { date: now, host_name: name.clone(), ip_address: address, resolver };
        self.renewed.insert(key.clone(), body(&resolution));
        self.last.push(Edge::new(key.clone(), Link::ResolvesDomain, domain, now));
        self.last.push(Edge::new(key, Link::ResolvesIp, ip, now));
    }

    /// A server showed a certificate.
    pub fn show(&mut self, location: &Location, port: u16, certificate: &SslCert, now: Timestamp) {
        let key = Key::shared(Kind::SslCert, certificate.thumbprint_sha256.as_str());
        self.new.insert(key.clone(), body(certificate));
        let item = Item::from(location.clone());
        let link = if matches!(item, Item::Domain(_)) { Link::DomainShowed } else { Link::IpShowed };
        let shower = self.see(&item, now);
        // Texts, both: as the original has them.
        let context = json!({ "first_seen_date": now.date_text(), "port": port.to_string() });
        self.edges.push(Edge::new(shower, link, key, now).with_context(&context));
        if let Location::Domain(name) = location {
            self.see_named(name, certificate, now);
        }
        let certificate = certificate.clone();
        self.update(&item, now, move |known| note_certificate(known, &certificate, now));
    }

    /// The names that a certificate is for besides, as far as they belong to the same registered domain.
    fn see_named(&mut self, name: &DomainName, certificate: &SslCert, now: Timestamp) {
        let own = name.registrable();
        let listed = certificate.extensions.get("subject_alternative_name").and_then(|names| names.as_array());
        for named in listed.into_iter().flatten().filter_map(|named| named.as_str()).take(NAMED) {
            if let Ok(named) = named.parse::<DomainName>()
                && own.is_some()
                && named.registrable() == own
            {
                self.see(&Item::Domain(named), now);
            }
        }
    }

    /// A registry said something of some addresses; the last that is said is the newest.
    pub fn registered(&mut self, about: &str, text: &str, whois: Whois, items: [&Item; 2], now: Timestamp) {
        let key = Key::shared(Kind::Whois, whois_id(about, text).to_string());
        for item in items {
            let to = self.see(item, now);
            let link = if matches!(item, Item::IpAddress(_)) { Link::WhoisOfIp } else { Link::WhoisOfDomain };
            if !self.last.iter().any(|edge| edge.from == key && edge.to == to) {
                self.last.push(Edge::new(key.clone(), link, to, now));
            }
        }
        self.whois.insert(key, whois);
    }

    /// Something is newly known of an address that is not the subject.
    pub fn update(&mut self, item: &Item, now: Timestamp, update: impl Fn(&mut Known) + Send + Sync + 'static) {
        let key = self.see(item, now);
        self.updates.entry(key).or_default().push(Box::new(update));
    }

    /// An object of our own making, where it is not known yet.
    pub fn put_new<T: Serialize>(&mut self, key: Key, object: &T) {
        self.new.insert(key, body(object));
    }

    /// Adds all of it to a batch. `but` is written by the batch itself.
    pub async fn write(&self, pipeline: &Pipeline, but: &Key, batch: &mut Batch) -> Result<()> {
        let keys = self.new.keys().chain(self.addresses.keys()).filter(|key| *key != but).cloned();
        let keys: Vec<_> = keys.collect();
        let known = if keys.is_empty() { Vec::new() } else { pipeline.store.read_many(&keys).await? };
        for (key, known) in keys.into_iter().zip(known) {
            let updates = self.updates.get(&key).map(Vec::as_slice).unwrap_or_default();
            let expect = known.as_ref().map_or(Expect::Absent, |record| Expect::Version(record.version));
            let mut address = match (&known, self.addresses.get(&key)) {
                (Some(_), _) if updates.is_empty() => continue,
                (Some(record), _) => Known::parse(record)?,
                (None, Some((item, since))) => {
                    let mut first = Known::first(item, *since);
                    pipeline.intel.describe(item, &mut first);
                    first
                }
                (None, None) => {
                    batch.put(key.clone(), self.new[&key].clone(), expect);
                    continue;
                }
            };
            for update in updates {
                update(&mut address);
            }
            batch.put(key, address.body(), expect);
        }
        for (key, body) in &self.renewed {
            batch.put(key.clone(), body.clone(), Expect::Any);
        }
        for (key, whois) in &self.whois {
            let known = pipeline.store.read(key).await?;
            let expect = known.as_ref().map_or(Expect::Absent, |record| Expect::Version(record.version));
            let first: Option<Whois> = known.map(|record| record.parse()).transpose()?;
            let first_seen_date = first.map_or(whois.first_seen_date, |first| first.first_seen_date);
            batch.put(key.clone(), body(&Whois { first_seen_date, ..whois.clone() }), expect);
        }
        for edge in &self.last {
            batch.unlink(edge.from.clone(), edge.link, edge.to.clone());
        }
        for edge in self.edges.iter().chain(&self.last) {
            batch.link(edge.clone());
        }
        Ok(())
    }
}

/// Writes down the certificate that a domain or an IP address showed last.
pub(crate) fn note_certificate(known: &mut Known, certificate: &SslCert, now: Timestamp) {
    let (shown, date) = match known {
        Known::Url(_) => return,
        Known::Domain(domain) => {
            let attributes = &mut domain.attributes;
            (&mut attributes.last_https_certificate, &mut attributes.last_https_certificate_date)
        }
        Known::IpAddress(address) => {
            let attributes = &mut address.attributes;
            (&mut attributes.last_https_certificate, &mut attributes.last_https_certificate_date)
        }
    };
    (*shown, *date) = (Some(certificate.clone()), Some(now));
}
