//! TLS certificates that servers showed.

use assay_model::Kind;
use assay_model::ssl_cert::SslCert;

use super::{ObjectType, by_id};

const TITLE: &str = "SSL certificate";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    id: "SHA-256 of the certificate",
    ..ObjectType::plain(
        Kind::SslCert,
        TITLE,
        |viewer, id| Box::pin(by_id(viewer, Kind::SslCert, TITLE, id)),
        |record, _| record.parse(),
        schemars::SchemaGenerator::subschema_for::<SslCert>,
    )
};
