//! What came of a fetch: the answers on the way, the content at its end, and why it ended early where it did.

use std::net::IpAddr;

use assay_model::outbound::Refusal;
use assay_model::url::CanonicalUrl;
use bytes::Bytes;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetched {
    /// The answers, in their order; each but the last is a redirect that was followed.
    pub hops: Vec<Hop>,
    /// What the last one held, unpacked; whole unless [`Fetched::unfinished`] says otherwise.
    pub body: Bytes,
    /// Why it ended before its end.
    pub unfinished: Option<Unfinished>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// To what.
    pub url: CanonicalUrl,
    /// From where.
    pub address: Option<IpAddr>,
    /// The HTTP status.
    pub status: u16,
    /// Its head, in its order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The certificate that the server showed, DER.
    pub certificate: Option<Vec<u8>>,
}

impl Hop {
    /// The first header of a name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Why a fetch ended early, in words for whoever wrote the URL: no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfinished {
    /// Neither HTTP nor HTTPS.
    #[error("its scheme is not fetched")]
    Scheme,
    /// A port that is not called.
    #[error("its port is not called")]
    Port,
    /// An address that is not called.
    #[error("{0}")]
    Refused(Refusal),
    /// A name that stands for nothing.
    #[error("its host's name cannot be resolved")]
    NoName,
    /// Nobody answers there.
    #[error("no connection: {0}")]
    NoConnection(String),
    /// A redirect to where it came from.
    #[error("its redirects go round in a circle")]
    Circle,
    /// Too many redirects.
    #[error("it redirects more than {0} times")]
    Redirects(usize),
    /// A redirect to something that is no URL.
    #[error("it redirects to no URL")]
    BadRedirect,
    /// Too much content.
    #[error("its content was cut off at {0} bytes")]
    Cut(u64),
    /// It took too long.
    #[error("it took too long")]
    Slow,
    /// The exchange broke off.
    #[error("the exchange broke off: {0}")]
    Broken(String),
}
