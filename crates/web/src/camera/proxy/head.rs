//! Heads of HTTP, as far as a forward proxy has to understand them (RFC 9112). In go bytes, out comes what is asked for, and
//! the head as it is passed on: to one server only, and with the end of the connection as the end of the exchange.

use url::Url;

use crate::Unfinished;

/// A longer head is refused, bytes.
pub(super) const HEAD_MAX: usize = 64 << 10;

/// What a browser asks its proxy for.
#[derive(Debug)]
pub(super) enum Asked {
    /// A connection, for TLS mostly.
    Tunnel(Url),
    /// A request of plain HTTP.
    Plain {
        /// Of what.
        url: Url,
        /// The head, as it is passed on.
        head: String,
        /// How long the body is.
        body: u64,
    },
}

/// Why a browser gets nothing.
#[derive(Debug)]
pub(super) enum Refused {
    /// It cannot be read.
    Malformed,
    /// The length of its body is not said beforehand.
    Unmeasured,
    /// It leads to where nobody is called.
    Target(Unfinished),
}

/// Where a head ends, of which so many bytes were looked through before.
pub(super) fn end(bytes: &[u8], looked: usize) -> Option<usize> {
    let from = looked.saturating_sub(3);
    bytes.get(from..)?.windows(4).position(|four| four == b"\r\n\r\n").map(|at| from + at + 4)
}

impl Asked {
    /// Where it leads.
    pub(super) fn target(&self) -> &Url {
        match self {
            Self::Tunnel(url) | Self::Plain { url, .. } => url,
        }
    }

    /// Reads the head of a request.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Refused> {
        let text = std::str::from_utf8(bytes).map_err(|_| Refused::Malformed)?;
        let (first, lines) = text.split_once("\r\n").ok_or(Refused::Malformed)?;
        let [method, target, "HTTP/1.1" | "HTTP/1.0"] = *first.split(' ').collect::<Vec<_>>() else {
            return Err(Refused::Malformed);
        };
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(Refused::Malformed);
        }
        if method == "CONNECT" {
            return tunnel(target).map(Self::Tunnel).ok_or(Refused::Malformed);
        }
        let url = Url::parse(target).map_err(|_| Refused::Malformed)?;
        // Anything else is asked for by CONNECT, or is not to be asked for.
        if url.scheme() != "http" {
            return Err(Refused::Target(Unfinished::Scheme));
        }
        let mut head = format!("{method} {} HTTP/1.1\r\nHost: {}\r\n", path(&url), authority(&url));
        let mut body = None;
        for (name, value) in fields(lines).ok_or(Refused::Malformed)? {
            match &*name.to_ascii_lowercase() {
                "transfer-encoding" => return Err(Refused::Unmeasured),
                "content-length" if body.is_some() => return Err(Refused::Malformed),
                "content-length" => {
                    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                    body = Some(value.parse().ok().filter(|_| digits).ok_or(Refused::Malformed)?);
                }
                "host" => continue,
                name if is_of_the_connection(name) => continue,
                _ => {}
            }
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("Connection: close\r\n\r\n");
        Ok(Self::Plain { url, head, body: body.unwrap_or(0) })
    }
}

/// The head of an answer as it is passed on, and whether it is an interim one.
pub(super) fn answer(bytes: &[u8]) -> Option<(bool, Vec<u8>)> {
    // What a server says beyond ASCII is the browser's to understand: a character stands for a byte.
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    let (first, lines) = text.split_once("\r\n")?;
    let status: u16 = first.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let mut head = format!("{first}\r\n");
    for (name, value) in fields(lines)? {
        if !is_of_the_connection(&name.to_ascii_lowercase()) {
            head.extend([name, ": ", value, "\r\n"]);
        }
    }
    head.push_str("Connection: close\r\n\r\n");
    let head = head.chars().filter_map(|character| u8::try_from(character).ok()).collect();
    Some(((100..200).contains(&status) && status != 101, head))
}

/// The fields of a head; none where a line is no field.
fn fields(lines: &str) -> Option<Vec<(&str, &str)>> {
    let lines = lines.trim_end_matches("\r\n").split("\r\n").filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (name, value) = line.split_once(':')?;
            let clean = !name.is_empty() && !name.contains([' ', '\t']) && !line.contains(['\r', '\n', '\0']);
            clean.then(|| (name, value.trim()))
        })
        .collect()
}

/// Fields that are not meant for the other end (RFC 9110, 7.6.1).
fn is_of_the_connection(name: &str) -> bool {
    matches!(name, "connection" | "proxy-connection" | "keep-alive" | "te" | "trailer" | "upgrade" | "expect")
        || name.starts_with("proxy-auth")
}

/// `host:port` as the address of a server.
fn tunnel(target: &str) -> Option<Url> {
    let (host, port) = target.rsplit_once(':')?;
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if host.is_empty() || !digits || host.contains(['/', '@', '?', '#', '\\']) {
        return None;
    }
    Url::parse(&format!("https://{target}/")).ok()
}

fn path(url: &Url) -> &str {
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    if path.is_empty() { "/" } else { path }
}

fn authority(url: &Url) -> &str {
    &url[url::Position::BeforeHost..url::Position::AfterPort]
}

impl Refused {
    /// What the browser is told; a page may show it, so it names no address.
    pub(super) fn answer(&self) -> String {
        let (status, why) = match self {
            Self::Malformed => ("400 Bad Request", "the request cannot be read".to_owned()),
            Self::Unmeasured => ("411 Length Required", "the length of the request is not said".to_owned()),
            Self::Target(why @ (Unfinished::Scheme | Unfinished::Port | Unfinished::Refused(_))) => {
                ("403 Forbidden", why.to_string())
            }
            Self::Target(Unfinished::NoName) => ("502 Bad Gateway", Unfinished::NoName.to_string()),
            // What a connection failed of says something about the network that it failed in.
            Self::Target(_) => ("502 Bad Gateway", "no connection".to_owned()),
        };
        let text = format!("Assay did not load this: {why}\n");
        let length = text.len();
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> (String, String, u64) {
        match Asked::read(text.as_bytes()) {
            Ok(Asked::Plain { url, head, body }) => (url.to_string(), head, body),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_is_passed_on_to_one_server_without_what_was_meant_for_the_proxy() {
        let (url, head, body) = plain(
            "POST http://Site.example:8080/a?b=c HTTP/1.1\r\nHost: other.example\r\nProxy-Connection: keep-alive\r\n\
             Proxy-Authorization: x\r\nContent-Length: 3\r\nAccept: */*\r\n\r\n",
        );
        assert_eq!((&*url, body), ("http://site.example:8080/a?b=c", 3));
        let wanted = "POST /a?b=c HTTP/1.1\r\nHost: site.example:8080\r\nContent-Length: 3\r\nAccept: */*\r\n\
                      Connection: close\r\n\r\n";
        assert_eq!(head, wanted);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for wrong in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET  http://a.example/ HTTP/1.1\r\n\r\n",
            "GET http://a.example/ HTTP/2\r\n\r\n",
            "G@T http://a.example/ HTTP/1.1\r\n\r\n",
            "GET http://a.example/ HTTP/1.1\r\nno field\r\n\r\n",
            "GET http://a.example/ HTTP/1.1\r\nA : b\r\n\r\n",
            "GET http://a.example/ HTTP/1.1\r\nA: b\nHost: c\r\n\r\n",
            "POST http://a.example/ HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
            "POST http://a.example/ HTTP/1.1\r\nContent-Length: +3\r\n\r\n",
            "CONNECT a.example HTTP/1.1\r\n\r\n",
            "CONNECT user@a.example:443 HTTP/1.1\r\n\r\n",
            "CONNECT a.example:443/path HTTP/1.1\r\n\r\n",
            "CONNECT :443 HTTP/1.1\r\n\r\n",
        ] {
            assert!(matches!(Asked::read(wrong.as_bytes()), Err(Refused::Malformed)), "{wrong}");
        }
        let chunked = "POST http://a.example/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(matches!(Asked::read(chunked.as_bytes()), Err(Refused::Unmeasured)));
        for scheme in ["https", "ftp", "file", "ws"] {
            let other = format!("GET {scheme}://a.example/ HTTP/1.1\r\n\r\n");
            assert!(matches!(Asked::read(other.as_bytes()), Err(Refused::Target(Unfinished::Scheme))), "{scheme}");
        }
    }

    #[test]
    fn a_tunnel_names_a_host_and_a_port() {
        for (target, url) in [
            ("a.example:443", "https://a.example/"),
            ("A.example:8443", "https://a.example:8443/"),
            ("[2001:db8::1]:443", "https://[2001:db8::1]/"),
        ] {
            let asked = Asked::read(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n").as_bytes());
            assert_eq!(asked.expect("a tunnel").target().as_str(), url);
        }
    }

    #[test]
    fn a_head_that_comes_in_pieces_ends_where_it_ends() {
        let bytes = b"GET / HTTP/1.1\r\n\r\nrest";
        for looked in 0..=17 {
            assert_eq!(end(&bytes[..looked], 0), None);
            assert_eq!(end(bytes, looked), Some(18), "{looked}");
        }
    }

    #[test]
    fn an_answer_ends_with_its_connection() {
        let (interim, head) =
            answer(b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nConnection: keep-alive\r\nX: \xe9\r\n\r\n")
                .expect("a head");
        assert!(!interim);
        assert_eq!(head, b"HTTP/1.1 200 OK\r\nX: \xe9\r\nConnection: close\r\n\r\n");
        assert!(answer(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n").is_some_and(|(interim, _)| interim));
        assert!(answer(b"HTTP/1.1 101 Switching\r\n\r\n").is_some_and(|(interim, _)| !interim));
        for wrong in [&b"SSH-2.0-x\r\n\r\n"[..], b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\nno field\r\n\r\n"] {
            assert!(answer(wrong).is_none());
        }
    }
}
