//! What a question is about, taken out of ids and arguments: an id may name a file, a host or an address, and what never
//! leaves must not leave inside one.

use std::borrow::Cow;
use std::net::IpAddr;

use assay_model::Kind;
use base64::Engine as _;

use crate::privacy::{is_hash, lenient};
use crate::question::Question;

/// The longest id of which nothing is known.
const TOKEN_MAX: usize = 256;
/// How many hexadecimal digits stand behind what a comment or a vote is about, at the most.
const TAIL_MAX: usize = 16;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject<'a> {
    /// A file, a URL, a domain or an IP address, as a path names it.
    Object(Kind, Cow<'a, str>),
    /// An id that says nothing.
    Token,
    /// A query.
    Text(&'a str),
    /// It is no id of that kind.
    Nothing,
}

/// What a question is about.
pub(crate) fn subjects(question: &Question) -> Vec<Subject<'_>> {
    let id = question.id.as_str();
    match question.operation.collection {
        "files" | "sigma_analyses" => vec![object(Kind::File, id)],
        "screenshots" => vec![object(Kind::File, id.split('-').next().unwrap_or_default())],
        "file_behaviours" => vec![object(Kind::File, id.split('_').next().unwrap_or_default())],
        "files/behaviour_summary" => {
            question.argument("hashes").split(',').map(|hash| object(Kind::File, hash)).collect()
        }
        "urls" => vec![object(Kind::Url, id)],
        "domains" => vec![object(Kind::Domain, id)],
        "ip_addresses" => vec![object(Kind::IpAddress, id)],
        "comments" | "votes" => vec![remark(id)],
        "analyses" | "submissions" => vec![analysis(id)],
        "resolutions" => resolution(id),
        "ssl_certs" | "whois" | "collections" | "sigma_rules" => vec![token(id)],
        _ => vec![Subject::Text(question.argument("query"))],
    }
}

fn object(kind: Kind, id: &str) -> Subject<'_> {
    Subject::Object(kind, id.into())
}

fn token(text: &str) -> Subject<'_> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if plain && (1..=TOKEN_MAX).contains(&text.len()) { Subject::Token } else { Subject::Nothing }
}

/// `<kind>-<item>-<digits>`; of a collection without the kind.
fn remark(id: &str) -> Subject<'_> {
    let Some((about, tail)) = id.rsplit_once('-') else { return Subject::Nothing };
    if !(1..=TAIL_MAX).contains(&tail.len()) || !tail.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Subject::Nothing;
    }
    match about.split_once('-') {
        Some(("f", item)) => object(Kind::File, item),
        Some(("u", item)) => object(Kind::Url, item),
        Some(("d", item)) => object(Kind::Domain, item),
        Some(("i", item)) => object(Kind::IpAddress, item),
        _ => token(about),
    }
}

/// `<kind>-<hash>-<seconds>`; of a file also its MD5 and the seconds in base64.
fn analysis(id: &str) -> Subject<'_> {
    let Some((kind, rest)) = id.split_once('-') else {
        return of_file(id).map_or(Subject::Nothing, |(md5, _)| Subject::Object(Kind::File, md5.into()));
    };
    match rest.split_once('-') {
        Some((hash, _)) if kind == "f" => object(Kind::File, hash),
        Some((hash, _)) if matches!(kind, "u" | "d" | "i") && is_hash(hash) => Subject::Token,
        _ => Subject::Nothing,
    }
}

/// The MD5 and the seconds of a file's analysis.
fn of_file(id: &str) -> Option<(String, String)> {
    let decoded = lenient(&base64::alphabet::STANDARD).decode(id).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (md5, seconds) = text.split_once(':')?;
    Some((md5.to_owned(), seconds.to_owned()))
}

/// Whether an analysis goes by both ids: `f-<sha256>-<seconds>` is another name of the one whose id has the MD5 in it.
pub(crate) fn is_same_analysis(asked: &str, answered: &str) -> bool {
    let moment = || Some(asked.strip_prefix("f-")?.split_once('-')?.1);
    asked == answered || moment().is_some_and(|moment| of_file(answered).is_some_and(|(_, seconds)| seconds == moment))
}

/// An address with a name directly behind it. Where it may be cut in several places, it is about all that come of it.
fn resolution(id: &str) -> Vec<Subject<'_>> {
    let mut found = Vec::new();
    for (place, first) in id.char_indices().skip(1) {
        if id[..place].parse::<IpAddr>().is_ok() && (first.is_alphanumeric() || first == '_') {
            found.extend([object(Kind::IpAddress, &id[..place]), object(Kind::Domain, &id[place..])]);
        }
    }
    if found.is_empty() { vec![Subject::Nothing] } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(collection: &str, id: &str) -> Vec<String> {
        let question = Question::object(collection, id, &[]).expect("a row");
        let shown = |subject: &Subject<'_>| match subject {
            Subject::Object(kind, id) => format!("{kind} {id}"),
            other => format!("{other:?}"),
        };
        subjects(&question).iter().map(shown).collect()
    }

    #[test]
    fn an_id_says_what_it_is_about() {
        let hash = "0a".repeat(32);
        for (collection, id, about) in [
            ("comments", format!("f-{hash}-2fa03e13"), format!("file {hash}")),
            ("comments", "d-wiki-1.example.com-2fa03e13".to_owned(), "domain wiki-1.example.com".to_owned()),
            ("votes", "i-10.0.0.1-2fa03e13".to_owned(), "ip_address 10.0.0.1".to_owned()),
            ("comments", format!("{hash}-2fa03e13"), "Token".to_owned()),
            ("comments", "words of mine".to_owned(), "Nothing".to_owned()),
            ("comments", "d-wiki.corp-tomorrow".to_owned(), "Nothing".to_owned()),
            ("analyses", format!("f-{hash}-1700000000"), format!("file {hash}")),
            ("analyses", format!("u-{hash}-1700000000"), "Token".to_owned()),
            ("analyses", "d-wiki.corp-1700000000".to_owned(), "Nothing".to_owned()),
            ("analyses", "MGE6MTcwMDAwMDAwMA==".to_owned(), "file 0a".to_owned()),
            ("analyses", "c2VjcmV0".to_owned(), "Nothing".to_owned()),
            ("collections", "malpedia_win_emotet".to_owned(), "Token".to_owned()),
            ("collections", "a plan".to_owned(), "Nothing".to_owned()),
            ("whois", hash.clone(), "Token".to_owned()),
        ] {
            assert_eq!(of(collection, &id), [about], "{id}");
        }
    }

    #[test]
    fn a_resolution_is_about_both_its_ends_wherever_it_is_cut() {
        assert_eq!(of("resolutions", "8.8.8.8dns.example"), ["ip_address 8.8.8.8", "domain dns.example"]);
        let cut = of("resolutions", "10.0.0.12.example");
        assert_eq!(cut, ["ip_address 10.0.0.1", "domain 2.example"]);
        assert!(of("resolutions", "fd00::1wiki.example").contains(&"ip_address fd00::1".to_owned()));
        assert_eq!(of("resolutions", "wiki.example"), ["Nothing"]);
    }

    #[test]
    fn an_analysis_has_two_names() {
        let (asked, other) = (format!("f-{}-1700000000", "0a".repeat(32)), format!("f-{}-17", "0a".repeat(32)));
        assert!(is_same_analysis(&asked, "MGE6MTcwMDAwMDAwMA=="));
        assert!(!is_same_analysis(&other, "MGE6MTcwMDAwMDAwMA=="));
        assert!(!is_same_analysis("u-0a-1", "u-0b-1") && is_same_analysis("u-0a-1", "u-0a-1"));
    }
}
