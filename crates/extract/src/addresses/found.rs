//! What a search has found so far: each address once, within the limits.

use std::collections::HashSet;
use std::hash::Hash;

use assay_model::domain::DomainName;
use assay_model::ip::IpAddress;
use assay_model::outbound;
use assay_model::url::{CanonicalUrl, Location};

use super::{Addresses, Limits};

/// How many more than the limit are kept until the end, where what everybody names is put last.
const ROOM: usize = 4;

/// What half the world's files name, by what was registered: schemas, authorities of certificates, makers of compilers.
const COMMON: &[&str] = &[
    "adobe.com",
    "amazontrust.com",
    "apache.org",
    "comodoca.com",
    "digicert.com",
    "entrust.net",
    "geotrust.com",
    "globalsign.com",
    "globalsign.net",
    "gnu.org",
    "godaddy.com",
    "iptc.org",
    "lencr.org",
    "letsencrypt.org",
    "mozilla.org",
    "oasis-open.org",
    "openoffice.org",
    "openxmlformats.org",
    "purl.org",
    "sectigo.com",
    "startssl.com",
    "symantec.com",
    "symauth.com",
    "symcb.com",
    "symcd.com",
    "thawte.com",
    "usertrust.com",
    "verisign.com",
    "w3.org",
    "ws-symantec.com",
    "xml.org",
    "xmlsoap.org",
];

/// Hosts of whose owner not everything is common.
const COMMON_HOSTS: &[&str] = &[
    "crl.microsoft.com",
    "docs.microsoft.com",
    "go.microsoft.com",
    "schemas.android.com",
    "schemas.microsoft.com",
    "schemas.openxmlformats.org",
    "www.apple.com",
    "www.microsoft.com",
];

/// See the module.
#[derive(Debug)]
pub(super) struct Found {
    urls: Once<CanonicalUrl>,
    domains: Once<DomainName>,
    ips: Once<IpAddress>,
    limits: Limits,
    pub(super) cut: bool,
}

impl Found {
    pub(super) fn new(limits: &Limits) -> Self {
        let (urls, domains, ips) = (Once::default(), Once::default(), Once::default());
        Self { urls, domains, ips, limits: limits.clone(), cut: false }
    }

    /// Whether there is no room for more of any kind.
    pub(super) fn is_full(&self) -> bool {
        let is_full = |count: usize, limit: usize| count >= limit.saturating_mul(ROOM);
        is_full(self.urls.order.len(), self.limits.urls)
            && is_full(self.domains.order.len(), self.limits.domains)
            && is_full(self.ips.order.len(), self.limits.ips)
    }

    /// Adds a URL and where it is, if that can be anywhere.
    pub(super) fn url(&mut self, url: CanonicalUrl) {
        match url.location() {
            Location::Domain(name) if name.has_known_suffix() => self.domain(name),
            Location::Ip(ip) if is_public(ip) => self.ip(ip),
            Location::Domain(_) | Location::Ip(_) => return,
        }
        self.cut |= self.urls.add(url, self.limits.urls);
    }

    /// Adds a domain.
    pub(super) fn domain(&mut self, name: DomainName) {
        if name.registrable().is_some() {
            self.cut |= self.domains.add(name, self.limits.domains);
        }
    }

    /// Adds an IP address, if it is public.
    pub(super) fn ip(&mut self, ip: IpAddress) {
        if is_public(ip) {
            self.cut |= self.ips.add(ip, self.limits.ips);
        }
    }

    /// The answer: what everybody names at the end, and then no more than the limits allow.
    pub(super) fn ranked(self) -> Addresses {
        let Self { urls, domains, ips, limits, cut } = self;
        let (mut urls, mut domains, mut ips) = (urls.order, domains.order, ips.order);
        let cut = cut || urls.len() > limits.urls || domains.len() > limits.domains || ips.len() > limits.ips;
        urls.sort_by_key(|url| matches!(url.location(), Location::Domain(name) if is_common(&name)));
        domains.sort_by_key(is_common);
        urls.truncate(limits.urls);
        domains.truncate(limits.domains);
        ips.truncate(limits.ips);
        Addresses { urls, domains, ips, cut }
    }
}

/// Values, each once, in the order in which they came.
#[derive(Debug)]
struct Once<T> {
    known: HashSet<T>,
    order: Vec<T>,
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self { known: HashSet::new(), order: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Once<T> {
    /// Adds a value; answers whether there was no room for it.
    fn add(&mut self, value: T, limit: usize) -> bool {
        if self.known.contains(&value) {
            return false;
        }
        if self.order.len() >= limit.saturating_mul(ROOM) {
            return true;
        }
        self.known.insert(value.clone());
        self.order.push(value);
        false
    }
}

fn is_common(name: &DomainName) -> bool {
    let registrable = name.registrable();
    let registered = registrable.as_ref().is_some_and(|name| COMMON.binary_search(&name.as_str()).is_ok());
    registered || COMMON_HOSTS.binary_search(&name.as_str()).is_ok()
}

fn is_public(ip: IpAddress) -> bool {
    outbound::forbidden(ip.get()).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(COMMON.is_sorted() && COMMON_HOSTS.is_sorted());
    }
}
