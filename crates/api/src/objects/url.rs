//! URLs: named by the SHA-256 of their one form, or by themselves in base64. The relationships are those of reference 4.2.

use std::sync::Arc;

use assay_model::address::{Item, UrlReport};
use assay_model::privilege::Privilege;
use assay_model::record::{Facet, FacetName, Key, Record};
use assay_model::url::{CanonicalUrl, StoredUrl, UrlName};
use assay_model::{Error, Kind, Link, Result};
use assay_store::{Page, Range};

use super::related::{CITING, GATHERING, Member, by_way_of, same_facet};
use super::{ObjectType, Relationship, Source, Viewer, address_attributes, comment};
use crate::route::Arguments;

const TITLE: &str = "URL";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    id: "SHA-256 of the URL in its one form, or the URL in base64 for URLs without padding",
    relationships: RELATIONSHIPS,
    check: |arguments| parse(arguments).map(drop),
    ..ObjectType::plain(
        Kind::Url,
        TITLE,
        |viewer, id| Box::pin(locate(viewer, id)),
        address_attributes,
        schemars::SchemaGenerator::subschema_for::<UrlReport>,
    )
};

/// The id of the URL that a path names.
pub(crate) fn parse(arguments: &Arguments) -> Result<UrlName> {
    read(arguments.path("id"))
}

fn read(id: &str) -> Result<UrlName> {
    id.parse().map_err(|cause| {
        Error::invalid_argument(format!(
            "a URL is named by 64 hexadecimal digits (SHA-256) or by itself in base64 without padding: {cause}"
        ))
        .because(cause)
    })
}

async fn locate(viewer: &Viewer<'_>, id: &str) -> Result<Arc<Record>> {
    let key = Key::shared(Kind::Url, read(id)?.id().to_string());
    viewer.app.store().read(&key).await?.ok_or_else(|| Error::not_found(TITLE, id))
}

/// The URL of a record.
pub(crate) fn text(record: &Record) -> Result<String> {
    #[derive(serde::Deserialize)]
    struct Stored {
        attributes: Named,
    }
    #[derive(serde::Deserialize)]
    struct Named {
        url: String,
    }
    record.parse().map(|stored: Stored| stored.attributes.url)
}

/// The domain or IP address that is the URL's host.
fn location(record: &Record) -> Result<Option<Key>> {
    let url: Option<CanonicalUrl> = text(record)?.parse().ok();
    Ok(url.map(|url| Item::from(url.location()).key()))
}

fn serving(record: &Record) -> Result<Option<Key>> {
    let url: StoredUrl = record.parse()?;
    Ok(url.serving.map(|address| Item::IpAddress(address).key()))
}

#[rustfmt::skip]
const RELATIONSHIPS: &[Relationship] = &[
    Relationship::reverse("analyses", Link::AnalysedUrl, "Every analysis of the URL, newest first").needs(Privilege::Private),
    Relationship::reverse("collections", Link::GathersUrl, "Collections with the URL in them"),
    Relationship::comments(Link::CommentsOnUrl),
    Relationship::reverse("communicating_files", Link::ContactsUrl, "Files that asked for the URL when they ran").needs(Privilege::Private),
    Relationship::forward("contacted_domains", Link::UrlContactsDomain, "Domains from which the page loads something").needs(Privilege::Private),
    Relationship::forward("contacted_ips", Link::UrlContactsIp, "IP addresses from which the page loads something").needs(Privilege::Private),
    Relationship::forward("downloaded_files", Link::Served, "Files that the URL answered with").needs(Privilege::Private),
    Relationship::forward("embedded_js_files", Link::HoldsScript, "Scripts in the page").needs(Privilege::Private),
    Relationship::reverse("graphs", Link::ShowsUrl, "Graphs with the URL in them"),
    Relationship::unobserved("http_response_contents", "file", "What the URL answered").from(Source::Link(Link::Served, assay_store::End::Tail)).needs(Privilege::Private),
    Relationship::unobserved("last_serving_ip_address", "ip_address", "The IP address that served the URL last").one().from(Source::Computed(serving)),
    Relationship::unobserved("memory_pattern_parents", "file", "Files with the URL in their memory when they ran"),
    Relationship::unobserved("network_location", "object", "The domain or IP address that is the URL's host").one().from(Source::Computed(location)),
    Relationship::reverse("redirecting_urls", Link::Redirects, "URLs that send their callers on to the URL").needs(Privilege::Private),
    Relationship::forward("redirects_to", Link::Redirects, "URLs that the URL sends its callers on to").needs(Privilege::Private),
    Relationship::reverse("references", Link::CitesUrl, "Publications on the URL").needs(Privilege::Private),
    Relationship::reverse("referrer_files", Link::EmbedsUrl, "Files with the URL in their content").needs(Privilege::Private),
    Relationship::reverse("referrer_urls", Link::Refers, "URLs whose pages link to the URL").needs(Privilege::Private),
    Relationship::unobserved("related_attack_techniques", "attack_technique", "ATT&CK techniques around the URL"),
    Relationship::unobserved("related_collections", "collection", "Collections with the URL's domain or IP address in them")
        .from(Source::Read(|viewer, record, range| Box::pin(around(viewer, record, GATHERING, range)))),
    Relationship::unobserved("related_comments", "comment", "What people say about what the URL is related to")
        .from(Source::Read(|viewer, record, range| Box::pin(related_comments(viewer, record, range)))).with_context(comment::posted_in),
    Relationship::unobserved("related_references", "reference", "Publications on the URL's domain or IP address")
        .from(Source::Read(|viewer, record, range| Box::pin(around(viewer, record, CITING, range)))).needs(Privilege::Private),
    Relationship::unobserved("related_threat_actors", "threat_actor", "Threat actors around the URL"),
    Relationship::reverse("screenshots", Link::Pictures, "Pictures of the URL's page, newest first").needs(Privilege::Private),
    Relationship::reverse("submissions", Link::SubmittedUrl, "Every submission of the URL, newest first").needs(Privilege::Private),
    Relationship::unobserved("urls_related_by_tracker_id", "url", "URLs whose pages hold a tracker of the same id")
        .from(Source::Read(|viewer, record, range| Box::pin(same_trackers(viewer, record, range)))).needs(Privilege::Private),
    Relationship::own_votes(),
    Relationship::reverse("votes", Link::VotesOnUrl, "Votes on the URL, newest first"),
    Relationship::unobserved("associations", "collection", "What the URL is associated with"),
    Relationship::unobserved("attack_techniques", "attack_technique", "ATT&CK techniques of the URL"),
    Relationship::unobserved("malware_families", "collection", "Malware families of the URL"),
    Relationship::unobserved("software_toolkits", "collection", "Toolkits that the URL belongs to"),
    Relationship::unobserved("campaigns", "collection", "Campaigns that used the URL"),
    Relationship::unobserved("reports", "collection", "Reports with the URL in them"),
    Relationship::unobserved("related_reports", "collection", "Reports around the URL"),
    Relationship::unobserved("vulnerabilities", "collection", "Vulnerabilities that the URL uses"),
];

/// URLs whose pages hold a tracker of the same id: of the first tracker that has one.
async fn same_trackers(viewer: &Viewer<'_>, record: &Record, range: &Range) -> Result<Page<Member>> {
    let url: StoredUrl = record.parse()?;
    let mut ids = url.attributes.trackers.values().flatten().filter_map(|tracker| tracker.id.as_ref());
    let Some(id) = ids.next() else { return Ok(Page { items: Vec::new(), next: None, total: None }) };
    same_facet(viewer, record, &Facet::new(FacetName::Tracker, id), range).await
}

/// What people say about the URL's host.
async fn related_comments(viewer: &Viewer<'_>, record: &Record, range: &Range) -> Result<Page<Member>> {
    comment::on(viewer, location(record)?, range).await
}

/// What is around the URL's host.
async fn around(viewer: &Viewer<'_>, record: &Record, links: &[Link], range: &Range) -> Result<Page<Member>> {
    by_way_of(viewer, location(record)?, links, range).await
}
