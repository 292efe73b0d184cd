//! Asks name servers. In goes a domain name, out come its records in the shape of the reference (5.7), or its addresses.
//!
//! Invariant: a name that is nobody's on the open internet is not asked for: one without a public suffix, one that
//! special uses reserve (RFC 6761), one that the operator names.
//! Invariant: an answer is kept within limits, however long it is.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use assay_model::domain::{DnsRecord, DomainName};
use assay_model::{Code, Error, Result};
use async_trait::async_trait;
use futures_util::future::join_all;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::rdata::{CAA, SOA, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use crate::Names;

/// What is asked for, in the order in which it is told.
const ASKED: [RecordType; 8] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::CNAME,
    RecordType::MX,
    RecordType::NS,
    RecordType::SOA,
    RecordType::TXT,
    RecordType::CAA,
];
/// How many records of a type are kept.
const KEPT: usize = 50;
/// A longer text is cut.
const TEXT: usize = 4096;
/// Names under these are not of the open internet, though the public suffix list has them.
const SPECIAL: [&str; 2] = ["onion", "arpa"];

/// Whom to ask, and for what not.
#[derive(Debug, Clone)]
pub struct NameServerSettings {
    /// The servers; those of the machine where none is named.
    pub servers: Vec<SocketAddr>,
    /// Names for which, and below which, nobody is asked.
    pub never: Vec<DomainName>,
    /// How long each answer is waited for.
    pub patience: Duration,
}

/// See the module.
pub struct NameServers {
    resolver: TokioResolver,
    never: Vec<DomainName>,
    patience: Duration,
}

/// What name servers said of a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DnsAnswer {
    /// Its records; none where the name has none, or does not exist.
    pub records: Vec<DnsRecord>,
    /// The types of which nothing could be learned.
    pub unanswered: Vec<String>,
}

impl NameServers {
    /// Ready to ask. Nothing is sent yet.
    pub fn new(settings: NameServerSettings) -> Result<Self> {
        let unusable =
            |error| Error::new(Code::Internal, "the name servers of this machine are not known").because(error);
        let NameServerSettings { servers, never, patience } = settings;
        let mut builder = if servers.is_empty() {
            TokioResolver::builder_tokio().map_err(unusable)?
        } else {
            let servers = servers.into_iter().map(name_server).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = patience;
        options.attempts = 1;
        options.edns0 = true;
        options.try_tcp_on_error = true;
        options.use_hosts_file = ResolveHosts::Never;
        // Each analysis asks anew.
        options.cache_size = 0;
        options.preserve_intermediates = true;
        let resolver = builder.build().map_err(unusable)?;
        Ok(Self { resolver, never, patience })
    }

    /// What there is of a name; none where nobody is asked, or nobody answers.
    pub async fn records(&self, name: &DomainName) -> Option<DnsAnswer> {
        if !self.may_ask(name) {
            return None;
        }
        let own = absolute(name)?;
        let answers = join_all(ASKED.map(|kind| self.ask(&own, kind))).await;
        let mut answer = DnsAnswer::default();
        for (kind, records) in ASKED.into_iter().zip(answers) {
            match records {
                Some(records) => answer.records.extend(shown(&own, kind, &records)),
                None => answer.unanswered.push(kind.to_string()),
            }
        }
        answer.records.dedup();
        (answer.unanswered.len() < ASKED.len()).then_some(answer)
    }

    /// Whether a name is one of the open internet that may be asked for.
    fn may_ask(&self, name: &DomainName) -> bool {
        let special = name.as_str().rsplit('.').next().is_some_and(|last| SPECIAL.contains(&last));
        name.has_known_suffix() && !special && !self.is_never_asked(name)
    }

    fn is_never_asked(&self, name: &DomainName) -> bool {
        self.never.iter().any(|never| is_below(name, never))
    }

    /// The records that answer one question; an empty list where there are none, none where nobody says.
    async fn ask(&self, name: &Name, kind: RecordType) -> Option<Vec<Record>> {
        // A lost datagram is followed by a try over TCP, each of which is waited for.
        let asked = tokio::time::timeout(self.patience * 2, self.resolver.lookup(name.clone(), kind));
        match asked.await {
            Ok(Ok(lookup)) => Some(lookup.answers().to_vec()),
            Ok(Err(error)) if error.is_no_records_found() => Some(Vec::new()),
            Ok(Err(_)) | Err(_) => None,
        }
    }
}

/// Resolves the names of URLs, too: those that the machine knows for itself it does not know.
#[async_trait]
impl Names for NameServers {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let parsed = name.parse::<DomainName>().map_err(io::Error::other)?;
        if self.is_never_asked(&parsed) {
            return Err(io::Error::other("a name for which nobody is asked"));
        }
        let own = absolute(&parsed).ok_or_else(|| io::Error::other("no name that can be asked for"))?;
        let (four, six) = tokio::join!(self.ask(&own, RecordType::A), self.ask(&own, RecordType::AAAA));
        if four.is_none() && six.is_none() {
            return Err(io::Error::other("no name server answers"));
        }
        let address = |record: Record| match record.data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        };
        Ok([four, six].into_iter().flatten().flatten().filter_map(address).collect())
    }
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

/// With the dot at its end, so that nothing is searched for beside it.
fn absolute(name: &DomainName) -> Option<Name> {
    Name::from_ascii(format!("{name}.")).ok()
}

/// Whether a name is another one or below it.
fn is_below(name: &DomainName, above: &DomainName) -> bool {
    let rest = name.as_str().strip_suffix(above.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The records of a type as reports have them. Addresses count although the name is only another one's alias; of
/// everything else only what is said of the very name.
fn shown(own: &Name, kind: RecordType, records: &[Record]) -> Vec<DnsRecord> {
    let aliased = matches!(kind, RecordType::A | RecordType::AAAA);
    let of_it = |record: &&Record| {
        record.record_type() == kind && (aliased || record.name.to_lowercase() == own.to_lowercase())
    };
    let mut shown: Vec<_> = records.iter().filter(of_it).take(KEPT).filter_map(of_record).collect();
    shown.sort();
    shown.dedup();
    shown
}

fn of_record(record: &Record) -> Option<DnsRecord> {
    let plain = |value: String| DnsRecord {
        kind: record.record_type().to_string(),
        value: cut(value),
        ttl: record.ttl,
        ..DnsRecord::default()
    };
    Some(match &record.data {
        RData::A(address) => plain(address.0.to_string()),
        RData::AAAA(address) => plain(address.0.to_string()),
        RData::CNAME(name) => plain(written(&name.0)),
        RData::NS(name) => plain(written(&name.0)),
        RData::MX(mx) => DnsRecord { priority: Some(mx.preference), ..plain(written(&mx.exchange)) },
        RData::TXT(text) => plain(of_text(text)),
        RData::SOA(soa) => of_soa(soa, plain(written(&soa.mname))),
        RData::CAA(caa) => of_caa(caa, plain(String::from_utf8_lossy(&caa.value).into_owned())),
        _ => return None,
    })
}

fn of_text(text: &TXT) -> String {
    let parts: Vec<_> = text.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect();
    parts.concat()
}

fn of_soa(soa: &SOA, plain: DnsRecord) -> DnsRecord {
    DnsRecord {
        rname: Some(written(&soa.rname)),
        serial: Some(soa.serial),
        refresh: Some(soa.refresh),
        retry: Some(soa.retry),
        expire: Some(soa.expire),
        minimum: Some(soa.minimum),
        ..plain
    }
}

fn of_caa(caa: &CAA, plain: DnsRecord) -> DnsRecord {
    DnsRecord { flag: Some(caa.flags()), tag: Some(cut(caa.tag.clone())), ..plain }
}

/// A name without the dot at its end; the root is a dot.
fn written(name: &Name) -> String {
    if name.is_root() {
        return ".".to_owned();
    }
    let text = name.to_lowercase().to_ascii();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT));
    text
}
