//! What one place in a list names: text in, a host, a URL or a network out.

use std::net::{IpAddr, SocketAddr};

use assay_model::domain::DomainName;
use assay_model::url::CanonicalUrl;
use ipnet::IpNet;

/// What is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// A domain, perhaps with all below it.
    Host(DomainName),
    /// A URL.
    Url(CanonicalUrl),
    /// A network, perhaps of one address.
    Network(IpNet),
}

impl Entry {
    /// Reads `example.com`, `.example.com`, `*.example.com`, `example.com:8080`, `||example.com^` (as ad blockers write
    /// it), `http://example.com/a`, `example.com/a`, `192.0.2.1`, `192.0.2.1:8080`, `192.0.2.0/24` and IPv6 likewise.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.contains("://") {
            return text.parse().ok().map(Self::Url);
        }
        if text.starts_with(|first: char| first.is_ascii_digit() || first == '[') || text.matches(':').nth(1).is_some()
        {
            if let Some(network) = network(text) {
                return Some(Self::Network(network));
            }
            if is_no_network(text) {
                return None;
            }
        }
        let text = match text.strip_prefix("||") {
            Some(filter) => filter.split(['^', '$']).next()?.trim_end_matches('|'),
            None => text,
        };
        let text = text.strip_prefix("*.").or_else(|| text.strip_prefix('.')).unwrap_or(text);
        if text.contains(['/', '?']) {
            return text.parse().ok().map(Self::Url);
        }
        let host = match text.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => host,
            _ => text,
        };
        let name: DomainName = host.parse().ok()?;
        name.as_str().contains('.').then_some(Self::Host(name))
    }
}

/// A network, an address, or an address with a port. Bits beyond the prefix are cut off.
fn network(text: &str) -> Option<IpNet> {
    if let Ok(net) = text.parse::<IpNet>() {
        return Some(net.trunc());
    }
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip())).ok()?;
    Some(IpNet::from(address.to_canonical()))
}

/// Whether it is written as a network and cannot be one: `192.0.2.0/33` is a slip and no path `/33`.
fn is_no_network(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, prefix)| {
        let is_prefix = (1..=3).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_digit());
        is_prefix && address.parse::<IpAddr>().is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match Entry::read(text) {
            Some(Entry::Host(name)) => format!("host {name}"),
            Some(Entry::Url(url)) => format!("url {url}"),
            Some(Entry::Network(net)) => format!("network {net}"),
            None => "nothing".to_owned(),
        }
    }

    #[test]
    fn hosts_urls_and_networks_are_told_apart() {
        for (text, is) in [
            ("Example.COM", "host example.com"),
            ("example.com.", "host example.com"),
            (".example.com", "host example.com"),
            ("*.example.com", "host example.com"),
            ("example.com:8080", "host example.com"),
            ("||ads.example.com^", "host ads.example.com"),
            ("||ads.example.com^$third-party", "host ads.example.com"),
            ("||example.com/ads^", "url http://example.com/ads"),
            ("bücher.example", "host xn--bcher-kva.example"),
            ("my_host.example.com", "host my_host.example.com"),
            ("1.example.com", "host 1.example.com"),
            ("http://example.com", "url http://example.com/"),
            ("https://example.com:8443/a?b=c", "url https://example.com:8443/a?b=c"),
            ("example.com/a", "url http://example.com/a"),
            ("http://192.0.2.1/a", "url http://192.0.2.1/a"),
            ("192.0.2.1", "network 192.0.2.1/32"),
            ("192.0.2.1:443", "network 192.0.2.1/32"),
            ("192.0.2.7/24", "network 192.0.2.0/24"),
            ("2001:db8::1", "network 2001:db8::1/128"),
            ("[2001:db8::1]:443", "network 2001:db8::1/128"),
            ("2001:db8::/32", "network 2001:db8::/32"),
            ("::ffff:192.0.2.1", "network 192.0.2.1/32"),
        ] {
            assert_eq!(read(text), is, "{text}");
        }
    }

    #[test]
    fn what_is_none_of_these_is_nothing() {
        for text in
            ["", "com", "localhost", "a b.example", "-", "javascript://x", "1.2.3", "192.0.2.0/33", "a..b", "||^"]
        {
            assert_eq!(read(text), "nothing", "{text}");
        }
    }
}
