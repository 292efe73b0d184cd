//! Where that is allowed, a URL is fetched, and a domain or an IP address shows its certificate; everybody who knows
//! something about the address, or about the URL's host, is asked. What the fetch shows becomes attributes, objects and
//! links; the content becomes a file with an analysis of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use assay_blobs::Kept;
use assay_engines::{Page as Served, Sample};
use assay_extract::certificate;
use assay_extract::page::Page;
use assay_intel::Intel;
use assay_model::address::{Favicon, Item, Known};
use assay_model::analysis::Status;
use assay_model::facts::Facts;
use assay_model::ip::IpAddress;
use assay_model::record::{Key, StageName};
use assay_model::ssl_cert::SslCert;
use assay_model::url::{CanonicalUrl, Location, StoredUrl, Tracker};
use assay_model::{Code, Digests, Error, Kind, Link, Result, Timestamp};
use assay_web::{Fetched, Hop};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use url::Url;

use super::{AddressSubject, Enrichment, arrival, scripts};
use crate::sightings::note_certificate;
use crate::{Observed, Pipeline, Sightings, Stage};

/// How many links of a page become objects.
const LINKED: usize = 50;
/// How many hosts that a page loads something from become objects.
const LOADED: usize = 50;
/// A larger icon is not looked at.
const ICON_MAX: usize = 1 << 20;
/// How many cookies are kept.
const COOKIES: usize = 100;

/// Where a host is asked for its certificate.
const HTTPS: u16 = 443;

/// See the module.
pub(crate) struct Visit;

struct Visited {
    intel: Arc<Intel>,
    visit: Option<Found>,
    certificate: Option<(Location, IpAddress, SslCert)>,
    /// Of the subject, or of the URL's host.
    enrichments: Vec<Enrichment>,
    host: Option<Item>,
}

/// What a fetch showed.
struct Found {
    fetched: Fetched,
    /// Of each hop.
    certificates: Vec<Option<SslCert>>,
    page: Option<Page>,
    favicon: Option<Favicon>,
    served: Option<Served>,
    /// The content as a file.
    kept: Option<Kept>,
    /// The scripts in it, as files.
    scripts: Vec<Kept>,
}

#[async_trait]
impl Stage<AddressSubject> for Visit {
    async fn observe(
        &self,
        pipeline: &Pipeline,
        subject: &AddressSubject,
    ) -> Result<Box<dyn Observed<AddressSubject>>> {
        let item = subject.item();
        let host = if let Item::Url(url) = item { Some(Item::from(url.location())) } else { None };
        let (visit, certificate, enrichments) =
            tokio::join!(visit(pipeline, item), certificate(pipeline, item), ask(pipeline, subject, host.as_ref()));
        let intel = pipeline.intel.clone();
        Ok(Box::new(Visited { intel, visit: visit?, certificate, enrichments: enrichments?, host }))
    }
}

/// What those know who are asked, of the subject or of its host.
async fn ask(pipeline: &Pipeline, subject: &AddressSubject, host: Option<&Item>) -> Result<Vec<Enrichment>> {
    if pipeline.enrichers.is_empty() {
        return Ok(Vec::new());
    }
    let (item, now) = (host.unwrap_or(subject.item()), pipeline.clock.now());
    let of_host = match host {
        None => None,
        Some(host) => Some(match pipeline.store.read(&host.key()).await? {
            Some(record) => Known::parse(&record)?,
            None => Known::first(host, now),
        }),
    };
    let known = of_host.as_ref().unwrap_or(&subject.known);
    let asked = join_all(pipeline.enrichers.iter().map(|one| one.enrich(item, known, now)));
    Ok(asked.await.into_iter().flatten().collect())
}

/// The certificate of a domain or an IP address; that of a URL's host comes with the page.
async fn certificate(pipeline: &Pipeline, item: &Item) -> Option<(Location, IpAddress, SslCert)> {
    let location = match item {
        Item::Url(_) => return None,
        Item::Domain(name) => Location::Domain(name.clone()),
        Item::IpAddress(address) => Location::Ip(*address),
    };
    let shown = pipeline.web.as_ref()?.certificate(&location, HTTPS).await.ok()?;
    Some((location, shown.address.into(), certificate::read(&shown.certificate)?))
}

async fn visit(pipeline: &Pipeline, item: &Item) -> Result<Option<Found>> {
    let (Some(web), Item::Url(url)) = (&pipeline.web, item) else { return Ok(None) };
    let fetched = web.fetch(url).await;
    let outcome = if fetched.unfinished.is_none() { "whole" } else { "unfinished" };
    metrics::counter!("assay_url_fetches_total", "outcome" => outcome).increment(1);
    let certificates = fetched.hops.iter().map(|hop| hop.certificate.as_deref().and_then(certificate::read)).collect();
    let mut found =
        Found { fetched, certificates, page: None, favicon: None, served: None, kept: None, scripts: Vec::new() };
    let Some(last) = found.fetched.hops.last().cloned() else { return Ok(Some(found)) };
    let body = found.fetched.body.clone();
    let (page, served) = read(pipeline, &last.url, last.header("content-type"), body.clone()).await?;
    if let Some(page) = &page {
        found.favicon = favicon(pipeline, page, &last).await;
    }
    let whole = found.fetched.unfinished.is_none() && (200..300).contains(&last.status) && !body.is_empty();
    if whole {
        let mut incoming = pipeline.blobs.begin(body.len() as u64).await?;
        incoming.write(body).await?;
        found.kept = Some(incoming.keep().await?);
        if let Some(page) = &page {
            found.scripts = scripts::keep(pipeline, page, found.kept.as_ref()).await?;
        }
    }
    (found.page, found.served) = (page, Some(served));
    Ok(Some(found))
}

/// What the content is: as a page, where it is one, and as a file.
async fn read(
    pipeline: &Pipeline,
    from: &CanonicalUrl,
    content_type: Option<&str>,
    body: Bytes,
) -> Result<(Option<Page>, Served)> {
    let (identifier, from) = (pipeline.identifier.clone(), from.clone());
    let content_type = content_type.map(ToOwned::to_owned);
    let names: Vec<_> = file_name(&from).into_iter().collect();
    let work = move || {
        let facts: Facts = identifier.identify(&body, &names);
        let html = content_type.as_deref().is_some_and(|text| text.to_ascii_lowercase().contains("html"));
        let page = (html || facts.type_tag == "html")
            .then(|| assay_extract::page::read(&body, &from.parsed(), content_type.as_deref()));
        let sample = Sample { digests: Digests::of(&body), bytes: body };
        let title = page.as_ref().and_then(|page| page.title.clone());
        let served = Served { final_url: from, body: sample, facts: Arc::new(facts), title };
        (page, served)
    };
    let crashed = |crash| Error::new(Code::Internal, "looking at what a URL served crashed").because(crash);
    tokio::task::spawn_blocking(work).await.map_err(crashed)
}

/// What a URL served, when that is no longer in memory: as it is kept, or as it is served now.
pub(super) async fn served_before(pipeline: &Pipeline, subject: &AddressSubject) -> Result<Option<Served>> {
    let (Item::Url(url), Known::Url(known)) = (subject.item(), &subject.known) else { return Ok(None) };
    let known = &known.attributes;
    let from = known.last_final_url.as_deref().and_then(|last| last.parse().ok()).unwrap_or_else(|| url.clone());
    let content_type = known.last_http_response_headers.as_ref().and_then(|headers| headers.get("content-type"));
    if let Some(sha256) = known.last_http_response_content_sha256.filter(|_| known.has_content)
        && let Some(body) = pipeline.blobs.open(&sha256).await?
    {
        return read(pipeline, &from, content_type.map(String::as_str), body).await.map(|(_, served)| Some(served));
    }
    let Some(web) = &pipeline.web else { return Ok(None) };
    let fetched = web.fetch(url).await;
    let Some(last) = fetched.hops.last() else { return Ok(None) };
    let again = read(pipeline, &last.url, last.header("content-type"), fetched.body.clone()).await;
    again.map(|(_, served)| Some(served))
}

/// The page's icon; the one that it names, or the one that browsers look for.
async fn favicon(pipeline: &Pipeline, page: &Page, last: &Hop) -> Option<Favicon> {
    let address = page.icon.clone().or_else(|| last.url.parsed().join("/favicon.ico").ok().map(String::from))?;
    let url: CanonicalUrl = address.parse().ok()?;
    let fetched = pipeline.web.as_ref()?.fetch(&url).await;
    let found = fetched.unfinished.is_none() && fetched.hops.last().is_some_and(|hop| hop.status == 200);
    if !found || fetched.body.is_empty() || fetched.body.len() > ICON_MAX {
        return None;
    }
    tokio::task::spawn_blocking(move || assay_extract::icon::read(&fetched.body)).await.ok()
}

impl Observed<AddressSubject> for Visited {
    fn record(&self, subject: &mut AddressSubject, now: Timestamp) -> Option<StageName> {
        subject.analysis.attributes.status = Status::InProgress;
        subject.sightings.see(&subject.analysis.item, now);
        if let Some(found) = &self.visit {
            found.record(subject, now);
        }
        self.intel.describe(&subject.analysis.item, &mut subject.known);
        if let Some((location, address, certificate)) = &self.certificate {
            show(location, *address, certificate, subject, now);
        }
        for enrichment in &self.enrichments {
            match &self.host {
                Some(host) => enrichment.apply_to_host(host, &mut subject.sightings, now),
                None => enrichment.apply(&mut subject.known, &mut subject.sightings, now),
            }
        }
        subject.visited = true;
        Some(StageName::Rate)
    }
}

/// The certificate that the subject showed.
fn show(location: &Location, address: IpAddress, certificate: &SslCert, subject: &mut AddressSubject, now: Timestamp) {
    let certificate = SslCert { first_seen_date: Some(now), ..certificate.clone() };
    note_certificate(&mut subject.known, &certificate, now);
    subject.sightings.show(location, HTTPS, &certificate, now);
    if let Location::Domain(name) = location {
        subject.sightings.resolve(name, address, "assay", now);
        subject.sightings.show(&Location::Ip(address), HTTPS, &certificate, now);
    }
}

impl Found {
    fn record(&self, subject: &mut AddressSubject, now: Timestamp) {
        let latest = subject.is_latest();
        let Known::Url(url) = &mut subject.known else { return };
        if latest {
            self.describe(url, now);
            let ids = url.attributes.trackers.values().flatten().filter_map(|tracker| tracker.id.clone());
            subject.trackers = Some(ids.collect::<BTreeSet<_>>().into_iter().collect());
        }
        let first = subject.analysis.item.key();
        self.join_hops(&mut subject.sightings, now);
        if let Some(page) = &self.page {
            self.join_page(page, &first, &mut subject.sightings, now);
            subject.is_page = true;
        }
        if let Some(kept) = &self.kept {
            self.join_file(kept, &first, &mut subject.sightings, now);
            let name = self.fetched.hops.last().and_then(|hop| file_name(&hop.url));
            subject.arrivals.push(arrival(kept.clone(), name));
        }
        if let Some(last) = self.fetched.hops.last() {
            scripts::join(&self.scripts, last.url.as_str(), subject, now);
        }
        subject.served.clone_from(&self.served);
    }

    /// What the report says.
    fn describe(&self, stored: &mut StoredUrl, now: Timestamp) {
        let url = &mut stored.attributes;
        url.last_fetch_outcome = Some(self.fetched.unfinished.as_ref().map_or("ok".to_owned(), ToString::to_string));
        let Some(last) = self.fetched.hops.last() else { return };
        stored.serving = last.address.map(IpAddress::from);
        url.last_final_url = Some(last.url.to_string());
        url.redirection_chain = match &*self.fetched.hops {
            [_] => Vec::new(),
            hops => hops.iter().map(|hop| hop.url.to_string()).collect(),
        };
        url.last_http_response_code = Some(last.status);
        url.last_http_response_headers = Some(headers(last));
        url.last_http_response_cookies = Some(cookies(last)).filter(|cookies| !cookies.is_empty());
        url.has_content = self.kept.is_some();
        let whole = self.fetched.unfinished.is_none();
        let told = last.header("content-length").and_then(|length| length.parse().ok());
        url.last_http_response_content_length = if whole { Some(self.fetched.body.len() as u64) } else { told };
        url.last_http_response_content_sha256 =
            self.served.as_ref().filter(|_| whole).map(|served| served.body.digests.sha256);
        url.favicon.clone_from(&self.favicon);
        let page = self.page.clone().unwrap_or_default();
        url.title = page.title;
        url.html_meta = page.meta;
        url.outgoing_links = outgoing(&page.links, &last.url);
        url.trackers = BTreeMap::new();
        for tracked in page.trackers {
            let tracker = Tracker { id: tracked.id, url: tracked.url, timestamp: now };
            url.trackers.entry(tracked.name.to_owned()).or_default().push(tracker);
        }
    }

    /// Redirects, resolutions, certificates.
    fn join_hops(&self, sightings: &mut Sightings, now: Timestamp) {
        for (hop, certificate) in self.fetched.hops.iter().zip(&self.certificates) {
            let (key, location) = (sightings.see(&Item::Url(hop.url.clone()), now), hop.url.location());
            let address = hop.address.map(IpAddress::from);
            if let Some(address) = address {
                let served_by = sightings.see(&Item::IpAddress(address), now);
                sightings.link(key, Link::OnIp, served_by, now);
                if let Location::Domain(name) = &location {
                    sightings.resolve(name, address, "assay", now);
                }
            }
            if let Some(certificate) = certificate {
                let certificate = SslCert { first_seen_date: Some(now), ..certificate.clone() };
                let port = hop.url.parsed().port_or_known_default().unwrap_or(443);
                let by_address = address.filter(|_| matches!(location, Location::Domain(_))).map(Location::Ip);
                for shower in [Some(location), by_address].into_iter().flatten() {
                    sightings.show(&shower, port, &certificate, now);
                }
            }
        }
        let keys: Vec<_> = self.fetched.hops.iter().map(|hop| Item::Url(hop.url.clone()).key()).collect();
        for pair in keys.windows(2) {
            if let [from, to] = pair {
                sightings.link(from.clone(), Link::Redirects, to.clone(), now);
            }
        }
        if let ([first, .., last], true) = (&*keys, keys.len() > 2) {
            sightings.link(first.clone(), Link::Redirects, last.clone(), now);
        }
    }

    /// Links and what is loaded.
    fn join_page(&self, page: &Page, first: &Key, sightings: &mut Sightings, now: Timestamp) {
        let Some(last) = self.fetched.hops.last() else { return };
        for link in outgoing(&page.links, &last.url).iter().take(LINKED) {
            if let Ok(url) = link.parse() {
                let to = sightings.see(&Item::Url(url), now);
                sightings.link(first.clone(), Link::Refers, to, now);
            }
        }
        let hosts: BTreeSet<_> = page.loaded.iter().filter_map(|address| host(address)).collect();
        for host in hosts.iter().take(LOADED) {
            let Ok(url) = format!("http://{host}/").parse::<CanonicalUrl>() else { continue };
            let item = Item::from(url.location());
            let link = if matches!(item, Item::Domain(_)) { Link::UrlContactsDomain } else { Link::UrlContactsIp };
            let to = sightings.see(&item, now);
            sightings.link(first.clone(), link, to, now);
        }
    }

    /// Where the content came from.
    fn join_file(&self, kept: &Kept, first: &Key, sightings: &mut Sightings, now: Timestamp) {
        let Some(last) = self.fetched.hops.last() else { return };
        let file = Key::shared(Kind::File, kept.digests.sha256.to_string());
        let from = sightings.see(&Item::Url(last.url.clone()), now);
        for url in BTreeSet::from([first.clone(), from]) {
            sightings.link(url, Link::Served, file.clone(), now);
        }
        let location = Item::from(last.url.location());
        if let Item::Domain(_) = location {
            let domain = sightings.see(&location, now);
            sightings.link(domain, Link::DomainServed, file.clone(), now);
        }
        if let Some(address) = last.address {
            let address = sightings.see(&Item::IpAddress(address.into()), now);
            sightings.link(address, Link::IpServed, file, now);
        }
    }
}

/// The head of an answer; of a header that comes several times, the values joined as HTTP has it.
fn headers(hop: &Hop) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &hop.headers {
        let separator = if name == "set-cookie" { "\n" } else { ", " };
        let known = headers.entry(name.clone()).or_default();
        if !known.is_empty() {
            known.push_str(separator);
        }
        known.push_str(value);
    }
    headers
}

fn cookies(hop: &Hop) -> BTreeMap<String, String> {
    let set = hop.headers.iter().filter(|(name, _)| name == "set-cookie");
    let pair = |(_, value): &(String, String)| {
        let (name, value) = value.split(';').next()?.split_once('=')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    set.take(COOKIES).filter_map(pair).collect()
}

/// Those of some links that lead to other sites.
fn outgoing(links: &[String], from: &CanonicalUrl) -> Vec<String> {
    let own = site(from);
    let leads_out = |link: &&String| link.parse().is_ok_and(|url: CanonicalUrl| site(&url) != own);
    links.iter().filter(leads_out).cloned().collect()
}

/// What belongs together: what was registered, or the host where nothing was.
fn site(url: &CanonicalUrl) -> String {
    match url.location() {
        Location::Domain(name) => name.registrable().unwrap_or(name).to_string(),
        Location::Ip(address) => address.to_string(),
    }
}

fn host(address: &str) -> Option<String> {
    Url::parse(address).ok()?.host_str().map(ToOwned::to_owned)
}

/// The last part of a path, as the name of a file.
fn file_name(url: &CanonicalUrl) -> Option<String> {
    let parsed = url.parsed();
    let last = parsed.path_segments()?.next_back()?;
    let name = percent_encoding::percent_decode_str(last).decode_utf8_lossy();
    (!name.is_empty()).then(|| name.chars().take(255).collect())
}
