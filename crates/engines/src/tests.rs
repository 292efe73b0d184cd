//! The panel with engines that misbehave, and the engines together as the operator configures them.

use std::sync::Arc;
use std::time::Duration;

use assay_model::address;
use assay_model::facts::Facts;
use assay_model::verdict::{Category, Method, Stats};
use assay_model::{Digests, Timestamp};
use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::address::Address;
use crate::config::EnginesConfig;
use crate::engine::{Edition, Engine, EngineError, Finding, Item, Labels, Sample, Scope, Status};
use crate::panel::Panel;

/// How a test engine behaves.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Answers,
    Crashes,
    CrashesAtEverything,
    Hangs,
    Fails,
    GivesUp,
    Declines,
}

struct Odd(&'static str, Manner);

#[async_trait]
impl Engine for Odd {
    fn name(&self) -> &'static str {
        self.0
    }
    async fn edition(&self) -> Edition {
        assert!(self.1 != Manner::CrashesAtEverything, "a crash on purpose");
        Edition { version: Some("1.0".into()), updated: Some(Timestamp(1_709_210_096)) }
    }
    fn scope(&self) -> Scope {
        Scope::Both
    }
    fn accepts(&self, _: Item<'_>) -> bool {
        assert!(self.1 != Manner::CrashesAtEverything, "a crash on purpose");
        self.1 != Manner::Declines
    }
    fn patience(&self) -> Duration {
        Duration::from_millis(100)
    }
    async fn judge(&self, _: Item<'_>) -> Result<Finding, EngineError> {
        match self.1 {
            Manner::Crashes => panic!("a crash on purpose"),
            Manner::Hangs => std::future::pending().await,
            Manner::Fails => Err(EngineError::Failed("secret detail".into())),
            Manner::GivesUp => Err(EngineError::GaveUp("too long".into())),
            _ => {
                let nothing = Finding::nothing(Method::Heuristic);
                Ok(Finding {
                    category: Category::Malicious,
                    result: Some("Bad".into()),
                    reasons: vec!["why".into()],
                    labels: Labels {
                        threat_names: vec!["Worm".into()],
                        categories: [("a list".into(), "malware".into())].into(),
                        targeted_brand: Some("Brand".into()),
                        tags: vec!["tag".into()],
                    },
                    ..nothing
                })
            }
        }
    }
    async fn refresh(&self) {
        assert!(self.1 != Manner::CrashesAtEverything, "a crash on purpose");
    }
    fn status(&self) -> Status {
        Status::default()
    }
}

fn panel() -> Panel {
    Panel::of(vec![
        Arc::new(Odd("crashing", Manner::Crashes)),
        Arc::new(Odd("crashing at everything", Manner::CrashesAtEverything)),
        Arc::new(Odd("hanging", Manner::Hangs)),
        Arc::new(Odd("failing", Manner::Fails)),
        Arc::new(Odd("giving up", Manner::GivesUp)),
        Arc::new(Odd("declining", Manner::Declines)),
        Arc::new(Odd("good", Manner::Answers)),
    ])
}

#[tokio::test]
async fn engines_that_crash_hang_fail_or_decline_do_not_disturb_the_others() {
    let judgement = panel().judge(&Sample::of("x"), &Facts::default(), Timestamp(7)).await;
    let category = |name: &str| judgement.results[name].category;
    assert_eq!(category("crashing"), Category::Failure);
    assert_eq!(category("crashing at everything"), Category::Failure);
    assert_eq!(category("hanging"), Category::Timeout);
    assert_eq!(category("failing"), Category::Failure);
    assert_eq!(category("giving up"), Category::ConfirmedTimeout);
    assert_eq!(category("declining"), Category::TypeUnsupported);
    let good = &judgement.results["good"];
    assert_eq!(
        (good.category, good.result.as_deref(), good.method),
        (Category::Malicious, Some("Bad"), Method::Heuristic)
    );
    assert_eq!((good.engine_version.as_deref(), good.engine_update.as_deref()), (Some("1.0"), Some("20240229")));
    assert_eq!(judgement.reasons, [("good".to_owned(), vec!["why".to_owned()])].into());
    assert_eq!(Stats::of(judgement.results.values()).total(), 7);
    assert!(!format!("{judgement:?}").contains("secret"), "what ails an engine is not for the report");
}

#[tokio::test]
async fn reports_of_urls_have_five_categories_and_only_the_engines_that_look_at_them() {
    let url = address::Item::Url("http://example.com/".parse().expect("a URL"));
    let rating = panel().rate(&Address::unvisited(url), Timestamp(7)).await;
    let said = |name: &str| (rating.results[name].category, rating.results[name].result.as_str());
    assert_eq!(said("crashing"), (Category::Timeout, "timeout"));
    assert_eq!(said("hanging"), (Category::Timeout, "timeout"));
    assert_eq!(said("failing"), (Category::Timeout, "timeout"));
    assert_eq!(said("giving up"), (Category::Timeout, "timeout"));
    assert_eq!(said("good"), (Category::Malicious, "Bad"));
    assert!(!rating.results.contains_key("declining"));
    let stats = address::AddressStats::of(rating.results.values());
    assert_eq!((stats.malicious, stats.undetected, stats.timeout, stats.harmless + stats.suspicious), (1, 0, 5, 0));
    assert_eq!(rating.categories, [("a list".to_owned(), "malware".to_owned())].into());
    assert_eq!(rating.targeted_brand, [("good".to_owned(), "Brand".to_owned())].into());
    assert_eq!((rating.threat_names, rating.tags), (["Worm".to_owned()].into(), ["tag".to_owned()].into()));
    assert_eq!(rating.reasons, [("good".to_owned(), vec!["why".to_owned()])].into());
}

#[test]
fn the_log_names_of_a_url_only_its_host() {
    let url = address::Item::Url("http://example.com/secret?key=secret".parse().expect("a URL"));
    assert_eq!(Item::Address(&Address::unvisited(url)).to_string(), "a URL at example.com");
}

#[tokio::test]
async fn engines_work_side_by_side() {
    let engines: Vec<Arc<dyn Engine>> = ["a", "b", "c", "d"].map(|name| Arc::new(Odd(name, Manner::Hangs)) as _).into();
    let panel = Panel::of(engines);
    let (sample, facts) = (Sample::of("x"), Facts::default());
    let asked = panel.judge(&sample, &facts, Timestamp(7));
    let judgement = tokio::time::timeout(Duration::from_millis(300), asked).await.expect("not one after the other");
    assert_eq!(judgement.results.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn watching_survives_a_crash_and_ends_when_it_is_told() {
    let (panel, stop) = (panel(), CancellationToken::new());
    let stopped = async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        stop.cancel();
    };
    tokio::join!(panel.watch(stop.clone()), stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_configuration_needs_nothing_and_opens_three_engines() {
    let config: EnginesConfig = serde_json::from_str("{}").expect("all has a default");
    let cache = tempfile::tempdir().expect("a temporary folder");
    let panel = crate::open(&config, cache.path()).await.expect("opened");
    assert_eq!(panel.names(), ["Assay YARA", "Assay Static", "Assay Lexical"]);
    for engine in panel.status().await {
        assert!(engine.edition.version.is_some() && engine.edition.updated.is_some(), "{engine:?}");
    }
    let judgement = panel.judge(&Sample::of(""), &Facts::default(), Timestamp(7)).await;
    assert_eq!(judgement.results["Assay YARA"].category, Category::Undetected);
    assert_eq!(judgement.results["Assay Static"].category, Category::TypeUnsupported);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_engines_open_together_from_one_configuration() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().display();
    std::fs::write(folder.path().join("r.yar"), "rule a { condition: true }").expect("written");
    std::fs::write(folder.path().join("bad.txt"), Digests::of(b"bad").sha1.to_string()).expect("written");
    let config = format!(
        r#"{{"yara": {{"builtin": false, "patience": "1m 30s", "folder": [{{"path": "{path}", "source": "ours", "verdict": "informational"}}]}},
            "clamd": {{"address": "unix:{path}/none"}}, "hashlist": {{"bad": ["{path}/bad.txt"]}},
            "list": [{{"name": "Feed", "path": "{path}/hosts.txt", "meaning": "phishing"}}]}}"#
    );
    std::fs::write(folder.path().join("hosts.txt"), "evil.example\n").expect("written");
    let mut config: EnginesConfig = serde_json::from_str(&config).expect("well formed");
    let panel = crate::open(&config, &folder.path().join("cache")).await.expect("opened");
    assert_eq!(panel.names(), ["Assay YARA", "ClamAV", "Assay Hashlist", "Assay Static", "Assay Lexical", "Feed"]);
    let judgement = panel.judge(&Sample::of("bad"), &Facts::default(), Timestamp(7)).await;
    assert_eq!(judgement.results["ClamAV"].category, Category::Failure);
    assert_eq!(judgement.results["Assay Hashlist"].category, Category::Malicious);
    assert_eq!(judgement.yara[0].match_date, Timestamp(7));
    assert!(!judgement.results.contains_key("Feed") && !judgement.results.contains_key("Assay Lexical"));
    let domain = address::Item::Domain("evil.example".parse().expect("a domain"));
    let rating = panel.rate(&Address::unvisited(domain), Timestamp(7)).await;
    assert_eq!(rating.results.keys().collect::<Vec<_>>(), ["Assay Lexical", "Feed"]);
    assert_eq!(rating.results["Feed"].result, "phishing");
    config.list.push(config.list[0].clone());
    let Err(error) = crate::open(&config, &folder.path().join("cache")).await else { panic!("two of one name") };
    assert!(error.to_string().contains("`Feed`"), "{error}");
}

#[test]
fn the_configuration_survives_a_round_trip_and_mistakes_are_refused() {
    let config = EnginesConfig::default();
    let text = serde_json::to_string(&config).expect("it can be written");
    assert!(text.contains("\"2m\""), "{text}");
    assert_eq!(serde_json::from_str::<EnginesConfig>(&text).expect("it can be read"), config);
    for wrong in [
        r#"{"yarra": {}}"#,
        r#"{"yara": {"patience": "soon"}}"#,
        r#"{"clamd": {"patience": "0s"}}"#,
        r#"{"yara": {"patience": 5}}"#,
    ] {
        assert!(serde_json::from_str::<EnginesConfig>(wrong).is_err(), "{wrong}");
    }
}
