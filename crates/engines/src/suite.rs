//! What every engine must pass, whatever it judges by: `suite::run(&engine).await` panics with a sentence where
//! an engine breaks the contract of [`Engine`].

use assay_model::address;
use assay_model::facts::Facts;
use assay_model::url::CanonicalUrl;
use assay_model::verdict::Category;
use sha2::{Digest as _, Sha256};

use crate::address::{Address, Page};
use crate::engine::{Engine, EngineError, Finding, Item, Sample};

/// How much the large sample has, bytes.
const LARGE: usize = 8 << 20;

/// Runs all checks against one engine.
pub async fn run(engine: &dyn Engine) {
    it_says_who_it_is(engine).await;
    let facts = Facts::default();
    for (what, sample) in samples() {
        it_answers_in_time_and_twice_the_same(engine, what, Item::File(&sample, &facts)).await;
    }
    for (what, address) in &addresses() {
        it_answers_in_time_and_twice_the_same(engine, what, Item::Address(address)).await;
    }
    it_answers_many_at_once(engine).await;
    it_goes_on_after_a_refresh_and_a_dropped_question(engine).await;
}

async fn it_says_who_it_is(engine: &dyn Engine) {
    assert!(!engine.name().is_empty(), "an engine has a name");
    assert!(!engine.patience().is_zero(), "{}: its patience is longer than nothing", engine.name());
    let edition = engine.edition().await;
    assert!(edition.version.is_some_and(|version| !version.is_empty()), "{}: its edition has a version", engine.name());
    assert_eq!(engine.status(), engine.status(), "{}: its status stands still", engine.name());
}

async fn it_answers_in_time_and_twice_the_same(engine: &dyn Engine, what: &str, item: Item<'_>) {
    let first = in_time(engine, what, item).await;
    let second = in_time(engine, what, item).await;
    assert_eq!(first, second, "{}: {what}: the same item gets the same answer", engine.name());
    let name = engine.name();
    let named = matches!(first.category, Category::Malicious | Category::Suspicious);
    assert_eq!(first.result.is_some(), named, "{name}: {what}: a name goes with a detection, and only with one");
    assert!(
        named || matches!(first.category, Category::Undetected | Category::Harmless),
        "{name}: {what}: {:?} is the panel's to say, not the engine's",
        first.category
    );
}

async fn in_time(engine: &dyn Engine, what: &str, item: Item<'_>) -> Finding {
    let Ok(answer) = tokio::time::timeout(engine.patience(), engine.judge(item)).await else {
        panic!("{}: {what}: no answer within its patience", engine.name())
    };
    answer.unwrap_or_else(|error| panic!("{}: {what}: {error}", engine.name()))
}

async fn judge(engine: &dyn Engine, sample: &Sample) -> Result<Finding, EngineError> {
    engine.judge(Item::File(sample, &Facts::default())).await
}

async fn it_answers_many_at_once(engine: &dyn Engine) {
    let samples: Vec<_> = (0..32_u8).map(|number| Sample::of(vec![number; 1000])).collect();
    let answers = futures_util::future::join_all(samples.iter().map(|sample| judge(engine, sample))).await;
    for answer in answers {
        assert!(answer.is_ok(), "{}: many at once: {answer:?}", engine.name());
    }
}

async fn it_goes_on_after_a_refresh_and_a_dropped_question(engine: &dyn Engine) {
    let sample = Sample::of(noise(LARGE));
    drop(tokio::time::timeout(std::time::Duration::from_millis(1), judge(engine, &sample)).await);
    engine.refresh().await;
    in_time(engine, "after a refresh", Item::File(&Sample::of("x"), &Facts::default())).await;
}

fn samples() -> Vec<(&'static str, Sample)> {
    vec![
        ("an empty sample", Sample::of("")),
        ("one byte", Sample::of("x")),
        ("a large random sample", Sample::of(noise(LARGE))),
        ("many lines", Sample::of("line\r\n".repeat(100_000))),
        ("the beginning of a program", Sample::of(&b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0"[..])),
        ("the beginning of an archive", Sample::of(&b"PK\x03\x04\x14\0\0\0\x08\0"[..])),
    ]
}

fn addresses() -> Vec<(&'static str, Address)> {
    let url = |text: &str| -> CanonicalUrl { text.parse().unwrap_or_else(|error| panic!("{text}: {error}")) };
    let serves = |body: Sample| {
        let (final_url, title) = (url("http://example.com/"), Some("A title".to_owned()));
        let page = Page { final_url, body, facts: std::sync::Arc::default(), title };
        Address { item: address::Item::Url(url("http://example.com/a")), page: Some(page) }
    };
    let domain = |text: &str| address::Item::Domain(text.parse().unwrap_or_else(|error| panic!("{text}: {error}")));
    let ip = |text: &str| address::Item::IpAddress(text.parse().unwrap_or_else(|error| panic!("{text}: {error}")));
    let long = format!("http://example.com/?{}", "x".repeat(8000));
    vec![
        ("a URL that serves noise", serves(Sample::of(noise(LARGE)))),
        ("a URL that serves nothing", serves(Sample::of(""))),
        ("a URL", Address::unvisited(address::Item::Url(url("http://example.com/a?b=c")))),
        ("a URL at an IPv6 address", Address::unvisited(address::Item::Url(url("http://[2001:db8::1]:8080/")))),
        ("a long URL", Address::unvisited(address::Item::Url(url(&long)))),
        ("a domain", Address::unvisited(domain("example.com"))),
        ("a domain of one label", Address::unvisited(domain("localhost"))),
        ("a domain of many labels", Address::unvisited(domain(&"a.".repeat(120)))),
        ("an IDN", Address::unvisited(domain("xn--bcher-kva.example"))),
        ("an IPv4 address", Address::unvisited(ip("192.0.2.1"))),
        ("an IPv6 address", Address::unvisited(ip("::1"))),
    ]
}

/// Bytes that look random and are always the same.
fn noise(length: usize) -> Vec<u8> {
    let blocks = (0..length.div_ceil(32)).flat_map(|number| Sha256::digest(number.to_le_bytes()));
    blocks.take(length).collect()
}
