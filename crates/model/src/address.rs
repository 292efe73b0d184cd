//! What URLs, domains and IP addresses have in common: their standing, their analyses, and how they are kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analysis::Status;
use crate::domain::{Domain, DomainName, StoredDomain};
use crate::file::Votes;
use crate::ip::{Ip, IpAddress, StoredIp};
use crate::record::{Key, Record, body};
use crate::url::{CanonicalUrl, Location, StoredUrl, Url};
use crate::verdict::{Category, Method};
use crate::{Code, Error, Kind, Link, Result, Sha256, Timestamp};

/// An address as the store keeps it: what is known of it, what is thought of it, and what its report does not show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Address<A> {
    /// What is known of it.
    pub attributes: A,
    /// What is thought of it.
    pub standing: Standing,
    /// The id of the analysis that was asked for last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_analysis: Option<String>,
    /// The tokens of the accounts that submitted it; at most [`crate::file::NAMES_KEPT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Of a URL: the address that served it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving: Option<IpAddress>,
}

impl<A> Address<A> {
    /// An address that was just seen for the first time.
    pub fn seen(attributes: A, now: Timestamp) -> Self {
        let standing = Standing { last_modification_date: now, ..Standing::default() };
        Self { attributes, standing, latest_analysis: None, sources: Vec::new(), serving: None }
    }
}

/// What is thought of an address. The five counts are always there, because clients sum them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Standing {
    /// When its last analysis completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_analysis_date: Option<Timestamp>,
    /// What the engines said last, by engine.
    pub last_analysis_results: BTreeMap<String, AddressResult>,
    /// How many of them said what.
    pub last_analysis_stats: AddressStats,
    /// When anything about it last changed.
    pub last_modification_date: Timestamp,
    /// When it was first seen by what runs on this server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen_itw_date: Option<Timestamp>,
    /// When it was last seen by what runs on this server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_itw_date: Option<Timestamp>,
    /// Score of the community's votes.
    pub reputation: i64,
    /// The community's votes.
    pub total_votes: Votes,
    /// What it is tagged with.
    pub tags: Vec<String>,
    /// Why engines speak against it, and what others say of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub crowdsourced_context: Vec<Context>,
}

/// Something that somebody says of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Context {
    /// In a line.
    pub title: String,
    /// In full.
    pub details: String,
    /// `high`, `medium`, `low` or `info`.
    pub severity: String,
    /// Who says so.
    pub source: String,
    /// When it was said.
    pub timestamp: Timestamp,
}

/// The icon of a web site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Favicon {
    /// MD5 of its bytes.
    pub raw_md5: crate::Md5,
    /// Difference hash of the picture; alike pictures have alike ones. Absent for what is no picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dhash: Option<String>,
}

/// One engine's entry about an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddressResult {
    /// How it answered.
    pub method: Method,
    /// The engine; also the key of the entry.
    pub engine_name: String,
    /// What it said.
    pub category: Category,
    /// In a word: `clean`, `unrated`, `phishing`, `malware`, …
    pub result: String,
}

/// How many engines said what of an address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AddressStats {
    /// Engines that said malicious.
    pub malicious: u32,
    /// Engines that said suspicious.
    pub suspicious: u32,
    /// Engines that do not know it.
    pub undetected: u32,
    /// Engines that know it to be good.
    pub harmless: u32,
    /// Engines that did not answer.
    pub timeout: u32,
}

impl AddressAnalysis {
    /// An analysis that was just asked for.
    pub fn queued(date: Timestamp) -> Self {
        Self { date, status: Status::Queued, stats: AddressStats::default(), results: BTreeMap::new() }
    }
}

impl AddressStats {
    /// Counts the entries of an analysis.
    pub fn of<'a>(results: impl IntoIterator<Item = &'a AddressResult>) -> Self {
        let mut stats = Self::default();
        for result in results {
            *match result.category {
                Category::Malicious => &mut stats.malicious,
                Category::Suspicious => &mut stats.suspicious,
                Category::Undetected => &mut stats.undetected,
                Category::Harmless => &mut stats.harmless,
                Category::Timeout | Category::ConfirmedTimeout | Category::Failure | Category::TypeUnsupported => {
                    &mut stats.timeout
                }
            } += 1;
        }
        stats
    }
}

/// The attributes of an analysis of an address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AddressAnalysis {
    /// When it was asked for.
    pub date: Timestamp,
    /// How far it is.
    pub status: Status,
    /// How many engines said what; all zero while queued.
    pub stats: AddressStats,
    /// What they said, by engine; empty while queued.
    pub results: BTreeMap<String, AddressResult>,
}

/// An analysis of an address as the store keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredAddressAnalysis {
    /// What the object shows.
    pub attributes: AddressAnalysis,
    /// What it is about.
    pub item: Item,
}

/// An address that can be analysed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// A URL.
    Url(CanonicalUrl),
    /// A domain.
    Domain(DomainName),
    /// An IP address.
    IpAddress(IpAddress),
}

impl Item {
    /// The key of its object.
    pub fn key(&self) -> Key {
        match self {
            Self::Url(url) => Key::shared(Kind::Url, url.id().to_string()),
            Self::Domain(name) => Key::shared(Kind::Domain, name.as_str()),
            Self::IpAddress(address) => Key::shared(Kind::IpAddress, address.to_string()),
        }
    }

    /// The id of an analysis of it: `u-`, `d-` or `i-`, a SHA-256, the second. Clients split it.
    pub fn analysis_id(&self, date: Timestamp) -> String {
        let (letter, hash) = match self {
            Self::Url(url) => ('u', url.id()),
            Self::Domain(name) => ('d', Sha256::of(name.as_str().as_bytes())),
            Self::IpAddress(address) => ('i', Sha256::of(address.to_string().as_bytes())),
        };
        format!("{letter}-{hash}-{}", date.0)
    }
}

/// What is known of an address of one kind or another.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// Of a URL.
    Url(StoredUrl),
    /// Of a domain.
    Domain(StoredDomain),
    /// Of an IP address.
    IpAddress(StoredIp),
}

impl Known {
    /// What is known of an address that was just seen for the first time.
    pub fn first(item: &Item, now: Timestamp) -> Self {
        let suffix = |name: &DomainName| name.suffix().map(ToOwned::to_owned);
        match item {
            Item::Url(url) => {
                let tld = if let Location::Domain(name) = url.location() { suffix(&name) } else { None };
                Self::Url(Address::seen(Url { url: url.to_string(), tld, ..Url::default() }, now))
            }
            Item::Domain(name) => Self::Domain(Address::seen(Domain { tld: suffix(name), ..Domain::default() }, now)),
            Item::IpAddress(_) => Self::IpAddress(Address::seen(Ip::default(), now)),
        }
    }

    /// Out of the store.
    pub fn parse(record: &Record) -> Result<Self> {
        match record.key.kind {
            Kind::Url => record.parse().map(Self::Url),
            Kind::Domain => record.parse().map(Self::Domain),
            Kind::IpAddress => record.parse().map(Self::IpAddress),
            other => Err(Error::new(Code::Internal, format!("a {other} is no address"))),
        }
    }

    /// For the store.
    pub fn body(&self) -> Arc<[u8]> {
        match self {
            Self::Url(url) => body(url),
            Self::Domain(domain) => body(domain),
            Self::IpAddress(address) => body(address),
        }
    }

    /// What is thought of it.
    pub const fn standing(&self) -> &Standing {
        match self {
            Self::Url(url) => &url.standing,
            Self::Domain(domain) => &domain.standing,
            Self::IpAddress(address) => &address.standing,
        }
    }

    /// What is thought of it, to be changed.
    pub fn standing_mut(&mut self) -> &mut Standing {
        match self {
            Self::Url(url) => &mut url.standing,
            Self::Domain(domain) => &mut domain.standing,
            Self::IpAddress(address) => &mut address.standing,
        }
    }

    /// The id of the analysis that was asked for last.
    pub fn latest_analysis(&self) -> Option<&str> {
        match self {
            Self::Url(url) => url.latest_analysis.as_deref(),
            Self::Domain(domain) => domain.latest_analysis.as_deref(),
            Self::IpAddress(address) => address.latest_analysis.as_deref(),
        }
    }

    /// Another analysis was asked for.
    pub fn set_latest_analysis(&mut self, id: &str) {
        let id = Some(id.to_owned());
        match self {
            Self::Url(url) => url.latest_analysis = id,
            Self::Domain(domain) => domain.latest_analysis = id,
            Self::IpAddress(address) => address.latest_analysis = id,
        }
    }
}

impl Item {
    /// The link from an analysis to such an address.
    pub const fn analysed(&self) -> Link {
        match self {
            Self::Url(_) => Link::AnalysedUrl,
            Self::Domain(_) => Link::AnalysedDomain,
            Self::IpAddress(_) => Link::AnalysedIp,
        }
    }
}

impl From<Location> for Item {
    fn from(location: Location) -> Self {
        match location {
            Location::Domain(name) => Self::Domain(name),
            Location::Ip(address) => Self::IpAddress(address),
        }
    }
}

/// The attributes of a report on a URL.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UrlReport {
    #[serde(flatten)]
    attributes: Url,
    #[serde(flatten)]
    standing: Standing,
}

/// The attributes of a report on a domain.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DomainReport {
    #[serde(flatten)]
    attributes: Domain,
    #[serde(flatten)]
    standing: Standing,
}

/// The attributes of a report on an IP address.
#[derive(Debug, Serialize, JsonSchema)]
pub struct IpReport {
    #[serde(flatten)]
    attributes: Ip,
    #[serde(flatten)]
    standing: Standing,
}
