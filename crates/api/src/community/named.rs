//! Objects as clients name them in bodies: descriptors, or words of a text. In go JSON or text, out come keys; an object
//! need not be known to be named.

use std::collections::HashSet;

use assay_model::record::{Edge, Facet, FacetName, Key, Space};
use assay_model::{Error, FileHash, Kind, Link, Result, Timestamp};
use assay_store::{Range, Store};
use serde_json::Value;

/// An object that somebody named.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Named {
    /// Which.
    pub(crate) key: Key,
}

impl Named {
    fn of(kind: Kind, id: impl Into<std::sync::Arc<str>>) -> Self {
        Self { key: Key::shared(kind, id) }
    }

    /// The fact that something leads to it.
    pub(crate) fn edge(&self, from: &Key, link: Link, at: Timestamp) -> Edge {
        Edge { from: from.clone(), link, to: self.key.clone(), at }
    }
}

/// Reads a list of descriptors, all of one kind; the first that is wrong is named by its place.
pub(crate) async fn read_all(store: &dyn Store, kind: Kind, items: &[Value]) -> Result<Vec<Named>> {
    let mut read = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        let wrong = |why: String| Error::invalid_argument(format!("item {place} is no {kind}: {why}"));
        match item.get("type").map(Value::as_str) {
            None => {}
            Some(Some(name)) if name == kind.wire() => {}
            _ => return Err(wrong(format!("its type must be \"{kind}\""))),
        }
        let id = item.get("id").filter(|id| !id.is_null());
        let text = id.or_else(|| item.get("url")).and_then(Value::as_str);
        let text = text.ok_or_else(|| wrong("its \"id\" must be a text".to_owned()))?;
        let named = one(store, kind, text).await?;
        read.push(named.ok_or_else(|| wrong(format!("\"{}\" names none", shown(text))))?);
    }
    Ok(read)
}

fn shown(text: &str) -> String {
    text.chars().take(128).collect::<String>().escape_debug().to_string()
}

/// The object of a kind that a text names.
pub(crate) async fn one(store: &dyn Store, kind: Kind, text: &str) -> Result<Option<Named>> {
    let text = text.trim();
    Ok(match kind {
        Kind::File => file(store, text).await?,
        Kind::Reference => is_hex(text, 64).then(|| Named::of(kind, text.to_lowercase())),
        Kind::AttackTechnique => is_technique(text).then(|| Named::of(kind, text.to_uppercase())),
        _ => None,
    })
}

/// The object of a kind that a text names by an id, without looking anything up.
pub(crate) fn known_form(kind: Kind, text: &str) -> Option<Named> {
    match kind {
        Kind::File => is_hex(text, 64).then(|| Named::of(kind, text.to_lowercase())),
        _ => None,
    }
}

/// A file by any of its hashes; MD5 and SHA-1 name only what is known.
async fn file(store: &dyn Store, text: &str) -> Result<Option<Named>> {
    let Ok(hash) = text.parse::<FileHash>() else { return Ok(None) };
    let facet = match hash {
        FileHash::Sha256(sha256) => return Ok(Some(Named::of(Kind::File, sha256.to_string()))),
        FileHash::Sha1(sha1) => Facet::new(FacetName::Sha1, sha1.to_string()),
        FileHash::Md5(md5) => Facet::new(FacetName::Md5, md5.to_string()),
    };
    let found = store.find(&Space::Shared, Kind::File, &facet, &Range::first(1)).await?;
    Ok(found.items.into_iter().next().map(|key| Named { key }))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// `T1059`, `T1059.001`.
fn is_technique(text: &str) -> bool {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let Some(rest) = text.strip_prefix(['T', 't']) else { return false };
    match rest.split_once('.') {
        None => digits(rest, 4),
        Some((technique, sub)) => digits(technique, 4) && digits(sub, 3),
    }
}

/// The files, URLs, domains and IP addresses that a text names, each once, in their order. More than `most` are an error.
pub(crate) async fn extract(store: &dyn Store, text: &str, most: usize) -> Result<Vec<Named>> {
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    let separates = |c: char| c.is_whitespace() || c.is_control() || "\"'<>`{}|\\^,;".contains(c);
    for word in text.split(separates).filter(|word| !word.is_empty()) {
        let Some(named) = indicator(store, &refanged(word)).await? else { continue };
        if seen.insert(named.key.clone()) {
            if found.len() == most {
                return Err(Error::invalid_argument(format!("the text names more than {most} items; split it")));
            }
            found.push(named);
        }
    }
    Ok(found)
}

/// A word as it was before somebody made it harmless (`hxxp`, `[.]`, `(dot)`), without what surrounds it.
fn refanged(word: &str) -> String {
    let word = word.trim_matches(|c: char| "()[]*.:!?".contains(c));
    let mut word = word.replace("[.]", ".").replace("(.)", ".").replace("[:]", ":").replace("[dot]", ".").replace("(dot)", ".");
    for (defanged, scheme) in [("hxxps://", "https://"), ("hxxp://", "http://"), ("fxp://", "ftp://")] {
        if word.get(..defanged.len()).is_some_and(|head| head.eq_ignore_ascii_case(defanged)) {
            word.replace_range(..defanged.len(), scheme);
        }
    }
    word
}

/// The kinds that a bare word can name, the most particular first.
const INDICATORS: &[Kind] = &[Kind::File];

/// The object that a single word names, of whichever of the four kinds.
pub(crate) async fn indicator(store: &dyn Store, word: &str) -> Result<Option<Named>> {
    for &kind in INDICATORS {
        if let Some(named) = one(store, kind, word).await? {
            return Ok(Some(named));
        }
    }
    Ok(None)
}

/// All objects that a word can name: 64 digits are a file and a URL.
pub(crate) async fn every(store: &dyn Store, word: &str) -> Result<Vec<Named>> {
    let mut every = Vec::new();
    for &kind in INDICATORS {
        every.extend(one(store, kind, word).await?);
    }
    Ok(every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_made_live_again() {
        for (written, meant) in [
            ("hxxps://evil[.]example/a", "https://evil.example/a"),
            ("HXXP://x[.]y", "http://x.y"),
            ("(8[.]8[.]8[.]8).", "8.8.8.8"),
            ("plain", "plain"),
        ] {
            assert_eq!(refanged(written), meant);
        }
    }

    #[test]
    fn techniques_are_told_from_other_words() {
        assert!(is_technique("T1059") && is_technique("t1059.001"));
        assert!(["T105", "T1059.1", "TA0005", "1059", "T10599"].iter().all(|word| !is_technique(word)));
    }
}
