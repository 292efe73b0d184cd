//! A TLS certificate as its report shows it (reference 5.9); also the value of `last_https_certificate`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Timestamp;

/// The attributes of a certificate. Numbers of any size are hexadecimal text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SslCert {
    /// How it is signed.
    pub cert_signature: CertSignature,
    /// Its extensions by name, unknown ones by number: see reference 5.9.
    pub extensions: BTreeMap<String, Value>,
    /// When it was first seen here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen_date: Option<Timestamp>,
    /// Who issued it, as far as it says: `C`, `CN`, `L`, `O`, `OU`, `ST`.
    pub issuer: BTreeMap<String, String>,
    /// Whose it is.
    pub subject: BTreeMap<String, String>,
    /// The key that it is for.
    pub public_key: PublicKey,
    /// Its number.
    pub serial_number: String,
    /// Bytes.
    pub size: u64,
    /// What it is tagged with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Its SHA-1.
    pub thumbprint: String,
    /// Its SHA-256; the object's id.
    pub thumbprint_sha256: String,
    /// From when to when it holds.
    pub validity: Validity,
    /// `V1`, `V2` or `V3`.
    pub version: String,
}

/// How a certificate is signed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CertSignature {
    /// The signature.
    pub signature: String,
    /// By what algorithm.
    pub signature_algorithm: String,
}

/// The key that a certificate is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicKey {
    /// `RSA`, `DSA` or `EC`; the number of another algorithm.
    pub algorithm: String,
    /// Of RSA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rsa: Option<RsaKey>,
    /// Of elliptic curves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ec: Option<EcKey>,
}

/// An RSA key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RsaKey {
    /// Bits.
    pub key_size: u64,
    /// Its modulus.
    pub modulus: String,
    /// Its exponent.
    pub exponent: String,
}

/// A key on an elliptic curve.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EcKey {
    /// The curve.
    pub oid: String,
    /// The point.
    #[serde(rename = "pub")]
    pub point: String,
}

/// From when to when a certificate holds, `%Y-%m-%d %H:%M:%S` in UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Validity {
    /// The first second.
    pub not_before: String,
    /// The last second.
    pub not_after: String,
}
