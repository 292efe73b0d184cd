//! What is known to what can be found: the facets of a file by its latest report, the addresses that it names, and the
//! files that it holds as an archive or as resources.

use std::collections::BTreeSet;

use assay_extract::{AddressLimits, Addresses, Content, addresses, contents};
use assay_model::address::Item;
use assay_model::error::Code;
use assay_model::facts::Facts;
use assay_model::record::{FacetName, StageName};
use assay_model::{Error, Link, Result, Timestamp};
use async_trait::async_trait;
use serde_json::json;

use crate::records::file_key;
use crate::{Observed, Pipeline, Stage, Subject};

/// See the module.
pub(crate) struct Index;

struct Indexed {
    addresses: Addresses,
    contents: Vec<Content>,
}

#[async_trait]
impl Stage for Index {
    async fn observe(&self, pipeline: &Pipeline, subject: &Subject) -> Result<Box<dyn Observed>> {
        let bytes = subject.bytes(pipeline).await?;
        let look =
            move || Indexed { addresses: addresses(&bytes, &AddressLimits::default()), contents: contents(&bytes) };
        let crashed = |crash| Error::new(Code::Internal, "the search in the file crashed").because(crash);
        Ok(Box::new(tokio::task::spawn_blocking(look).await.map_err(crashed)?))
    }
}

impl Observed for Indexed {
    fn record(&self, subject: &mut Subject, now: Timestamp) -> Option<StageName> {
        let facts = subject.facts().clone();
        let results = subject.file.attributes.last_analysis_results.iter().flat_map(|results| results.values());
        let detections = results.filter_map(|result| result.result.as_ref()).map(|name| name.to_lowercase()).collect();
        subject.set_facet(FacetName::Type, BTreeSet::from([facts.type_tag.clone()]));
        subject.set_facet(FacetName::Tag, facts.tags.iter().cloned().collect());
        subject.set_facet(FacetName::Vhash, facts.vhash.iter().cloned().collect());
        subject.set_facet(FacetName::Detection, detections);
        name(subject, &self.addresses, now);
        hold(subject, &self.contents, now);
        join_resources(subject, &facts, now);
        None
    }
}

/// Joins a file with the addresses that it names. Domains and IP addresses become objects; a URL becomes one when somebody
/// asks for its analysis, and until then the link says which it is. Lists show what was joined last first: so the first
/// mentions are joined last, and what everybody names first.
fn name(subject: &mut Subject, addresses: &Addresses, now: Timestamp) {
    let file = file_key(&subject.file.attributes.sha256);
    let sightings = &mut subject.sightings;
    for url in addresses.urls.iter().rev() {
        let (to, context) = (Item::Url(url.clone()).key(), json!({ "url": url }));
        sightings.link_anew(file.clone(), Link::EmbedsUrl, to, now, &context);
    }
    for domain in addresses.domains.iter().rev() {
        let domain = sightings.see(&Item::Domain(domain.clone()), now);
        sightings.link(file.clone(), Link::EmbedsDomain, domain, now);
    }
    for address in addresses.ips.iter().rev() {
        let address = sightings.see(&Item::IpAddress(*address), now);
        sightings.link(file.clone(), Link::EmbedsIp, address, now);
    }
}

/// Joins an archive with the files that it holds, and the archives inside it with theirs. A file becomes an object when
/// somebody brings it; until then the link says which it is.
fn hold(subject: &mut Subject, contents: &[Content], now: Timestamp) {
    let whole = subject.file.attributes.sha256;
    for content in contents.iter().rev() {
        let archive = file_key(&content.within.unwrap_or(whole));
        let context = json!({ "filename": content.name });
        subject.sightings.link_anew(archive, Link::Bundles, file_key(&content.sha256), now, &context);
    }
}

/// Joins a PE file with its resources, as far as they were measured.
fn join_resources(subject: &mut Subject, facts: &Facts, now: Timestamp) {
    let file = file_key(&subject.file.attributes.sha256);
    let rows = facts.details.get("pe_info").and_then(|info| info["resource_details"].as_array());
    for row in rows.into_iter().flatten().rev() {
        if let Some(resource) = row["sha256"].as_str().and_then(|sha256| sha256.parse().ok()) {
            subject.sightings.link(file.clone(), Link::PeResource, file_key(&resource), now);
        }
    }
}
