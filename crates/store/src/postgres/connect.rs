//! Where the database is and how it is reached: the URL, TLS, and what every connection is told first.
//!
//! `sslmode` is `disable`, `prefer` (the default), `require`, `verify-ca` or `verify-full`. With `sslrootcert` (a PEM
//! file) the server's certificate is verified against it, its name included, whenever TLS is spoken; the two `verify`
//! modes demand that file. Without it TLS keeps listeners out, but does not say who the server is.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{Result, StoreError};

/// How long to wait for a server that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);
const DEAD_AFTER: Duration = Duration::from_secs(10);

/// What every connection is told. All statements look things up by index, also in tables that are still small and in
/// plans that are kept while they grow; a commit that says that it is on the disk, is, whatever the server's default.
const GREETING: &str = "
    SET enable_seqscan = off;
    SET jit = off;
    SET default_transaction_isolation = 'read committed';
    SET idle_in_transaction_session_timeout = '60s';
    SET client_min_messages = 'warning';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';";

/// The half of a connection that moves the bytes.
pub(super) type Wire = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Makes connections.
pub(super) struct Connector {
    config: tokio_postgres::Config,
    tls: MakeRustlsConnect,
}

impl Connector {
    /// Understands a URL and reads the certificates that it names.
    pub(super) async fn new(url: &str, password: Option<&SecretString>) -> Result<Self> {
        let (url, security) = Security::split_off(url)?;
        let mut config: tokio_postgres::Config = url.parse()?;
        if let Some(password) = password {
            config.password(password.expose_secret());
        }
        config.ssl_mode(security.mode);
        if config.get_application_name().is_none() {
            config.application_name("assay");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(PATIENCE);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(DEAD_AFTER);
        }
        config.keepalives_idle(DEAD_AFTER);
        let tls = MakeRustlsConnect::new(security.client().await?);
        Ok(Self { config, tls })
    }

    /// Connects. The connection has not been greeted yet, and moves no bytes by itself.
    pub(super) async fn connect(&self) -> Result<(Client, Wire), tokio_postgres::Error> {
        self.config.connect(self.tls.clone()).await
    }
}

/// Tells a connection how it is to work, and how long a statement may take.
pub(super) async fn greet(client: &Client, patience: Duration) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(&format!("{GREETING} SET statement_timeout = '{}s'", patience.as_secs())).await
}

struct Security {
    mode: SslMode,
    roots: Option<PathBuf>,
}

impl Security {
    /// Takes what is about TLS out of a URL.
    fn split_off(url: &str) -> Result<(String, Self)> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(refused("the URL of a PostgreSQL database begins with postgres://"));
        }
        let (place, options) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut roots, mut rest) = ("prefer".to_owned(), None, Vec::new());
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let value = percent_decode_str(value).decode_utf8_lossy();
            match name {
                "sslmode" => mode = value.into_owned(),
                "sslrootcert" => roots = Some(PathBuf::from(&*value)),
                _ => rest.push(option),
            }
        }
        let verifies = mode.starts_with("verify-");
        let mode = match mode.as_str() {
            "disable" => SslMode::Disable,
            "allow" | "prefer" => SslMode::Prefer,
            "require" | "verify-ca" | "verify-full" => SslMode::Require,
            _ => return Err(refused("sslmode is disable, prefer, require, verify-ca or verify-full")),
        };
        if verifies && roots.is_none() {
            return Err(refused("this sslmode wants sslrootcert, a PEM file with the certificates to trust"));
        }
        let query = if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) };
        Ok((format!("{place}{query}"), Self { mode, roots }))
    }

    async fn client(&self) -> Result<ClientConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|cause| StoreError::Unavailable(Box::new(cause)))?;
        let builder = match &self.roots {
            Some(path) => builder.with_root_certificates(read_roots(path).await?),
            None => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider))),
        };
        Ok(builder.with_no_client_auth())
    }
}

async fn read_roots(path: &Path) -> Result<RootCertStore> {
    let unreadable = |cause: &dyn std::fmt::Display| refused(format!("sslrootcert cannot be read: {cause}"));
    let text = tokio::fs::read(path).await.map_err(|cause| unreadable(&cause))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|cause| unreadable(&cause))?;
        roots.add(certificate).map_err(|cause| unreadable(&cause))?;
    }
    if roots.is_empty() { Err(unreadable(&"it holds no certificate")) } else { Ok(roots) }
}

fn refused(why: impl Into<String>) -> StoreError {
    StoreError::Unavailable(why.into().into())
}

/// Takes every certificate, but only from who has its key.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
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

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_tls_is_taken_out_of_the_url() {
        let url = "postgres://u@h/d?application_name=a&sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem&options=-csearch_path%3Dx";
        let (rest, security) = Security::split_off(url).expect("a URL");
        assert_eq!(rest, "postgres://u@h/d?application_name=a&options=-csearch_path%3Dx");
        assert_eq!(security.mode, SslMode::Require);
        assert_eq!(security.roots, Some(PathBuf::from("/etc/ca.pem")));
        let (rest, security) = Security::split_off("postgresql://h/d").expect("a URL");
        assert_eq!((rest.as_str(), security.mode, security.roots), ("postgresql://h/d", SslMode::Prefer, None));
    }

    #[test]
    fn a_url_that_asks_for_what_is_not_there_is_refused() {
        for url in ["mysql://h/d", "h", "postgres://h/d?sslmode=maybe", "postgres://h/d?sslmode=verify-full"] {
            assert!(Security::split_off(url).is_err(), "{url}");
        }
    }
}
