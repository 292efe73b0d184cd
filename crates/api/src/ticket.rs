//! Addresses that are their own ticket: whoever has one gets the bytes that it names, without a key, until it is over. In
//! goes a blob's name, out comes `sha256-expiry-seal`, and back.

use assay_model::{Error, Result, Sha256, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use subtle::ConstantTimeEq as _;

use crate::app::App;

/// How long an address lives, seconds.
const LIFE: i64 = 3600;

/// What a ticket is good for, and for nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// The bytes of a file.
    Download,
    /// A picture.
    Picture,
}

impl For {
    const fn word(self) -> &'static [u8] {
        match self {
            Self::Download => b"download:",
            Self::Picture => b"picture:",
        }
    }
}

/// A ticket for a blob, from now on.
pub(crate) fn issue(app: &App, purpose: For, sha256: &Sha256) -> String {
    let expires = Timestamp(app.now().0 + LIFE);
    let seal = hex::encode(seal(app, purpose, sha256, expires));
    format!("{sha256}-{}-{seal}", expires.0)
}

/// The blob that a ticket is for; 404 where it is over, or was never issued.
pub(crate) fn redeem(app: &App, purpose: For, ticket: &str) -> Result<Sha256> {
    let gone = || Error::not_found("Download address", "it is over, or never was; ask for a new one");
    let mut parts = ticket.splitn(3, '-');
    let mut next = || parts.next().unwrap_or_default();
    let sha256: Sha256 = next().parse().map_err(|_| gone())?;
    let expires = Timestamp(next().parse().map_err(|_| gone())?);
    let presented = hex::decode(next()).map_err(|_| gone())?;
    let genuine: bool = seal(app, purpose, &sha256, expires).ct_eq(&presented).into();
    if !genuine || expires < app.now() {
        return Err(gone());
    }
    Ok(sha256)
}

fn seal(app: &App, purpose: For, sha256: &Sha256, expires: Timestamp) -> Vec<u8> {
    let pepper = app.pepper.to_hex();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(pepper.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(purpose.word());
    mac.update(sha256.bytes());
    mac.update(&expires.0.to_be_bytes());
    mac.finalize().into_bytes()[..16].to_vec()
}
