//! Domain names as ids, and a domain as its report shows it.
//!
//! In goes what a person wrote, out comes the one form of the name: lower case, IDNA (punycode), no dot at its end.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Host;

use crate::Timestamp;
use crate::address::{Address, Favicon};
use crate::ssl_cert::SslCert;

/// The longest name, in its one form (RFC 1035, section 3.1).
const LONGEST: usize = 253;
/// The longest part between dots.
const LABEL_LONGEST: usize = 63;
/// More than this is not looked at, in whatever form it came.
const TEXT_LONGEST: usize = 1024;

/// A domain name in its one form; a host name of one part is one too.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DomainName(String);

/// The text is no domain name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a domain name has parts of 1 to 63 letters, digits, - and _ between dots, 253 characters altogether")]
pub struct NoDomainName;

impl DomainName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name one label up; none above a name of one label.
    pub fn immediate_parent(&self) -> Option<Self> {
        self.0.split_once('.').map(|(_, parent)| Self(parent.to_owned()))
    }

    /// What one can register: the public suffix and one label. None for a public suffix itself.
    pub fn registrable(&self) -> Option<Self> {
        psl::domain_str(&self.0).map(|name| Self(name.to_owned()))
    }

    /// The public suffix: `com`, `co.uk`.
    pub fn suffix(&self) -> Option<&str> {
        psl::suffix_str(&self.0)
    }

    /// Whether its public suffix is one that exists, rather than any last label.
    pub fn has_known_suffix(&self) -> bool {
        psl::suffix(self.0.as_bytes()).is_some_and(|suffix| suffix.is_known())
    }

    /// A name that a URL's parser has already brought into its form.
    pub(crate) fn of_host(host: &str) -> Result<Self, NoDomainName> {
        let name = host.strip_suffix('.').unwrap_or(host);
        let plain = |label: &str| {
            (1..=LABEL_LONGEST).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
        };
        if name.len() > LONGEST || !name.split('.').all(plain) {
            return Err(NoDomainName);
        }
        Ok(Self(name.to_owned()))
    }
}

impl FromStr for DomainName {
    type Err = NoDomainName;

    fn from_str(text: &str) -> Result<Self, NoDomainName> {
        let text = text.trim();
        if text.len() > TEXT_LONGEST {
            return Err(NoDomainName);
        }
        match Host::parse(text) {
            Ok(Host::Domain(name)) => Self::of_host(&name),
            _ => Err(NoDomainName),
        }
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for DomainName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DomainName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::of_host(&text).map_err(serde::de::Error::custom)
    }
}

/// A domain as the store keeps it.
pub type StoredDomain = Address<Domain>;

/// What is known of a domain beside its standing. What nobody looked up is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Domain {
    /// The public suffix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tld: Option<String>,
    /// Of what kind it is, by who says so.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub categories: BTreeMap<String, String>,
    /// When it was registered, by WHOIS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_date: Option<Timestamp>,
    /// When its registration ends, by WHOIS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration_date: Option<Timestamp>,
    /// When its registration last changed, by WHOIS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_update_date: Option<Timestamp>,
    /// Who registered it, by WHOIS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registrar: Option<String>,
    /// The fingerprint of its TLS server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jarm: Option<String>,
    /// The icon of its web site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub favicon: Option<Favicon>,
    /// Its DNS records as they were last looked up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub last_dns_records: Vec<DnsRecord>,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_dns_records_date: Option<Timestamp>,
    /// The certificate that its web server last showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_https_certificate: Option<SslCert>,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_https_certificate_date: Option<Timestamp>,
    /// Its places in lists of popular domains, by list.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub popularity_ranks: BTreeMap<String, Rank>,
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

/// A place in a list of popular domains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rank {
    /// From 1.
    pub rank: u64,
    /// When the list was read.
    pub timestamp: Timestamp,
}

/// A DNS record. What a type of record does not have is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DnsRecord {
    /// `A`, `AAAA`, `CNAME`, `MX`, `NS`, `SOA`, `TXT`, `CAA`.
    #[serde(rename = "type")]
    pub kind: String,
    /// An address, a name or a text.
    pub value: String,
    /// How long it may be kept, seconds.
    pub ttl: u32,
    /// MX.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u16>,
    /// SOA: who is responsible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rname: Option<String>,
    /// SOA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<u32>,
    /// SOA, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh: Option<i32>,
    /// SOA, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<i32>,
    /// SOA, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expire: Option<i32>,
    /// SOA, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<u32>,
    /// CAA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<u8>,
    /// CAA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> DomainName {
        text.parse().unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn a_name_has_one_form() {
        for (text, form) in [
            (" Example.COM. ", "example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("XN--bcher-kva.example", "xn--bcher-kva.example"),
            ("_dmarc.example.com", "_dmarc.example.com"),
            ("localhost", "localhost"),
            ("раураl.com", "xn--l-7sba6dbr.com"),
            ("ｅｘａｍｐｌｅ。com", "example.com"),
        ] {
            assert_eq!(name(text).as_str(), form);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let (long_label, long_name) = (format!("{}.com", "a".repeat(64)), "a.".repeat(127) + "com");
        for text in
            ["", ".", "a..b", "1.2.3.4", "0x7f.1", "[::1]", "a b.com", "a/b", "a%00b", "*.com", &long_label, &long_name]
        {
            assert!(text.parse::<DomainName>().is_err(), "{text}");
        }
    }

    #[test]
    fn parents_and_suffixes_follow_the_public_suffix_list() {
        let domain = name("a.b.example.co.uk");
        assert_eq!(domain.immediate_parent(), Some(name("b.example.co.uk")));
        assert_eq!(domain.registrable(), Some(name("example.co.uk")));
        assert_eq!(domain.suffix(), Some("co.uk"));
        assert_eq!(name("com").immediate_parent(), None);
        assert_eq!(name("co.uk").registrable(), None);
    }

    proptest! {
        #[test]
        fn the_form_of_a_form_is_itself(text in "\\PC{0,40}(\\.\\PC{0,20}){0,3}") {
            if let Ok(domain) = text.parse::<DomainName>() {
                prop_assert_eq!(domain.as_str().parse::<DomainName>(), Ok(domain.clone()));
                prop_assert!(domain.as_str().len() <= LONGEST);
            }
        }
    }
}
