//! IANA's lists of RDAP servers (RFC 9224): JSON in, the URL of a question out.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use assay_model::address::Item;
use ipnet::IpNet;
use serde::Deserialize;
use url::Url;

/// A larger file is refused.
const LIMIT: u64 = 8 << 20;

/// What a list holds: domains, or networks, and who knows about them. A base ends with a slash.
#[derive(Debug, Default)]
pub(crate) struct Registries {
    suffixes: HashMap<String, String>,
    networks: Vec<(IpNet, String)>,
}

#[derive(Deserialize)]
struct Document {
    services: Vec<(Vec<String>, Vec<String>)>,
}

impl Registries {
    /// Reads a list. An entry that is neither a domain nor a network (an autonomous system) is left out.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        if fs::metadata(path)?.len() > LIMIT {
            return Err(io::Error::other(format!("larger than {} MiB", LIMIT >> 20)));
        }
        let read = Self::parse(&fs::read(path)?).map_err(io::Error::other)?;
        if read.suffixes.is_empty() && read.networks.is_empty() {
            return Err(io::Error::other("it names no registry of domains or networks"));
        }
        Ok(read)
    }

    fn parse(json: &[u8]) -> serde_json::Result<Self> {
        let mut read = Self::default();
        for (entries, servers) in serde_json::from_slice::<Document>(json)?.services {
            let Some(base) = base(&servers) else { continue };
            for entry in entries {
                if let Ok(network) = entry.parse::<IpNet>() {
                    read.networks.push((network, base.clone()));
                } else if entry.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
                    && !entry.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
                {
                    read.suffixes.insert(entry.to_ascii_lowercase(), base.clone());
                }
            }
        }
        Ok(read)
    }

    /// The URL that asks about a domain or an IP address.
    pub(crate) fn question(&self, item: &Item) -> Option<String> {
        match item {
            Item::Url(_) => None,
            Item::Domain(name) => {
                let base = suffixes(name.as_str()).find_map(|suffix| self.suffixes.get(suffix))?;
                Some(format!("{base}domain/{name}"))
            }
            Item::IpAddress(address) => {
                let holding = self.networks.iter().filter(|(network, _)| network.contains(&address.get()));
                let (_, base) = holding.max_by_key(|(network, _)| network.prefix_len())?;
                Some(format!("{base}ip/{address}"))
            }
        }
    }
}

/// The server that is called: by TLS where there is a choice.
fn base(servers: &[String]) -> Option<String> {
    let called =
        |scheme: &str| servers.iter().find(|server| Url::parse(server).is_ok_and(|url| url.scheme() == scheme));
    let server = called("https").or_else(|| called("http"))?;
    Some(if server.ends_with('/') { server.clone() } else { format!("{server}/") })
}

/// A name, what is above it, and so on.
fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, above)| above))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Registries {
        Registries::parse(json.as_bytes()).expect("a list")
    }

    fn domain(name: &str) -> Item {
        Item::Domain(name.parse().expect("a domain"))
    }

    fn address(address: &str) -> Item {
        Item::IpAddress(address.parse().expect("an IP address"))
    }

    #[test]
    fn the_longest_suffix_says_whom_to_ask() {
        let list = read(
            r#"{"version": "1.0", "services": [
                [["com", "NET"], ["http://plain.example/", "https://registry.example/v1"]],
                [["co.example", "example"], ["https://other.example/"]]]}"#,
        );
        let question = |name| list.question(&domain(name));
        assert_eq!(question("a.com").as_deref(), Some("https://registry.example/v1/domain/a.com"));
        assert_eq!(question("a.net").as_deref(), Some("https://registry.example/v1/domain/a.net"));
        assert_eq!(question("a.co.example").as_deref(), Some("https://other.example/domain/a.co.example"));
        assert_eq!(question("a.org"), None);
        assert_eq!(list.question(&address("192.0.2.1")), None);
    }

    #[test]
    fn the_narrowest_network_says_whom_to_ask() {
        let list = read(
            r#"{"services": [[["192.0.0.0/8"], ["https://wide.example/"]], [["192.0.2.0/24"], ["https://narrow.example/"]],
                [["2001:db8::/32"], ["https://six.example/"]], [["1-1876"], ["https://systems.example/"]]]}"#,
        );
        assert_eq!(list.question(&address("192.0.2.7")).as_deref(), Some("https://narrow.example/ip/192.0.2.7"));
        assert_eq!(list.question(&address("192.1.2.7")).as_deref(), Some("https://wide.example/ip/192.1.2.7"));
        assert_eq!(list.question(&address("2001:db8::1")).as_deref(), Some("https://six.example/ip/2001:db8::1"));
        assert!(list.suffixes.is_empty(), "an autonomous system is no domain");
    }

    #[test]
    fn what_is_no_list_or_calls_nobody_is_refused() {
        for json in ["", "[]", "{}", r#"{"services": [1]}"#, r#"{"services": [[["com"], "https://x.example/"]]}"#] {
            assert!(Registries::parse(json.as_bytes()).is_err(), "{json}");
        }
        let list = read(r#"{"services": [[["com"], ["ftp://x.example/", "nonsense"]]]}"#);
        assert_eq!(list.question(&domain("a.com")), None);
    }
}
