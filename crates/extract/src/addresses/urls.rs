//! URLs around a `://`: where it stands in, the URL out.

use super::found::Found;

/// A longer URL is not taken: what is longer is data, and none of it would be the same twice.
const LONGEST: usize = 2048;

/// Schemes that count, and how far back the longest reaches.
const SCHEMES: &[&str] = &["https", "http", "ftp"];
const SCHEME_LONGEST: usize = 5;

/// What HTML writes for quotes and brackets, which end a URL.
const ENTITIES: &[&str] =
    &["&quot;", "&lt;", "&gt;", "&apos;", "&#34;", "&#39;", "&#x22;", "&#x27;", "\\u0022", "\\n", "\\r"];

/// A URL of single bytes with its `://` at `place`.
pub(super) fn narrow(bytes: &[u8], place: usize, found: &mut Found) {
    let before = bytes.get(place.saturating_sub(SCHEME_LONGEST)..place).unwrap_or_default();
    let Some(scheme) = scheme(before) else { return };
    let rest = bytes.get(place.saturating_add(3)..).unwrap_or_default();
    let length = rest.iter().take(LONGEST.saturating_add(1)).take_while(|byte| may_be_in_url(**byte)).count();
    if let Some(text) = rest.get(..length).and_then(|text| std::str::from_utf8(text).ok()) {
        add(scheme, text, found);
    }
}

/// A URL of UTF-16LE with its `://` at `place`.
pub(super) fn wide(bytes: &[u8], place: usize, found: &mut Found) {
    let before = bytes.get(place.saturating_sub(2 * SCHEME_LONGEST)..place).unwrap_or_default();
    let before: Vec<u8> = before.rchunks_exact(2).rev().filter_map(narrowed).collect();
    let Some(scheme) = scheme(&before) else { return };
    let rest = bytes.get(place.saturating_add(6)..).unwrap_or_default();
    let units = rest.chunks_exact(2).take(LONGEST.saturating_add(1)).map_while(narrowed);
    let text: String = units.take_while(|byte| may_be_in_url(*byte)).map(char::from).collect();
    add(scheme, &text, found);
}

/// The ASCII character of two bytes of UTF-16LE.
pub(super) fn narrowed(unit: &[u8]) -> Option<u8> {
    match unit {
        [byte, 0] if byte.is_ascii() => Some(*byte),
        _ => None,
    }
}

/// The scheme at the end of what stands before. A letter more would be another scheme, but words run into URLs in programs.
fn scheme(before: &[u8]) -> Option<&'static str> {
    SCHEMES.iter().copied().find(|scheme| {
        let start = before.len().checked_sub(scheme.len());
        start.and_then(|start| before.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(scheme.as_bytes()))
    })
}

fn add(scheme: &str, text: &str, found: &mut Found) {
    if text.len() > LONGEST {
        return;
    }
    let text = trimmed(text);
    // Most of what is no URL has no host of letters, digits and dots.
    let authority = text.split(['/', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit('@').next().unwrap_or_default();
    let host = place.split(':').next().unwrap_or_default();
    if host.len() < 4 && !host.starts_with('[') {
        return;
    }
    if let Ok(url) = format!("{scheme}://{}", text.replace("&amp;", "&")).parse() {
        found.url(url);
    }
}

/// The text without what belongs to the sentence or the program around it.
fn trimmed(text: &str) -> &str {
    let end = ENTITIES.iter().filter_map(|entity| text.find(entity)).min();
    let text = end.and_then(|end| text.get(..end)).unwrap_or(text);
    let mut open = 0_usize;
    let close = text.char_indices().find_map(|(place, letter)| {
        match letter {
            '(' => open = open.saturating_add(1),
            ')' if open == 0 => return Some(place),
            ')' => open = open.saturating_sub(1),
            _ => {}
        }
        None
    });
    let text = close.and_then(|close| text.get(..close)).unwrap_or(text);
    text.trim_end_matches(['.', ',', ';', ':', '!', '?', '$', '*', '('])
}

/// What RFC 3986 has, without the quotes and brackets that usually stand around.
fn may_be_in_url(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e)
        && !matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'^' | b'\\')
}
