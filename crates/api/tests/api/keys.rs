//! Keys and quotas as a client sees them.

use serde_json::json;

use crate::support::{Service, limits};

#[tokio::test]
async fn the_message_names_the_mistake_in_a_key() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let typo = if key.ends_with('0') { "1" } else { "0" };
    let cases = [
        (key[..62].to_owned(), "62 of 64"),
        (key.to_uppercase(), "upper-case"),
        (format!("\"{key}\""), "quotation marks"),
        (format!("{}{typo}", &key[..63]), "checksum"),
        ("0".repeat(64), "not issued"),
        ("x".repeat(64), "not hexadecimal"),
    ];
    for (presented, word) in cases {
        let answer = service.get("/metadata", &presented).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "WrongCredentialsError"));
        assert!(answer.message().contains(word), "{}", answer.message());
        assert!(!answer.message().contains(&key[16..56]), "no secret is echoed");
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_on_the_next_request_and_told_why() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    assert_eq!(service.get("/metadata", &key).await.status, 200);
    let operator = service.key("operator").await;
    service.done("POST", &format!("/api_keys/{}/revoke", &key[4..16]), &operator, "api_key", json!({})).await;
    let answer = service.get("/metadata", &key).await;
    assert_eq!(answer.status, 401);
    assert!(answer.message().contains("revoked on 2026-01-15"), "{}", answer.message());
    // Whoever knows the key's id but not its secret learns nothing.
    let mut bytes = hex::decode(&key).expect("hexadecimal");
    bytes[20] ^= 1;
    let checksum = crc32(&bytes[..28]);
    bytes[28..].copy_from_slice(&checksum.to_be_bytes());
    let stranger = service.get("/metadata", &hex::encode(bytes)).await;
    assert_eq!(stranger.message(), "Wrong API key");
}

/// CRC-32 (ISO-HDLC), bit by bit: not the code under test.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0_u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

#[tokio::test]
async fn another_tier_holds_on_the_next_request_with_the_same_key() {
    let service = Service::start().await;
    let key = service.key("public").await;
    let sha256 = service.scan(b"hello, world", "0").await;
    let path = format!("/files/{sha256}/download");
    assert_eq!(service.get(&path, &key).await.status, 403);
    let operator = service.key("operator").await;
    service.done("PATCH", "/users/public", &operator, "user", json!({ "tier": "premium" })).await;
    assert_eq!(service.get(&path, &key).await.status, 200);
}

#[tokio::test]
async fn a_public_account_has_four_requests_a_minute() {
    let service = Service::start().await;
    let key = service.key("public").await;
    let path = format!("/files/{}", service.scan(b"hello, world", "0").await);
    for _ in 0..4 {
        assert_eq!(service.get(&path, &key).await.status, 200);
    }
    let refused = service.get(&path, &key).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (429, "QuotaExceededError"));
    let wait: u64 = refused.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert_eq!(wait, 15);
    assert!(refused.message().contains("4 API requests a minute"), "{}", refused.message());
    let hourly = async || {
        let quotas = service.get("/users/public/overall_quotas", &key).await;
        quotas.json["data"]["api_requests_hourly"]["user"].clone()
    };
    assert_eq!(hourly().await, json!({ "allowed": 240, "used": 240 }), "a client that looks first waits");
    service.advance(wait);
    assert_eq!(hourly().await, json!({ "allowed": 240, "used": 180 }));
    assert_eq!(service.get(&path, &key).await.status, 200);
    assert_eq!(service.get(&path, &key).await.status, 429);
}

#[tokio::test]
async fn exactly_the_days_limit_is_granted_to_many_clients_at_once() {
    let service = std::sync::Arc::new(Service::start_with(limits(100_000, 321, 9_999)).await);
    let key = service.key("premium").await;
    let path = format!("/files/{}", service.scan(b"hello, world", "0").await);
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (service, key, path) = (service.clone(), key.clone(), path.clone());
        clients.spawn(async move {
            let mut granted = 0;
            for _ in 0..10 {
                granted += u32::from(service.get(&path, &key).await.status == 200);
            }
            granted
        });
    }
    let granted: u32 = clients.join_all().await.into_iter().sum();
    assert_eq!(granted, 321);
    let refused = service.get(&path, &key).await;
    assert!(refused.message().contains("321 API requests a day"), "{}", refused.message());
    assert_eq!(refused.headers["retry-after"], "43200", "midnight is twelve hours away");
    assert_eq!(refused.headers["ratelimit-policy"], "\"day\";q=321;w=86400");
    assert_eq!(refused.headers["ratelimit"], "\"day\";r=0;t=43200");
    let quotas = service.get("/users/premium/overall_quotas", &key).await;
    assert_eq!(quotas.json["data"]["api_requests_daily"]["user"]["used"], 321);
    service.advance(43_200);
    assert_eq!(service.get(&path, &key).await.status, 200);
}

#[tokio::test]
async fn a_month_that_is_used_up_takes_nothing_from_the_day() {
    let service = Service::start_with(limits(1_000, 500, 3)).await;
    let key = service.key("premium").await;
    let path = format!("/files/{}", service.scan(b"hello, world", "0").await);
    for _ in 0..3 {
        assert_eq!(service.get(&path, &key).await.status, 200);
    }
    for _ in 0..5 {
        let refused = service.get(&path, &key).await;
        assert!(refused.message().contains("3 API requests a month"), "{}", refused.message());
    }
    let quotas = service.get("/users/premium/overall_quotas", &key).await;
    assert_eq!(quotas.json["data"]["api_requests_daily"]["user"]["used"], 3);
}

#[tokio::test]
async fn a_key_in_a_path_is_its_own_account_and_is_never_echoed() {
    let service = Service::start().await;
    let (own, other) = (service.key("premium").await, service.key("public").await);
    let answer = service.get(&format!("/users/{own}"), &own).await;
    assert_eq!(answer.json["data"]["id"], "premium");
    assert_eq!(answer.json["data"]["links"]["self"], "http://assay.test/api/v3/users/premium");
    assert!(!String::from_utf8_lossy(&answer.bytes).contains(&own));
    let foreign = service.get(&format!("/users/{other}"), &own).await;
    assert_eq!(foreign.status, 404);
    assert!(!String::from_utf8_lossy(&foreign.bytes).contains(&other));
}

#[tokio::test]
async fn quotas_are_shown_to_the_account_itself_and_to_operators() {
    let service = Service::start().await;
    let (operator, public) = (service.key("operator").await, service.key("public").await);
    assert_eq!(service.get("/users/premium/overall_quotas", &public).await.status, 403);
    let seen = service.get("/users/public/overall_quotas", &operator).await;
    let quotas = seen.json["data"].as_object().expect("a dictionary");
    assert_eq!(quotas.len(), 19, "every quota of the reference");
    assert_eq!(quotas["api_requests_hourly"]["user"]["allowed"], 240);
    assert_eq!(quotas["api_requests_monthly"]["user"]["allowed"], 15_500);
}
