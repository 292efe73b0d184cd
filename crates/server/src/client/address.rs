//! Where the server is: from what a person types (`host`, `http://host:8080/`, `https://host/api/v3`) to the root of
//! its API, and from there to the address of each request.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// The path under which the API lives.
const API: &str = "/api/v3";

/// The root of a server's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// Ends in `/api/v3/`.
    api: Url,
}

impl Address {
    /// The address of a request: the segments under `/api/v3`, each escaped by itself.
    pub(crate) fn at(&self, segments: &[&str]) -> Url {
        let mut url = self.api.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// The host as it stands in the address, and the port that is connected to.
    pub(crate) fn place(&self) -> (Host<&str>, u16) {
        let host = self.api.host().expect("an address without a host is refused");
        (host, self.api.port_or_known_default().expect("http and https have a port"))
    }

    /// The address of something on the server that is not under `/api/v3`.
    pub(crate) fn beside(&self, path: &str) -> Url {
        let mut url = self.api.clone();
        let root = self.api.path().trim_end_matches('/').trim_end_matches(API).to_owned();
        url.set_path(&format!("{root}{path}"));
        url
    }

    /// Whether a request to `url` goes to this very server, so that it may carry the key.
    pub(crate) fn is_origin_of(&self, url: &Url) -> bool {
        self.api.origin() == url.origin()
    }

    /// Whether requests travel without TLS.
    pub(crate) fn is_plain(&self) -> bool {
        self.api.scheme() == "http"
    }

    /// Whether the server is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.api)
    }

    /// The same server, spoken to in the other of `http` and `https`.
    pub(crate) fn with_the_other_scheme(&self) -> String {
        let text = self.to_string();
        match text.strip_prefix("http://") {
            Some(rest) => format!("https://{rest}"),
            None => text.replacen("https://", "http://", 1),
        }
    }
}

impl fmt::Display for Address {
    /// The server's root, as a person would type it: without `/api/v3` and without a slash at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.api.as_str().trim_end_matches('/');
        f.write_str(text.strip_suffix(API).unwrap_or(text))
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("it is empty; an address looks like http://127.0.0.1:8080".to_owned());
        }
        let mut url = with_scheme(text).map_err(|why| format!("{why}; an address looks like http://127.0.0.1:8080"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("the scheme is {}, not http or https", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it holds a user name or a password; the key is given apart, see --api-key-file".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("it holds a query or a fragment; only the server's root is wanted".to_owned());
        }
        let path = url.path().trim_end_matches('/');
        if path.to_ascii_lowercase().contains("/vtapi/v2") {
            return Err("/vtapi/v2 is the base of API v2; only the server's root is wanted".to_owned());
        }
        let root = path.strip_suffix(API).unwrap_or(path).trim_end_matches('/');
        url.set_path(&format!("{root}{API}/"));
        Ok(Self { api: url })
    }
}

/// Without a scheme, this machine is spoken to in `http` and every other in `https`.
fn with_scheme(text: &str) -> Result<Url, url::ParseError> {
    if text.contains("://") {
        return Url::parse(text);
    }
    let plain = Url::parse(&format!("http://{text}"))?;
    if is_loopback(&plain) { Ok(plain) } else { Url::parse(&format!("https://{text}")) }
}

/// Whether the host is this machine by its address or by the name that RFC 6761 keeps for it.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_to_write_one_server_end_in_one_address() {
        let expected = "http://127.0.0.1:8080/api/v3/files";
        for text in [
            "http://127.0.0.1:8080",
            "http://127.0.0.1:8080/",
            "http://127.0.0.1:8080/api/v3",
            "http://127.0.0.1:8080/api/v3/",
            "http://127.0.0.1:8080//api/v3//",
            " HTTP://127.0.0.1:8080\n",
            "127.0.0.1:8080",
        ] {
            let address: Address = text.parse().expect(text);
            assert_eq!(address.at(&["files"]).as_str(), expected, "{text}");
            assert_eq!(address.to_string(), "http://127.0.0.1:8080", "{text}");
        }
    }

    #[test]
    fn a_host_without_a_scheme_is_spoken_to_in_tls_unless_it_is_this_machine() {
        let of = |text: &str| text.parse::<Address>().map(|address| address.to_string());
        assert_eq!(of("assay.example"), Ok("https://assay.example".to_owned()));
        assert_eq!(of("localhost:9000/"), Ok("http://localhost:9000".to_owned()));
        assert_eq!(of("[::1]:9000"), Ok("http://[::1]:9000".to_owned()));
    }

    #[test]
    fn a_prefix_before_the_api_is_kept_and_ids_are_escaped() {
        let address: Address = "https://host/assay/api/v3".parse().expect("an address");
        assert_eq!(address.at(&["analyses", "a/b?c=="]).as_str(), "https://host/assay/api/v3/analyses/a%2Fb%3Fc==");
        assert_eq!(address.to_string(), "https://host/assay");
        assert_eq!(address.with_the_other_scheme(), "http://host/assay");
    }

    #[test]
    fn what_is_no_address_of_a_server_is_refused_with_the_reason() {
        for (text, part) in [
            ("", "empty"),
            ("ftp://host", "scheme"),
            ("http://me:secret@host", "password"),
            ("http://host/?a=b", "query"),
            ("http://host/vtapi/v2/", "API v2"),
            ("http://", "host"),
        ] {
            let refusal = text.parse::<Address>().expect_err(text);
            assert!(refusal.contains(part), "{text}: {refusal}");
            assert!(!refusal.contains("secret"), "{refusal}");
        }
    }

    #[test]
    fn only_the_same_scheme_host_and_port_is_the_servers_own() {
        let address: Address = "https://host:8443".parse().expect("an address");
        let own = |text: &str| address.is_origin_of(&Url::parse(text).expect(text));
        assert!(own("https://host:8443/api/v3/upload/1"));
        assert!(!own("http://host:8443/api/v3/upload/1"));
        assert!(!own("https://host/api/v3/upload/1"));
        assert!(!own("https://other:8443/api/v3/upload/1"));
    }
}
