//! The seam to another server that speaks `VirusTotal`'s API v3: one call, safely made. In goes a [`Call`] with a key,
//! out comes the answer's JSON or what the caller can do about its absence. Whether a call may be made, what it costs and
//! what becomes of its answer is for the broker.
//!
//! | module | what |
//! |---|---|
//! | `virustotal` | over HTTPS |
//! | [`recorded`] | answers that were told beforehand, for tests |
//! | [`suite`] | the contract as tests; both pass it |
//!
//! Invariant: the host is the one of the call: no redirect is followed ([`Upstream::open`] tells where one leads), no proxy but
//! a configured one is used.
//! Invariant: bytes that are fetched from an address elsewhere are fetched without any key.
//! Invariant: an answer is at most [`BODY_MAX`] bytes, decompressed, and JSON of a bounded depth.
//! Invariant: the key is in the header of the request and nowhere else: in no error, no log, no debug output. The one call
//! that `VirusTotal` names an account by its key in ([`Call::own_account`]) has it in the path, and no error shows paths.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
pub use url::Url;
use zeroize::Zeroizing;

pub mod recorded;
pub mod suite;
mod virustotal;

pub use recorded::Recorded;

/// The largest answer, decompressed.
pub const BODY_MAX: usize = 10 << 20;

/// A secret that is never shown.
#[derive(Clone)]
pub struct UpstreamKey(Zeroizing<String>);

impl UpstreamKey {
    /// A key as it is sent.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Its text, to be sent or sealed.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UpstreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UpstreamKey(…)")
    }
}

/// One GET under `/api/v3`.
#[derive(Debug, Clone)]
pub struct Call {
    /// `https://host`, without a path.
    pub host: Url,
    /// Segments of the path after `/api/v3`, not encoded.
    pub path: Vec<String>,
    /// Arguments after the question mark, not encoded.
    pub query: Vec<(String, String)>,
    /// Whose call it is.
    pub key: UpstreamKey,
    names_key: bool,
}

impl Call {
    /// A GET of a path.
    pub fn get(host: &Url, path: &[&str], key: &UpstreamKey) -> Self {
        let path = path.iter().map(|segment| (*segment).to_owned()).collect();
        Self { host: host.clone(), path, query: Vec::new(), key: key.clone(), names_key: false }
    }

    /// The account that a key belongs to, named by the key itself as `VirusTotal` has it; costs nothing.
    pub fn own_account(host: &Url, key: &UpstreamKey) -> Self {
        let query = vec![("relationships".to_owned(), "api_quota_group".to_owned())];
        Self { query, names_key: true, ..Self::get(host, &["users"], key) }
    }

    /// With these arguments.
    #[must_use]
    pub fn with_query(mut self, query: Vec<(String, String)>) -> Self {
        self.query = query;
        self
    }

    /// The segments of the path, the key among them where the call names its account by it.
    fn segments(&self) -> impl Iterator<Item = &str> {
        let own = self.names_key.then(|| self.key.reveal());
        self.path.iter().map(String::as_str).chain(own)
    }

    /// The path as tests and logs may see it.
    fn shown(&self) -> String {
        let own = if self.names_key { "/{key}" } else { "" };
        format!("{}{own}", self.path.join("/"))
    }
}

/// What was answered with 200.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The whole document; an object with `data`.
    pub document: Value,
}

/// What the caller can do about a call without an answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// 404: it is not known there. An answer of its own.
    #[error("not known upstream")]
    Unknown,
    /// 400: the question is wrong; the words are upstream's.
    #[error("upstream does not take the question: {0}")]
    Malformed(String),
    /// 400 with a code of its own: it will be there later.
    #[error("it is not there yet: {0}")]
    NotYet(String),
    /// 401: the key does not work: use another, tell somebody.
    #[error("upstream refuses the key ({code}): {message}")]
    KeyRefused {
        /// `error.code`.
        code: String,
        /// Upstream's words.
        message: String,
    },
    /// 403: the key may not do this.
    #[error("upstream forbids it: {0}")]
    Forbidden(String),
    /// 429: stop, for this long where upstream says.
    #[error("upstream's quota is exhausted")]
    Exhausted {
        /// `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// Not reached at all, so nothing was consumed: try again.
    #[error("upstream cannot be reached: {0}")]
    Unreachable(String),
    /// It broke off, took too long, or answered 5xx: try again; whether something was consumed is not known.
    #[error("upstream failed: {0}")]
    Failed(String),
    /// What came is no answer of this API: trying again brings the same.
    #[error("upstream's answer is not understood: {0}")]
    Garbled(String),
}

impl UpstreamError {
    /// Whether trying again may help.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Failed(_))
    }

    /// Whether upstream surely consumed nothing for it.
    pub const fn was_free(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Exhausted { .. } | Self::KeyRefused { .. } | Self::Forbidden(_))
    }
}

/// Makes calls. See the crate's invariants; [`suite`] has them as tests.
#[async_trait]
pub trait Upstream: Send + Sync + 'static {
    /// Makes one call, once.
    async fn ask(&self, call: &Call) -> Result<Answer, UpstreamError>;

    /// Makes one call that answers bytes, once.
    async fn open(&self, call: &Call) -> Result<Opened, UpstreamError>;

    /// The bytes at an address that an answer named. Whether it is one to be asked is for the caller to know.
    async fn fetch(&self, address: &Url) -> Result<Box<dyn Pieces>, UpstreamError>;
}

/// What a call for bytes comes to.
pub enum Opened {
    /// They come.
    Here(Box<dyn Pieces>),
    /// They are at another address, which is for the caller to judge.
    Elsewhere(Url),
}

/// Bytes on their way. Dropping it ends the exchange.
#[async_trait]
pub trait Pieces: Send {
    /// The next piece; none at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, UpstreamError>;

    /// How many there are altogether, where that was said.
    fn length(&self) -> Option<u64>;
}

/// How calls are made.
#[derive(Debug, Clone)]
pub struct Config {
    /// A PEM file with authorities to trust beside the system's.
    pub authorities: Option<PathBuf>,
    /// The one proxy that leads out of this network.
    pub proxy: Option<Url>,
    /// How long one call may take altogether.
    pub patience: Duration,
}

/// Why calls cannot be made at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be read.
    #[error("the authorities to trust cannot be read")]
    Unreadable(#[source] std::io::Error),
    /// The client cannot be set up with these settings.
    #[error("the client for upstream calls cannot be set up")]
    Unfit(#[source] reqwest::Error),
}

/// Opens the way to `VirusTotal`.
pub fn open(config: &Config) -> Result<Arc<dyn Upstream>, OpenError> {
    Ok(Arc::new(virustotal::VirusTotal::new(config)?))
}
