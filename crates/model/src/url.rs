//! URLs as ids, and a URL as its report shows it.
//!
//! `VirusTotal` has not published how it brings URLs into one form; this is the form that the reference recommends
//! (1.4): blanks cut off, `http://` where no scheme is written, scheme and host in lower case, IDNA, no default port, `/`
//! for an empty path, dot segments resolved, percent-encoding of the path in upper case and only where it is needed, the
//! query as it stands, no fragment. User names and passwords are cut out: a report is seen by everybody. What the WHATWG
//! URL standard says of odd spellings of hosts (`0x7f.1`) and of control characters holds as well.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, general_purpose};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::{Host, ParseError, Url as Parsed};

use crate::address::{Address, Favicon};
use crate::domain::DomainName;
use crate::ip::IpAddress;
use crate::{Sha256, Timestamp};

/// The longest URL that is taken, as it was written and in its one form.
pub const LONGEST: usize = 8192;

/// Schemes of URLs that can be analysed.
const SCHEMES: &[&str] = &["http", "https", "ftp"];

/// A URL in its one form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonicalUrl(String);

/// Why a text is no URL that can be analysed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoUrl {
    /// It is too long.
    #[error("it is longer than {LONGEST} characters")]
    TooLong,
    /// It cannot be read.
    #[error("it is no URL with a host")]
    Malformed,
    /// What stands for its host is none.
    #[error("its host is neither a domain name nor an IP address (IPv6 in brackets, without a zone)")]
    Host,
    /// What stands for its port is none.
    #[error("its port is no number from 0 to 65535")]
    Port,
    /// It is a URL of another kind.
    #[error("its scheme is none of http, https and ftp")]
    Scheme,
}

/// What a URL's host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A name.
    Domain(DomainName),
    /// An address.
    Ip(IpAddress),
}

impl CanonicalUrl {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the object: the SHA-256 of the URL in its one form.
    pub fn id(&self) -> Sha256 {
        Sha256::of(self.0.as_bytes())
    }

    /// How clients name the URL without knowing its one form: base64 for URLs, without padding.
    pub fn base64(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }

    /// The URL in its parts.
    pub fn parsed(&self) -> Parsed {
        Parsed::parse(&self.0).expect("its one form was made of a URL that parses")
    }

    /// What its host is.
    pub fn location(&self) -> Location {
        match self.parsed().host() {
            Some(Host::Ipv4(address)) => Location::Ip(IpAddress::from(std::net::IpAddr::V4(address))),
            Some(Host::Ipv6(address)) => Location::Ip(IpAddress::from(std::net::IpAddr::V6(address))),
            Some(Host::Domain(name)) => {
                Location::Domain(DomainName::of_host(name).expect("the host was checked when the URL was read"))
            }
            None => unreachable!("a URL without host was refused when it was read"),
        }
    }
}

impl Serialize for CanonicalUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CanonicalUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for CanonicalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CanonicalUrl {
    type Err = NoUrl;

    fn from_str(text: &str) -> Result<Self, NoUrl> {
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(NoUrl::TooLong);
        }
        let url = Parsed::parse(&with_scheme(text)).map_err(|cause| match cause {
            ParseError::InvalidPort => NoUrl::Port,
            ParseError::InvalidIpv4Address
            | ParseError::InvalidIpv6Address
            | ParseError::InvalidDomainCharacter
            | ParseError::IdnaError => NoUrl::Host,
            _ => NoUrl::Malformed,
        })?;
        if !SCHEMES.contains(&url.scheme()) {
            return Err(NoUrl::Scheme);
        }
        let mut form = format!("{}://", url.scheme());
        match url.host() {
            Some(Host::Domain(name)) => {
                form.push_str(DomainName::of_host(name).map_err(|_| NoUrl::Host)?.as_str());
            }
            Some(Host::Ipv4(address)) => write!(form, "{address}").expect("writing to a string does not fail"),
            Some(Host::Ipv6(address)) => write!(form, "[{address}]").expect("writing to a string does not fail"),
            None => return Err(NoUrl::Malformed),
        }
        if let Some(port) = url.port() {
            write!(form, ":{port}").expect("writing to a string does not fail");
        }
        normalise(url.path(), &mut form);
        if let Some(query) = url.query() {
            form.push('?');
            form.push_str(query);
        }
        if form.len() > LONGEST { Err(NoUrl::TooLong) } else { Ok(Self(form)) }
    }
}

/// The text with `http://` before it where it names no scheme. `host:8080` names none, `javascript:…` does.
fn with_scheme(text: &str) -> String {
    if text.starts_with("//") {
        return format!("http:{text}");
    }
    let scheme = text.split_once(':').filter(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    });
    match scheme {
        Some((_, rest)) if !rest.starts_with(|first: char| first.is_ascii_digit()) => text.to_owned(),
        _ => format!("http://{text}"),
    }
}

/// Percent-encoding in upper case, and only of what needs it (RFC 3986, section 6.2.2).
fn normalise(path: &str, into: &mut String) {
    let mut rest = path;
    while let Some(place) = rest.find('%') {
        into.push_str(&rest[..place]);
        let byte = rest.get(place + 1..place + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => into.push(char::from(byte)),
            Some(byte) => write!(into, "%{byte:02X}").expect("writing to a string does not fail"),
            None => into.push('%'),
        }
        rest = &rest[place + if byte.is_some() { 3 } else { 1 }..];
    }
    into.push_str(rest);
}

/// How a path names a URL: by its id, or by itself in base64 of whatever alphabet and padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlName {
    /// The id.
    Id(Sha256),
    /// The URL itself.
    Url(CanonicalUrl),
}

impl UrlName {
    /// The id, however it was said.
    pub fn id(&self) -> Sha256 {
        match self {
            Self::Id(id) => *id,
            Self::Url(url) => url.id(),
        }
    }
}

impl FromStr for UrlName {
    type Err = NoUrl;

    fn from_str(text: &str) -> Result<Self, NoUrl> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        if text.len() > LONGEST * 4 / 3 + 4 {
            return Err(NoUrl::TooLong);
        }
        let config = GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true);
        let alphabet = if text.contains(['+', '/']) { &alphabet::STANDARD } else { &alphabet::URL_SAFE };
        let engine: general_purpose::GeneralPurpose = GeneralPurpose::new(alphabet, config);
        let decoded = engine.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let decoded = decoded.ok_or(NoUrl::Malformed)?;
        // vt-cli encodes ids too.
        if let Ok(id) = decoded.parse() {
            return Ok(Self::Id(id));
        }
        decoded.parse().map(Self::Url)
    }
}

/// A URL as the store keeps it.
pub type StoredUrl = Address<Url>;

/// What is known of a URL beside its standing. What was not fetched is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Url {
    /// The URL in its one form.
    pub url: String,
    /// Where its redirects led.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_final_url: Option<String>,
    /// The URLs on the way there, the first and the last included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redirection_chain: Vec<String>,
    /// Links in its page to other domains.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outgoing_links: Vec<String>,
    /// The title of its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The public suffix of its domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tld: Option<String>,
    /// The meta data of its page, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub html_meta: BTreeMap<String, Vec<String>>,
    /// Whether what it answered is kept as a file.
    pub has_content: bool,
    /// What in its page watches visitors, by maker.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub trackers: BTreeMap<String, Vec<Tracker>>,
    /// The brand that it pretends to be, by engine.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub targeted_brand: BTreeMap<String, String>,
    /// Of what kind it is, by who says so.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub categories: BTreeMap<String, String>,
    /// Names of what was found in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub threat_names: Vec<String>,
    /// Its icon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub favicon: Option<Favicon>,
    /// What came of fetching it last: `ok`, or why it ended early. An attribute of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_fetch_outcome: Option<String>,
    /// The HTTP status at the end of its redirects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_http_response_code: Option<u16>,
    /// How long the answer was, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_http_response_content_length: Option<u64>,
    /// The SHA-256 of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_http_response_content_sha256: Option<Sha256>,
    /// The head of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_http_response_headers: Option<BTreeMap<String, String>>,
    /// Its cookies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_http_response_cookies: Option<BTreeMap<String, String>>,
    /// When it was first submitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_submission_date: Option<Timestamp>,
    /// When it was last submitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_submission_date: Option<Timestamp>,
    /// How often it was submitted.
    pub times_submitted: u64,
}

/// Something in a page that watches visitors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tracker {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// From where it is loaded.
    pub url: String,
    /// When it was seen.
    pub timestamp: Timestamp,
}

#[cfg(test)]
mod tests;
