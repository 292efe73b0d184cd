//! Addresses as people and phishers write them, and what the heuristic makes of them.

use std::fs;

use assay_model::address;
use assay_model::facts::Facts;
use assay_model::verdict::Category;

use super::brands::Brands;
use super::{Lexical, THRESHOLD, finding, signs};
use crate::address::{Address, Page};
use crate::config::LexicalConfig;
use crate::engine::{Engine as _, Finding, Item, Sample};
use crate::suite;

fn builtin() -> Brands {
    Brands::read(&LexicalConfig::default()).expect("there is no file to read")
}

fn item(text: &str) -> address::Item {
    if text.contains('/') {
        return address::Item::Url(text.parse().expect("a URL"));
    }
    match text.parse() {
        Ok(ip) => address::Item::IpAddress(ip),
        Err(_) => address::Item::Domain(text.parse().expect("a domain")),
    }
}

fn judge(text: &str) -> Finding {
    finding(signs(&Address::unvisited(item(text)), &builtin()))
}

fn weight(text: &str) -> u32 {
    signs(&Address::unvisited(item(text)), &builtin()).iter().map(|sign| sign.weight).sum()
}

#[tokio::test]
async fn it_passes_the_suite() {
    suite::run(&Lexical::open(&LexicalConfig::default()).await.expect("opened")).await;
}

#[test]
fn what_pretends_to_be_a_brand_is_suspicious_and_the_brand_is_named() {
    for (text, brand, why) in [
        ("paypa1.com", "PayPal", "looks like"),
        ("xn--pypal-4ve.com", "PayPal", "looks like"),
        ("rnicrosoft.com", "Microsoft", "looks like"),
        ("paypal.com.account-check.example", "PayPal", "begins like"),
        ("http://www.paypal.com.evil.example/login", "PayPal", "begins like"),
        ("paypal-login.example", "PayPal", "among other words"),
        ("secure-netfl1x.example", "Netflix", "among other words"),
        ("paypalsecurity.example", "PayPal", "with `security`"),
    ] {
        let found = judge(text);
        assert_eq!(found.category, Category::Suspicious, "{text}: {found:?}");
        assert_eq!(found.labels.targeted_brand.as_deref(), Some(brand), "{text}");
        assert_eq!(found.result.as_deref(), Some("phishing"), "{text}");
        assert!(found.reasons[0].contains(why), "{text}: {:?}", found.reasons);
    }
}

#[test]
fn a_brands_own_domains_and_ordinary_ones_are_not_suspicious() {
    for text in [
        "paypal.com",
        "https://www.paypal.com/signin?country=DE",
        "login.microsoftonline.com",
        "https://accounts.google.com/",
        "https://github.com/login",
        "http://example.com/",
        "https://www.gnu.org/software/gzip/",
        "https://docs.rs/some-crate/1.0/",
        "https://sourceforge.net/projects/x/files/y.exe/download",
        "http://192.168.0.1:8123/update.sh",
        "https://xn--bcher-kva.example/",
        "d111111abcdef8.cloudfront.net",
        "https://support.example.com/account/login",
        "amazing.example",
        "localhost",
        "8.8.8.8",
        "http://8.8.8.8/",
    ] {
        assert_eq!(judge(text).category, Category::Undetected, "{text}: {:?}", judge(text).reasons);
    }
}

#[test]
fn a_slip_of_the_hand_alone_is_a_sign_and_with_another_enough() {
    let alone = weight("papyal.com");
    assert!((1..THRESHOLD).contains(&alone), "{alone}");
    assert!(weight("http://papyal.com/paypal.com/") >= THRESHOLD);
    assert_eq!((weight("purple.com"), weight("x.example")), (0, 0));
    assert!(weight("paypal.example") > 0);
}

#[test]
fn odd_hosts_ports_and_endings_add_up() {
    for (text, enough) in [
        ("http://203.0.114.5/", false),
        ("http://203.0.114.5:41791/i", false),
        ("http://203.0.114.5:41791/bin.sh", true),
        ("http://203.0.114.5/a/b.exe", false),
        ("http://files.example/invoice.pdf.exe", true),
        ("http://files.example/invoice.pdf", false),
        ("http://files.example/setup.exe", false),
        ("http://files.example/archive.tar.gz", false),
        ("http://files.example/jquery.min.js", false),
        ("xkjwqzvbnrtp3k9.example", false),
        ("http://a.b.c.d.e.f.g.h.i.xkjwqzvbnrtp.example:4444/", true),
        ("verify-account-login-secure.example", false),
        ("http://verify-account-login-secure.example:4444/x.pdf.exe", true),
    ] {
        assert_eq!(weight(text) >= THRESHOLD, enough, "{text}: {} {:?}", weight(text), judge(text).reasons);
    }
}

#[test]
fn letters_of_several_scripts_are_a_sign() {
    // A Cyrillic а in a Latin word; a word wholly in Cyrillic that looks Latin; a Cyrillic word.
    let mixed = judge("http://xn--exmple-4nf.example/");
    assert!(mixed.reasons[0].contains("several scripts"), "{mixed:?}");
    assert_eq!(mixed.labels.tags, ["idn"]);
    let looks = judge("xn--80ak6aa92e.com");
    assert!(looks.reasons[0].contains("looks like"), "{looks:?}");
    assert_eq!(judge("xn--80akhbyknj4f.example").category, Category::Undetected);
}

fn page(url: &str, kind: &str, title: &str, body: &str) -> Finding {
    let page = Page {
        final_url: url.parse().expect("a URL"),
        body: Sample::of(body.to_owned()),
        facts: Facts { type_tag: kind.to_owned(), ..Facts::default() }.into(),
        title: Some(title.to_owned()),
    };
    finding(signs(&Address { item: item(url), page: Some(page) }, &builtin()))
}

#[test]
fn a_program_where_a_picture_was_promised_or_from_a_bare_address_is_suspicious() {
    assert_eq!(page("http://a.example/cat.jpg", "peexe", "", "MZ").category, Category::Suspicious);
    assert_eq!(page("http://203.0.114.5/a", "elf", "", "").category, Category::Suspicious);
    assert_eq!(page("http://a.example/setup.exe", "peexe", "", "MZ").category, Category::Undetected);
    assert_eq!(page("http://a.example/cat.jpg", "jpeg", "", "").category, Category::Undetected);
}

#[test]
fn a_page_that_calls_itself_a_brand_and_asks_for_a_password_is_a_sign() {
    let form = "<input name=p type=\"password\">";
    let found = page("http://my-secure-account.example/", "html", "PayPal: Log in", form);
    assert_eq!(found.labels.targeted_brand.as_deref(), Some("PayPal"), "{found:?}");
    assert_eq!(page("https://www.paypal.com/", "html", "PayPal: Log in", form).reasons, Vec::<String>::new());
    assert_eq!(page("http://a.example/", "html", "PayPal: news", "").reasons, Vec::<String>::new());
    assert_eq!(page("http://a.example/", "html", "Log in", form).reasons, Vec::<String>::new());
}

#[tokio::test]
async fn brands_of_the_operators_are_compared_too_and_taken_in_use_when_they_change() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("brands.csv");
    fs::write(&path, "# ours\nOur Bank,ourbank.example\nno domain\n").expect("written");
    let config = LexicalConfig { builtin: false, brands: vec![path.clone()], ..LexicalConfig::default() };
    let engine = Lexical::open(&config).await.expect("opened");
    let brand = async |text: &str| {
        let address = Address::unvisited(item(text));
        engine.judge(Item::Address(&address)).await.expect("it always answers").labels.targeted_brand
    };
    assert_eq!(brand("ourbank-login.example").await.as_deref(), Some("Our Bank"));
    assert_eq!(brand("paypal-login.example").await, None);
    assert_eq!(engine.status().problems.len(), 2, "{:?}", engine.status());
    fs::write(&path, "Our Club,ourclub.example\n").expect("written");
    engine.refresh().await;
    assert_eq!(brand("ourclub-login.example").await.as_deref(), Some("Our Club"));
    assert_eq!(brand("ourbank-login.example").await, None);
    assert_eq!(engine.status().problems, Vec::<String>::new());
    fs::remove_file(&path).expect("it is there");
    engine.refresh().await;
    assert_eq!(brand("ourclub-login.example").await.as_deref(), Some("Our Club"));
    assert!(engine.status().problems[0].contains("not reloaded"), "{:?}", engine.status());
}
