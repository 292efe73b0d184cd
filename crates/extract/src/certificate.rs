//! A TLS certificate, in DER, as its report shows it.

use std::collections::BTreeMap;

use assay_model::ssl_cert::{CertSignature, EcKey, PublicKey, RsaKey, SslCert, Validity};
use serde_json::{Map, Value, json};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use x509_parser::asn1_rs::Oid;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::oid_registry::OidRegistry;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::time::ASN1Time;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

/// A longer list or text in a certificate is cut.
const LISTED: usize = 500;
const TEXT: usize = 4096;

/// Reads a certificate; none where it is none.
pub fn read(der: &[u8]) -> Option<SslCert> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    let own = der.get(..der.len().saturating_sub(rest.len()))?;
    let validity = certificate.validity();
    let self_signed = certificate.issuer().as_raw() == certificate.subject().as_raw();
    Some(SslCert {
        cert_signature: CertSignature {
            signature: hex::encode(&certificate.signature_value.data),
            signature_algorithm: name_of(&certificate.signature_algorithm.algorithm),
        },
        extensions: extensions(&certificate),
        first_seen_date: None,
        issuer: name(certificate.issuer()),
        subject: name(certificate.subject()),
        public_key: public_key(certificate.public_key()),
        serial_number: hex::encode(certificate.raw_serial()),
        size: own.len() as u64,
        tags: if self_signed { vec!["self-signed".to_owned()] } else { Vec::new() },
        thumbprint: hex::encode(Sha1::digest(own)),
        thumbprint_sha256: hex::encode(Sha256::digest(own)),
        validity: Validity { not_before: moment(validity.not_before), not_after: moment(validity.not_after) },
        version: format!("V{}", certificate.version().0.saturating_add(1)),
    })
}

/// `%Y-%m-%d %H:%M:%S`.
fn moment(time: ASN1Time) -> String {
    let date = time.to_datetime();
    let (day, clock) = (date.date(), date.time());
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        day.year(),
        u8::from(day.month()),
        day.day(),
        clock.hour(),
        clock.minute(),
        clock.second()
    )
}

fn name_of(oid: &Oid) -> String {
    let registry = OidRegistry::default().with_all_crypto().with_x509();
    registry.get(oid).map_or_else(|| oid.to_id_string(), |entry| entry.sn().to_owned())
}

fn cut(text: &str) -> String {
    text.get(..text.floor_char_boundary(TEXT)).unwrap_or_default().to_owned()
}

/// The parts of a name that the report shows.
fn name(name: &X509Name) -> BTreeMap<String, String> {
    let mut parts: BTreeMap<String, String> = BTreeMap::new();
    for attribute in name.iter_attributes().take(LISTED) {
        let key = match attribute.attr_type().to_id_string().as_str() {
            "2.5.4.3" => "CN",
            "2.5.4.6" => "C",
            "2.5.4.7" => "L",
            "2.5.4.8" => "ST",
            "2.5.4.10" => "O",
            "2.5.4.11" => "OU",
            _ => continue,
        };
        let value = cut(attribute.as_str().unwrap_or_default());
        parts.entry(key.to_owned()).or_insert(value);
    }
    parts
}

fn public_key(key: &SubjectPublicKeyInfo) -> PublicKey {
    match key.parsed() {
        Ok(Parsed::RSA(rsa)) => PublicKey {
            algorithm: "RSA".to_owned(),
            rsa: Some(RsaKey {
                key_size: rsa.key_size() as u64,
                modulus: hex::encode(rsa.modulus),
                exponent: hex::encode(rsa.exponent),
            }),
            ec: None,
        },
        Ok(Parsed::EC(point)) => {
            let curve = key.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
            let oid = curve.map(|oid| name_of(&oid)).unwrap_or_default();
            let ec = Some(EcKey { oid, point: hex::encode(point.data()) });
            PublicKey { algorithm: "EC".to_owned(), rsa: None, ec }
        }
        Ok(Parsed::DSA(_)) => PublicKey { algorithm: "DSA".to_owned(), rsa: None, ec: None },
        _ => PublicKey { algorithm: name_of(&key.algorithm.algorithm), rsa: None, ec: None },
    }
}

fn general(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DNSName(text) | GeneralName::URI(text) | GeneralName::RFC822Name(text) => Some(cut(text)),
        GeneralName::IPAddress(bytes) => match *bytes {
            [a, b, c, d] => Some(std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string()),
            bytes => <[u8; 16]>::try_from(bytes).ok().map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
        },
        _ => None,
    }
}

fn generals(names: &[GeneralName]) -> Value {
    names.iter().take(LISTED).filter_map(general).collect::<Vec<_>>().into()
}

fn extensions(certificate: &X509Certificate) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for extension in certificate.extensions().iter().take(LISTED) {
        let (key, value) = match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(basic) => ("CA", json!(basic.ca)),
            ParsedExtension::SubjectKeyIdentifier(id) => ("subject_key_identifier", json!(hex::encode(id.0))),
            ParsedExtension::AuthorityKeyIdentifier(authority) => {
                let mut parts = Map::new();
                if let Some(id) = &authority.key_identifier {
                    parts.insert("keyid".to_owned(), hex::encode(id.0).into());
                }
                if let Some(serial) = authority.authority_cert_serial {
                    parts.insert("serial_number".to_owned(), hex::encode(serial).into());
                }
                ("authority_key_identifier", parts.into())
            }
            ParsedExtension::KeyUsage(usage) => ("key_usage", words(&usage.to_string())),
            ParsedExtension::ExtendedKeyUsage(usage) => {
                let known = [
                    (usage.server_auth, "serverAuth"),
                    (usage.client_auth, "clientAuth"),
                    (usage.code_signing, "codeSigning"),
                    (usage.email_protection, "emailProtection"),
                    (usage.time_stamping, "timeStamping"),
                    (usage.ocsp_signing, "OCSPSigning"),
                ];
                let mut list: Vec<_> =
                    known.iter().filter(|(has, _)| *has).map(|(_, word)| (*word).to_owned()).collect();
                list.extend(usage.other.iter().take(LISTED).map(Oid::to_id_string));
                ("extended_key_usage", list.into())
            }
            ParsedExtension::SubjectAlternativeName(names) => {
                ("subject_alternative_name", generals(&names.general_names))
            }
            ParsedExtension::CertificatePolicies(policies) => {
                let list: Vec<_> = policies.iter().take(LISTED).map(|one| one.policy_id.to_id_string()).collect();
                ("certificate_policies", list.into())
            }
            ParsedExtension::AuthorityInfoAccess(access) => {
                let mut parts = Map::new();
                for one in access.accessdescs.iter().take(LISTED) {
                    let key = match one.access_method.to_id_string().as_str() {
                        "1.3.6.1.5.5.7.48.1" => "OCSP",
                        "1.3.6.1.5.5.7.48.2" => "CA Issuers",
                        _ => continue,
                    };
                    if let Some(text) = general(&one.access_location) {
                        parts.insert(key.to_owned(), text.into());
                    }
                }
                ("ca_information_access", parts.into())
            }
            ParsedExtension::CRLDistributionPoints(points) => {
                let full = points.points.iter().take(LISTED).filter_map(|point| match &point.distribution_point {
                    Some(DistributionPointName::FullName(names)) => names.first().and_then(general),
                    _ => None,
                });
                ("crl_distribution_points", full.collect::<Vec<_>>().into())
            }
            ParsedExtension::NsCertComment(text) => ("netscape_cert_comment", json!(cut(text))),
            _ => {
                let bytes = extension.value.get(..TEXT).unwrap_or(extension.value);
                found.insert(extension.oid.to_id_string(), hex::encode(bytes).into());
                continue;
            }
        };
        found.insert(key.to_owned(), value);
    }
    found
}

/// `Digital Signature, Key Encipherment` as a list.
fn words(text: &str) -> Value {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    fn made() -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["x.example".to_owned(), "192.0.2.1".to_owned()]).expect("names");
        params.distinguished_name.push(DnType::CommonName, "x.example");
        params.distinguished_name.push(DnType::OrganizationName, "X");
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("a certificate").der().to_vec()
    }

    #[test]
    fn a_certificate_is_read() {
        let der = made();
        let read = read(&der).expect("a certificate");
        assert_eq!((&*read.version, read.size, read.thumbprint_sha256.len()), ("V3", der.len() as u64, 64));
        assert_eq!((&*read.subject["CN"], &*read.subject["O"], read.issuer == read.subject), ("x.example", "X", true));
        assert_eq!(read.extensions["subject_alternative_name"], json!(["x.example", "192.0.2.1"]));
        assert_eq!((&*read.public_key.algorithm, read.public_key.ec.is_some()), ("EC", true));
        assert_eq!(read.tags, ["self-signed"]);
        assert_eq!(read.validity.not_before.len(), "2026-01-01 00:00:00".len());
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        let der = made();
        assert_eq!(read(b""), None);
        assert_eq!(read(&der[..der.len() - 1]), None);
    }

    proptest! {
        #[test]
        fn no_damage_makes_it_panic(place in 0_usize..400, value in any::<u8>()) {
            let mut der = made();
            if let Some(byte) = der.get_mut(place) {
                *byte = value;
            }
            let _ = read(&der);
        }
    }
}
