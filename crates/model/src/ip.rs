//! IP addresses as ids, and an IP address as its report shows it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Timestamp;
use crate::address::Address;
use crate::ssl_cert::SslCert;

/// An IP address in its one form: IPv4 dotted, IPv6 as RFC 5952 writes it, an IPv4 address inside IPv6 as IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IpAddress(IpAddr);

/// The text is no IP address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an IP address is four numbers from 0 to 255 between dots, or an IPv6 address without zone")]
pub struct NoIpAddress;

impl IpAddress {
    /// The address.
    pub const fn get(self) -> IpAddr {
        self.0
    }
}

impl From<IpAddr> for IpAddress {
    fn from(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }
}

impl FromStr for IpAddress {
    type Err = NoIpAddress;

    fn from_str(text: &str) -> Result<Self, NoIpAddress> {
        let text = text.trim();
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        bare.parse::<IpAddr>().map(Self::from).map_err(|_| NoIpAddress)
    }
}

impl fmt::Display for IpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An IP address as the store keeps it.
pub type StoredIp = Address<Ip>;

/// What is known of an IP address beside its standing. What nobody looked up is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Ip {
    /// Who runs the autonomous system that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_owner: Option<String>,
    /// The autonomous system that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// ISO code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continent: Option<String>,
    /// ISO code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The network that it is in, as CIDR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// AFRINIC, ARIN, APNIC, LACNIC or RIPE NCC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regional_internet_registry: Option<String>,
    /// The fingerprint of its TLS server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jarm: Option<String>,
    /// The certificate that its web server last showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_https_certificate: Option<SslCert>,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_https_certificate_date: Option<Timestamp>,
    /// What WHOIS said, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whois: Option<String>,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whois_date: Option<Timestamp>,
    /// What RDAP said, with its names in snake case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rdap: Option<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form() {
        for (text, form) in [
            ("8.8.8.8", "8.8.8.8"),
            ("2001:0DB8:0:0::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
        ] {
            assert_eq!(text.parse::<IpAddress>().map(|address| address.to_string()), Ok(form.to_owned()));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "1.2.3", "1.2.3.256", "01.2.3.4", "0x7f.1", "fe80::1%eth0", "1.2.3.4/8", "example.com"] {
            assert!(text.parse::<IpAddress>().is_err(), "{text}");
        }
    }
}
