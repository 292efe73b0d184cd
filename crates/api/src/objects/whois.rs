//! What WHOIS said at some time.

use assay_model::Kind;

use super::{ObjectType, by_id};

const TITLE: &str = "Whois";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    id: "Id of the record",
    ..ObjectType::plain(
        Kind::Whois,
        TITLE,
        |viewer, id| Box::pin(by_id(viewer, Kind::Whois, TITLE, id)),
        |record, _| record.parse(),
        schemars::SchemaGenerator::subschema_for::<assay_model::whois::Whois>,
    )
};
