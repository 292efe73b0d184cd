//! References: publications on objects. `{id}` is 64 hexadecimal digits, the SHA-256 of the publication's URL; the URL as
//! base64 is accepted too, of either alphabet, with or without padding.

use std::sync::Arc;

use assay_model::privilege::Privilege;
use assay_model::record::Record;
use assay_model::{Error, Kind, Link, Result, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{ObjectType, Relationship, Viewer};
use crate::authored::fields::{Field, Shape};
use crate::authored::filter::Place;
use crate::authored::members::Membership;
use crate::authored::sharing::Sharing;
use crate::authored::{Authored, Work};

const TITLE: &str = "Reference";

/// What can be written of it.
pub(crate) const ROW: Authored = Authored {
    kind: Kind::Reference,
    title: TITLE,
    fields: &[
        Field::fixed("url", Shape::Line),
        Field::of("title", Shape::Line),
        Field::of("author", Shape::Line),
        Field::of("description", Shape::Prose(16 << 10)),
        Field::of("source_region", Shape::Line),
        Field::of("creation_date", Shape::Date),
    ],
    fresh: |attributes| {
        for counter in ["files_count", "urls_count", "domains_count", "ip_addresses_count", "iocs_count"] {
            attributes.insert(counter.to_owned(), 0.into());
        }
    },
    check,
    id: |_, attributes| id_of(attributes.get("url").and_then(Value::as_str).unwrap_or_default()),
    modified: "last_modification_date",
    owned: Link::OwnedReference,
    listed: Link::ListedReference,
    private: None,
    quota: None,
    hidden: None,
    members: MEMBERS,
    total: Some("iocs_count"),
    names: |_| Vec::new(),
    sharing: Sharing::Never,
    shared: None,
    orders: &[
        ("creation_date", "creation_date"),
        ("last_modification_date", "last_modification_date"),
        ("name", "title"),
    ],
    filters: &[
        ("url", Place::Attribute(&["url"])),
        ("title", Place::Attribute(&["title"])),
        ("author", Place::Attribute(&["author"])),
        ("owner", Place::Owner),
        ("creation_date", Place::Date("creation_date")),
        ("last_modification_date", Place::Date("last_modification_date")),
    ],
};

/// What can be put into it.
#[rustfmt::skip]
const MEMBERS: &[Membership] = &[
    Membership { name: "files", kind: Kind::File, link: Link::CitesFile, counter: Some("files_count") },
    Membership { name: "urls", kind: Kind::Url, link: Link::CitesUrl, counter: Some("urls_count") },
    Membership { name: "domains", kind: Kind::Domain, link: Link::CitesDomain, counter: Some("domains_count") },
    Membership { name: "ip_addresses", kind: Kind::IpAddress, link: Link::CitesIp, counter: Some("ip_addresses_count") },
];

/// The type.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::Reference,
    title: TITLE,
    id: "Id of the reference, or its URL as base64",
    relationships: RELATIONSHIPS,
    locate: |viewer, id| Box::pin(locate(viewer, id)),
    attributes: |record, _| Ok(record.parse::<Work>()?.attributes),
    more: None,
    more_in_lists: false,
    meta: None,
    links: None,
    schema: |generator| generator.subschema_for::<ReferenceAttributes>(),
    check: crate::route::any,
    needs: Some(Privilege::Private),
    free: false,
};

const RELATIONSHIPS: &[Relationship] = &[
    Relationship::reverse("collections", Link::GathersReference, "Collections that rest on the publication"),
    Relationship::unobserved("comments", "comment", "What people say about the publication"),
    Relationship::forward("files", Link::CitesFile, "Files that the publication names"),
    Relationship::forward("urls", Link::CitesUrl, "URLs that the publication names"),
    Relationship::forward("domains", Link::CitesDomain, "Domains that the publication names"),
    Relationship::forward("ip_addresses", Link::CitesIp, "IP addresses that the publication names"),
    Relationship::unobserved("threat_actors", "threat_actor", "Threat actors that the publication names"),
];

/// The attributes of a reference.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReferenceAttributes {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_region: Option<String>,
    /// When it was published.
    creation_date: Timestamp,
    last_modification_date: Timestamp,
    files_count: u64,
    urls_count: u64,
    domains_count: u64,
    ip_addresses_count: u64,
    iocs_count: u64,
}

/// A reference's URL is the web's, and names it for good.
fn check(attributes: &Map<String, Value>) -> Result<()> {
    let text = attributes.get("url").and_then(Value::as_str).unwrap_or_default();
    let url =
        url::Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.map(drop).ok_or_else(|| Error::invalid_argument("the attribute \"url\" must be a URL of http or https"))
}

fn id_of(url: &str) -> String {
    let canonical = url::Url::parse(url.trim()).map_or_else(|_| url.trim().to_owned(), String::from);
    hex::encode(Sha256::digest(canonical))
}

async fn locate(viewer: &Viewer<'_>, id: &str) -> Result<Arc<Record>> {
    let decoded = || {
        let alphabet = id.trim_end_matches('=').replace('+', "-").replace('/', "_");
        String::from_utf8(URL_SAFE_NO_PAD.decode(alphabet).ok()?).ok().filter(|url| url.contains("://"))
    };
    let name = decoded().map_or_else(|| id.to_lowercase(), |url| id_of(&url));
    let key = assay_model::record::Key::shared(Kind::Reference, name);
    viewer.app.store().read(&key).await?.ok_or_else(|| Error::not_found(TITLE, id))
}
