//! What WHOIS or RDAP said of a domain or an IP address at some time, as its report shows it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Sha256, Timestamp};

/// The id of a WHOIS record: the SHA-256 of what it is about and what it says.
pub fn whois_id(about: &str, text: &str) -> Sha256 {
    Sha256::of(format!("{about}\n{text}").as_bytes())
}

/// The attributes of a WHOIS record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Whois {
    /// When it was first retrieved.
    pub first_seen_date: Timestamp,
    /// When it was last retrieved.
    pub last_updated: Timestamp,
    /// From the fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registrar_name: Option<String>,
    /// From the fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registrant_name: Option<String>,
    /// From the fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registrant_country: Option<String>,
    /// Its fields; of a field that comes several times, the texts joined by ` | `.
    pub whois_map: BTreeMap<String, String>,
}
