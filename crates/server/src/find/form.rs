//! What counts as a key: ours by marker and checksum, exactly; any other 64 hexadecimal digits by their shape. Also as
//! Base64 (Kubernetes keeps secrets so) and in UTF-16 (Windows does).

use assay_model::apikey::{self, KeyId};
use zeroize::Zeroizing;

/// Characters of a key.
pub(super) const LENGTH: usize = 64;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// An Assay server's key: marker and checksum are right.
    Assay(KeyId),
    /// Something in the shape of a key.
    Possible,
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    /// As it is.
    Plain,
    /// In Base64, alone or inside something longer.
    Base64,
    /// A zero byte after each character.
    Utf16,
}

impl Writing {
    /// Its name in JSON.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Base64 => "base64",
            Self::Utf16 => "utf-16",
        }
    }
}

/// A place where one of our keys may begin: the start of the marker in some writing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sign {
    /// The bytes to look for.
    pub(super) bytes: &'static [u8],
    /// How many bytes before them the group of four begins (Base64), or the key itself.
    pub(super) before: usize,
    /// How many bytes of the decoded group stand before the key.
    pub(super) skip: usize,
    /// The writing that it is a sign of.
    pub(super) writing: Writing,
}

const fn plain(bytes: &'static [u8]) -> Sign {
    Sign { bytes, before: 0, skip: 0, writing: Writing::Plain }
}

const fn base64(bytes: &'static [u8], before: usize, skip: usize) -> Sign {
    Sign { bytes, before, skip, writing: Writing::Base64 }
}

/// The marker `a55a` in every writing. In Base64 it looks different at each of the three places of a group; what its
/// neighbours have a share in is left out.
pub(super) const SIGNS: &[Sign] = &[
    plain(b"a55a"),
    plain(b"A55A"),
    base64(b"YTU1Y", 0, 0),
    base64(b"E1NW", 2, 1),
    base64(b"hNTVh", 3, 2),
    Sign { bytes: b"a\x005\x005\x00a\x00", before: 0, skip: 0, writing: Writing::Utf16 },
];

/// Where the id of one of our keys stands.
const ID: std::ops::Range<usize> = 4..16;

/// Characters of a key in Base64.
pub(super) const IN_BASE64: usize = 86;

/// The longest stretch that a key takes in any writing.
pub(super) const LONGEST: usize = 2 * LENGTH;

/// The key of ours that a sign stands at the start of. `window` begins where [`Sign::before`] says.
pub(super) fn ours(window: &[u8], sign: &Sign) -> Option<(KeyId, Zeroizing<String>)> {
    let text = match sign.writing {
        Writing::Plain => Zeroizing::new(window.get(..LENGTH)?.to_vec()),
        Writing::Utf16 => {
            let pairs = window.get(..2 * LENGTH - 1)?;
            if pairs.iter().skip(1).step_by(2).any(|byte| *byte != 0) {
                return None;
            }
            Zeroizing::new(pairs.iter().step_by(2).copied().collect())
        }
        Writing::Base64 => {
            // What `base64` prints is wrapped.
            let characters = window.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
            let characters: Zeroizing<Vec<u8>> = Zeroizing::new(characters.take(4 * (LENGTH + 4) / 3).collect());
            Zeroizing::new(decode(&characters, sign.skip + LENGTH)?.split_off(sign.skip))
        }
    };
    let text = Zeroizing::new(std::str::from_utf8(&text).ok()?.to_ascii_lowercase());
    let key = apikey::read(&text).ok().filter(|key| !key.is_foreign());
    key.and_then(|_| Some((text.get(ID)?.parse().ok()?, text)))
}

/// The key that exactly this run of Base64 characters holds, with or without a line end.
pub(super) fn in_base64(run: &[u8]) -> Option<Zeroizing<String>> {
    // 64 bytes are 86 characters, 65 are 87, each before its padding.
    let length = match run.len() {
        IN_BASE64 => LENGTH,
        87 => LENGTH + 1,
        _ => return None,
    };
    let bytes = Zeroizing::new(decode(run, length)?);
    let text = std::str::from_utf8(&bytes).ok()?.trim_end_matches('\n');
    (text.len() == LENGTH && text.bytes().all(is_hex)).then(|| Zeroizing::new(text.to_ascii_lowercase()))
}

/// The first `wanted` bytes that Base64 characters stand for.
fn decode(text: &[u8], wanted: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(wanted + 2);
    for group in text.chunks(4) {
        if bytes.len() >= wanted {
            break;
        }
        let mut bits = 0u32;
        for character in group {
            bits = bits << 6 | u32::from(sextet(*character)?);
        }
        bits <<= 6 * (4 - group.len());
        // A group of n characters holds n - 1 whole bytes.
        bytes.extend_from_slice(&bits.to_be_bytes()[1..][..group.len() - 1]);
    }
    (bytes.len() >= wanted).then(|| {
        bytes.truncate(wanted);
        bytes
    })
}

/// RFC 4648, sections 4 and 5: both alphabets.
const fn sextet(character: u8) -> Option<u8> {
    match character {
        b'A'..=b'Z' => Some(character - b'A'),
        b'a'..=b'z' => Some(character - b'a' + 26),
        b'0'..=b'9' => Some(character - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

pub(super) const fn is_hex(byte: u8) -> bool {
    HEX[byte as usize]
}

pub(super) const fn is_base64(byte: u8) -> bool {
    BASE64[byte as usize]
}

/// Classes of bytes by table: every byte of every file is asked for.
const HEX: [bool; 256] = table(false);
const BASE64: [bool; 256] = table(true);

const fn table(base64: bool) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0u8;
    loop {
        table[byte as usize] = if base64 { sextet(byte).is_some() } else { byte.is_ascii_hexdigit() };
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

/// Whether digits may be random: a filler such as `000…` or `0123…0123…` is none.
pub(super) fn looks_random(digits: &str) -> bool {
    let mut seen = [false; 256];
    digits.bytes().for_each(|byte| seen[usize::from(byte)] = true);
    let distinct = seen.iter().filter(|seen| **seen).count();
    let (front, back) = digits.split_at(digits.len() / 2);
    // Of 64 random hexadecimal digits fewer than nine different ones come once in 10^12 times.
    distinct >= 9 && front != back && digits.get(..16) != digits.get(16..32)
}

#[cfg(test)]
mod tests {
    use assay_model::apikey::Issued;
    use assay_model::random::Counting;

    use super::*;

    fn key() -> String {
        Issued::generate(&Counting::default()).reveal().to_string()
    }

    fn encoded(text: &str) -> String {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut out = String::new();
        for group in text.as_bytes().chunks(3) {
            let mut bits = 0u32;
            for at in 0..3 {
                bits = bits << 8 | u32::from(group.get(at).copied().unwrap_or(0));
            }
            for place in 0..=group.len() {
                out.push(char::from(alphabet[(bits >> (18 - 6 * place) & 63) as usize]));
            }
        }
        out
    }

    #[test]
    fn the_marker_is_seen_at_each_of_the_three_places_of_base64() {
        let key = key();
        for before in ["", "u", "us", "use", "user", "user:"] {
            let text = encoded(&format!("{before}{key} and more"));
            let found = SIGNS.iter().filter(|sign| sign.writing == Writing::Base64).any(|sign| {
                let places = text.as_bytes().windows(sign.bytes.len()).enumerate();
                let mut places = places.filter(|(_, window)| *window == sign.bytes).map(|(at, _)| at);
                places.any(|at| at >= sign.before && ours(&text.as_bytes()[at - sign.before..], sign).is_some())
            });
            assert!(found, "{before}: {text}");
        }
    }

    #[test]
    fn base64_of_a_key_alone_is_read_with_and_without_a_line_end() {
        let foreign = "0123456789abcdeffedcba98765432100f1e2d3c4b5a69788796a5b4c3d2e1f0";
        assert_eq!(in_base64(encoded(foreign).as_bytes()).expect("64 bytes").as_str(), foreign);
        assert_eq!(in_base64(encoded(&format!("{foreign}\n")).as_bytes()).expect("65 bytes").as_str(), foreign);
        assert!(in_base64(encoded(&"z".repeat(64)).as_bytes()).is_none());
        assert!(in_base64(b"").is_none());
    }

    #[test]
    fn fillers_are_not_random() {
        for filler in ["0".repeat(64), "0123456789abcdef".repeat(4), "deadbeef".repeat(8)] {
            assert!(!looks_random(&filler), "{filler}");
        }
        assert!(looks_random(&key()));
    }

    proptest::proptest! {
        #[test]
        fn no_window_makes_it_panic(window in proptest::collection::vec(proptest::num::u8::ANY, 0..140)) {
            for sign in SIGNS {
                let _ = ours(&window, sign);
            }
            let _ = in_base64(&window);
        }
    }
}
