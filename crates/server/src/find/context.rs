//! Whether 64 hexadecimal digits stand where a key would: any SHA-256 looks the same. A word of keys must be near, on the
//! same line or the two before, and no word of hashes directly in front.

/// Bytes that are looked at before and after: a line of a minified file has no end.
pub(super) const BEFORE: usize = 384;
/// See [`BEFORE`].
pub(super) const AFTER: usize = 128;

/// How near a word of hashes must stand.
const NEAR: usize = 48;

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
    // In a file of hashes there is no such word, and nothing more is looked at.
    if !holds_a_word_of_keys(before) && !holds_a_word_of_keys(after) {
        return false;
    }
    let line = &before[memchr::memrchr(b'\n', before).map_or(0, |at| at + 1)..];
    let near = line[line.len().saturating_sub(NEAR)..].to_ascii_lowercase();
    !HASHES.iter().any(|word| memchr::memmem::find(&near, word.as_bytes()).is_some())
}

fn start_of_three_lines(text: &[u8]) -> usize {
    let mut ends = memchr::memrchr_iter(b'\n', text);
    ends.nth(2).map_or(0, |at| at + 1)
}

/// `virustotal`, `api key`, `vt` and what people make of them. Their letters `v` and `p` are no hexadecimal digits, so
/// that digits are passed over quickly.
fn holds_a_word_of_keys(text: &[u8]) -> bool {
    let vs = memchr::memchr2_iter(b'v', b'V', text);
    let ps = memchr::memchr2_iter(b'p', b'P', text);
    vs.into_iter().any(|at| is_virustotal(text, at)) || ps.into_iter().any(|at| is_api_key(text, at))
}

/// Whether `virustotal`, `vtkey`, `vtapi` or the word `vt` begins here.
fn is_virustotal(text: &[u8], at: usize) -> bool {
    if let Some(rest) = after(&text[at..], "virus") {
        return after(without_a_joint(rest), "total").is_some();
    }
    let Some(rest) = after(&text[at..], "vt") else { return false };
    let begins = !at.checked_sub(1).is_some_and(|before| text[before].is_ascii_alphabetic());
    let ends = !rest.first().is_some_and(u8::is_ascii_alphabetic);
    (begins && ends) || after(rest, "key").is_some() || after(rest, "api").is_some()
}

/// Whether `apikey`, in one word or two, has its `p` here.
fn is_api_key(text: &[u8], at: usize) -> bool {
    let Some(begin) = at.checked_sub(1) else { return false };
    after(&text[begin..], "api").is_some_and(|rest| after(without_a_joint(rest), "key").is_some())
}

/// What follows a word that the text begins with, in whatever case.
fn after<'a>(text: &'a [u8], word: &str) -> Option<&'a [u8]> {
    let (begin, rest) = text.split_at_checked(word.len())?;
    begin.eq_ignore_ascii_case(word.as_bytes()).then_some(rest)
}

fn without_a_joint(text: &[u8]) -> &[u8] {
    match text {
        [b'_' | b'-' | b' ', rest @ ..] => rest,
        text => text,
    }
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
            ("Virus-Total=", ""),
            ("my api key is ", ""),
            ("vtapi=", ""),
            ("myvtkey=", ""),
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
            ("viruses, a total, api of keys ", ""),
            ("p v ", " vp"),
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
