//! MD5, SHA-1 and SHA-256 as types: parsed once at the edge, trusted after. In goes hex or bytes; out come
//! fixed-size digests that print as lower-case hex.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use md5::Digest as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::hexadecimal;

/// A digest of `N` bytes; prints and serialises as `2 × N` lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest<const N: usize>([u8; N]);

/// 32 hex digits.
pub type Md5 = Digest<16>;
/// 40 hex digits.
pub type Sha1 = Digest<20>;
/// 64 hex digits; names a file and its blob.
pub type Sha256 = Digest<32>;

impl<const N: usize> Digest<N> {
    /// Wraps the raw bytes of a digest.
    pub const fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    pub const fn bytes(&self) -> &[u8; N] {
        &self.0
    }
}

impl Sha256 {
    /// The SHA-256 of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(<sha2::Sha256 as sha2::Digest>::digest(bytes).into())
    }
}

/// The text was not a digest: wrong length or not hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a hash: {0}")]
pub struct NotAHash(&'static str);

impl<const N: usize> FromStr for Digest<N> {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let mut bytes = [0; N];
        if text.len() != 2 * N {
            return Err(NotAHash("wrong length"));
        }
        if hexadecimal::decode(text, &mut bytes) { Ok(Self(bytes)) } else { Err(NotAHash("not hexadecimal")) }
    }
}

impl<const N: usize> fmt::Display for Digest<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // On the stack: digests are printed on every look-up, and none is longer than 64 digits.
        let mut digits = [0; 64];
        let digits = digits.get_mut(..2 * N).ok_or(fmt::Error)?;
        hex::encode_to_slice(self.0, digits).map_err(|_| fmt::Error)?;
        f.write_str(str::from_utf8(digits).map_err(|_| fmt::Error)?)
    }
}

impl<const N: usize> fmt::Debug for Digest<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const N: usize> Serialize for Digest<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Digest<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl<const N: usize> schemars::JsonSchema for Digest<N> {
    fn schema_name() -> Cow<'static, str> {
        format!("Hex{}", 2 * N).into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": format!("^[0-9a-f]{{{}}}$", 2 * N) })
    }
}

/// A file named by any of the three hashes that VirusTotal accepts, told apart by length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileHash {
    /// 32 hex digits.
    Md5(Md5),
    /// 40 hex digits.
    Sha1(Sha1),
    /// 64 hex digits.
    Sha256(Sha256),
}

impl FromStr for FileHash {
    type Err = NotAHash;

    /// Accepts upper and lower case.
    fn from_str(text: &str) -> Result<Self, NotAHash> {
        match text.len() {
            32 => text.parse().map(Self::Md5),
            40 => text.parse().map(Self::Sha1),
            64 => text.parse().map(Self::Sha256),
            _ => Err(NotAHash("a file is named by 32 (MD5), 40 (SHA-1) or 64 (SHA-256) hexadecimal digits")),
        }
    }
}

/// The three hashes and the size of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// MD5.
    pub md5: Md5,
    /// SHA-1.
    pub sha1: Sha1,
    /// SHA-256; the file's identity.
    pub sha256: Sha256,
    /// Bytes.
    pub size: u64,
}

impl Digests {
    /// Digests of bytes already in memory.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }
}

/// Computes [`Digests`] of a stream, chunk by chunk.
#[derive(Default)]
pub struct Hasher {
    md5: md5::Md5,
    sha1: sha1::Sha1,
    sha256: sha2::Sha256,
    size: u64,
}

/// Bytes in a block of each of the three hashes.
const BLOCK: usize = 64;

impl Hasher {
    /// Feeds the next chunk. Each hash gets one block at a time: every step of MD5 waits for the step before, and while
    /// it waits the processor works on the other two. That takes a seventh less time than one hash after the other.
    pub fn update(&mut self, chunk: &[u8]) {
        // Whole blocks are hashed where they are; what came before may have ended within one.
        let begun = usize::try_from(self.size % BLOCK as u64).unwrap_or(0);
        let (end_of_block, blocks) = chunk.split_at(chunk.len().min((BLOCK - begun) % BLOCK));
        self.feed(end_of_block);
        blocks.chunks(BLOCK).for_each(|block| self.feed(block));
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.sha1.update(bytes);
        self.sha256.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// Bytes fed so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Ends the stream.
    pub fn finish(self) -> Digests {
        Digests {
            md5: Digest(self.md5.finalize().into()),
            sha1: Digest(self.sha1.finalize().into()),
            sha256: Digest(self.sha256.finalize().into()),
            size: self.size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_file_has_the_well_known_digests() {
        let digests = Digests::of(b"");
        assert_eq!(digests.md5.to_string(), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(digests.sha1.to_string(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!(digests.sha256.to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(digests.size, 0);
    }

    #[test]
    fn digests_are_the_same_however_the_bytes_come() {
        let bytes: Vec<u8> = (0..1_000_u32).map(|place| place.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        for len in [0, 1, 55, 63, 64, 65, 128, 1_000] {
            let bytes = &bytes[..len];
            let expected = Digests {
                md5: Digest(md5::Md5::digest(bytes).into()),
                sha1: Digest(sha1::Sha1::digest(bytes).into()),
                sha256: Digest(sha2::Sha256::digest(bytes).into()),
                size: len as u64,
            };
            for piece in 1..=200 {
                let mut hasher = Hasher::default();
                bytes.chunks(piece).for_each(|piece| hasher.update(piece));
                assert_eq!(hasher.finish(), expected, "{len} bytes by {piece}");
            }
        }
    }

    #[test]
    fn a_hash_is_told_apart_by_its_length_and_any_case_is_accepted() {
        let upper = "D41D8CD98F00B204E9800998ECF8427E";
        assert!(matches!(upper.parse(), Ok(FileHash::Md5(md5)) if md5.to_string() == upper.to_lowercase()));
        assert!("d41d8cd98f00b204e9800998ecf8427".parse::<FileHash>().is_err());
        assert!("z41d8cd98f00b204e9800998ecf8427e".parse::<FileHash>().is_err());
        assert!("é41d8cd98f00b204e9800998ecf8427".parse::<FileHash>().is_err());
    }
}
