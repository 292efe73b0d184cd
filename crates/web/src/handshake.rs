//! The certificate that a server shows, by a TLS handshake and nothing more. It is kept and not judged: one that nobody
//! should believe is worth looking at, and nothing is sent that a false server must not see.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use assay_model::url::Location;
use assay_model::{Code, Error, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::names::{Names, Unresolved, may_call, resolve};
use crate::{Policy, Unfinished};

/// A larger certificate is not kept.
pub(crate) const CERTIFICATE_MAX: usize = 64 << 10;

/// A certificate and who showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The address that was called.
    pub address: IpAddr,
    /// DER.
    pub certificate: Vec<u8>,
}

/// A client that takes whatever certificate it is shown.
pub(crate) fn client() -> Result<TlsConnector> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let versions = versions
        .map_err(|error| Error::new(Code::Internal, "the client for handshakes cannot be set up").because(error))?;
    let config = versions.dangerous().with_custom_certificate_verifier(Arc::new(Any(provider))).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Calls a server, by the rules of a fetch, and hangs up when it has shown its certificate.
pub(crate) async fn certificate(
    tls: &TlsConnector,
    (policy, names): (&Policy, &dyn Names),
    location: &Location,
    port: u16,
) -> Result<Shown, Unfinished> {
    if !policy.ports.contains(&port) {
        return Err(Unfinished::Port);
    }
    let end = Instant::now() + policy.patience;
    let slow = |_elapsed| Unfinished::Slow;
    let addresses = timeout_at(end, addresses(policy, names, location)).await.map_err(slow)??;
    let (address, stream) = timeout_at(end, connect(&addresses, port)).await.map_err(slow)??;
    let name = match location {
        Location::Domain(name) => ServerName::try_from(name.as_str().to_owned()),
        Location::Ip(address) => Ok(ServerName::IpAddress(address.get().into())),
    };
    let name = name.map_err(|_| Unfinished::Broken("its name cannot be asked for by TLS".to_owned()))?;
    let shaken = timeout_at(end, tls.connect(name, stream)).await.map_err(slow)?;
    let stream = shaken.map_err(|error| Unfinished::Broken(error.to_string()))?;
    let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let certificate = shown.ok_or_else(|| Unfinished::Broken("it showed no certificate".to_owned()))?.to_vec();
    if certificate.len() > CERTIFICATE_MAX {
        return Err(Unfinished::Cut(CERTIFICATE_MAX as u64));
    }
    Ok(Shown { address, certificate })
}

/// Where a host may be called; all that its name stands for may be called, or nothing is.
pub(crate) async fn addresses(
    policy: &Policy,
    names: &dyn Names,
    location: &Location,
) -> Result<Vec<IpAddr>, Unfinished> {
    match location {
        Location::Ip(address) => {
            may_call(&policy.rules, address.get()).map_err(Unfinished::Refused)?;
            Ok(vec![address.get()])
        }
        Location::Domain(name) => resolve(names, &policy.rules, name.as_str()).await.map_err(|why| match why {
            Unresolved::Refused(refusal) => Unfinished::Refused(refusal),
            Unresolved::Unknown(_) => Unfinished::NoName,
        }),
    }
}

/// The first address that answers.
pub(crate) async fn connect(addresses: &[IpAddr], port: u16) -> Result<(IpAddr, TcpStream), Unfinished> {
    let mut why = Unfinished::NoName;
    for address in addresses {
        match TcpStream::connect(SocketAddr::new(*address, port)).await {
            Ok(stream) => return Ok((*address, stream)),
            Err(error) => why = Unfinished::NoConnection(error.to_string()),
        }
    }
    Err(why)
}

/// Takes every certificate of which the other end has the key.
#[derive(Debug)]
struct Any(Arc<CryptoProvider>);

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    /// That the other end has the key of what it shows is proved: a certificate by itself is public.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
