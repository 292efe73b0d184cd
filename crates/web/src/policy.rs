//! What a fetch may do. In goes a URL, out comes whether it may be fetched, and if not, why.

use std::time::Duration;

use assay_model::outbound::Rules;
use url::{Host, Url};

use crate::Unfinished;
use crate::names::may_call;

/// What the operator decides about fetches.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Which addresses may be called.
    pub rules: Rules,
    /// Which ports may be called.
    pub ports: Vec<u16>,
    /// How many redirects are followed.
    pub redirects: usize,
    /// How many bytes of an answer are read, unpacked.
    pub body: u64,
    /// How long each answer, and each piece of one, is waited for.
    pub patience: Duration,
    /// How long all of it may take.
    pub total: Duration,
    /// As what the server introduces itself.
    pub user_agent: String,
    /// What it asks for, as the header `Accept` has it.
    pub accept: String,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            rules: Rules { allow: Vec::new(), allow_http: true },
            ports: vec![80, 443, 8000, 8080, 8443],
            redirects: 10,
            body: 32 << 20,
            patience: Duration::from_secs(10),
            total: Duration::from_mins(1),
            user_agent: concat!("Mozilla/5.0 (compatible; Assay/", env!("CARGO_PKG_VERSION"), ")").to_owned(),
            accept: "text/html,application/xhtml+xml,*/*;q=0.8".to_owned(),
        }
    }
}

impl Policy {
    /// Whether a URL may be fetched, as far as its text says. What a name stands for is checked when it is called.
    pub fn check(&self, url: &Url) -> Result<(), Unfinished> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Unfinished::Scheme);
        }
        let port = url.port_or_known_default();
        if !port.is_some_and(|port| self.ports.contains(&port)) {
            return Err(Unfinished::Port);
        }
        let address = match url.host() {
            None => return Err(Unfinished::Broken("it has no host".to_owned())),
            Some(Host::Domain(_)) => return Ok(()),
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
        };
        may_call(&self.rules, address).map_err(Unfinished::Refused)
    }
}
