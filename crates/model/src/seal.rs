//! Small secrets at rest: what must be had again in the clear (a webhook's secret), and must not be readable in a stolen
//! database. XChaCha20-Poly1305 under a key of the installation's [`Pepper`]; 24 random bytes make the nonce.
//!
//! The text is `v1.` and, in URL-safe base64 without padding, nonce, ciphertext and tag. The name of the record that
//! holds it is authenticated with it, so that it opens nowhere else.
//!
//! Invariant: a [`Sealer`] never shows its key, and wipes it when dropped.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::apikey::Pepper;
use crate::random::Random;

const VERSION: &str = "v1.";
const NONCE: usize = 24;
const TAG: usize = size_of::<Tag>();

/// A sealed secret that does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not a text that this module makes.
    #[error("this is no sealed secret")]
    Malformed,
    /// Another pepper, another purpose, another record, or a changed text.
    #[error("the sealed secret does not open: it was changed or moved, or the pepper is another")]
    Refused,
}

/// Seals and opens the secrets of one purpose.
pub struct Sealer(XChaCha20Poly1305);

impl Sealer {
    /// A sealer for `purpose`, a constant text that no other use of the pepper shares.
    pub fn new(pepper: &Pepper, purpose: &str) -> Self {
        Self(XChaCha20Poly1305::new((&*pepper.derive(purpose)).into()))
    }

    /// Seals `secret` for the record that `record` names.
    pub fn seal(&self, record: &str, secret: &[u8], random: &dyn Random) -> String {
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce);
        let payload = Payload { msg: secret, aad: record.as_bytes() };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).expect("a secret is shorter than 256 GiB");
        format!("{VERSION}{}", BASE64.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Opens what was sealed for the record that `record` names.
    pub fn open(&self, record: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let text = sealed.strip_prefix(VERSION).ok_or(SealError::Malformed)?;
        let bytes = BASE64.decode(text).map_err(|_| SealError::Malformed)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or(SealError::Malformed)?;
        if sealed.len() < TAG {
            return Err(SealError::Malformed);
        }
        let payload = Payload { msg: sealed, aad: record.as_bytes() };
        self.0.decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| SealError::Refused)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Counting;

    fn sealer(pepper: u8, purpose: &str) -> Sealer {
        Sealer::new(&Pepper::new([pepper; 32]), purpose)
    }

    #[test]
    fn a_secret_opens_only_under_its_pepper_for_its_purpose_and_in_its_record() {
        let random = Counting::default();
        let sealed = sealer(7, "webhook").seal("webhook/1", b"the secret", &random);
        assert_eq!(sealer(7, "webhook").open("webhook/1", &sealed).expect("ours").as_slice(), b"the secret");
        assert_eq!(sealer(8, "webhook").open("webhook/1", &sealed), Err(SealError::Refused));
        assert_eq!(sealer(7, "upstream").open("webhook/1", &sealed), Err(SealError::Refused));
        assert_eq!(sealer(7, "webhook").open("webhook/2", &sealed), Err(SealError::Refused));
    }

    #[test]
    fn the_same_secret_never_looks_the_same() {
        let (sealer, random) = (sealer(7, "webhook"), Counting::default());
        let first = sealer.seal("webhook/1", b"the secret", &random);
        assert_ne!(first, sealer.seal("webhook/1", b"the secret", &random));
    }

    #[test]
    fn one_changed_character_is_always_noticed() {
        let sealer = sealer(7, "webhook");
        let text = sealer.seal("webhook/1", b"the secret", &Counting::default());
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(sealer.open("webhook/1", &changed).is_err(), "{changed}");
        }
    }

    #[test]
    fn what_was_never_sealed_is_told_apart() {
        for text in ["", "v1.", "v1.AAAA", "v2.AAAA", "v1.?", "whsec_AAAA"] {
            assert_eq!(sealer(7, "webhook").open("webhook/1", text), Err(SealError::Malformed), "{text}");
        }
    }

    #[test]
    fn no_debug_output_shows_anything() {
        assert_eq!(format!("{:?}", sealer(7, "webhook")), "Sealer(…)");
    }
}
