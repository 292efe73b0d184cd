//! Canonical forms and ids of URLs: pairs that were seen, and properties of any text.

use proptest::prelude::*;

use super::*;

fn form(text: &str) -> String {
    text.parse::<CanonicalUrl>().unwrap_or_else(|error| panic!("{text}: {error}")).to_string()
}

/// Pairs that were checked against the original (reference 1.4).
#[test]
fn ids_are_those_of_virustotal() {
    let id = |text: &str| text.parse::<CanonicalUrl>().map(|url| url.id().to_string());
    let youtube = "dbae2d0204aa489e234eb2f903a0127b17c712386428cab12b86c5f68aa75867";
    assert_eq!(id("https://www.youtube.com/"), Ok(youtube.to_owned()));
    assert_eq!(id("https://www.youtube.com"), Ok(youtube.to_owned()));
    assert!(id("https://www.irctc.co.in/").is_ok_and(|id| id.starts_with("9337405c")));
    for as_written in [
        "https://www.dropbox.com/s/zhp1b06imehwylq/Synaptics.rar?dl=1",
        "https://docs.google.com/uc?id=0BxsX&export=download",
    ] {
        assert_eq!(form(as_written), as_written);
    }
}

#[test]
fn a_url_has_one_form() {
    for (text, one) in [
        ("  HTTP://Example.COM:80/a/../b#top\n", "http://example.com/b"),
        ("example.com", "http://example.com/"),
        ("example.com:8080/x", "http://example.com:8080/x"),
        ("//example.com/x", "http://example.com/x"),
        ("https://example.com:443", "https://example.com/"),
        ("http://example.com./", "http://example.com/"),
        ("http://bücher.example/ä", "http://xn--bcher-kva.example/%C3%A4"),
        ("http://x.example/%7euser/%2f%c3%a4/%zz", "http://x.example/~user/%2F%C3%A4/%zz"),
        ("http://x.example/?q=%7e&A=b c#f", "http://x.example/?q=%7e&A=b%20c"),
        ("http://x.example/?", "http://x.example/?"),
        ("http://user:secret@x.example/", "http://x.example/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://[2001:DB8::1]:8080/", "http://[2001:db8::1]:8080/"),
        ("http:\\\\x.example\\a", "http://x.example/a"),
        ("ftp://x.example/a", "ftp://x.example/a"),
    ] {
        assert_eq!(form(text), one, "{text}");
    }
}

#[test]
fn what_is_no_url_is_refused_and_says_why() {
    for (text, why) in [
        ("", NoUrl::Malformed),
        ("http://", NoUrl::Malformed),
        ("http://a b/", NoUrl::Host),
        ("http://[fe80::1%25eth0]/", NoUrl::Host),
        ("http://a..b/", NoUrl::Host),
        ("http://x.example:99999/", NoUrl::Port),
        ("file:///etc/passwd", NoUrl::Scheme),
        ("javascript:alert(1)", NoUrl::Scheme),
        ("data:text/html,x", NoUrl::Scheme),
        ("mailto:a@x.example", NoUrl::Scheme),
        ("gopher://x.example/", NoUrl::Scheme),
    ] {
        assert_eq!(text.parse::<CanonicalUrl>(), Err(why), "{text}");
    }
    let long = format!("http://x.example/{}", "a".repeat(100_000));
    assert_eq!(long.parse::<CanonicalUrl>(), Err(NoUrl::TooLong));
    let grows = format!("http://x.example/{}", "ä".repeat(4000));
    assert_eq!(grows.parse::<CanonicalUrl>(), Err(NoUrl::TooLong));
}

#[test]
fn a_url_is_named_by_its_id_or_by_itself_in_any_base64() {
    let url: CanonicalUrl = "http://x.example/?a>>b??c~~~".parse().expect("a URL");
    let standard = general_purpose::STANDARD.encode(url.as_str());
    let safe = general_purpose::URL_SAFE.encode(url.as_str());
    assert!(standard.contains(['+', '/']) && safe.ends_with('='), "{standard}");
    let id = url.id().to_string();
    let encoded_id = URL_SAFE_NO_PAD.encode(&id);
    for name in [&id, &id.to_uppercase(), &encoded_id, &url.base64(), &standard, &safe, standard.trim_end_matches('=')]
    {
        assert_eq!(name.parse::<UrlName>().map(|name| name.id()), Ok(url.id()), "{name}");
    }
    for wrong in ["", "?", "AAAA", "/w==", "amF2YXNjcmlwdDphbGVydCgxKQ"] {
        assert!(wrong.parse::<UrlName>().is_err(), "{wrong}");
    }
}

#[test]
fn the_location_is_a_domain_or_an_address() {
    let location = |text: &str| text.parse::<CanonicalUrl>().expect("a URL").location();
    assert!(matches!(location("x.example"), Location::Domain(name) if name.as_str() == "x.example"));
    assert!(matches!(location("http://[::ffff:1.2.3.4]/"), Location::Ip(address) if address.to_string() == "1.2.3.4"));
}

proptest! {
    #[test]
    fn the_form_of_a_form_is_itself(
        text in "(https?://|ftp://|//|)([a-z%@:]{0,6})[\\PC]{0,20}(/[\\PC%.]{0,12}){0,4}(\\?\\PC{0,12})?(#\\PC{0,8})?"
    ) {
        if let Ok(url) = text.parse::<CanonicalUrl>() {
            prop_assert_eq!(url.as_str().parse::<CanonicalUrl>(), Ok(url.clone()));
            prop_assert!(url.as_str().is_ascii());
            let _ = url.location();
            prop_assert_eq!(url.base64().parse::<UrlName>(), Ok(UrlName::Url(url)));
        }
    }

    #[test]
    fn nothing_makes_it_panic(text in "\\PC{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = text.parse::<CanonicalUrl>();
        let _ = text.parse::<UrlName>();
        let _ = String::from_utf8_lossy(&bytes).parse::<CanonicalUrl>();
    }
}
