//! What is searched for among the items of a collection, and what they have in common.

use serde_json::{Value, json};

use crate::support::Service;

const LETTER: &[u8] = b"see http://evil.example.com/x and 203.0.114.5";
const OTHER: &[u8] = b"once more http://evil.example.com/x, with many more words so that it is longer";
const PLAIN: &[u8] = b"#!/bin/sh\necho nothing\n";

/// A collection of two letters that name the same addresses, a script, an unknown file, a URL, a domain and an IP address.
async fn gathered(service: &Service, key: &str) -> (String, [String; 3]) {
    let mut files = [(LETTER, "letter.txt"), (OTHER, "other.txt"), (PLAIN, "run.sh")].map(|_| String::new());
    for (place, (content, name)) in
        [(LETTER, "letter.txt"), (OTHER, "other.txt"), (PLAIN, "run.sh")].into_iter().enumerate()
    {
        files[place] = service.scan(content, name).await.to_string();
        service.advance(86_400);
    }
    let unknown = "f".repeat(64);
    let items: Vec<_> = files.iter().chain([&unknown]).map(|id| json!({ "type": "file", "id": id })).collect();
    let document = json!({ "data": { "type": "collection", "attributes": { "name": "n" }, "relationships": {
        "files": { "data": items },
        "domains": { "data": [{ "type": "domain", "id": "evil.example.com" }, { "type": "domain", "id": "example.com" }] },
        "ip_addresses": { "data": [{ "type": "ip_address", "id": "203.0.114.5" }] },
    } } });
    let made = service.write("POST", "/collections", key, &document).await;
    assert_eq!(made.status, 200, "{}", made.message());
    (made.json["data"]["id"].as_str().expect("an id").to_owned(), files)
}

fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().into_iter().flatten().filter_map(|item| item["id"].as_str()).collect()
}

#[tokio::test]
async fn the_items_of_a_collection_are_found_by_what_their_reports_say() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let (id, [letter, other, script]) = gathered(&service, &key).await;
    let search = async |query: &str| {
        let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let answer = service.get(&format!("/collections/{id}/search?query={encoded}"), &key).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.message());
        answer.json
    };
    for (query, wanted) in [
        ("name:letter.txt", vec![&letter]),
        ("letter", vec![&letter]),
        (&letter, vec![&letter]),
        ("type:shell", vec![&script]),
        ("size:60+", vec![&other]),
        ("size:1kb-", vec![&script, &other, &letter]),
        ("NOT type:shell", vec![&other, &letter]),
        ("(name:other.txt OR name:run*) AND positives:0", vec![&script, &other]),
        ("fs:2026-01-16+", vec![&script, &other]),
        ("positives:1+", vec![]),
    ] {
        let page = search(query).await;
        assert_eq!(ids(&page), wanted, "{query}: newest first");
        assert_eq!(page["meta"]["total_hits"], wanted.len(), "{query}");
        assert!(page["meta"]["allowed_orders"].as_array().is_some_and(|orders| orders.contains(&json!("size"))));
    }
    assert_eq!(ids(&search("entity:domain domain:evil*").await), ["evil.example.com"]);
    assert_eq!(ids(&search("entity:ip 203.0").await), ["203.0.114.5"]);
    assert_eq!(ids(&search("entity:url evil").await), Vec::<&str>::new());

    let path = format!("/collections/{id}/search?query=size:1%2B&order=size%2B&limit=2&attributes=size");
    let first = service.get(&path, &key).await.json;
    assert_eq!(ids(&first), [&script, &letter]);
    assert_eq!(first["data"][0]["attributes"], json!({ "size": PLAIN.len() }));
    let cursor = first["meta"]["cursor"].as_str().expect("a cursor");
    let last = service.get(&format!("{path}&cursor={cursor}"), &key).await.json;
    assert_eq!((ids(&last), last["meta"].get("cursor")), (vec![other.as_str()], None));
    let inline = service.get(&format!("/collections/{id}/search?query=letter&relationships=embedded_ips"), &key).await;
    assert_eq!(inline.json["data"][0]["relationships"]["embedded_ips"]["data"][0]["id"], "203.0.114.5");
    let bare = service.get(&format!("/collections/{id}/search?query=letter&descriptors_only=true"), &key).await;
    assert_eq!(bare.json["data"][0].get("attributes"), None);
}

#[tokio::test]
async fn what_cannot_be_searched_is_refused_with_the_reason() {
    let service = Service::start().await;
    let (key, public) = (service.key("premium").await, service.key("public").await);
    let (id, _) = gathered(&service, &key).await;
    for (query, why) in [
        ("", "\"query\" is missing"),
        ("query=", "\"query\" is missing"),
        ("query=behaviour:x", "needs the index of Intelligence search"),
        ("query=entity:collection+x", "entity is one of"),
        ("query=(", "could not be read"),
        ("query=x&order=colour", "the order is one of"),
        ("query=x&limit=0", "limit must be"),
        ("query=x&cursor=nonsense", "cursor is damaged"),
        ("query=x&relationships=nonsense", "no relationship"),
    ] {
        let answer = service.get(&format!("/collections/{id}/search?{query}"), &key).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.message().contains(why), "{query}: {}", answer.message());
    }
    assert_eq!(service.get(&format!("/collections/{id}/search?query=x"), &public).await.status, 403);
    assert_eq!(service.get(&format!("/collections/{}/search?query=x", "0".repeat(64)), &key).await.status, 404);
}

#[tokio::test]
async fn what_the_items_have_in_common_is_counted() {
    let service = Service::start().await;
    let (key, public) = (service.key("premium").await, service.key("public").await);
    let (id, _) = gathered(&service, &key).await;
    let path = format!("/collections/{id}");
    let json = service.get(&format!("{path}/aggregations/download/json"), &key).await.json;
    assert_eq!(json["files"]["embedded_urls"], json!([{ "value": "http://evil.example.com/x", "count": 2 }]));
    assert_eq!(json["files"]["embedded_domains"], json!([{ "value": "evil.example.com", "count": 2 }]));
    assert_eq!(json["files"].get("embedded_ips"), None, "one file alone names it");
    assert_eq!(json["domains"]["tlds"], json!([{ "value": "com", "count": 2 }]));
    let types = json["files"]["type_tags"].as_array().expect("types");
    assert!(types.iter().all(|entry| entry["count"].as_u64() >= Some(2)), "{types:?}");
    let csv = service.get(&format!("{path}/aggregations/download/csv"), &key).await;
    let csv = String::from_utf8(csv.bytes.to_vec()).expect("text");
    assert!(csv.starts_with("entity,aggregation,value,count\r\n"), "{csv}");
    assert!(csv.contains("files,embedded_urls,http://evil.example.com/x,2\r\n"), "{csv}");
    assert_eq!(service.get(&format!("{path}/aggregations/download/pdf"), &key).await.status, 400);

    let attributes = service.get(&path, &key).await.json["data"]["attributes"].clone();
    assert_eq!(attributes["counters"], json!({ "files": 4, "urls": 0, "domains": 2, "ip_addresses": 1, "iocs": 7 }));
    assert_eq!(attributes["aggregations"]["domains"]["tlds"][0]["count"], 2);
    let attributes = service.get(&path, &public).await.json["data"]["attributes"].clone();
    assert_eq!((attributes.get("aggregations"), &attributes["files_count"]), (None, &json!(4)));
}

#[tokio::test]
async fn attributes_of_related_objects_are_shown_where_they_are_asked_for() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let (id, [letter, ..]) = gathered(&service, &key).await;
    let get = async |query: &str| {
        service.get(&format!("/collections/{id}?relationships=files,domains&{query}"), &key).await.json
    };
    let shown = |object: &Value, name: &str, id: &str| {
        let list = object["data"]["relationships"][name]["data"].as_array().cloned().unwrap_or_default();
        list.into_iter().find(|item| item["id"] == id).expect("the item")
    };
    let all = get("relationship_attributes=size,tld").await;
    assert_eq!(shown(&all, "files", &letter)["attributes"], json!({ "size": LETTER.len() }));
    assert_eq!(shown(&all, "domains", "example.com")["attributes"], json!({ "tld": "com" }));
    assert_eq!(shown(&all, "files", &"f".repeat(64)).get("attributes"), None, "it is not known");
    let one = get("relationship_attributes%5Bfiles%5D=size").await;
    assert_eq!(shown(&one, "files", &letter)["attributes"], json!({ "size": LETTER.len() }));
    assert_eq!(shown(&one, "domains", "example.com").get("attributes"), None);

    let listed = service.get(&format!("/collections/{id}/files?relationships=embedded_domains"), &key).await.json;
    let listed = listed["data"].as_array().expect("a list").iter().find(|item| item["id"] == letter).expect("the file");
    assert_eq!(listed["relationships"]["embedded_domains"]["data"][0]["id"], "evil.example.com");
    let wrong = service.get(&format!("/collections/{id}/files?relationships=nonsense"), &key).await;
    assert_eq!(wrong.status, 400, "{}", wrong.message());
}

#[tokio::test]
async fn collections_and_publications_around_a_url_are_found_by_its_host() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let (id, _) = gathered(&service, &key).await;
    let reference = json!({ "data": { "type": "reference", "attributes": { "url": "https://blog.example.org/a", "title": "A" },
        "relationships": { "domains": { "data": [{ "type": "domain", "id": "example.com" }] } } } });
    let made = service.write("POST", "/references", &key, &reference).await;
    assert_eq!(made.status, 200, "{}", made.message());
    let reference = made.json["data"]["id"].as_str().expect("an id").to_owned();
    let request = axum::http::Request::builder().method("POST").uri("/api/v3/urls").header("host", "assay.test");
    let request = request.header("x-apikey", &key).header("content-type", "application/x-www-form-urlencoded");
    let answer = service.send(request.body("url=http://example.com/a".into()).expect("a request")).await;
    assert_eq!(answer.status, 200, "{}", answer.message());
    service.work().await;
    let url = "http://example.com/a".parse::<assay_model::url::CanonicalUrl>().expect("a URL").id();
    let collections = service.get(&format!("/urls/{url}/related_collections"), &key).await.json;
    assert_eq!(ids(&collections), [id.as_str()], "{collections}");
    let from = json!({ "related_from": [{ "type": "domain", "id": "example.com" }] });
    assert_eq!(collections["data"][0]["context_attributes"], from);
    for path in [format!("/urls/{url}/related_references"), "/domains/evil.example.com/related_references".to_owned()] {
        let references = service.get(&path, &key).await.json;
        assert_eq!(ids(&references), [reference.as_str()], "{path}: {references}");
        assert_eq!(references["data"][0]["context_attributes"], from, "{path}");
    }
    assert_eq!(ids(&service.get("/domains/example.com/related_references", &key).await.json), Vec::<&str>::new());
}
