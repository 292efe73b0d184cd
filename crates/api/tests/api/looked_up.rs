//! What is learned of an address beside its content: certificates, and what is known of a page after a crash.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use assay_engines::Engine;
use assay_engines::engine::{Edition, EngineError, Finding, Item, Labels, Scope, Status};
use assay_model::Kind;
use assay_model::record::{Class, Job, Key, StageName};
use assay_model::url::CanonicalUrl;
use assay_model::verdict::{Category, Method};
use assay_store::Batch;
use assay_web::{Config, Recorded, Shown};
use async_trait::async_trait;
use serde_json::Value;

use crate::support::Service;

const PAGE: &str = "http://page.example.com/";

/// The certificate of a name, another one below the same registered domain, and a stranger's.
fn certificate() -> Vec<u8> {
    let names = ["example.com", "*.example.com", "shop.example.com", "stranger.example.net"];
    let made = rcgen::generate_simple_self_signed(names.map(ToOwned::to_owned)).expect("a certificate");
    made.cert.der().to_vec()
}

async fn service(recorded: Recorded) -> Service {
    let web = assay_web::open(Config::Recorded(recorded)).expect("a web");
    Service::start_judging(Some(web), Vec::new()).await
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["data"].as_array().expect("a list").iter().filter_map(|object| object["id"].as_str()).collect()
}

#[tokio::test]
async fn a_domain_that_is_analysed_shows_its_certificate_its_address_and_the_names_beside_it() {
    let shown = Shown { address: [93, 184, 216, 34].into(), certificate: certificate() };
    let service = service(Recorded::default().with_certificate("example.com", shown)).await;
    let key = service.key("operator").await;
    assert_eq!(service.call("POST", "/api/v3/domains/example.com/analyse", Some(&key)).await.status, 200);
    service.work().await;
    let report = service.get("/domains/example.com", &key).await.json;
    let attributes = &report["data"]["attributes"];
    let thumbprint = attributes["last_https_certificate"]["thumbprint_sha256"].as_str().expect("a certificate");
    assert!(attributes["last_https_certificate_date"].as_i64().is_some());
    let history = service.get("/domains/example.com/historical_ssl_certificates", &key).await.json;
    assert_eq!(ids(&history), [thumbprint]);
    assert_eq!(history["data"][0]["context_attributes"]["port"], "443");
    let resolutions = service.get("/domains/example.com/resolutions", &key).await.json;
    assert_eq!(ids(&resolutions), ["93.184.216.34example.com"]);
    let below = service.get("/domains/example.com/subdomains", &key).await.json;
    assert_eq!(ids(&below), ["shop.example.com"], "not the wildcard");
    assert_eq!(
        service.get("/domains/stranger.example.net", &key).await.status,
        404,
        "a stranger's name is not believed"
    );
    let of_address = service.get("/ip_addresses/93.184.216.34/historical_ssl_certificates", &key).await.json;
    assert_eq!(ids(&of_address), [thumbprint]);
}

#[tokio::test]
async fn an_address_that_is_analysed_shows_its_certificate_or_none() {
    let shown = Shown { address: [93, 184, 216, 34].into(), certificate: certificate() };
    let broken = Shown { certificate: b"no certificate".to_vec(), ..shown.clone() };
    let recorded =
        Recorded::default().with_certificate("93.184.216.34", shown).with_certificate("93.184.216.35", broken);
    let service = service(recorded).await;
    let key = service.key("operator").await;
    for (address, has_one) in [("93.184.216.34", true), ("93.184.216.35", false), ("93.184.216.36", false)] {
        service.call("POST", &format!("/api/v3/ip_addresses/{address}/analyse"), Some(&key)).await;
        service.work().await;
        let report = service.get(&format!("/ip_addresses/{address}"), &key).await.json;
        assert_eq!(report["data"]["attributes"]["last_https_certificate"].is_object(), has_one, "{address}");
    }
}

/// Remembers the bodies that it was shown.
struct Watcher(Arc<Mutex<Vec<Option<Vec<u8>>>>>);

#[async_trait]
impl Engine for Watcher {
    fn name(&self) -> &'static str {
        "Watcher"
    }
    async fn edition(&self) -> Edition {
        Edition::default()
    }
    fn scope(&self) -> Scope {
        Scope::Addresses
    }
    fn accepts(&self, _: Item<'_>) -> bool {
        true
    }
    fn patience(&self) -> Duration {
        Duration::from_secs(1)
    }
    async fn judge(&self, item: Item<'_>) -> Result<Finding, EngineError> {
        let body = item.sample().map(|sample| sample.bytes.to_vec());
        self.0.lock().expect("no other judged and crashed").push(body);
        let nothing = Finding::nothing(Method::Heuristic);
        Ok(Finding { category: Category::Undetected, labels: Labels::default(), ..nothing })
    }
    async fn refresh(&self) {}
    fn status(&self) -> Status {
        Status::default()
    }
}

#[tokio::test]
async fn engines_that_are_asked_after_a_crash_see_the_page_that_was_fetched_before_it() {
    let url: CanonicalUrl = PAGE.parse().expect("a URL");
    let web = assay_web::open(Config::Recorded(Recorded::default().with_page(&url, "<title>kept</title>")));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let service = Service::start_judging(Some(web.expect("a web")), vec![Arc::new(Watcher(seen.clone()))]).await;
    let key = service.key("operator").await;
    let analysis = service.submit(&key, PAGE).await;
    service.work().await;
    // The job as a server finds it that was killed between the visit and the rating.
    let mut batch = Batch::new();
    let subject = Key::shared(Kind::Analysis, analysis);
    batch.enqueue(Job { stage: StageName::Rate, subject, class: Class::Normal });
    service.app.store().commit(batch).await.expect("a job");
    service.work().await;
    let page = Some(b"<title>kept</title>".to_vec());
    assert_eq!(*seen.lock().expect("nobody crashed"), [page.clone(), page]);
}
