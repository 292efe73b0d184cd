//! What never leaves. In goes what a question is about, out comes why it stays here, if it does.
//!
//! Hashes leave; so do public names and addresses, and URLs of public hosts. Internal names, addresses that the internet
//! does not route, and free text do not.

use std::net::IpAddr;

use assay_model::Kind;
use assay_model::outbound::forbidden;
use base64::Engine as _;
use base64::alphabet::Alphabet;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{GeneralPurposeConfig, NO_PAD};
use url::{Host, Url};

use crate::about::{self, Subject};
use crate::question::Question;

/// With padding or without, as clients write ids.
const LENIENT: GeneralPurposeConfig = NO_PAD
    .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// Reads what clients have written in base64.
pub(crate) fn lenient(alphabet: &Alphabet) -> GeneralPurpose {
    GeneralPurpose::new(alphabet, LENIENT)
}

/// Why a question stays here.
pub fn keeps(question: &Question, internal: &[String]) -> Option<&'static str> {
    about::subjects(question).iter().find_map(|subject| match subject {
        Subject::Object(Kind::File, id) => (!is_hash(id)).then_some("it is no hash"),
        Subject::Object(Kind::Domain, id) => name(id, internal),
        Subject::Object(Kind::IpAddress, id) => id.parse().map_or(Some("it is no address"), address),
        Subject::Object(_, id) => url_id(id, internal),
        Subject::Text(text) => search(text, internal),
        Subject::Token => None,
        Subject::Nothing => Some("it is no id of that kind"),
    })
}

pub(crate) fn is_hash(text: &str) -> bool {
    matches!(text.len(), 32 | 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn address(address: IpAddr) -> Option<&'static str> {
    forbidden(address).map(|_| "the address is not one of the open internet")
}

/// A public name has a dot, no internal ending, and is no address.
fn name(name: &str, internal: &[String]) -> Option<&'static str> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    if let Ok(ip) = name.parse() {
        return address(ip);
    }
    let ends = |suffix: &String| {
        let suffix = suffix.trim_start_matches('.').to_ascii_lowercase();
        name == suffix || name.strip_suffix(&suffix).is_some_and(|rest| rest.ends_with('.'))
    };
    if !name.contains('.') || internal.iter().any(ends) {
        return Some("the name is an internal one");
    }
    None
}

/// The id of a URL: its SHA-256, which says nothing, or the URL itself in base64.
fn url_id(id: &str, internal: &[String]) -> Option<&'static str> {
    if id.len() == 64 && is_hash(id) {
        return None;
    }
    let alphabets = [&base64::alphabet::URL_SAFE, &base64::alphabet::STANDARD];
    let decoded = alphabets.into_iter().find_map(|alphabet| lenient(alphabet).decode(id).ok());
    match decoded.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(text) => url(&text, internal),
        None => Some("it is no URL"),
    }
}

/// A URL of a public host without credentials.
pub fn url(text: &str, internal: &[String]) -> Option<&'static str> {
    let parsed = Url::parse(text).or_else(|_| Url::parse(&format!("http://{text}")));
    let Ok(url) = parsed else { return Some("it is no URL") };
    if !url.username().is_empty() || url.password().is_some() {
        return Some("the URL holds credentials");
    }
    match url.host() {
        Some(Host::Domain(host)) => name(host, internal),
        Some(Host::Ipv4(ip)) => address(ip.into()),
        Some(Host::Ipv6(ip)) => address(ip.into()),
        None => Some("the URL has no host"),
    }
}

/// A search leaves where nothing in it is internal: a hash, a URL, a name, an address, a tag, or a query of modifiers
/// (`type:peexe positives:5+`). Free text may be anything, and stays.
fn search(text: &str, internal: &[String]) -> Option<&'static str> {
    let text = text.trim();
    if is_hash(text) || (text.starts_with('#') && text.len() < 64) {
        return None;
    }
    for word in text.split(|c: char| c.is_whitespace() || "()\"',[]".contains(c)).filter(|word| !word.is_empty()) {
        if let Some(why) = self::word(word, internal) {
            return Some(why);
        }
    }
    None
}

fn word(word: &str, internal: &[String]) -> Option<&'static str> {
    if matches!(word, "AND" | "OR" | "NOT" | "and" | "or" | "not") || is_hash(word) {
        return None;
    }
    if word.contains("://") {
        let start = word.find("http").unwrap_or(0);
        return url(&word[start..], internal);
    }
    let (modifier, value) = match word.split_once(':') {
        Some((modifier, value)) if !modifier.contains('.') => (true, value),
        _ => (false, word),
    };
    if let Ok(ip) = value.parse() {
        return address(ip);
    }
    if let Some((network, _)) = value.split_once('/')
        && let Ok(ip) = network.parse()
    {
        return address(ip);
    }
    if value.contains('.') && value.chars().all(|c| c.is_alphanumeric() || ".-_".contains(c)) {
        return name(value, internal);
    }
    (!modifier).then_some("free text is not sent to others")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::Page;
    use crate::settings::INTERNAL_SUFFIXES;

    fn internal() -> Vec<String> {
        INTERNAL_SUFFIXES.iter().map(|one| (*one).to_owned()).chain(["acme.example".to_owned()]).collect()
    }

    fn leaves(collection: &str, id: &str) -> bool {
        keeps(&Question::object(collection, id, &[]).expect("a row"), &internal()).is_none()
    }

    #[test]
    fn internal_names_and_addresses_never_leave() {
        for id in
            ["host.acme.example", "ACME.example", "acme.example.", "printer.local", "intranet", "10.0.0.1", "db.corp"]
        {
            assert!(!leaves("domains", id), "{id}");
        }
        for id in [
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "127.0.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "fd00::1",
            "fe80::1",
            "::1",
            "::ffff:10.0.0.1",
            "x",
        ] {
            assert!(!leaves("ip_addresses", id), "{id}");
        }
        assert!(leaves("domains", "example.com") && leaves("domains", "notacme.example.com"));
        assert!(leaves("ip_addresses", "8.8.8.8") && leaves("ip_addresses", "2606:4700::1111"));
    }

    #[test]
    fn urls_of_internal_hosts_and_with_credentials_never_leave() {
        let id = |url: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(url);
        for url in [
            "http://10.0.0.1/",
            "http://wiki.acme.example/x",
            "http://[fd00::1]/",
            "http://user:pw@example.com/",
            "http://localhost:8080/",
            "http://2130706433/",
        ] {
            assert!(!leaves("urls", &id(url)), "{url}");
        }
        assert!(leaves("urls", &id("https://example.com/a?b=c")));
        assert!(leaves("urls", &"0a".repeat(32)));
        assert!(!leaves("urls", "?"));
    }

    #[test]
    fn nothing_internal_leaves_inside_an_id() {
        let hash = "0a".repeat(32);
        for (collection, id) in [
            ("comments", "d-wiki.acme.example-2fa03e13"),
            ("votes", "i-10.0.0.1-2fa03e13"),
            ("comments", "u-aHR0cDovLzEwLjAuMC4xLw-2fa03e13"),
            ("resolutions", "8.8.8.8wiki.acme.example"),
            ("resolutions", "10.0.0.1example.com"),
            ("collections", "plan.docx"),
            ("analyses", "d-wiki.acme.example-1700000000"),
        ] {
            assert!(!leaves(collection, id), "{id}");
        }
        for (collection, id) in [
            ("comments", format!("f-{hash}-2fa03e13")),
            ("votes", "i-8.8.8.8-2fa03e13".to_owned()),
            ("resolutions", "8.8.8.8example.com".to_owned()),
            ("analyses", format!("u-{hash}-1700000000")),
        ] {
            assert!(leaves(collection, &id), "{id}");
        }
        let hashes = |second: &str| Question::summary(&[hash.clone(), second.to_owned()]).expect("a row");
        assert_eq!(keeps(&hashes(&"0b".repeat(16)), &internal()), None);
        assert!(keeps(&hashes("plan.docx"), &internal()).is_some());
    }

    #[test]
    fn only_hashes_name_files() {
        assert!(leaves("files", &"0a".repeat(32)) && leaves("files", &"0a".repeat(16)));
        assert!(leaves("file_behaviours", &format!("{}_VirusTotal Jujubox", "0a".repeat(32))));
        assert!(!leaves("files", "secret-plan.docx"));
    }

    #[test]
    fn a_search_leaves_only_where_nothing_in_it_is_internal() {
        let leaves = |text: &str| {
            let question = Question::search("search", "", text, None, Page::default()).expect("a row");
            keeps(&question, &internal()).is_none()
        };
        for text in [
            "example.com",
            "8.8.8.8",
            "https://example.com/x",
            "#emotet",
            "type:peexe positives:5+",
            "entity:domain NOT tag:x",
            "entity:url url:\"example.com\"",
        ] {
            assert!(leaves(text), "{text}");
        }
        for text in [
            "project nightingale",
            "wiki.acme.example",
            "entity:ip ip:10.0.0.0/8",
            "entity:url url:\"wiki.acme.example\"",
            "http://10.0.0.1/x",
            "type:peexe host:db.corp",
        ] {
            assert!(!leaves(text), "{text}");
        }
    }
}
