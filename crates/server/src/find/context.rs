//! Whether 64 hexadecimal digits stand where a key would: any SHA-256 looks the same. A word of keys must be near, on the
//! same line or the two before, and no word of hashes directly in front.

/// Bytes that are looked at before and after: a line of a minified file has no end.
pub(super) const BEFORE: usize = 384;
/// See [`BEFORE`].
pub(super) const AFTER: usize = 128;

/// How near a word of hashes must stand.
const NEAR: usize = 48;

/// Words that may be part of a longer one.
const KEYS: &[&str] = &[
    "virustotal",
    "virus_total",
    "virus-total",
    "apikey",
    "api_key",
    "api-key",
    "api key",
    "vtkey",
    "vt_key",
    "vt-key",
    "vtapi",
];

/// A word that must stand for itself.
const VT: &str = "vt";

/// What stands before the hash of a file, not before a key.
const HASHES: &[&str] = &[
    "sha256",
    "sha-256",
    "sha_256",
    "/file/",
    "/files/",
    "checksum",
    "digest",
    "hash",
    "integrity",
    "fingerprint",
    "/urls/",
    "/url/",
    "commit",
    "blob",
];

/// Judges digits by what stands around them. Both sides may be longer than what is looked at.
pub(super) fn speaks_of_a_key(before: &[u8], after: &[u8]) -> bool {
    let before = &before[before.len().saturating_sub(BEFORE)..];
    let before = &before[start_of_three_lines(before)..];
    let after = &after[..after.len().min(AFTER)];
    let after = &after[..memchr::memchr(b'\n', after).unwrap_or(after.len())];
    let (before, after) = (before.to_ascii_lowercase(), after.to_ascii_lowercase());
    let line = &before[memchr::memrchr(b'\n', &before).map_or(0, |at| at + 1)..];
    let near = &line[line.len().saturating_sub(NEAR)..];
    if HASHES.iter().any(|word| holds(near, word)) {
        return false;
    }
    [&before[..], &after[..]].iter().any(|text| KEYS.iter().any(|word| holds(text, word)) || holds_word(text, VT))
}

fn start_of_three_lines(text: &[u8]) -> usize {
    let mut ends = memchr::memrchr_iter(b'\n', text);
    ends.nth(2).map_or(0, |at| at + 1)
}

fn holds(text: &[u8], word: &str) -> bool {
    memchr::memmem::find(text, word.as_bytes()).is_some()
}

/// The word with no letter before or after it.
fn holds_word(text: &[u8], word: &str) -> bool {
    memchr::memmem::find_iter(text, word.as_bytes()).any(|at| {
        let before = at.checked_sub(1).map(|at| text[at]);
        let after = text.get(at + word.len());
        !before.is_some_and(|byte| byte.is_ascii_alphabetic()) && !after.is_some_and(u8::is_ascii_alphabetic)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_keys_on_the_line_or_the_two_before_is_enough() {
        for (before, after) in [
            ("VT_API_KEY=", ""),
            ("vt: ", ""),
            ("VT-Key \"", ""),
            ("[virustotal]\nuser = me\nsecret = ", ""),
            ("curl -H 'X-Apikey: ", "'"),
            ("", "  # VirusTotal"),
            ("{\"apiKey\":\"", "\"}"),
        ] {
            assert!(speaks_of_a_key(before.as_bytes(), after.as_bytes()), "{before}");
        }
    }

    #[test]
    fn a_hash_is_no_key() {
        for (before, after) in [
            ("", ""),
            ("sha256 = ", ""),
            ("https://www.virustotal.com/gui/file/", "/detection"),
            ("virustotal sha256: ", ""),
            ("[virustotal]\na\nb\nc = ", ""),
            ("the advtest ", ""),
            ("x = ", "\nvirustotal"),
        ] {
            assert!(!speaks_of_a_key(before.as_bytes(), after.as_bytes()), "{before}");
        }
    }

    #[test]
    fn in_a_line_without_end_only_what_is_near_counts() {
        let far = format!("virustotal {}", " ".repeat(BEFORE));
        assert!(!speaks_of_a_key(far.as_bytes(), b""));
        let far = format!("{}virustotal", " ".repeat(AFTER));
        assert!(!speaks_of_a_key(b"", far.as_bytes()));
    }
}
