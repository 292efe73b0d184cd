//! Keys from their making to their end, as clients see it.

use serde_json::{Value, json};

use crate::support::Service;

async fn rotate(service: &Service, by: &str, key: &str, attributes: Value) -> (String, Value) {
    let path = format!("/api_keys/{}/rotate", &key[4..16]);
    let answer = service.done("POST", &path, by, "api_key", attributes).await;
    let secret = answer["data"]["attributes"]["key"].as_str().expect("the new key").to_owned();
    (secret, answer["data"].clone())
}

async fn shown(service: &Service, by: &str, key: &str) -> Value {
    let answer = service.get(&format!("/api_keys/{}", &key[4..16]), by).await;
    assert_eq!(answer.status, 200, "{}", answer.message());
    answer.json["data"]["attributes"].clone()
}

#[tokio::test]
async fn a_key_is_made_shown_once_and_listed_without_its_secret() {
    let service = Service::start().await;
    let first = service.key("premium").await;
    let attributes = json!({ "label": "cortex", "allowed_networks": ["192.0.2.0/24"], "privileges": ["allinfo"],
                             "expiration_date": service.now().0 + 3600 });
    let made = service.done("POST", "/users/premium/api_keys", &first, "api_key", attributes).await;
    let secret = made["data"]["attributes"]["key"].as_str().expect("the key").to_owned();
    assert_eq!(secret.len(), 64);
    assert_eq!(made["data"]["id"], secret[4..16]);
    let list = service.get("/users/premium/api_keys", &first).await;
    assert_eq!(list.json["meta"]["count"], 2);
    let text = String::from_utf8_lossy(&list.bytes).into_owned();
    assert!(text.contains("cortex") && text.contains("192.0.2.0/24"));
    assert!(!text.contains(&secret[16..56]) && !text.contains("tag"));
    service.advance(3600);
    let ended = service.get("/metadata", &secret).await;
    assert_eq!(ended.status, 401);
    assert!(ended.message().contains("expired on 2026-01-15"), "{}", ended.message());
}

#[tokio::test]
async fn a_rotated_key_works_until_its_deadline_and_says_so() {
    let service = Service::start().await;
    let old = service.key("premium").await;
    let (new, made) = rotate(&service, &old, &old, json!({ "overlap": "2h" })).await;
    assert_eq!(made["attributes"]["predecessor"], old[4..16]);
    for key in [&old, &new] {
        assert_eq!(service.get("/metadata", key).await.status, 200);
    }
    let answer = service.get("/metadata", &old).await;
    assert_eq!(answer.headers["deprecation"], "@1768478400");
    assert_eq!(answer.headers["sunset"], "Thu, 15 Jan 2026 14:00:00 GMT");
    assert!(!service.get("/metadata", &new).await.headers.contains_key("sunset"));
    assert_eq!(shown(&service, &new, &old).await["state"], "retiring");
    service.advance(7_200);
    let refused = service.get("/metadata", &old).await;
    assert_eq!(refused.status, 401);
    assert!(refused.message().contains("replaced by another key"), "{}", refused.message());
    assert_eq!(shown(&service, &new, &old).await["state"], "retired");
}

#[tokio::test]
async fn a_rotation_without_overlap_ends_the_old_key_at_once() {
    let service = Service::start().await;
    let old = service.key("premium").await;
    for _ in 0..4 {
        service.key("premium").await;
    }
    let full = service.set("POST", &format!("/api_keys/{}/rotate", &old[4..16]), &old, "api_key", json!({})).await;
    assert_eq!((full.status.as_u16(), full.code()), (409, "AlreadyExistsError"), "five are live already");
    let (new, _) = rotate(&service, &old, &old, json!({ "overlap": 0 })).await;
    assert_eq!(service.get("/metadata", &old).await.status, 401);
    assert_eq!(service.get("/metadata", &new).await.status, 200);
}

#[tokio::test]
async fn a_retiring_key_can_be_restored_and_its_successor_goes() {
    let service = Service::start().await;
    let old = service.key("premium").await;
    let (new, _) = rotate(&service, &old, &old, json!({})).await;
    service.done("POST", &format!("/api_keys/{}/restore", &old[4..16]), &old, "api_key", json!({})).await;
    assert_eq!(shown(&service, &old, &old).await["state"], "active");
    assert_eq!(service.get("/metadata", &new).await.status, 401);
    assert!(!service.get("/metadata", &old).await.headers.contains_key("sunset"));
    let again = service.set("POST", &format!("/api_keys/{}/restore", &old[4..16]), &old, "api_key", json!({})).await;
    assert_eq!(again.status, 409);
}

#[tokio::test]
async fn who_still_uses_the_old_key_is_known_and_when_it_is_safe_to_revoke() {
    let service = Service::start().await;
    let old = service.key("premium").await;
    let (new, _) = rotate(&service, &old, &old, json!({ "retire_when_quiet": 600 })).await;
    service.advance(5);
    service.get("/metadata", &old).await;
    service.tick().await;
    let key = shown(&service, &new, &old).await;
    assert_eq!((&key["safe_to_revoke"], &key["last_use_date"]), (&json!(false), &json!(1_768_478_405)));
    let clients = service.get(&format!("/api_keys/{}/clients", &old[4..16]), &new).await;
    assert_eq!(clients.json["data"][0]["count"], 2, "{}", clients.json);
    assert_eq!(clients.json["data"][0]["days"]["20260115"], 2);
    service.tick().await;
    service.advance(599);
    service.tick().await;
    assert_eq!(shown(&service, &new, &old).await["state"], "retiring", "a second too early");
    service.advance(1);
    assert_eq!(shown(&service, &new, &old).await["safe_to_revoke"], true);
    service.tick().await;
    assert_eq!(shown(&service, &new, &old).await["state"], "revoked", "it was quiet for ten minutes");
}

#[tokio::test]
async fn a_key_made_elsewhere_works_after_its_import_and_is_never_kept_or_shown() {
    let service = Service::start().await;
    let (own, foreign) = (service.key("premium").await, "0123456789abcdef".repeat(4));
    assert_eq!(service.get("/metadata", &foreign).await.status, 401);
    let made = service.done("POST", "/users/premium/api_keys", &own, "api_key", json!({ "key": foreign })).await;
    assert_eq!(made["data"]["attributes"]["imported"], true);
    assert!(!made.to_string().contains(&foreign));
    assert_eq!(service.get("/metadata", &foreign).await.status, 200);
    assert_eq!(service.get("/metadata", &foreign.to_uppercase()).await.status, 200);
    let twice = service.set("POST", "/users/premium/api_keys", &own, "api_key", json!({ "key": foreign })).await;
    assert_eq!(twice.status, 409);
    let id = made["data"]["id"].as_str().expect("an id");
    service.done("POST", &format!("/api_keys/{id}/rotate"), &foreign, "api_key", json!({ "overlap": 0 })).await;
    assert_eq!(service.get("/metadata", &foreign).await.status, 401);
}

#[tokio::test]
async fn a_restricted_key_does_less_than_its_account_and_cannot_make_itself_more() {
    let service = Service::start().await;
    let own = service.key("premium").await;
    let sha256 = service.scan(b"hello, world", "0").await;
    let made =
        service.done("POST", "/users/premium/api_keys", &own, "api_key", json!({ "privileges": ["allinfo"] })).await;
    let restricted = made["data"]["attributes"]["key"].as_str().expect("the key").to_owned();
    assert_eq!(service.get(&format!("/files/{sha256}/download"), &own).await.status, 200);
    assert_eq!(service.get(&format!("/files/{sha256}/download"), &restricted).await.status, 403);
    let more = service.set("POST", "/users/premium/api_keys", &restricted, "api_key", json!({})).await;
    assert_eq!((more.status.as_u16(), more.code()), (403, "ForbiddenError"));
    let wider = json!({ "privileges": ["allinfo", "downloads-tier-1"] });
    let path = format!("/api_keys/{}", &restricted[4..16]);
    assert_eq!(service.set("PATCH", &path, &restricted, "api_key", wider).await.status, 403);
    let (next, made) = rotate(&service, &restricted, &restricted, json!({})).await;
    assert_eq!(made["attributes"]["privileges"], json!(["allinfo"]));
    assert_eq!(service.get(&format!("/files/{sha256}/download"), &next).await.status, 403);
}

#[tokio::test]
async fn a_key_is_refused_outside_its_networks() {
    let service = Service::start().await;
    let own = service.key("premium").await;
    let made = service
        .done("POST", "/users/premium/api_keys", &own, "api_key", json!({ "allowed_networks": ["198.51.100.0/24"] }))
        .await;
    let key = made["data"]["attributes"]["key"].as_str().expect("the key").to_owned();
    assert_eq!(service.get_from("198.51.100.7", "/metadata", &key).await.status, 200);
    assert_eq!(service.get_from("::ffff:198.51.100.7", "/metadata", &key).await.status, 200);
    let refused = service.get_from("203.0.113.9", "/metadata", &key).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (403, "ForbiddenError"));
    assert!(refused.message().contains("203.0.113.9"), "{}", refused.message());
}

#[tokio::test]
async fn what_is_wrong_with_a_wish_about_a_key_is_said() {
    let service = Service::start().await;
    let own = service.key("premium").await;
    let now = service.now().0;
    let rotate = format!("/api_keys/{}/rotate", &own[4..16]);
    let patch = format!("/api_keys/{}", &own[4..16]);
    let cases = [
        ("POST", "/users/premium/api_keys", json!({ "expiration_date": now - 1 }), "past"),
        ("POST", "/users/premium/api_keys", json!({ "expiration_date": now * 1000 }), "hundred years"),
        ("POST", "/users/premium/api_keys", json!({ "allowed_networks": ["10.0.0.1/8"] }), "did you mean 10.0.0.0/8"),
        ("POST", "/users/premium/api_keys", json!({ "allowed_networks": ["everywhere"] }), "no network"),
        ("POST", "/users/premium/api_keys", json!({ "privileges": ["everything"] }), "no such privilege"),
        ("POST", "/users/premium/api_keys", json!({ "label": "x".repeat(5_000) }), "label"),
        ("POST", "/users/premium/api_keys", json!({ "key": "short" }), "5 of 64"),
        ("POST", &*rotate, json!({ "overlap": "1 year" }), "overlap is longer than"),
        ("POST", &*rotate, json!({ "overlap": -1 }), "overlap"),
        ("PATCH", &*patch, json!({ "creation_date": 1 }), "creation_date"),
        ("PATCH", &*patch, json!({ "account": "operator" }), "account"),
    ];
    for (method, path, attributes, word) in cases {
        let answer = service.set(method, path, &own, "api_key", attributes.clone()).await;
        assert_eq!(answer.status, 400, "{attributes}");
        assert!(answer.message().contains(word), "{attributes}: {}", answer.message());
    }
    let large = json!({ "label": "x".repeat(1 << 20) });
    let answer = service.set("POST", "/users/premium/api_keys", &own, "api_key", large).await;
    assert_eq!(answer.status, 413, "1 MB of attributes");
    assert_eq!(shown(&service, &own, &own).await["state"], "active", "nothing was changed");
}

#[tokio::test]
async fn rotating_and_revoking_neither_reset_nor_lose_a_count() {
    let service = Service::start().await;
    let old = service.key("premium").await;
    let path = format!("/files/{}", service.scan(b"hello, world", "0").await);
    service.get(&path, &old).await;
    let (new, _) = rotate(&service, &old, &old, json!({ "overlap": 0 })).await;
    service.get(&path, &new).await;
    let quotas = service.get("/users/premium/overall_quotas", &new).await;
    assert_eq!(quotas.json["data"]["api_requests_daily"]["user"]["used"], 2);
}

/// A webhook's deliveries by what they tell, oldest first. Nobody delivers them here.
async fn told(service: &Service, by: &str, hook: &str) -> Vec<String> {
    let page = service.get(&format!("/webhooks/{hook}/deliveries?limit=40"), by).await;
    let events = page.json["data"].as_array().into_iter().flatten();
    events.rev().filter_map(|one| one["attributes"]["event"].as_str().map(ToOwned::to_owned)).collect()
}

#[tokio::test]
async fn the_end_of_a_key_is_told_14_7_3_and_1_days_ahead_and_when_it_has_come() {
    const DAY: u64 = 86_400;
    let service = Service::start().await;
    let (operator, key) = (service.key("operator").await, service.key("premium").await);
    let attributes = json!({ "url": "https://93.184.216.34/hook", "events": ["key.expiring", "key.expired"] });
    let hook = service.done("POST", "/webhooks", &operator, "webhook", attributes).await["data"]["id"].clone();
    let hook = hook.as_str().expect("an id");
    // Ten seconds before midnight: the server next looks on another day.
    let end = service.now().0 + 15 * 86_400 + 43_190;
    service.done("POST", "/users/premium/api_keys", &key, "api_key", json!({ "expiration_date": end })).await;
    let mut days = Vec::new();
    for half in 0..34_u64 {
        for _ in 0..2 {
            assay_api::accounts::every_minute(&service.app).await.expect("a minute");
        }
        let known = told(&service, &operator, hook).await;
        if known.len() > days.len() {
            assert_eq!(known.len(), days.len() + 1, "{known:?}");
            days.push((half, known.last().cloned().unwrap_or_default()));
        }
        service.advance(DAY / 2);
    }
    let wanted =
        [(3, "key.expiring"), (17, "key.expiring"), (25, "key.expiring"), (29, "key.expiring"), (31, "key.expired")];
    assert_eq!(days, wanted.map(|(half, event)| (half, event.to_owned())));
}

#[tokio::test]
async fn an_end_that_came_while_the_server_was_down_is_told_when_it_is_back() {
    let service = Service::start().await;
    let (operator, key) = (service.key("operator").await, service.key("premium").await);
    let attributes = json!({ "url": "https://93.184.216.34/hook", "events": ["key.expiring", "key.expired"] });
    let hook = service.done("POST", "/webhooks", &operator, "webhook", attributes).await["data"]["id"].clone();
    let end = service.now().0 + 86_400;
    service.done("POST", "/users/premium/api_keys", &key, "api_key", json!({ "expiration_date": end })).await;
    service.advance(4 * 86_400);
    assay_api::accounts::every_minute(&service.app).await.expect("a minute");
    assert_eq!(told(&service, &operator, hook.as_str().expect("an id")).await, ["key.expired"]);
}
