//! Encryption: what the server shows in the handshake, and whether this machine trusts it. Nothing is sent on these
//! connections, so a certificate that nobody trusts may be looked at.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, ProtocolVersion, RootCertStore, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Host;

use super::certificate::{self, Facts};
use super::finding::{Chart, Step};
use crate::client::address::Address;

/// What a certificate of an authority that is not known here wants.
const TRUST: &str = "If it is your own authority's, hand its certificate to clients: SSL_CERT_FILE=FILE for most of them, \
    --ca FILE for assay. `assay serve --tls self-signed` keeps its own in tls/ca.pem in its data folder.";

/// What a server showed of itself.
struct Shown {
    version: Option<ProtocolVersion>,
    chain: Vec<CertificateDer<'static>>,
    verdict: Result<(), rustls::Error>,
}

/// Looks at the handshake. True where requests can be expected to get through.
pub(super) async fn examine(address: &Address, at: SocketAddr, look: &Look<'_>, chart: &mut Chart<'_>) -> bool {
    if address.is_plain() {
        return plain(address, at, look, chart).await;
    }
    let roots = roots(look.authority, chart);
    match shake_hands(address, at, roots, look.patience).await {
        Ok(shown) => judge(&shown, address, look.now, chart),
        Err(error) => {
            if speaks_http(address, at, look.patience).await {
                chart.problem(
                    Step::Tls,
                    format!("the server speaks plain HTTP on this port, not TLS ({error})"),
                    format!("Name it as {}, or have it serve TLS.", address.with_the_other_scheme()),
                );
            } else {
                chart.problem(
                    Step::Tls,
                    format!("no TLS connection came about: {error}"),
                    "Is this the port that speaks HTTPS? Something in between may break TLS open or refuse this version of it.",
                );
            }
            false
        }
    }
}

/// By what a handshake is judged.
pub(super) struct Look<'a> {
    /// An authority beside the system's.
    pub(super) authority: Option<&'a Path>,
    /// How long each exchange may take.
    pub(super) patience: Duration,
    /// Unix seconds.
    pub(super) now: i64,
}

/// An address in `http`.
async fn plain(address: &Address, at: SocketAddr, look: &Look<'_>, chart: &mut Chart<'_>) -> bool {
    if !speaks_http(address, at, look.patience).await
        && shake_hands(address, at, RootCertStore::empty(), look.patience).await.is_ok()
    {
        let other = address.with_the_other_scheme();
        chart.problem(Step::Tls, "the server speaks TLS on this port, not plain HTTP", format!("Name it as {other}."));
        return false;
    }
    if address.is_loopback() {
        chart.fine(Step::Tls, "none, and none is needed: the server is on this machine");
    } else {
        chart.warning(
            Step::Tls,
            "none: keys and reports can be read by everything on the way",
            format!(
                "Serve it with `--tls self-signed` or behind a proxy with TLS, and name it as {}.",
                address.with_the_other_scheme()
            ),
        );
    }
    true
}

/// The authorities that requests of this machine trust.
fn roots(authority: Option<&Path>, chart: &mut Chart) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        chart.warning(
            Step::Tls,
            format!("authorities cannot be read: {error}"),
            "Do SSL_CERT_FILE and SSL_CERT_DIR name what is there, in PEM form?",
        );
    }
    roots.add_parsable_certificates(native.certs);
    if let Some(path) = authority {
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let added = read.map_or(0, |certificates| roots.add_parsable_certificates(certificates).0);
        if added == 0 {
            chart.problem(
                Step::Tls,
                format!("{} holds no certificate that can be read", path.display()),
                "--ca and ASSAY_CA_FILE want the authority's certificate in PEM form.",
            );
        }
    }
    if roots.is_empty() {
        chart.problem(
            Step::Tls,
            "this machine knows no authority at all",
            "Install the system's authorities (the package ca-certificates), or name one with SSL_CERT_FILE or --ca.",
        );
    }
    roots
}

/// A handshake that is looked at and given up.
async fn shake_hands(
    address: &Address,
    at: SocketAddr,
    roots: RootCertStore,
    patience: Duration,
) -> Result<Shown, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let witness = Arc::new(Witness::new(roots, &provider));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        // It lets every certificate pass, and keeps what the system's rules say of it.
        .dangerous()
        .with_custom_certificate_verifier(witness.clone())
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let exchange = async {
        let socket = TcpStream::connect(at).await?;
        connector.connect(server_name(address)?, socket).await
    };
    let late = || format!("no answer in {} s", patience.as_secs());
    let mut stream = timeout(patience, exchange).await.map_err(|_| late())?.map_err(|error| error.to_string())?;
    let version = stream.get_ref().1.protocol_version();
    // A farewell is a courtesy.
    let _ = timeout(patience, stream.shutdown()).await;
    let saw = witness.saw.lock().unwrap_or_else(PoisonError::into_inner).take();
    // A server that showed none has not come through the handshake.
    let (chain, verdict) = saw.unwrap_or_else(|| (Vec::new(), Err(rustls::Error::NoCertificatesPresented)));
    Ok(Shown { version, chain, verdict })
}

fn server_name(address: &Address) -> std::io::Result<ServerName<'static>> {
    let (host, _) = address.place();
    Ok(match host {
        Host::Ipv4(ip) => ServerName::IpAddress(std::net::IpAddr::from(ip).into()),
        Host::Ipv6(ip) => ServerName::IpAddress(std::net::IpAddr::from(ip).into()),
        Host::Domain(name) => ServerName::try_from(name.to_owned()).map_err(std::io::Error::other)?,
    })
}

type Saw = (Vec<CertificateDer<'static>>, Result<(), rustls::Error>);

/// Judges certificates as any client of this machine would, but lets the handshake go on to its end, so that what was
/// shown can be told.
#[derive(Debug)]
struct Witness {
    judge: Result<Arc<WebPkiServerVerifier>, rustls::Error>,
    algorithms: WebPkiSupportedAlgorithms,
    saw: Mutex<Option<Saw>>,
}

impl Witness {
    fn new(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Self {
        let judge = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
        // Without any authority nothing can be judged: whoever signed it is not known.
        let judge = judge.map_err(|_| CertificateError::UnknownIssuer.into());
        Self { judge, algorithms: provider.signature_verification_algorithms, saw: Mutex::new(None) }
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = match &self.judge {
            Ok(judge) => judge.verify_server_cert(own, others, name, ocsp, now).map(drop),
            Err(error) => Err(error.clone()),
        };
        let chain = std::iter::once(own).chain(others).map(|one| one.clone().into_owned()).collect();
        *self.saw.lock().unwrap_or_else(PoisonError::into_inner) = Some((chain, verdict));
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// What the certificate comes to.
fn judge(shown: &Shown, address: &Address, now: i64, chart: &mut Chart) -> bool {
    let facts = shown.chain.first().and_then(|own| Facts::read(own));
    let version = match shown.version {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS",
    };
    match &shown.verdict {
        Ok(()) => {
            let until = facts.as_ref().map_or_else(String::new, |facts| format!(", {}", facts.validity(now)));
            chart.fine(Step::Tls, format!("{version}, the certificate is trusted{until}"));
            if let Some(facts) = &facts {
                certificate::tell_of_expiry(facts, now, chart);
            }
            true
        }
        Err(error) => {
            let (message, mend) = refused(error, facts.as_ref(), shown.chain.len(), address, now);
            chart.problem(Step::Tls, message, mend);
            false
        }
    }
}

/// Why a certificate is not trusted, and the mend.
fn refused(error: &rustls::Error, facts: Option<&Facts>, sent: usize, address: &Address, now: i64) -> (String, String) {
    let about = facts.map_or_else(String::new, |facts| format!(" (for {}, by {})", facts.subject, facts.issuer));
    let rustls::Error::InvalidCertificate(why) = error else {
        return (format!("the certificate cannot be used: {error}"), TRUST.to_owned());
    };
    match why {
        CertificateError::UnknownIssuer => match facts {
            Some(facts) if facts.is_self_signed() => {
                (format!("the certificate is signed by itself, and not trusted here{about}"), TRUST.to_owned())
            }
            Some(facts) if sent == 1 && !facts.is_from_assay() => (
                format!("the certificate is of an authority that this machine does not trust{about}"),
                format!(
                    "The server sends its own certificate only: if a public authority made it, have the server send the \
                         whole chain. {TRUST}"
                ),
            ),
            _ => (
                format!("the certificate is of an authority that this machine does not trust{about}"),
                TRUST.to_owned(),
            ),
        },
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let names = facts.map_or_else(String::new, |facts| format!("; it is for {}", facts.names()));
            (
                format!("the certificate is not for {}{names}", host(address)),
                "Name the server as its certificate does, or have a certificate made for this name.".to_owned(),
            )
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            let since = facts.map_or_else(|| "the certificate has expired".to_owned(), |facts| facts.validity(now));
            (since, "Its operator has to renew it. Is this machine's clock right?".to_owned())
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            let since =
                facts.map_or_else(|| "the certificate is not valid yet".to_owned(), |facts| facts.validity(now));
            (since, "Is this machine's clock right, and that of whoever made the certificate?".to_owned())
        }
        other => (format!("the certificate cannot be used: {other}{about}"), TRUST.to_owned()),
    }
}

fn host(address: &Address) -> String {
    address.place().0.to_string()
}

/// Whether plain HTTP is answered with HTTP. What answers `400` to it may be a server that wants TLS on this port:
/// those say so in the body.
async fn speaks_http(address: &Address, at: SocketAddr, patience: Duration) -> bool {
    let exchange = async {
        let mut socket = TcpStream::connect(at).await?;
        let request = format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", host(address));
        socket.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        socket.take(4096).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let Ok(Ok(answer)) = timeout(patience, exchange).await else { return false };
    let text = String::from_utf8_lossy(&answer).to_lowercase();
    text.starts_with("http/") && !(text.contains(" 400 ") && text.contains("https"))
}
