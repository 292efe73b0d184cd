//! Failed exchanges, from what the HTTP client reports to a [`Problem`] that names the mend: is the server running,
//! is it `http` where `https` is meant, is its authority trusted.

use std::error::Error;
use std::io;

use rustls::CertificateError;

use super::address::Address;
use super::problem::{Kind, Problem};

/// The problem behind a request that got no answer.
pub(crate) fn problem(error: reqwest::Error, address: &Address) -> Problem {
    // The address of an upload is a secret for its short life.
    let error = error.without_url();
    let connecting = error.is_connect();
    if error.is_timeout() {
        let (kind, what) = if connecting {
            (Kind::Unreachable, "cannot be reached: no connection in time")
        } else {
            (Kind::Late, "did not answer in time")
        };
        return Problem::new(kind, format!("{address} {what}")).mend("Is the address right, and nothing in the way?");
    }
    let causes = causes(&error);
    if let Some(error) = causes.iter().find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return tls(error, address);
    }
    let io = causes.iter().find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    let innermost = causes.last().map_or_else(String::new, ToString::to_string);
    if connecting { unreachable(io, &innermost, address) } else { broken(&innermost, address) }
}

/// The error and everything behind it. An [`io::Error`] hides what it wraps from [`Error::source`], so it is opened.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut causes = vec![error];
    let mut next = inner(error);
    while let Some(cause) = next {
        causes.push(cause);
        next = inner(cause);
    }
    causes
}

fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

/// No connection came about.
fn unreachable(io: Option<io::ErrorKind>, innermost: &str, address: &Address) -> Problem {
    match io {
        Some(io::ErrorKind::ConnectionRefused) => {
            Problem::new(Kind::Unreachable, format!("nothing answers at {address} (connection refused)")).mend(
                "Is the server running? Start it with `assay serve`, or name another with --server or ASSAY_SERVER.",
            )
        }
        // What a server without TLS does with the first bytes of a TLS connection.
        Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) if !address.is_plain() => no_tls(address),
        _ => Problem::new(Kind::Unreachable, format!("{address} cannot be reached: {innermost}"))
            .mend("Is the address right? --server or ASSAY_SERVER names the server, e.g. http://127.0.0.1:8080."),
    }
}

/// A connection was there, but no answer came of it.
fn broken(innermost: &str, address: &Address) -> Problem {
    // hyper's word for the TLS alert that a server with TLS answers plain HTTP with: no request will fare better.
    let kind = if innermost.starts_with("invalid HTTP") { Kind::Unreachable } else { Kind::Broken };
    let problem = Problem::new(kind, format!("the exchange with {address} broke off: {innermost}"));
    if address.is_plain() {
        problem.mend(format!("If the server speaks TLS, name it as {}.", address.with_the_other_scheme()))
    } else {
        problem
    }
}

/// The server does not speak TLS.
fn no_tls(address: &Address) -> Problem {
    Problem::new(Kind::Unreachable, format!("{address} does not speak TLS"))
        .mend(format!("If it is a server without TLS, name it as {}.", address.with_the_other_scheme()))
}

/// TLS did not come about.
fn tls(error: &rustls::Error, address: &Address) -> Problem {
    let unreachable = |what: &str| Problem::new(Kind::Unreachable, format!("{address} {what}"));
    match error {
        rustls::Error::InvalidMessage(_) => no_tls(address),
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            unreachable("shows a certificate of an authority that this machine does not trust").mend(
                "A server with `--tls self-signed` has an authority of its own, in its data folder: give it with \
                 --ca data/tls/ca.pem (or ASSAY_CA_FILE, or SSL_CERT_FILE).",
            )
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => unreachable("shows a certificate for another name")
            .mend("Name the server as its certificate does: with --server or ASSAY_SERVER."),
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            unreachable("shows a certificate that has expired")
                .mend("Its operator has to renew it. Is this clock right?")
        }
        other => unreachable(&format!("cannot be spoken to in TLS: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use rustls::{CertificateError, InvalidMessage};

    use super::*;

    fn address(text: &str) -> Address {
        text.parse().expect("an address")
    }

    #[test]
    fn a_tls_error_is_found_inside_an_io_error_inside_another() {
        let tls = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let error = io::Error::other(io::Error::other(tls));
        assert!(causes(&error).iter().any(|cause| cause.is::<rustls::Error>()));
    }

    #[test]
    fn an_unknown_authority_tells_of_the_ca_file() {
        let error = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let problem = tls(&error, &address("https://localhost:8443")).to_string();
        assert!(problem.contains("--ca data/tls/ca.pem"), "{problem}");
    }

    #[test]
    fn a_mix_up_of_http_and_https_names_the_other() {
        let error = rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType);
        let problem = tls(&error, &address("https://localhost:8080")).to_string();
        assert!(problem.contains("http://localhost:8080"), "{problem}");
        let problem = unreachable(Some(io::ErrorKind::UnexpectedEof), "eof", &address("https://localhost:8080"));
        assert!(problem.to_string().contains("http://localhost:8080"), "{problem}");
        let problem = broken("invalid HTTP version parsed", &address("http://localhost:8443"));
        assert!(problem.is_final() && problem.to_string().contains("https://localhost:8443"), "{problem}");
    }

    #[tokio::test]
    async fn a_refused_connection_asks_whether_the_server_is_running() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let base = format!("http://{}", free.expect("a free port"));
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("a client");
        let error = http.get(&base).send().await.expect_err("nobody listens");
        let problem = problem(error, &address(&base));
        assert_eq!(problem.kind, Kind::Unreachable);
        assert!(problem.to_string().contains("assay serve"), "{problem}");
        assert!(problem.message.contains("connection refused"), "{problem}");
    }
}
