//! A web in memory, for tests: what was recorded is answered, and every other name is unknown.

use std::collections::HashMap;

use assay_model::url::{CanonicalUrl, Location};
use async_trait::async_trait;
use bytes::Bytes;

use crate::{Fetched, Hop, Shown, Unfinished, Web};

/// See the module.
#[derive(Debug, Default)]
pub struct Recorded {
    answers: HashMap<CanonicalUrl, Fetched>,
    certificates: HashMap<String, Shown>,
}

impl Recorded {
    /// Records what a URL is answered with.
    #[must_use]
    pub fn with(mut self, url: &CanonicalUrl, fetched: Fetched) -> Self {
        self.answers.insert(url.clone(), fetched);
        self
    }

    /// Records the certificate that a host shows, at whatever port.
    #[must_use]
    pub fn with_certificate(mut self, host: &str, shown: Shown) -> Self {
        self.certificates.insert(host.to_owned(), shown);
        self
    }

    /// Records a page without more ado.
    #[must_use]
    pub fn with_page(self, url: &CanonicalUrl, html: &str) -> Self {
        let hop = Hop {
            url: url.clone(),
            address: Some([192, 0, 2, 7].into()),
            status: 200,
            headers: vec![("content-type".to_owned(), "text/html".to_owned())],
            certificate: None,
        };
        let body = Bytes::copy_from_slice(html.as_bytes());
        self.with(url, Fetched { hops: vec![hop], body, unfinished: None })
    }
}

#[async_trait]
impl Web for Recorded {
    async fn fetch(&self, url: &CanonicalUrl) -> Fetched {
        let unknown = || Fetched { unfinished: Some(Unfinished::NoName), ..Fetched::default() };
        self.answers.get(url).cloned().unwrap_or_else(unknown)
    }

    async fn certificate(&self, location: &Location, _port: u16) -> Result<Shown, Unfinished> {
        let host = match location {
            Location::Domain(name) => name.to_string(),
            Location::Ip(address) => address.to_string(),
        };
        self.certificates.get(&host).cloned().ok_or(Unfinished::NoName)
    }
}
