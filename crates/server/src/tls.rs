//! Certificates. In goes what `tls` says, out comes what the listener needs, and for `self-signed` the file that clients
//! must trust.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What `tls` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tls {
    /// Plain HTTP.
    Off,
    /// A certificate of our own authority, made in the data folder.
    SelfSigned,
    /// The operator's.
    Files(PathBuf, PathBuf),
}

impl Tls {
    /// Reads `off`, `self-signed` or `CERTIFICATE,KEY`.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        match text {
            "off" => Ok(Self::Off),
            "self-signed" => Ok(Self::SelfSigned),
            files => {
                let (certificate, key) = files.split_once(',').with_context(|| {
                    format!("tls is off, self-signed or CERTIFICATE,KEY (two PEM files), not \"{files}\"")
                })?;
                Ok(Self::Files(certificate.into(), key.into()))
            }
        }
    }

    /// Whether clients speak TLS.
    pub(crate) fn is_on(&self) -> bool {
        *self != Self::Off
    }
}

/// What the listener needs.
pub(crate) struct Certificates {
    /// For rustls.
    pub(crate) config: Arc<ServerConfig>,
    /// What clients must trust, where it is ours.
    pub(crate) authority: Option<PathBuf>,
}

/// Opens or makes the certificates.
pub(crate) fn open(tls: &Tls, data: &Path) -> anyhow::Result<Option<Certificates>> {
    let (certificate, key, authority) = match tls {
        Tls::Off => return Ok(None),
        Tls::Files(certificate, key) => (certificate.clone(), key.clone(), None),
        Tls::SelfSigned => {
            let folder = data.join("tls");
            let (authority, certificate, key) =
                (folder.join("ca.pem"), folder.join("cert.pem"), folder.join("key.pem"));
            if !key.exists() {
                make(&folder, &authority, &certificate, &key).context("cannot make the certificates")?;
            }
            (certificate, key, Some(authority))
        }
    };
    let chain = CertificateDer::pem_file_iter(&certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot read a certificate from {}", certificate.display()))?;
    let private = PrivateKeyDer::from_pem_file(&key)
        .with_context(|| format!("cannot read a private key from {}", key.display()))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .context("the certificate and the private key do not fit together")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(Certificates { config: Arc::new(config), authority }))
}

/// Makes an authority and a certificate for this machine; the authority's own key is thrown away, so nothing else can
/// ever be signed with it.
fn make(folder: &Path, authority: &Path, certificate: &Path, key: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "Assay self-signed authority");
    let authority_key = KeyPair::generate()?;
    let authority_certificate = params.self_signed(&authority_key)?;
    let issuer = Issuer::new(params, authority_key);

    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    names.extend(machine_name().filter(|name| !names.contains(name)));
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "Assay");
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let own_key = KeyPair::generate()?;
    let own = params.signed_by(&own_key, &issuer)?;
    write(folder, authority, &authority_certificate.pem())?;
    write(folder, certificate, &own.pem())?;
    // Last: its presence says that the others are there.
    write(folder, key, &own_key.serialize_pem())
}

/// Writes a file whole or not at all, readable by its owner only.
fn write(folder: &Path, path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// The name by which the network knows this machine.
fn machine_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    plain.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_are_told_apart() {
        assert_eq!(Tls::parse("off").ok(), Some(Tls::Off));
        assert_eq!(Tls::parse("self-signed").ok(), Some(Tls::SelfSigned));
        assert_eq!(Tls::parse("a.pem,b.pem").ok(), Some(Tls::Files("a.pem".into(), "b.pem".into())));
        assert!(Tls::parse("on").is_err());
    }

    #[test]
    fn self_signed_certificates_are_made_once_and_used_again() {
        let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a folder");
        let first = open(&Tls::SelfSigned, folder.path()).expect("made").expect("on");
        let path = first.authority.expect("ours");
        let text = fs::read_to_string(&path).expect("a file");
        open(&Tls::SelfSigned, folder.path()).expect("used again");
        assert_eq!(fs::read_to_string(&path).expect("a file"), text);
    }
}
