//! Threat actors. This server curates none: the list is empty and every look-up a 404, as the reference answers for what is
//! not known.

use assay_model::privilege::Privilege;
use assay_model::{Error, Kind, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::{ObjectType, Relationship, stored_attributes};
use crate::accounts::rights::shown;

const TITLE: &str = "Threat actor";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::ThreatActor,
    title: TITLE,
    id: "Id or an alias of the threat actor",
    relationships: &[
        Relationship::unobserved("collections", "collection", "Collections on the threat actor"),
        Relationship::unobserved("comments", "comment", "What people say about the threat actor"),
        Relationship::unobserved("references", "reference", "Publications on the threat actor"),
        Relationship::unobserved("related_domains", "domain", "Domains around the threat actor"),
        Relationship::unobserved("related_files", "file", "Files around the threat actor"),
        Relationship::unobserved("related_ip_addresses", "ip_address", "IP addresses around the threat actor"),
        Relationship::unobserved("related_references", "reference", "Publications on what is around the threat actor"),
        Relationship::unobserved("related_urls", "url", "URLs around the threat actor"),
    ],
    locate: |_, id| Box::pin(std::future::ready(Err(Error::not_found(TITLE, &shown(id))))),
    attributes: |record, _| stored_attributes(record),
    more: None,
    more_in_lists: false,
    meta: None,
    links: None,
    schema: |generator| generator.subschema_for::<ThreatActorAttributes>(),
    check: crate::route::any,
    needs: Some(Privilege::Private),
    free: false,
};

/// The attributes of a threat actor.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ThreatActorAttributes {
    name: String,
    aliases: Vec<String>,
    description: String,
    first_seen_date: Timestamp,
    last_seen_date: Timestamp,
    last_modification_date: Timestamp,
    related_entities_count: u64,
}
