//! IP addresses, named by themselves. The relationships are those of reference 4.4.

use std::sync::Arc;

use assay_model::address::{IpReport, Item};
use assay_model::ip::IpAddress;
use assay_model::privilege::Privilege;
use assay_model::record::Record;
use assay_model::{Error, Kind, Link, Result};

use super::{ObjectType, Relationship, Viewer, address_attributes};

const TITLE: &str = "IP address";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    id: "The IP address, IPv4 or IPv6",
    relationships: RELATIONSHIPS,
    check: |arguments| parse(arguments.path("id")).map(drop),
    ..ObjectType::plain(
        Kind::IpAddress,
        TITLE,
        |viewer, id| Box::pin(locate(viewer, id)),
        address_attributes,
        schemars::SchemaGenerator::subschema_for::<IpReport>,
    )
};

/// The IP address that a path names.
pub(crate) fn parse(id: &str) -> Result<IpAddress> {
    id.parse().map_err(|cause| Error::invalid_argument(format!("not an IP address: {cause}")).because(cause))
}

async fn locate(viewer: &Viewer<'_>, id: &str) -> Result<Arc<Record>> {
    let key = Item::IpAddress(parse(id)?).key();
    viewer.app.store().read(&key).await?.ok_or_else(|| Error::not_found(TITLE, id))
}

#[rustfmt::skip]
const RELATIONSHIPS: &[Relationship] = &[
    Relationship::reverse("collections", Link::GathersIp, "Collections with the IP address in them"),
    Relationship::comments(Link::CommentsOnIp),
    Relationship::reverse("communicating_files", Link::ContactsIp, "Files that called the IP address when they ran"),
    Relationship::forward("downloaded_files", Link::IpServed, "Files that the IP address served").needs(Privilege::Private),
    Relationship::reverse("graphs", Link::ShowsIp, "Graphs with the IP address in them"),
    Relationship::forward("historical_ssl_certificates", Link::IpShowed, "Certificates that the IP address showed"),
    Relationship::reverse("historical_whois", Link::WhoisOfIp, "What WHOIS said of the IP address, newest first"),
    Relationship::unobserved("memory_pattern_parents", "file", "Files with the IP address in their memory when they ran"),
    Relationship::reverse("references", Link::CitesIp, "Publications on the IP address").needs(Privilege::Private),
    Relationship::reverse("referrer_files", Link::EmbedsIp, "Files with the IP address in their content"),
    Relationship::unobserved("related_attack_techniques", "attack_technique", "ATT&CK techniques around the IP address"),
    Relationship::unobserved("related_comments", "comment", "What people say about what the IP address is related to"),
    Relationship::unobserved("related_references", "reference", "Publications on what the IP address is related to"),
    Relationship::unobserved("related_threat_actors", "threat_actor", "Threat actors around the IP address"),
    Relationship::reverse("resolutions", Link::ResolvesIp, "Domains that stood for the IP address, newest first"),
    Relationship::reverse("urls", Link::OnIp, "URLs that the IP address serves").needs(Privilege::Private),
    Relationship::own_votes(),
    Relationship::reverse("votes", Link::VotesOnIp, "Votes on the IP address, newest first"),
    Relationship::unobserved("associations", "collection", "What the IP address is associated with"),
    Relationship::unobserved("attack_techniques", "attack_technique", "ATT&CK techniques of the IP address"),
    Relationship::unobserved("malware_families", "collection", "Malware families of the IP address"),
    Relationship::unobserved("software_toolkits", "collection", "Toolkits that the IP address belongs to"),
    Relationship::unobserved("campaigns", "collection", "Campaigns that used the IP address"),
    Relationship::unobserved("reports", "collection", "Reports with the IP address in them"),
    Relationship::unobserved("related_reports", "collection", "Reports around the IP address"),
    Relationship::unobserved("vulnerabilities", "collection", "Vulnerabilities that the IP address uses"),
];
