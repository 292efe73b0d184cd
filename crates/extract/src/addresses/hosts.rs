//! Domains and IP addresses that stand without a scheme, found by their dots.

use std::net::Ipv4Addr;

use assay_model::domain::DomainName;
use assay_model::ip::IpAddress;

use super::found::Found;
use super::urls::narrowed;

/// Endings that count without a scheme: those that are not also endings of files (`.py`, `.rs`, `.sh`, `.so`) or words in
/// programs (`.name`, `.info`, `.top`, `.is`, `.to`).
const ENDINGS: &[&str] = &[
    "ar", "au", "biz", "br", "by", "cf", "ch", "cl", "cn", "com", "cz", "de", "dk", "edu", "eu", "fi", "fr", "ga",
    "gov", "gq", "hk", "ir", "jp", "kr", "kz", "mx", "net", "nl", "onion", "org", "pk", "ru", "sg", "su", "tk", "tr",
    "tw", "ua", "uk", "vn", "xyz",
];
const ENDING_LONGEST: usize = 5;

/// First labels of the names of packages and namespaces, which are written like domains.
const PACKAGES: &[&str] = &[
    "android",
    "androidx",
    "com",
    "dalvik",
    "edu",
    "gnu",
    "io",
    "java",
    "javax",
    "jdk",
    "kotlin",
    "kotlinx",
    "microsoft",
    "net",
    "org",
    "python",
    "scala",
    "sun",
    "system",
];

/// The longest name (RFC 1035).
const NAME_LONGEST: usize = 253;

/// The longest IPv4 address.
const IP_LONGEST: usize = 15;

/// How far back a word for a version may stand.
const VERSION_BEFORE: usize = 24;

/// Looks at every dot between `start` and `end`.
pub(super) fn look(bytes: &[u8], start: usize, end: usize, found: &mut Found) {
    let window = bytes.get(start..end).unwrap_or_default();
    for place in memchr::memchr_iter(b'.', window) {
        let place = start.saturating_add(place);
        let (Some(before), Some(&after)) =
            (place.checked_sub(1).and_then(|at| bytes.get(at)), bytes.get(place.saturating_add(1)))
        else {
            continue;
        };
        match (*before, after) {
            (0, 0) => wide(bytes, place, found),
            (b'0'..=b'9', b'0'..=b'9') => ip(bytes, place, found),
            (b'a'..=b'z' | b'0'..=b'9', b'a'..=b'z') => domain(bytes, place, found),
            _ => {}
        }
    }
}

/// A dot of UTF-16LE: what is around it is looked at as if it were of single bytes.
fn wide(bytes: &[u8], place: usize, found: &mut Found) {
    let left = bytes.get(..place).unwrap_or_default();
    let before: Vec<u8> = left.rchunks_exact(2).take(NAME_LONGEST).map_while(narrowed).collect();
    let right = bytes.get(place.saturating_add(2)..).unwrap_or_default();
    let after = right.chunks_exact(2).take(NAME_LONGEST).map_while(narrowed);
    let dot = before.len();
    let text: Vec<u8> = before.into_iter().rev().chain([b'.']).chain(after).collect();
    match (dot.checked_sub(1).and_then(|at| text.get(at)), text.get(dot.saturating_add(1))) {
        (Some(b'0'..=b'9'), Some(b'0'..=b'9')) => ip(&text, dot, found),
        (Some(b'a'..=b'z' | b'0'..=b'9'), Some(b'a'..=b'z')) => domain(&text, dot, found),
        _ => {}
    }
}

/// A name whose last dot may be this one.
fn domain(bytes: &[u8], dot: usize, found: &mut Found) {
    let rest = bytes.get(dot.saturating_add(1)..).unwrap_or_default();
    let length =
        rest.iter().take(ENDING_LONGEST.saturating_add(1)).take_while(|byte| byte.is_ascii_lowercase()).count();
    if !(2..=ENDING_LONGEST).contains(&length) || rest.get(length).is_some_and(|after| goes_on(*after)) {
        return;
    }
    let ending = rest.get(..length).and_then(|ending| std::str::from_utf8(ending).ok()).unwrap_or_default();
    // A dot after it goes on only if something follows.
    let goes_on_after_dot =
        rest.get(length) == Some(&b'.') && rest.get(length.saturating_add(1)).is_some_and(u8::is_ascii_alphanumeric);
    if goes_on_after_dot || ENDINGS.binary_search(&ending).is_err() {
        return;
    }
    let left = bytes.get(..dot).unwrap_or_default();
    let length_before = left.iter().rev().take(NAME_LONGEST).take_while(|byte| is_of_name(**byte)).count();
    let start = dot.saturating_sub(length_before);
    let before = start.checked_sub(1).and_then(|at| bytes.get(at)).copied();
    if before.is_some_and(|before| {
        matches!(before, b'/' | b'\\' | b'_' | b'$' | b'%' | b'#' | b'~')
            || before.is_ascii_uppercase()
            || !before.is_ascii()
    }) {
        return;
    }
    let name = bytes.get(start..dot.saturating_add(1).saturating_add(length));
    let Some(name) = name.and_then(|name| std::str::from_utf8(name).ok()) else { return };
    if PACKAGES.binary_search(&name.split('.').next().unwrap_or_default()).is_ok() {
        return;
    }
    let Ok(name) = name.parse::<DomainName>() else { return };
    // What was registered, without its suffix: that is "example" in `a.example.co.uk` too.
    let Some(registrable) = name.registrable() else { return };
    let core = registrable.as_str().split('.').next().unwrap_or_default();
    if core.len() < 3 || core.bytes().all(|byte| byte.is_ascii_digit()) {
        return;
    }
    found.domain(name);
}

/// Whether what follows an ending shows that it is none: a longer word, a call, an assignment.
fn goes_on(after: u8) -> bool {
    after.is_ascii_alphanumeric() || matches!(after, b'-' | b'_' | b'(' | b'[' | b'=' | b'@')
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-')
}

/// An IPv4 address whose first dot may be this one.
fn ip(bytes: &[u8], dot: usize, found: &mut Found) {
    let left = bytes.get(..dot).unwrap_or_default();
    let digits = left.iter().rev().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    let start = dot.saturating_sub(digits);
    let before = start.checked_sub(1).and_then(|at| bytes.get(at)).copied();
    let is_part =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/' | b'+' | b'^' | b'~');
    // A slash may stand before an address as the end of a scheme's mark; URLs are found by that.
    if digits > 3 || before.is_some_and(is_part) {
        return;
    }
    let rest = bytes.get(start..).unwrap_or_default();
    let length = rest
        .iter()
        .take(IP_LONGEST.saturating_add(1))
        .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
        .count();
    let text = rest.get(..length).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
    let text = text.strip_suffix('.').unwrap_or(text);
    let after = rest.get(text.len()).copied();
    let Ok(address) = text.parse::<Ipv4Addr>() else { return };
    if after.is_some_and(|after| after.is_ascii_alphanumeric() || matches!(after, b'-' | b'_' | b'+' | b'/')) {
        return;
    }
    if after != Some(b':') && (looks_like_version(address) || bytes.get(..start).is_some_and(names_version)) {
        return;
    }
    found.ip(IpAddress::from(std::net::IpAddr::V4(address)));
}

/// Versions have small numbers and end in noughts; addresses that people know by heart repeat one.
fn looks_like_version(address: Ipv4Addr) -> bool {
    let octets = address.octets();
    let [first, second, third, fourth] = octets;
    let repeats = first == second && second == third && third == fourth;
    (third == 0 && fourth == 0) || (!repeats && octets.iter().all(|octet| *octet < 32))
}

/// Whether a word for a version stands shortly before.
fn names_version(before: &[u8]) -> bool {
    let near = crate::bytes::tail(before, VERSION_BEFORE).to_ascii_lowercase();
    [&b"ersion"[..], b"ver.", b"release", b"build"].iter().any(|word| memchr::memmem::find(&near, word).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(ENDINGS.is_sorted() && PACKAGES.is_sorted());
    }
}
