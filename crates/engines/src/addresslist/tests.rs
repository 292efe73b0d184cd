//! The engine over lists in a temporary folder.

use std::fs;

use assay_model::address;
use assay_model::verdict::Category;
use proptest::prelude::*;

use super::AddressList;
use crate::address::Address;
use crate::config::{ListConfig, Meaning};
use crate::engine::{Engine as _, Finding, Item};
use crate::lists::Lists;
use crate::suite;

fn config(lists: &Lists, name: &str, meaning: Meaning) -> ListConfig {
    ListConfig { name: "Feed".into(), path: lists.path(name), meaning, category: None, subdomains: true }
}

async fn open_as(lists: &Lists, config: &ListConfig) -> AddressList {
    AddressList::open(config, &lists.path("cache")).await.expect("the list is read")
}

async fn open(lists: &Lists, name: &str) -> AddressList {
    open_as(lists, &config(lists, name, Meaning::Malware)).await
}

fn item(text: &str) -> address::Item {
    if let Ok(ip) = text.parse() {
        return address::Item::IpAddress(ip);
    }
    if text.contains('/') {
        return address::Item::Url(text.parse().expect("a URL"));
    }
    address::Item::Domain(text.parse().expect("a domain"))
}

async fn judge(engine: &AddressList, text: &str) -> Finding {
    let address = Address::unvisited(item(text));
    engine.judge(Item::Address(&address)).await.expect("a list always answers")
}

async fn listed(engine: &AddressList, text: &str) -> bool {
    judge(engine, text).await.category == Category::Malicious
}

const MIXED: &str = "# all kinds\nevil.example\nhttp://a.example/x?y=z\nhttp://a.example/bare\nhttp://b.example:8080/\n\
    192.0.2.0/24\n192.0.2.7\n2001:db8::/32\nco.uk\ngithub.io\n";

#[tokio::test]
async fn it_passes_the_suite_and_says_what_it_holds() {
    let lists = Lists::new(&[("l.txt", MIXED)]);
    let engine = open(&lists, "l.txt").await;
    suite::run(&engine).await;
    let holds = [("URLs", 3), ("hosts", 3), ("networks", 3)].map(|(what, count)| (what.to_owned(), count));
    assert_eq!(engine.status().holds, holds.into());
    assert_eq!(engine.status().problems, Vec::<String>::new());
}

#[tokio::test]
async fn a_host_is_found_by_itself_and_by_what_it_is_below_but_not_below_a_public_suffix() {
    let lists = Lists::new(&[("l.txt", MIXED)]);
    let engine = open(&lists, "l.txt").await;
    for text in
        ["evil.example", "www.evil.example", "a.b.c.evil.example", "http://x.evil.example:81/a?b", "co.uk", "github.io"]
    {
        assert!(listed(&engine, text).await, "{text}");
    }
    for text in [
        "notevil.example",
        "example",
        "evil.example.net",
        "bbc.co.uk",
        "someone.github.io",
        "http://someone.github.io/",
    ] {
        assert!(!listed(&engine, text).await, "{text}");
    }
    let exact = ListConfig { subdomains: false, ..config(&lists, "l.txt", Meaning::Malware) };
    let engine = open_as(&lists, &exact).await;
    assert!(listed(&engine, "evil.example").await);
    assert!(!listed(&engine, "www.evil.example").await);
}

#[tokio::test]
async fn a_url_is_found_with_its_query_or_without_whatever_its_scheme() {
    let lists = Lists::new(&[("l.txt", MIXED)]);
    let engine = open(&lists, "l.txt").await;
    for text in [
        "http://a.example/x?y=z",
        "https://A.example/x?y=z",
        "http://a.example/bare",
        "http://a.example/bare?any=thing",
        "http://b.example:8080/",
    ] {
        assert!(listed(&engine, text).await, "{text}");
    }
    for text in [
        "http://a.example/",
        "http://a.example/x",
        "http://a.example/x?y=other",
        "http://a.example/bare/more",
        "http://b.example/",
        "a.example",
    ] {
        assert!(!listed(&engine, text).await, "{text}");
    }
}

#[tokio::test]
async fn an_address_is_in_the_innermost_network() {
    let lists = Lists::new(&[("l.txt", MIXED)]);
    let engine = open(&lists, "l.txt").await;
    let why = async |text: &str| judge(&engine, text).await.reasons;
    assert_eq!(why("192.0.2.7").await, ["192.0.2.7/32 is in the list"]);
    assert_eq!(why("192.0.2.8").await, ["192.0.2.0/24 is in the list"]);
    assert_eq!(why("http://192.0.2.255/").await, ["192.0.2.0/24 is in the list"]);
    assert_eq!(why("::ffff:192.0.2.7").await, ["192.0.2.7/32 is in the list"]);
    assert_eq!(why("2001:db8:ffff::1").await, ["2001:db8::/32 is in the list"]);
    for text in ["192.0.1.255", "192.0.3.0", "2001:db9::"] {
        assert_eq!(why(text).await, Vec::<String>::new(), "{text}");
    }
}

#[tokio::test]
async fn the_meaning_of_a_list_becomes_the_verdict_and_its_words_the_labels() {
    let lists = Lists::new(&[
        ("threats.csv", "domain,malware\nevil.example,Emotet\n"),
        ("brands.csv", "url,target\nhttp://fake.example/,PayPal\n"),
        ("plain.txt", "plain.example # seen in March\n"),
    ]);
    let found = judge(&open(&lists, "threats.csv").await, "www.evil.example").await;
    assert_eq!((found.category, found.result.as_deref()), (Category::Malicious, Some("malware")));
    assert_eq!(found.reasons, ["evil.example is in the list for Emotet"]);
    assert_eq!(found.labels.threat_names, ["Emotet"]);
    assert_eq!(found.labels.categories, [("Feed".to_owned(), "malware".to_owned())].into());
    let phishing = open_as(&lists, &config(&lists, "brands.csv", Meaning::Phishing)).await;
    assert_eq!(judge(&phishing, "http://fake.example/").await.labels.targeted_brand.as_deref(), Some("PayPal"));
    for (meaning, category, result) in [
        (Meaning::Suspicious, Category::Suspicious, Some("suspicious")),
        (Meaning::Harmless, Category::Harmless, None),
        (Meaning::Informational, Category::Undetected, None),
    ] {
        let config = ListConfig { category: Some("news".into()), ..config(&lists, "plain.txt", meaning) };
        let found = judge(&open_as(&lists, &config).await, "plain.example").await;
        assert_eq!((found.category, found.result.as_deref()), (category, result));
        assert_eq!(found.labels.categories, [("Feed".to_owned(), "news".to_owned())].into());
        assert_eq!(found.reasons, ["plain.example is in the list: seen in March"]);
    }
}

#[tokio::test]
async fn a_changed_list_is_taken_in_use_and_a_lost_one_stays_as_it_was() {
    let lists = Lists::new(&[("l.txt", "old.example\n")]);
    let engine = open(&lists, "l.txt").await;
    lists.write("l.txt", "new.example\nnewer.example\n");
    engine.refresh().await;
    assert!(!listed(&engine, "old.example").await && listed(&engine, "new.example").await);
    fs::remove_file(lists.path("l.txt")).expect("it is there");
    engine.refresh().await;
    assert!(listed(&engine, "new.example").await);
    assert!(engine.status().problems[0].contains("was not reloaded"), "{:?}", engine.status());
    lists.write("l.txt", "");
    engine.refresh().await;
    assert!(!listed(&engine, "new.example").await);
    assert_eq!(engine.status().problems, Vec::<String>::new());
}

#[tokio::test]
async fn files_come_into_a_folder_and_go() {
    let lists = Lists::new(&[
        ("feeds/a.txt", "a.example\n"),
        ("feeds/deep/b.txt", "b.example\n"),
        ("feeds/.hidden", "c.example"),
    ]);
    let engine = open(&lists, "feeds").await;
    assert!(listed(&engine, "a.example").await && listed(&engine, "b.example").await);
    assert!(!listed(&engine, "c.example").await);
    lists.write("feeds/d.txt", "d.example\n");
    fs::remove_file(lists.path("feeds/a.txt")).expect("it is there");
    engine.refresh().await;
    assert!(listed(&engine, "d.example").await && listed(&engine, "b.example").await);
    assert!(!listed(&engine, "a.example").await);
}

#[tokio::test]
async fn bad_lines_are_counted_and_the_first_twenty_are_shown() {
    let text = format!("{}good.example\n{}\n\0\u{1}\n", "not an address\n".repeat(30), "y".repeat(200_000));
    let lists = Lists::new(&[("l.txt", &text)]);
    let engine = open(&lists, "l.txt").await;
    assert!(listed(&engine, "good.example").await);
    let problems = engine.status().problems;
    assert_eq!(problems.len(), 21, "{problems:?}");
    assert!(problems[0].ends_with("l.txt: 32 lines list nothing"), "{}", problems[0]);
    assert!(problems[1].ends_with("line 1: not an address"), "{}", problems[1]);
}

#[tokio::test]
async fn a_ready_index_is_used_again_and_a_damaged_one_is_made_anew() {
    let lists = Lists::new(&[("l.txt", "evil.example\n")]);
    drop(open(&lists, "l.txt").await);
    let entry = fs::read_dir(lists.path("cache")).expect("it is there").next().expect("one").expect("readable");
    let made = entry.metadata().expect("it is there").modified().expect("it has a date");
    drop(open(&lists, "l.txt").await);
    assert_eq!(entry.metadata().expect("it is there").modified().expect("it has a date"), made);
    let whole = fs::read(entry.path()).expect("readable");
    for damaged in [&whole[..whole.len() - 1], &whole[..50], b"", &[7; 200]] {
        fs::write(entry.path(), damaged).expect("written");
        assert!(listed(&open(&lists, "l.txt").await, "evil.example").await);
    }
}

#[tokio::test]
async fn a_list_that_is_not_there_is_the_operators_mistake() {
    let lists = Lists::new(&[]);
    let Err(error) = AddressList::open(&config(&lists, "none", Meaning::Malware), &lists.path("")).await else {
        panic!("opened")
    };
    assert!(error.to_string().contains("none"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    /// Ten thousand lines of anything: nothing panics, and what is listed among it is found.
    #[test]
    fn no_line_disturbs_the_others(
        lines in proptest::collection::vec("[a-z0-9./:?#@\"',;|^*\\-\\[\\]\\\\%\\PC]{0,40}", 10_000),
        numbers in proptest::collection::btree_set(0_u32..10_000, 1..50),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let mut text = String::from("first.example\n");
            for (number, line) in (0_u32..).zip(&lines) {
                text.push_str(line);
                text.push('\n');
                if numbers.contains(&number) {
                    text.extend(["n", &number.to_string(), ".example\n"]);
                }
            }
            let lists = Lists::new(&[("l.txt", &text)]);
            let engine = open(&lists, "l.txt").await;
            for number in numbers {
                assert!(listed(&engine, &format!("n{number}.example")).await, "{number}");
            }
        });
    }
}
