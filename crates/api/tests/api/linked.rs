//! What others link to by its id, asked upstream where it is not here; and what several files did together.

use assay_upstream::UpstreamError;
use serde_json::{Value, json};

use crate::broker::{asked, hash, with_contract_of};

const PRIVATE: &[&str] = &["private"];

fn object(kind: &str, id: &str, attributes: &Value) -> Value {
    let links = json!({ "self": format!("https://vt.example/api/v3/{kind}/{id}") });
    json!({ "data": { "type": kind, "id": id, "attributes": attributes, "links": links } })
}

#[tokio::test]
async fn what_upstream_links_to_is_asked_there_by_its_id() {
    let (service, _, premium) = with_contract_of(PRIVATE).await;
    let (comment, vote) = (format!("f-{}-2fa03e13", hash('1')), "i-8.8.8.8-2fa03e13".to_owned());
    let url = format!("u-{}-1700000000", hash('2'));
    for (kind, collection, id) in [
        ("comment", "comments", comment.as_str()),
        ("vote", "votes", &vote),
        ("analysis", "analyses", &url),
        ("submission", "submissions", &format!("f-{}-1700000000", hash('1'))),
        ("resolution", "resolutions", "8.8.8.8dns.example.com"),
        ("ssl_cert", "ssl_certs", &hash('3')),
        ("whois", "whois", &hash('4')),
        ("collection", "collections", "malpedia_win_emotet"),
    ] {
        let told = object(kind, id, &json!({ "status": "completed", "date": 1 }));
        service.upstream.tell_document(&format!("{collection}/{id}"), told);
        for _ in 0..2 {
            let answer = service.get(&format!("/{collection}/{id}"), &premium).await;
            assert_eq!(answer.json["data"]["id"], id, "{collection}: {}", answer.message());
            assert_eq!(answer.json["meta"]["assay"]["origin"], "upstream");
            assert!(answer.json["meta"]["assay"]["permalink"].is_null());
        }
    }
    assert_eq!(asked(&service).len(), 8, "each was asked for once");
    let file = json!({ "data": { "type": "file", "id": hash('1') } });
    service.upstream.tell_document(&format!("comments/{comment}/item"), file);
    let item = service.get(&format!("/comments/{comment}/item"), &premium).await;
    assert_eq!(item.json["data"]["id"], hash('1'), "{}", item.message());
    let members = json!({ "data": [{ "type": "file", "id": hash('5') }] });
    service.upstream.tell_document("collections/malpedia_win_emotet/files", members);
    let files = service.get("/collections/malpedia_win_emotet/files", &premium).await;
    assert_eq!(files.json["data"][0]["id"], hash('5'), "{}", files.message());
}

#[tokio::test]
async fn what_sigma_rules_say_of_a_file_is_asked_upstream_as_integrations_do() {
    let (service, _, premium) = with_contract_of(PRIVATE).await;
    for (kind, collection) in [("sigma_analysis", "sigma_analyses"), ("sigma_rule", "sigma_rules")] {
        let told = object(kind, &hash('d'), &json!({ "rule_level": "high" }));
        service.upstream.tell_document(&format!("{collection}/{}", hash('d')), told);
        let answer = service.get(&format!("/{collection}/{}", hash('D')), &premium).await;
        assert_eq!(answer.json["data"]["type"], kind, "{}", answer.message());
        assert_eq!(service.get(&format!("/{collection}/{}", hash('e')), &premium).await.status, 404);
        assert_eq!(service.get(&format!("/{collection}/nonsense"), &premium).await.code(), "InvalidArgumentError");
    }
    assert_eq!(asked(&service).len(), 4);
}

#[tokio::test]
async fn an_id_that_says_something_internal_or_nothing_at_all_stays_here() {
    let (service, _, premium) = with_contract_of(PRIVATE).await;
    for path in [
        "/comments/d-wiki.corp-2fa03e13",
        "/votes/i-10.0.0.1-2fa03e13",
        "/resolutions/10.0.0.1example.com",
        "/analyses/c2VjcmV0",
        "/collections/words%20of%20mine",
    ] {
        let answer = service.get(path, &premium).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (404, "NotFoundError"), "{path}");
        assert!(answer.message().contains("was not asked"), "{path}: {}", answer.message());
    }
    assert!(asked(&service).is_empty());
}

#[tokio::test]
async fn what_is_here_is_ours_also_for_those_who_may_not_see_it() {
    let (service, operator, premium) = with_contract_of(PRIVATE).await;
    let sha256 = service.scan(b"with an analysis", "a.txt").await.to_string();
    let analyses = service.get(&format!("/files/{sha256}/analyses"), &premium).await;
    let id = analyses.json["data"][0]["id"].as_str().expect("an analysis").to_owned();
    // No call and no request of the contract, also for who may ask anew.
    for path in [format!("/analyses/{id}"), format!("/analyses/{}", id.trim_end_matches('='))] {
        assert_eq!(service.get(&path, &premium).await.status, 200, "{path}");
    }
    let body = json!({ "data": { "type": "collection", "attributes": { "name": "plan", "private": true } } });
    let made = service.write("POST", "/collections", &operator, &body).await;
    let hidden = made.json["data"]["id"].as_str().expect("a collection").to_owned();
    let before = asked(&service);
    for path in [format!("/collections/{hidden}"), format!("/collections/{hidden}/files")] {
        let answer = service.get(&path, &premium).await;
        assert_eq!((answer.status.as_u16(), answer.message().contains("asked")), (404, false), "{path}");
    }
    // Empty lists of an object of ours are empty, not upstream's.
    assert_eq!(service.get(&format!("/collections/{hidden}/files"), &operator).await.json["data"], json!([]));
    assert_eq!(asked(&service), before);
    assert!(before.iter().all(|path| path.starts_with("files/")), "{before:?}");
}

#[tokio::test]
async fn an_analysis_costs_nothing_here_and_a_request_where_upstream_is_asked() {
    let (service, _, premium) = with_contract_of(PRIVATE).await;
    let id = format!("u-{}-1700000000", hash('6'));
    let path = format!("/analyses/{id}");
    service.upstream.tell_document(&path[1..], object("analysis", &id, &json!({ "status": "queued" })));
    let used = async || {
        let quotas = service.get("/users/premium/overall_quotas", &premium).await;
        quotas.json["data"]["api_requests_daily"]["user"]["used"].as_u64().expect("a count")
    };
    assert_eq!(service.get(&path, &premium).await.status, 200);
    assert_eq!(used().await, 1);
    // It is under way there: whoever waits for it sees its end.
    service.upstream.tell_document(&path[1..], object("analysis", &id, &json!({ "status": "completed" })));
    service.get(&path, &premium).await;
    service.advance(16);
    service.get(&path, &premium).await;
    service.advance(16);
    let complete = service.get(&path, &premium).await;
    assert_eq!(complete.json["data"]["attributes"]["status"], "completed");
    let failing = format!("/analyses/u-{}-1700000000", hash('7'));
    service.upstream.tell(&failing[1..], |_| Err(UpstreamError::Garbled("no".to_owned())));
    let before = used().await;
    assert_eq!(service.get(&failing, &premium).await.status, 424);
    assert_eq!(used().await, before, "what was not answered is given back");
}

#[tokio::test]
async fn what_several_files_did_together_is_asked_once_in_whatever_order() {
    let (service, _, premium) = with_contract_of(PRIVATE).await;
    service.upstream.tell_document("files/behaviour_summary", json!({ "data": { "tags": ["x"] } }));
    let (one, other) = (hash('a'), hash('b'));
    for hashes in [format!("{one},{other}"), format!("{},{one},{one}", other.to_uppercase())] {
        let answer = service.get(&format!("/files/behaviour_summary?hashes={hashes}"), &premium).await;
        assert_eq!(answer.json["data"]["tags"], json!(["x"]), "{}", answer.message());
    }
    assert_eq!(asked(&service), [format!("files/behaviour_summary?hashes={one},{other}")]);
    let many = vec![hash('c'); 101].join(",");
    for wrong in ["", "?hashes=", "?hashes=plan.docx", &format!("?hashes={many}")] {
        let answer = service.get(&format!("/files/behaviour_summary{wrong}"), &premium).await;
        assert_eq!(answer.code(), "InvalidArgumentError", "{wrong}");
    }
    let (lesser, _, premium) = with_contract_of(&[]).await;
    let refused = lesser.get(&format!("/files/behaviour_summary?hashes={one}"), &premium).await;
    assert_eq!(refused.status, 404);
    assert!(refused.message().contains("contract does not include"), "{}", refused.message());
}
