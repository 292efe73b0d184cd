//! The key string: 64 lower-case hex characters that every VirusTotal client accepts.
//!
//! | part | hex | meaning |
//! |---|---|---|
//! | marker | 0..4 | `a55a`: what a secret scanner looks for |
//! | key id | 4..16 | names the secret; safe to show, log and audit |
//! | secret | 16..56 | random; never stored, never logged |
//! | checksum | 56..64 | CRC-32 (ISO-HDLC) of the 28 bytes before it |
//!
//! In goes what a client put into the header; out comes a [`Presented`] key or a [`Mistake`] that names what is wrong
//! with the string, before any store is asked.
//!
//! Invariant: neither [`Presented`] nor [`Issued`] prints its secret, and both wipe it when dropped.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::hexadecimal;
use crate::random::Random;

const MARKER: [u8; 2] = [0xa5, 0x5a];
const LENGTH: usize = 32;
const CHECKED: usize = 28;

/// The 48 bits that name a key, as 12 hex digits. Safe to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 6]);

impl KeyId {
    /// In place of a key where a call was made without one.
    pub const NONE: Self = Self([0; 6]);
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 12];
        hex::encode_to_slice(self.0, &mut digits).map_err(|_| fmt::Error)?;
        f.write_str(str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl std::str::FromStr for KeyId {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 6];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

/// The server's own secret that keyed hashes of key secrets are made with; 32 bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Pepper([u8; 32]);

impl Pepper {
    /// A pepper of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A fresh one.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// As 64 hex digits, for its own file.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0))
    }

    /// From the text of its file; blanks around it are fine.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).ok()?;
        Some(Self(bytes))
    }

    fn tag(&self, secret: &[u8]) -> [u8; 32] {
        hmac(&self.0, secret)
    }

    /// A key for another purpose than tags, which says nothing about the pepper or about the key of another purpose.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        hkdf(b"assay derived key v1", &self.0, purpose.as_bytes())
    }
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// The first 32 bytes of HKDF-SHA-256 (RFC 5869).
fn hkdf(salt: &[u8], secret: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let extracted = Zeroizing::new(hmac(salt, secret));
    Zeroizing::new(hmac(&*extracted, &[info, &[1]].concat()))
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(…)")
    }
}

/// A key that was just made; the only moment at which its text exists on our side.
#[derive(ZeroizeOnDrop)]
pub struct Issued {
    bytes: [u8; LENGTH],
}

impl Issued {
    /// Draws a new key.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = [0; LENGTH];
        random.fill(&mut bytes[2..CHECKED]);
        bytes[..2].copy_from_slice(&MARKER);
        let checksum = crc32fast::hash(&bytes[..CHECKED]).to_be_bytes();
        bytes[CHECKED..].copy_from_slice(&checksum);
        Self { bytes }
    }

    /// Its name.
    pub fn id(&self) -> KeyId {
        id_of(&self.bytes)
    }

    /// The whole text, to be shown once.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.bytes))
    }

    /// What is stored in place of the secret, hex.
    pub fn tag(&self, pepper: &Pepper) -> String {
        hex::encode(pepper.tag(&self.bytes[8..CHECKED]))
    }
}

/// A string that is a key by its form: one of ours, or one that was made elsewhere and may have been imported. Whether
/// it is known is for the store to say.
#[derive(ZeroizeOnDrop)]
pub struct Presented {
    bytes: [u8; LENGTH],
    #[zeroize(skip)]
    foreign: bool,
}

impl Presented {
    /// Its name. One that was made elsewhere is named by a keyed hash, so that its name says nothing about it.
    pub fn id(&self, pepper: &Pepper) -> KeyId {
        if !self.foreign {
            return id_of(&self.bytes);
        }
        let mut id = [0; 6];
        id.copy_from_slice(&pepper.tag(&[b"imported key id".as_slice(), &self.bytes].concat())[..6]);
        KeyId(id)
    }

    /// Whether it was made elsewhere.
    pub fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// What is stored in place of the secret, hex.
    pub fn tag(&self, pepper: &Pepper) -> String {
        hex::encode(pepper.tag(self.secret()))
    }

    /// Whether the secret is the one that `tag` (hex) was made of; takes the same time either way.
    pub fn matches(&self, tag: &str, pepper: &Pepper) -> bool {
        let mut stored = [0; 32];
        if !hexadecimal::decode(tag, &mut stored) {
            return false;
        }
        pepper.tag(self.secret()).ct_eq(&stored).into()
    }

    fn secret(&self) -> &[u8] {
        if self.foreign { &self.bytes } else { &self.bytes[8..CHECKED] }
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.foreign { f.write_str("Presented(…)") } else { write!(f, "Presented({}, …)", id_of(&self.bytes)) }
    }
}

fn id_of(bytes: &[u8; LENGTH]) -> KeyId {
    let mut id = [0; 6];
    id.copy_from_slice(&bytes[2..8]);
    KeyId(id)
}

/// What is wrong with a string that was presented as a key. Says nothing that the string itself does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// Blanks around it; HTTP strips them, configuration files and query strings do not.
    #[error("the key has a blank before or after it")]
    Blank,
    /// Quotation marks around it.
    #[error("the key has quotation marks around it")]
    Quotes,
    /// Letters in upper case.
    #[error("the key has upper-case letters; keys are lower case")]
    UpperCase,
    /// Not 64 characters.
    #[error("the key has {0} of 64 characters")]
    Length(usize),
    /// Something else than hexadecimal digits.
    #[error("the key has characters that are not hexadecimal digits")]
    NotHexadecimal,
    /// The checksum is wrong.
    #[error("the key's checksum does not match: a typo")]
    Checksum,
}

/// Reads what a client presented as its key.
pub fn read(text: &str) -> Result<Presented, Mistake> {
    if text.trim() != text {
        return Err(Mistake::Blank);
    }
    let mut key = Presented { bytes: [0; LENGTH], foreign: false };
    if !hexadecimal::decode(text, &mut key.bytes) {
        if text.contains(['"', '\'', '`']) {
            return Err(Mistake::Quotes);
        }
        let count = text.chars().count();
        return Err(if count == 2 * LENGTH { Mistake::NotHexadecimal } else { Mistake::Length(count) });
    }
    let checksum = crc32fast::hash(&key.bytes[..CHECKED]).to_be_bytes();
    let marked = key.bytes[..2] == MARKER;
    match (marked, checksum == key.bytes[CHECKED..]) {
        (true, true) if text.bytes().any(|b| b.is_ascii_uppercase()) => Err(Mistake::UpperCase),
        (true, true) => Ok(key),
        (true, false) => Err(Mistake::Checksum),
        (false, _) => {
            let mut ours = Zeroizing::new(key.bytes);
            ours[..2].copy_from_slice(&MARKER);
            if crc32fast::hash(&ours[..CHECKED]).to_be_bytes() == ours[CHECKED..] {
                return Err(Mistake::Checksum);
            }
            key.foreign = true;
            Ok(key)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Counting;

    fn key() -> (Issued, String) {
        let issued = Issued::generate(&Counting::default());
        let text = issued.reveal().to_string();
        (issued, text)
    }

    #[test]
    fn an_issued_key_is_read_back_and_matches_its_tag_only_under_its_pepper() {
        let (issued, text) = key();
        assert_eq!(text.len(), 64);
        assert!(text.starts_with("a55a"));
        assert_eq!(&text[4..16], issued.id().to_string());
        let pepper = Pepper::new([7; 32]);
        let presented = read(&text).expect("our own key");
        assert!(presented.matches(&issued.tag(&pepper), &pepper));
        assert!(!presented.matches(&issued.tag(&pepper), &Pepper::new([8; 32])));
        assert!(!presented.matches("", &pepper));
    }

    #[test]
    fn each_mistake_is_named() {
        let (_, text) = key();
        let typo = if text.ends_with('0') { "1" } else { "0" };
        assert_eq!(read(&format!("{text} ")).err(), Some(Mistake::Blank));
        assert_eq!(read(&format!("\"{text}\"")).err(), Some(Mistake::Quotes));
        assert_eq!(read(&text.to_uppercase()).err(), Some(Mistake::UpperCase));
        assert_eq!(read(&text[..62]).err(), Some(Mistake::Length(62)));
        assert_eq!(read(&"g".repeat(64)).err(), Some(Mistake::NotHexadecimal));
        assert_eq!(read(&format!("{}{typo}", &text[..63])).err(), Some(Mistake::Checksum));
        assert_eq!(read("").err(), Some(Mistake::Length(0)));
    }

    #[test]
    fn a_key_made_elsewhere_has_a_name_and_a_tag_that_say_nothing_about_it() {
        let text = "0123456789abcdef".repeat(4);
        let pepper = Pepper::new([7; 32]);
        let presented = read(&text).expect("a key by its form");
        assert!(presented.is_foreign() && !text.contains(&presented.id(&pepper).to_string()));
        let tag = presented.tag(&pepper);
        assert!(read(&text.to_uppercase()).expect("any case").matches(&tag, &pepper));
        assert!(!read(&"1".repeat(64)).expect("a key by its form").matches(&tag, &pepper));
        assert!(!format!("{presented:?}").contains(&text[..12]));
    }

    #[test]
    fn keys_are_derived_as_rfc_5869_says() {
        let salt: Vec<u8> = (0..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let derived = hkdf(&salt, &[0x0b; 22], &info);
        assert_eq!(hex::encode(*derived), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
        let pepper = Pepper::new([7; 32]);
        assert_ne!(pepper.derive("one"), pepper.derive("another"));
        assert_ne!(*pepper.derive("one"), pepper.tag(b"one"));
    }

    #[test]
    fn no_debug_output_holds_the_secret() {
        let (issued, text) = key();
        let presented = read(&text).expect("our own key");
        let shown = format!("{presented:?} {:?}", Pepper::new([7; 32]));
        assert!(!shown.contains(&text[16..56]));
        assert!(shown.contains(&issued.id().to_string()));
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(text in "\\PC{0,80}") {
            let _ = read(&text);
        }

        #[test]
        fn one_changed_digit_is_always_noticed(at in 0usize..64, digit in 0u8..16) {
            let (_, text) = key();
            let mut changed = text.clone().into_bytes();
            changed[at] = b"0123456789abcdef"[usize::from(digit)];
            let changed = String::from_utf8(changed).expect("ascii");
            proptest::prop_assert_eq!(read(&changed).is_ok(), changed == text);
        }
    }
}
