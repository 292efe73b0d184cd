//! Fetches over HTTP. Redirects are followed by hand, so that each is checked as the first URL was. Certificates are kept
//! and not believed or disbelieved: a page with a bad one is worth looking at.

use std::error::Error as _;
use std::sync::Arc;

use assay_model::url::{CanonicalUrl, Location};
use assay_model::{Code, Error, Result};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, HeaderMap, HeaderValue, LOCATION};
use reqwest::tls::TlsInfo;
use reqwest::{Client, Response, redirect};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::handshake::{self, CERTIFICATE_MAX, Shown};
use crate::names::{Checked, Names, Unresolved};
use crate::{Fetched, Hop, Policy, Unfinished, Web};

/// More of an answer's headers are not kept.
const HEADERS: usize = 100;
/// A longer header is cut.
const HEADER_MAX: usize = 4096;

/// See the module.
pub(crate) struct Live {
    policy: Policy,
    names: Arc<dyn Names>,
    http: Client,
    tls: TlsConnector,
}

impl Live {
    pub(crate) fn new(policy: Policy, names: Arc<dyn Names>) -> Result<Self> {
        let checked = Checked { rules: Arc::new(policy.rules.clone()), names: names.clone() };
        let accept = HeaderValue::from_str(&policy.accept)
            .map_err(|error| Error::invalid_argument("what is accepted is no header").because(error))?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept);
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("en;q=0.8,*;q=0.5"));
        let built = Client::builder()
            .user_agent(&policy.user_agent)
            .default_headers(headers)
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .http1_only()
            .tls_info(true)
            .tls_danger_accept_invalid_certs(true)
            // Each call is checked anew, so no connection outlives its call.
            .pool_max_idle_per_host(0)
            .connect_timeout(policy.patience)
            .dns_resolver(Arc::new(checked))
            .build();
        let http = built.map_err(|error| {
            Error::new(Code::Internal, "the client that fetches URLs cannot be set up").because(error)
        })?;
        Ok(Self { policy, names, http, tls: handshake::client()? })
    }

    /// One answer, with what is left to read of it.
    async fn ask(&self, url: &CanonicalUrl, end: Instant) -> Result<(Hop, Response), Unfinished> {
        let parsed = url.parsed();
        self.policy.check(&parsed)?;
        let patience = end.min(Instant::now() + self.policy.patience);
        let response = match timeout_at(patience, self.http.get(parsed).send()).await {
            Err(_elapsed) => return Err(Unfinished::Slow),
            Ok(Err(error)) => return Err(failure(&error)),
            Ok(Ok(response)) => response,
        };
        let certificate = response.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate);
        let hop = Hop {
            url: url.clone(),
            address: response.remote_addr().map(|address| address.ip()),
            status: response.status().as_u16(),
            headers: headers(response.headers()),
            certificate: certificate.filter(|der| der.len() <= CERTIFICATE_MAX).map(<[u8]>::to_vec),
        };
        Ok((hop, response))
    }

    /// The content of an answer, as much of it as is read.
    async fn read(&self, mut response: Response, end: Instant) -> (Bytes, Option<Unfinished>) {
        let limit = usize::try_from(self.policy.body).unwrap_or(usize::MAX);
        let mut body = BytesMut::new();
        loop {
            let patience = end.min(Instant::now() + self.policy.patience);
            let why = match timeout_at(patience, response.chunk()).await {
                Err(_elapsed) => Unfinished::Slow,
                Ok(Err(error)) => failure(&error),
                Ok(Ok(None)) => return (body.freeze(), None),
                Ok(Ok(Some(chunk))) => {
                    let room = limit.saturating_sub(body.len());
                    body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                    if chunk.len() <= room {
                        continue;
                    }
                    Unfinished::Cut(self.policy.body)
                }
            };
            return (body.freeze(), Some(why));
        }
    }
}

#[async_trait]
impl Web for Live {
    async fn fetch(&self, url: &CanonicalUrl) -> Fetched {
        let end = Instant::now() + self.policy.total;
        let mut fetched = Fetched::default();
        let mut next = url.clone();
        loop {
            let (hop, response) = match self.ask(&next, end).await {
                Ok(answered) => answered,
                Err(why) => {
                    fetched.unfinished = Some(why);
                    return fetched;
                }
            };
            let target = redirect_of(&hop);
            fetched.hops.push(hop);
            let Some(target) = target else {
                (fetched.body, fetched.unfinished) = self.read(response, end).await;
                return fetched;
            };
            fetched.unfinished = match target {
                Err(why) => Some(why),
                Ok(target) if fetched.hops.iter().any(|hop| hop.url == target) => Some(Unfinished::Circle),
                Ok(_) if fetched.hops.len() > self.policy.redirects => {
                    Some(Unfinished::Redirects(self.policy.redirects))
                }
                Ok(target) => {
                    next = target;
                    None
                }
            };
            if fetched.unfinished.is_some() {
                return fetched;
            }
        }
    }

    async fn certificate(&self, location: &Location, port: u16) -> Result<Shown, Unfinished> {
        handshake::certificate(&self.tls, (&self.policy, &*self.names), location, port).await
    }
}

/// Where an answer sends its callers on to.
fn redirect_of(hop: &Hop) -> Option<Result<CanonicalUrl, Unfinished>> {
    let location = hop.header(LOCATION.as_str()).filter(|_| matches!(hop.status, 301 | 302 | 303 | 307 | 308))?;
    let target = hop.url.parsed().join(location).map_err(|_| Unfinished::BadRedirect);
    Some(target.and_then(|url| {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Unfinished::Scheme);
        }
        url.as_str().parse().map_err(|_| Unfinished::BadRedirect)
    }))
}

fn headers(all: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| {
        let text = String::from_utf8_lossy(value.as_bytes());
        text[..text.floor_char_boundary(HEADER_MAX)].to_owned()
    };
    all.iter().take(HEADERS).map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// The innermost cause says most, and holds no URL.
fn failure(error: &reqwest::Error) -> Unfinished {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        match inner.downcast_ref::<Unresolved>() {
            Some(Unresolved::Refused(refusal)) => return Unfinished::Refused(*refusal),
            Some(Unresolved::Unknown(_)) => return Unfinished::NoName,
            None => cause = inner,
        }
    }
    if error.is_timeout() {
        return Unfinished::Slow;
    }
    let what = if error.source().is_some() { cause.to_string() } else { "it could not be read".to_owned() };
    if error.is_connect() { Unfinished::NoConnection(what) } else { Unfinished::Broken(what) }
}
