//! Objects as clients name them in bodies: descriptors, or words of a text. In go JSON or text, out come keys; an object
//! need not be known to be named.

use std::collections::HashSet;

use assay_model::address::Item;
use assay_model::domain::DomainName;
use assay_model::ip::IpAddress;
use assay_model::record::{Edge, Facet, FacetName, Key, Space};
use assay_model::url::{CanonicalUrl, UrlName};
use assay_model::{Error, FileHash, Kind, Link, Result, Sha256, Timestamp};
use assay_store::{Range, Store};
use serde_json::{Value, json};

/// The kinds that a bare word can name, the most particular first.
const INDICATORS: &[Kind] = &[Kind::File, Kind::IpAddress, Kind::Url, Kind::Domain];

/// An object that somebody named.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Named {
    /// Which.
    pub(crate) key: Key,
    /// Of a URL, where it was said: the URL, which its id does not tell.
    pub(crate) url: Option<String>,
}

impl Named {
    fn of(kind: Kind, id: impl Into<std::sync::Arc<str>>) -> Self {
        Self { key: Key::shared(kind, id), url: None }
    }

    fn of_url(url: CanonicalUrl) -> Self {
        Self { url: Some(url.to_string()), key: Item::Url(url).key() }
    }

    /// The fact that something leads to it.
    pub(crate) fn edge(&self, from: &Key, link: Link, at: Timestamp) -> Edge {
        let edge = Edge::new(from.clone(), link, self.key.clone(), at);
        match &self.url {
            Some(url) => edge.with_context(&json!({ "url": url })),
            None => edge,
        }
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
        // A URL is named by itself or by its id.
        let url = item.get("url").filter(|url| kind == Kind::Url && url.is_string());
        let text = url.or_else(|| item.get("id")).and_then(Value::as_str);
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
    match known_form(kind, text) {
        None if kind == Kind::File => file(store, text.trim()).await,
        named => Ok(named),
    }
}

/// The object of a kind that a text names, without looking anything up.
pub(crate) fn known_form(kind: Kind, text: &str) -> Option<Named> {
    let text = text.trim();
    match kind {
        Kind::File | Kind::Reference => Some(Named::of(kind, text.parse::<Sha256>().ok()?.to_string())),
        Kind::Url => match text.parse::<Sha256>() {
            Ok(id) => Some(Named::of(kind, id.to_string())),
            Err(_) if text.contains("://") => text.parse().ok().map(Named::of_url),
            Err(_) => match text.parse().ok()? {
                UrlName::Url(url) => Some(Named::of_url(url)),
                UrlName::Id(id) => Some(Named::of(kind, id.to_string())),
            },
        },
        Kind::Domain => {
            let name = text.parse::<DomainName>().ok()?;
            Some(Named { key: Item::Domain(name).key(), url: None })
        }
        Kind::IpAddress => {
            let address = text.parse::<IpAddress>().ok()?;
            Some(Named { key: Item::IpAddress(address).key(), url: None })
        }
        Kind::AttackTechnique => is_technique(text).then(|| Named::of(kind, text.to_uppercase())),
        _ => None,
    }
}

/// A file by any of its hashes; MD5 and SHA-1 name only what is known.
async fn file(store: &dyn Store, text: &str) -> Result<Option<Named>> {
    let facet = match text.parse::<FileHash>() {
        Err(_) => return Ok(None),
        Ok(FileHash::Sha256(sha256)) => return Ok(Some(Named::of(Kind::File, sha256.to_string()))),
        Ok(FileHash::Sha1(sha1)) => Facet::new(FacetName::Sha1, sha1.to_string()),
        Ok(FileHash::Md5(md5)) => Facet::new(FacetName::Md5, md5.to_string()),
    };
    let found = store.find(&Space::Shared, Kind::File, &facet, &Range::first(1)).await?;
    Ok(found.items.into_iter().next().map(|key| Named { key, url: None }))
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
    let marks = [("[.]", "."), ("(.)", "."), ("[:]", ":"), ("[dot]", "."), ("(dot)", ".")];
    let mut word = marks.iter().fold(word.to_owned(), |word, (mark, meant)| word.replace(mark, meant));
    for (defanged, scheme) in [("hxxps://", "https://"), ("hxxp://", "http://"), ("fxp://", "ftp://")] {
        if word.get(..defanged.len()).is_some_and(|head| head.eq_ignore_ascii_case(defanged)) {
            word.replace_range(..defanged.len(), scheme);
        }
    }
    word
}

/// Whether a bare word is meant as an object of that kind: not every word is a domain.
fn is_meant(kind: Kind, word: &str) -> bool {
    match kind {
        Kind::Url => word.contains("://"),
        // The public suffix list tells `example.com` from `readme.txt`, as far as there is no such suffix.
        Kind::Domain => word.contains('.') && word.parse::<DomainName>().is_ok_and(|name| is_registered(&name)),
        _ => true,
    }
}

/// Whether a name stands below a suffix of the public suffix list, and not only below the rule for unknown ones.
fn is_registered(name: &DomainName) -> bool {
    name.registrable().is_some() && name.has_known_suffix()
}

/// The object that a single word names, of whichever of the four kinds.
pub(crate) async fn indicator(store: &dyn Store, word: &str) -> Result<Option<Named>> {
    for &kind in INDICATORS.iter().filter(|kind| is_meant(**kind, word)) {
        if let Some(named) = one(store, kind, word).await? {
            return Ok(Some(named));
        }
    }
    Ok(None)
}

/// All objects that a query can name: 64 digits are a file and a URL; `example.com/a` is a URL.
pub(crate) async fn every(store: &dyn Store, query: &str) -> Result<Vec<Named>> {
    let mut every = Vec::new();
    if query.contains(char::is_whitespace) {
        return Ok(every);
    }
    for &kind in INDICATORS {
        let digits = query.parse::<Sha256>().is_ok();
        if (kind == Kind::Url && (digits || query.contains("://"))) || (kind != Kind::Url && is_meant(kind, query)) {
            every.extend(one(store, kind, query).await?);
        }
    }
    if every.is_empty() && query.contains(['.', '/']) {
        let url = query.parse::<CanonicalUrl>().ok().filter(|url| match url.location() {
            assay_model::url::Location::Domain(name) => is_registered(&name),
            assay_model::url::Location::Ip(_) => true,
        });
        every.extend(url.map(Named::of_url));
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

    #[test]
    fn a_text_names_objects_of_four_kinds_each_once() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let store = assay_store::open(&assay_store::Config::Memory).await.expect("memory");
            let text = format!(
                "See {0} and {0}; hxxp://evil[.]com/x?a=1, (8.8.8.8) evil.com 1.2.3 readme.txtx word v1.2.3.4.5 \"2001:db8::1\"",
                "A".repeat(64)
            );
            let found = extract(&*store, &text, 10).await.expect("found");
            let names: Vec<_> = found.iter().map(|one| (one.key.kind, one.url.as_deref().unwrap_or(&one.key.id))).collect();
            let file = "a".repeat(64);
            let wanted = [
                (Kind::File, file.as_str()),
                (Kind::Url, "http://evil.com/x?a=1"),
                (Kind::IpAddress, "8.8.8.8"),
                (Kind::Domain, "evil.com"),
                (Kind::IpAddress, "2001:db8::1"),
            ];
            assert_eq!(names, wanted);
            assert!(extract(&*store, &text, 2).await.is_err());
        });
    }
}
