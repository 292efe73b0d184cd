//! Look-ups under a contract, and the contract itself.

use assay_api::{Settings, routes};
use assay_broker::operations;
use assay_upstream::UpstreamError;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{Answer, Service};

pub(crate) fn hash(digit: char) -> String {
    digit.to_string().repeat(64)
}

/// A service whose installation has a contract; answers the operator's key and a premium account's.
async fn with_contract() -> (Service, String, String) {
    with_contract_of(&["private"]).await
}

/// The same, of a contract with these privileges.
pub(crate) async fn with_contract_of(privileges: &[&str]) -> (Service, String, String) {
    with_contract_on(Service::start().await, privileges).await
}

/// The same, on a service of one's own.
pub(crate) async fn with_contract_on(service: Service, privileges: &[&str]) -> (Service, String, String) {
    let (operator, premium) = (service.key("operator").await, service.key("premium").await);
    tell_account(&service, privileges);
    let made = service.write("POST", "/upstreams", &operator, &contract()).await;
    assert_eq!(made.status, 200, "{}", made.message());
    (service, operator, premium)
}

fn tell_account(service: &Service, privileges: &[&str]) {
    let group = json!({ "data": { "type": "group", "id": "acme" } });
    let privileges: serde_json::Map<String, Value> =
        privileges.iter().map(|name| ((*name).to_owned(), json!({ "granted": true }))).collect();
    let user = json!({ "data": { "type": "user", "id": "soc", "attributes": { "privileges": privileges },
                                 "relationships": { "api_quota_group": group } } });
    let allowed = |allowed: u64| json!({ "user": { "allowed": allowed, "used": 0 } });
    service.upstream.tell_document("users/{key}", user);
    service.upstream.tell_document(
        "users/soc/overall_quotas",
        json!({ "data": { "api_requests_hourly": allowed(60_000), "api_requests_daily": allowed(1_000),
                          "api_requests_monthly": allowed(30_000) } }),
    );
}

fn contract() -> Value {
    json!({ "data": { "type": "upstream", "id": "vt", "attributes": { "host": "https://vt.example", "key": hash('a') } } })
}

fn file(id: &str) -> Value {
    json!({ "data": { "type": "file", "id": id, "links": { "self": format!("https://vt.example/api/v3/files/{id}") },
                      "attributes": { "size": 7, "names": ["theirs"], "exiftool": {},
                                      "last_analysis_stats": { "malicious": 60 },
                                      "last_analysis_results": { "Other": { "engine_name": "Other", "category": "malicious" } } } } })
}

fn tell_file(service: &Service, id: &str) {
    service.upstream.tell_document(&format!("files/{id}"), file(id));
}

/// Questions that went upstream, the contract's own aside.
pub(crate) fn asked(service: &Service) -> Vec<String> {
    service.upstream.asked().into_iter().filter(|path| !path.starts_with("users/")).collect()
}

#[tokio::test]
async fn what_is_not_known_here_is_answered_from_there_in_our_clothes() {
    let (service, _, premium) = with_contract().await;
    tell_file(&service, &hash('1'));
    let first = service.get(&format!("/files/{}", hash('1')), &premium).await;
    assert_eq!(first.status, 200, "{}", first.message());
    let data = &first.json["data"];
    assert_eq!(data["links"]["self"], format!("http://assay.test/api/v3/files/{}", hash('1')));
    assert_eq!(data["attributes"], file(&hash('1'))["data"]["attributes"]);
    let about = &first.json["meta"]["assay"];
    assert_eq!((&about["origin"], &about["stale"]), (&json!("upstream"), &json!(false)));
    assert_eq!(about["permalink"], format!("https://vt.example/gui/file/{}", hash('1')));
    assert_eq!(about["fetched_at"], service.now().0);
    assert_eq!(first.headers["age"], "0");
    service.advance(90);
    let again = service.get(&format!("/files/{}", hash('1').to_uppercase()), &premium).await;
    assert_eq!(again.headers["age"], "90");
    assert_eq!(again.json, first.json);
    assert_eq!(asked(&service).len(), 1);
}

#[tokio::test]
async fn what_nobody_knows_is_404_and_asked_once() {
    let (service, _, premium) = with_contract().await;
    for _ in 0..3 {
        let answer = service.get(&format!("/files/{}", hash('2')), &premium).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (404, "NotFoundError"));
        assert_eq!(answer.message(), format!("File \"{}\" not found", hash('2')));
    }
    assert_eq!(asked(&service).len(), 1);
}

#[tokio::test]
async fn what_is_known_here_is_not_asked_and_says_that_it_is_ours() {
    let (service, _, premium) = with_contract().await;
    let sha256 = service.scan(b"known here", "known.txt").await.to_string();
    let local = service.get(&format!("/files/{sha256}"), &premium).await;
    assert_eq!(local.json["meta"]["assay"], json!({ "origin": "local" }));
    assert!(asked(&service).is_empty());
}

#[tokio::test]
async fn a_report_that_exists_on_both_sides_keeps_every_origin() {
    let (service, operator, premium) = with_contract().await;
    let sha256 = {
        // Asked for before it was uploaded here.
        let sha256 = assay_model::Digests::of(b"known on both sides").sha256.to_string();
        tell_file(&service, &sha256);
        assert_eq!(service.get(&format!("/files/{sha256}"), &premium).await.status, 200);
        service.scan(b"known on both sides", "ours.txt").await.to_string()
    };
    let merged = service.get(&format!("/files/{sha256}"), &premium).await;
    let (attributes, about) = (&merged.json["data"]["attributes"], &merged.json["meta"]["assay"]);
    assert_eq!(attributes["names"], json!(["ours.txt"]));
    assert_eq!(about["origin"], "merged");
    assert_eq!(
        (&about["attributes"]["names"], &about["attributes"]["exiftool"]),
        (&json!("local"), &json!("upstream"))
    );
    assert_eq!(asked(&service).len(), 1, "what is known here causes no call");
    let fresh = refreshed(&service, &format!("/files/{sha256}"), &operator).await;
    assert_eq!(fresh.json["meta"]["assay"]["origin"], "merged");
}

async fn refreshed(service: &Service, path: &str, key: &str) -> Answer {
    let request = Request::builder().uri(format!("/api/v3{path}")).header("host", "assay.test");
    let request = request.header("x-apikey", key).header("cache-control", "no-cache");
    service.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn only_who_has_the_privilege_asks_again() {
    let (service, operator, premium) = with_contract().await;
    tell_file(&service, &hash('3'));
    let path = format!("/files/{}", hash('3'));
    for (key, calls) in [(&premium, 1), (&premium, 1), (&operator, 2)] {
        service.advance(60);
        assert_eq!(refreshed(&service, &path, key).await.status, 200);
        assert_eq!(asked(&service).len(), calls);
    }
}

#[tokio::test]
async fn an_account_sees_no_more_of_an_answer_than_of_our_own_reports() {
    let (service, _, premium) = with_contract().await;
    let public = service.key("public").await;
    tell_file(&service, &hash('4'));
    let path = format!("/files/{}", hash('4'));
    let (more, less) = (service.get(&path, &premium).await, service.get(&path, &public).await);
    assert!(more.json["data"]["attributes"]["exiftool"].is_object());
    assert!(less.json["data"]["attributes"]["exiftool"].is_null());
    let shaped = service.get(&format!("{path}?attributes=size"), &premium).await;
    assert_eq!(shaped.json["data"]["attributes"], json!({ "size": 7 }));
    assert_eq!(asked(&service).len(), 1);
}

#[tokio::test]
async fn relationships_are_paged_by_upstreams_cursors_and_lead_here() {
    let (service, _, premium) = with_contract().await;
    let path = format!("files/{}/contacted_domains", hash('5'));
    let next = format!("https://vt.example/api/v3/{path}?cursor=abc&limit=5");
    service.upstream.tell_document(
        &path,
        json!({ "data": [{ "type": "domain", "id": "example.com", "attributes": {} }],
                "meta": { "cursor": "abc", "count": 7 }, "links": { "next": next } }),
    );
    let page = service.get(&format!("/{path}?limit=5"), &premium).await;
    assert_eq!(page.status, 200, "{}", page.message());
    assert_eq!(page.json["links"]["next"], format!("http://assay.test/api/v3/{path}?cursor=abc&limit=5"));
    assert_eq!(page.json["meta"]["cursor"], "abc");
    assert_eq!(page.json["meta"]["assay"]["origin"], "upstream");
    service.get(&format!("/{path}?limit=5&cursor=abc"), &premium).await;
    assert_eq!(asked(&service), [format!("{path}?limit=5"), format!("{path}?limit=5&cursor=abc")]);
    let bare = format!("/files/{}/relationships/contacted_domains", hash('5'));
    service.get(&bare, &premium).await;
    assert_eq!(asked(&service)[2], bare[1..]);
}

#[tokio::test]
async fn relationships_inside_an_object_are_asked_for_where_the_contract_has_them() {
    let (service, _, premium) = with_contract().await;
    let id = hash('6');
    let mut document = file(&id);
    document["data"]["relationships"] = json!({ "comments": { "data": [] } });
    service.upstream.tell_document(&format!("files/{id}"), document);
    let answer = service.get(&format!("/files/{id}?relationships=comments,user_votes"), &premium).await;
    assert_eq!(asked(&service), [format!("files/{id}?relationships=comments")]);
    let relationships = &answer.json["data"]["relationships"];
    assert!(relationships["comments"]["data"].is_array() && relationships["user_votes"]["data"].is_array());
}

#[tokio::test]
async fn nothing_but_the_table_goes_upstream() {
    let (service, operator, _) = with_contract().await;
    let id = hash('7');
    for route in routes::table(&Settings::default()) {
        // A key of the operator's on every route there is; what ends the contract itself comes last by not coming.
        if route.path.contains("/upstreams") {
            continue;
        }
        let path = route.path.replace("{id}", &id);
        let path = if path.ends_with("/behaviour_summary") { format!("{path}?hashes={id}") } else { path };
        service.call(route.method.as_str(), &path, Some(&operator)).await;
    }
    let went = asked(&service);
    assert!(went.len() > 40, "the sweep sees what goes: {}", went.len());
    for path in went {
        let path = path.split('?').next().unwrap_or_default().to_owned();
        let segments: Vec<_> =
            path.split('/').filter(|segment| *segment != "relationships" && **segment != *id).collect();
        let name = segments.get(1).copied().unwrap_or_default();
        let row = operations::find(segments[0], name).or_else(|| operations::find(&path, ""));
        assert!(row.is_some(), "{path}");
    }
}

#[tokio::test]
async fn upstreams_faults_have_virustotals_codes() {
    type Fault = fn() -> UpstreamError;

    let (service, _, premium) = with_contract().await;
    let faults: [(char, Fault, u16, &str); 4] = [
        ('1', || UpstreamError::Garbled("no".to_owned()), 424, "FailedDependencyError"),
        ('2', || UpstreamError::Forbidden("no".to_owned()), 403, "ForbiddenError"),
        ('3', || UpstreamError::Malformed("odd".to_owned()), 400, "InvalidArgumentError"),
        ('4', || UpstreamError::Exhausted { retry_after: None }, 429, "QuotaExceededError"),
    ];
    for (digit, fault, status, code) in faults {
        service.upstream.tell(&format!("files/{}", hash(digit)), move |_| Err(fault()));
        let answer = service.get(&format!("/files/{}", hash(digit)), &premium).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{}", answer.message());
        assert_eq!(answer.headers.contains_key("retry-after"), status == 429);
    }
    // The second one is told to the operator too.
    let operator = service.key("operator").await;
    let log = service.get("/activity_log_entries", &operator).await;
    assert!(String::from_utf8_lossy(&log.bytes).contains("REFUSE_UPSTREAM_KEY"));
}

#[tokio::test]
async fn contracts_are_the_operators_and_their_keys_nobodys() {
    let (service, operator, premium) = with_contract().await;
    for (method, path) in [
        ("GET", "/upstreams"),
        ("POST", "/upstreams"),
        ("GET", "/upstreams/vt"),
        ("DELETE", "/upstreams/vt"),
        ("POST", "/upstreams/vt/keys"),
        ("POST", "/upstreams/vt/activate"),
        ("DELETE", "/upstreams/vt/keys/abc"),
        ("POST", "/upstreams/vt/reconcile"),
        ("GET", "/upstreams/vt/report"),
    ] {
        let answer = service.write(method, path, &premium, &contract()).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (403, "ForbiddenError"), "{method} {path}");
    }
    let mut seen = String::new();
    for path in ["/upstreams", "/upstreams/vt", "/upstreams/vt/report", "/activity_log_entries"] {
        let answer = service.get(path, &operator).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.message());
        seen.push_str(&String::from_utf8_lossy(&answer.bytes));
    }
    assert!(seen.contains("CREATE_UPSTREAM") && seen.contains("\"limits\""));
    assert!(!seen.contains(&hash('a')) && !seen.contains("v1."), "neither the key nor what it is sealed in");
}

#[tokio::test]
async fn a_rehearsal_changes_nothing_and_a_rotation_takes_three_steps() {
    let (service, operator, _) = with_contract().await;
    let key = |dry_run: bool| json!({ "data": { "type": "upstream_key", "attributes": { "key": hash('b'), "dry_run": dry_run } } });
    let count = async |service: &Service| {
        let shown = service.get("/upstreams/vt", &operator).await;
        shown.json["data"]["attributes"]["keys"].as_array().map_or(0, Vec::len)
    };
    let rehearsed = service.write("POST", "/upstreams/vt/keys", &operator, &key(true)).await;
    assert_eq!(rehearsed.json["data"]["attributes"]["keys"][1]["state"], "staged", "{}", rehearsed.message());
    assert_eq!(count(&service).await, 1);
    assert_eq!(service.write("POST", "/upstreams/vt/keys", &operator, &key(false)).await.status, 200);
    assert_eq!(count(&service).await, 2);
    let turned = service.call("POST", "/api/v3/upstreams/vt/activate", Some(&operator)).await;
    let keys = turned.json["data"]["attributes"]["keys"].clone();
    assert_eq!((&keys[0]["state"], &keys[1]["state"]), (&json!("draining"), &json!("active")));
    assert_eq!(keys[0]["safe_to_remove"], false);
    // The old one comes back by its name, and the new one again.
    for place in [0, 1] {
        let named = json!({ "data": { "type": "upstream", "attributes": { "key_id": keys[place]["id"] } } });
        let turned = service.write("POST", "/upstreams/vt/activate", &operator, &named).await;
        assert_eq!(turned.json["data"]["attributes"]["keys"][place]["state"], "active", "{}", turned.message());
    }
    let nobody = json!({ "data": { "type": "upstream", "attributes": { "key_id": "000000000000" } } });
    assert_eq!(service.write("POST", "/upstreams/vt/activate", &operator, &nobody).await.status, 404);
    let old = format!("/api/v3/upstreams/vt/keys/{}", keys[0]["id"].as_str().unwrap_or_default());
    let early = service.call("DELETE", &old, Some(&operator)).await;
    assert_eq!(early.status, 409);
    assert!(early.headers.contains_key("retry-after"));
    service.advance(40);
    assert_eq!(service.call("DELETE", &old, Some(&operator)).await.status, 200);
    assert_eq!(count(&service).await, 1);
}

#[tokio::test]
async fn the_end_of_a_contract_takes_its_answers_along() {
    let (service, operator, premium) = with_contract().await;
    tell_file(&service, &hash('8'));
    assert_eq!(service.get(&format!("/files/{}", hash('8')), &premium).await.status, 200);
    let ended = service.call("DELETE", "/api/v3/upstreams/vt", Some(&operator)).await;
    assert_eq!(ended.json["data"]["removed_answers"], 1, "{}", ended.message());
    assert_eq!(service.get(&format!("/files/{}", hash('8')), &premium).await.status, 404);
    assert_eq!(service.get("/upstreams/vt", &operator).await.status, 404);
    assert_eq!(asked(&service).len(), 1);
}
