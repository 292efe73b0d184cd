//! Feeds under a contract that has them: switched on, timed, passed through as they come.

use assay_broker::download::Downloads;
use assay_upstream::UpstreamError;
use url::Url;

use crate::broker::{asked, with_contract_of, with_contract_on};
use crate::support::{Answer, Service, broker_settings};

const FEEDS: &[&str] = &["file-feed", "url-feed", "domain-feed", "ip-feed", "file-behaviour-feed"];

/// A service that may read feeds, under a contract that has them.
async fn reading(downloads: bool) -> (Service, String) {
    let feeds = Some(Downloads::default());
    let downloads = downloads.then(Downloads::default);
    let settings = assay_broker::Settings { feeds, downloads, ..broker_settings() };
    let (service, operator, _) = with_contract_on(Service::start_brokering(settings).await, FEEDS).await;
    (service, operator)
}

fn refused(answer: &Answer, status: u16, code: &str, part: &str) {
    assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{}", answer.message());
    assert!(answer.message().contains(part), "{}", answer.message());
}

#[tokio::test]
async fn a_feed_is_read_where_it_is_switched_on_and_the_contract_has_it() {
    let path = "/feeds/files/202601151000";
    let bare = Service::start().await;
    refused(&bare.get(path, &bare.key("operator").await).await, 404, "NotFoundError", "no contract");

    let (off, operator, premium) = with_contract_of(FEEDS).await;
    refused(&off.get(path, &operator).await, 404, "NotFoundError", "switched off (upstream.feeds)");
    assert!(asked(&off).is_empty());
    refused(&off.get(path, &off.key("public").await).await, 403, "ForbiddenError", "file-feed");
    drop(premium);

    let settings = assay_broker::Settings { feeds: Some(Downloads::default()), ..broker_settings() };
    let (lesser, operator, _) = with_contract_on(Service::start_brokering(settings).await, &["url-feed"]).await;
    refused(&lesser.get(path, &operator).await, 403, "ForbiddenError", "contract does not include");
    assert!(asked(&lesser).is_empty());
}

#[tokio::test]
async fn batches_come_as_they_are_from_the_host_itself_or_from_one_that_the_policy_names() {
    let (service, operator) = reading(false).await;
    let moved = Url::parse("https://feeds.storage.googleapis.com/x?Signature=y").expect("a URL");
    service.upstream.tell_bytes(moved.as_str(), "BZh hour of bytes");
    service.upstream.tell_redirect("feeds/urls/hourly/2026011509", moved.clone());
    service.upstream.tell_bytes("feeds/file_behaviours/202601151059", "BZh minute of bytes");
    service
        .upstream
        .tell_redirect("feeds/domains/202601151000", Url::parse("https://elsewhere.example/x").expect("a URL"));

    let hour = service.get("/feeds/urls/hourly/2026011509", &operator).await;
    assert_eq!((hour.status.as_u16(), &hour.bytes[..]), (200, &b"BZh hour of bytes"[..]), "{}", hour.message());
    assert_eq!(hour.headers["content-disposition"], "attachment; filename=\"urls-2026011509.tar.bz2\"");
    assert_eq!(hour.headers["content-length"], "17");
    assert!(!hour.headers.contains_key("content-encoding"));
    for spelling in ["file_behaviours", "file-behaviours"] {
        let minute = service.get(&format!("/feeds/{spelling}/202601151059"), &operator).await;
        assert_eq!(&minute.bytes[..], b"BZh minute of bytes", "{}", minute.message());
    }
    service.upstream.tell_bytes("feeds/urls/202601151000", "<html>Sign in</html>");
    let portal = service.get("/feeds/urls/202601151000", &operator).await;
    refused(&portal, 424, "FailedDependencyError", "not its API");
    let stranger = service.get("/feeds/domains/202601151000", &operator).await;
    refused(&stranger, 424, "FailedDependencyError", "not its API");
    let went = asked(&service);
    assert!(went.contains(&moved.to_string()) && !went.iter().any(|path| path.contains("elsewhere")), "{went:?}");
    refused(&service.get("/feeds/ip_addresses/202601151000", &operator).await, 404, "NotFoundError", "no such part");
}

#[tokio::test]
async fn a_batch_that_is_not_due_is_not_asked_for() {
    let (service, operator) = reading(false).await;
    for path in ["/feeds/files/202601151101", "/feeds/files/hourly/2026011511"] {
        refused(&service.get(path, &operator).await, 400, "NotAvailableYet", "minutes after it began");
    }
    for path in ["/feeds/files/2026", "/feeds/files/202601152560", "/feeds/files/hourly/202601151000", "/feeds/files/x"]
    {
        refused(&service.get(path, &operator).await, 400, "InvalidArgumentError", "named by its time");
    }
    assert!(asked(&service).is_empty());
    service.upstream.tell("feeds/files/202601151100", |_| Err(UpstreamError::NotYet("in a moment".to_owned())));
    refused(&service.get("/feeds/files/202601151100", &operator).await, 400, "NotAvailableYet", "in a moment");
}

#[tokio::test]
async fn what_a_batch_links_to_is_passed_through_and_a_file_is_a_download() {
    let (service, operator) = reading(false).await;
    service.upstream.tell_bytes("feeds/files/t0ken/download", "MZ");
    service.upstream.tell_bytes("feeds/file_behaviours/t0ken/pcap", "packets");
    let pcap = service.get("/feeds/file-behaviours/t0ken/pcap", &operator).await;
    assert_eq!(&pcap.bytes[..], b"packets", "{}", pcap.message());
    assert_eq!(pcap.headers["x-content-type-options"], "nosniff");
    let refusal = service.get("/feeds/files/t0ken/download", &operator).await;
    refused(&refusal, 404, "NotFoundError", "upstream.downloads");
    let (service, operator) = reading(true).await;
    service.upstream.tell_bytes("feeds/files/t0ken/download", "MZ");
    assert_eq!(&service.get("/feeds/files/t0ken/download", &operator).await.bytes[..], b"MZ");
    assert_eq!(service.get("/feeds/files/t0ken/elsewhere", &operator).await.status, 404);
}

#[tokio::test]
async fn feeds_cost_nothing_of_the_contract_and_stop_with_everything_else_at_a_429() {
    let (service, operator) = reading(false).await;
    service.upstream.tell_bytes("feeds/files/202601151000", "BZh");
    for _ in 0..5 {
        assert_eq!(service.get("/feeds/files/202601151000", &operator).await.status, 200);
    }
    let contract = service.get("/upstreams/vt", &operator).await;
    let used = &contract.json["data"]["attributes"]["quotas"]["api_requests_daily"]["used"];
    assert_eq!(used, 0, "{}", contract.json);
    service.upstream.tell("feeds/files/202601151001", |_| Err(UpstreamError::Exhausted { retry_after: None }));
    for path in ["/feeds/files/202601151001", "/feeds/files/202601151000"] {
        refused(&service.get(path, &operator).await, 429, "QuotaExceededError", "answers 429");
    }
}
