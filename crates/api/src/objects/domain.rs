//! Domains, named by themselves. The relationships are those of reference 4.3.

use std::sync::Arc;

use assay_model::address::{DomainReport, Item};
use assay_model::domain::DomainName;
use assay_model::privilege::Privilege;
use assay_model::record::{Key, Record};
use assay_model::{Error, Kind, Link, Result};
use assay_store::{End, Page, Range};

use super::related::{CITING, Member, by_way_of};
use super::{ObjectType, Relationship, Source, Viewer, address_attributes, comment};

const TITLE: &str = "Domain";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    id: "The domain; international names as they are or in punycode",
    relationships: RELATIONSHIPS,
    check: |arguments| parse(arguments.path("id")).map(drop),
    ..ObjectType::plain(
        Kind::Domain,
        TITLE,
        |viewer, id| Box::pin(locate(viewer, id)),
        address_attributes,
        schemars::SchemaGenerator::subschema_for::<DomainReport>,
    )
};

/// The domain that a path names.
pub(crate) fn parse(id: &str) -> Result<DomainName> {
    id.parse().map_err(|cause| Error::invalid_argument(format!("not a domain: {cause}")).because(cause))
}

async fn locate(viewer: &Viewer<'_>, id: &str) -> Result<Arc<Record>> {
    let key = Item::Domain(parse(id)?).key();
    viewer.app.store().read(&key).await?.ok_or_else(|| Error::not_found(TITLE, id))
}

/// The domain one label up, unless nobody can register there.
fn immediate_parent(record: &Record) -> Result<Option<Key>> {
    let name = parse(&record.key.id)?;
    let parent = name.immediate_parent().filter(|parent| parent.registrable().is_some());
    Ok(parent.map(|parent| Item::Domain(parent).key()))
}

/// The domain that was registered.
fn parent(record: &Record) -> Result<Option<Key>> {
    let name = parse(&record.key.id)?;
    let parent = name.registrable().filter(|parent| *parent != name);
    Ok(parent.map(|parent| Item::Domain(parent).key()))
}

#[rustfmt::skip]
const RELATIONSHIPS: &[Relationship] = &[
    Relationship::forward("caa_records", Link::Caa, "Domains in its CAA records").needs(Privilege::Private),
    Relationship::forward("cname_records", Link::Cname, "Domains in its CNAME records").needs(Privilege::Private),
    Relationship::forward("mx_records", Link::Mx, "Domains in its MX records").needs(Privilege::Private),
    Relationship::forward("ns_records", Link::Ns, "Domains in its NS records").needs(Privilege::Private),
    Relationship::forward("soa_records", Link::Soa, "Domains in its SOA record").needs(Privilege::Private),
    Relationship::reverse("collections", Link::GathersDomain, "Collections with the domain in them"),
    Relationship::comments(Link::CommentsOnDomain),
    Relationship::reverse("communicating_files", Link::ContactsDomain, "Files that called the domain when they ran"),
    Relationship::forward("downloaded_files", Link::DomainServed, "Files that URLs of the domain answered with").needs(Privilege::Private),
    Relationship::reverse("graphs", Link::ShowsDomain, "Graphs with the domain in them"),
    Relationship::forward("historical_ssl_certificates", Link::DomainShowed, "Certificates that servers under the domain showed"),
    Relationship::reverse("historical_whois", Link::WhoisOfDomain, "What WHOIS said of the domain, newest first"),
    Relationship::unobserved("immediate_parent", "domain", "The domain one label up").one().from(Source::Computed(immediate_parent)),
    Relationship::unobserved("memory_pattern_parents", "file", "Files with the domain in their memory when they ran"),
    Relationship::unobserved("parent", "domain", "The registered domain that it is part of").one().from(Source::Computed(parent)),
    Relationship::reverse("references", Link::CitesDomain, "Publications on the domain").needs(Privilege::Private),
    Relationship::reverse("referrer_files", Link::EmbedsDomain, "Files with the domain in their content"),
    Relationship::unobserved("related_attack_techniques", "attack_technique", "ATT&CK techniques around the domain"),
    Relationship::unobserved("related_comments", "comment", "What people say about what the domain is related to")
        .from(Source::Read(|viewer, record, range| Box::pin(related_comments(viewer, record, range)))).with_context(comment::posted_in),
    Relationship::unobserved("related_references", "reference", "Publications on the registered domain above it")
        .from(Source::Read(|viewer, record, range| Box::pin(related_references(viewer, record, range)))).needs(Privilege::Private),
    Relationship::unobserved("related_threat_actors", "threat_actor", "Threat actors around the domain"),
    Relationship::reverse("resolutions", Link::ResolvesDomain, "IP addresses that the domain stood for, newest first"),
    Relationship::unobserved("siblings", "domain", "Other domains one label below the same domain")
        .from(Source::Read(|viewer, record, range| Box::pin(siblings(viewer, record, range)))),
    Relationship::reverse("subdomains", Link::Below, "Known domains one label down"),
    Relationship::reverse("urls", Link::OnDomain, "URLs whose host is the domain").needs(Privilege::Private),
    Relationship::own_votes(),
    Relationship::reverse("votes", Link::VotesOnDomain, "Votes on the domain, newest first"),
    Relationship::unobserved("associations", "collection", "What the domain is associated with"),
    Relationship::unobserved("attack_techniques", "attack_technique", "ATT&CK techniques of the domain"),
    Relationship::unobserved("malware_families", "collection", "Malware families of the domain"),
    Relationship::unobserved("software_toolkits", "collection", "Toolkits that the domain belongs to"),
    Relationship::unobserved("campaigns", "collection", "Campaigns that used the domain"),
    Relationship::unobserved("reports", "collection", "Reports with the domain in them"),
    Relationship::unobserved("related_reports", "collection", "Reports around the domain"),
    Relationship::unobserved("vulnerabilities", "collection", "Vulnerabilities that the domain uses"),
];

/// The other domains below the same parent.
async fn siblings(viewer: &Viewer<'_>, record: &Record, range: &Range) -> Result<Page<Member>> {
    let Some(parent) = immediate_parent(record)? else {
        return Ok(Page { items: Vec::new(), next: None, total: Some(0) });
    };
    let page = viewer.app.store().linked(&parent, Link::Below, End::Head, range).await?;
    let total = page.total.map(|total| total.saturating_sub(1));
    let (own, all) = (&record.key, page.items.len());
    let mut items: Vec<_> = page.items.into_iter().map(|edge| Member::plain(edge.from)).collect();
    items.retain(|member| member.key != *own);
    let mut next = page.next;
    if items.is_empty() && all > 0 && next.is_some() {
        // It stood alone on this page: an empty page must not have a next one.
        let page = viewer.app.store().linked(&parent, Link::Below, End::Head, &Range::after(range.limit, next)).await?;
        items = page.items.into_iter().map(|edge| Member::plain(edge.from)).collect();
        next = page.next;
    }
    Ok(Page { items, next, total })
}

/// What people say about the registered domain above it.
async fn related_comments(viewer: &Viewer<'_>, record: &Record, range: &Range) -> Result<Page<Member>> {
    comment::on(viewer, parent(record)?, range).await
}

/// The publications on the registered domain above it.
async fn related_references(viewer: &Viewer<'_>, record: &Record, range: &Range) -> Result<Page<Member>> {
    by_way_of(viewer, parent(record)?, CITING, range).await
}
