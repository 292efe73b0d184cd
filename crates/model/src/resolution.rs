//! A name that stood for an address at some time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::address::AddressStats;
use crate::domain::DomainName;
use crate::ip::IpAddress;

/// What the store keeps of a resolution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredResolution {
    /// When it was last seen.
    pub date: Timestamp,
    /// The name.
    pub host_name: DomainName,
    /// The address.
    pub ip_address: IpAddress,
    /// Who says so.
    pub resolver: String,
}

/// The id of a resolution: the address and the name, one behind the other. Clients take one away to get the other.
pub fn resolution_id(address: &IpAddress, name: &DomainName) -> String {
    format!("{address}{name}")
}

/// The attributes of a resolution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resolution {
    /// When it was last seen.
    pub date: Timestamp,
    /// The name.
    pub host_name: String,
    /// How the name stands.
    pub host_name_last_analysis_stats: AddressStats,
    /// The address.
    pub ip_address: String,
    /// How the address stands.
    pub ip_address_last_analysis_stats: AddressStats,
    /// Who says so.
    pub resolver: String,
}
