//! Operations that are asked upstream beside objects and relationships: searches, behaviours, look-ups of v2, downloads.

use serde_json::{Value, json};

use crate::broker::{asked, hash, with_contract_of, with_contract_on};
use crate::support::{Service, broker_settings};

const ALL: &[&str] = &["private", "intelligence"];

fn page_of_files(id: &str) -> Value {
    let attributes = json!({ "size": 7, "exiftool": {} });
    json!({ "data": [{ "type": "file", "id": id, "attributes": attributes,
                       "links": { "self": format!("https://vt.example/api/v3/files/{id}") } }],
            "links": { "next": "https://vt.example/api/v3/search?query=x&cursor=abc" }, "meta": { "cursor": "abc" } })
}

#[tokio::test]
async fn a_search_asks_upstream_for_what_is_not_found_here() {
    let (service, _, premium) = with_contract_of(ALL).await;
    service.upstream.tell_document("search", page_of_files(&hash('1')));
    service.upstream.tell_document("search", page_of_files(&hash('1')));
    let found = service.get(&format!("/search?query={}", hash('1')), &premium).await;
    assert_eq!(found.json["data"][0]["links"]["self"], format!("http://assay.test/api/v3/files/{}", hash('1')));
    assert_eq!(found.json["meta"]["assay"]["origin"], "upstream", "{}", found.message());
    let next = service.get(&format!("/search?query={}&cursor=abc", hash('1')), &premium).await;
    assert_eq!(next.status, 200, "{}", next.message());
    assert_eq!(
        asked(&service),
        [format!("search?query={0}", hash('1')), format!("search?query={0}&cursor=abc", hash('1'))]
    );
    let public = service.key("public").await;
    let narrow = service.get(&format!("/search?query={}", hash('1')), &public).await;
    assert!(narrow.json["data"][0]["attributes"]["exiftool"].is_null(), "a list shows no more than a report does");
}

#[tokio::test]
async fn a_search_stays_here_where_it_is_answered_here_or_may_not_leave() {
    let (service, _, premium) = with_contract_of(ALL).await;
    let sha256 = service.scan(b"found here", "here.txt").await.to_string();
    let local = service.get(&format!("/search?query={sha256}"), &premium).await;
    assert_eq!(local.json["data"][0]["id"], sha256);
    let kept = service.get("/search?query=project%20nightingale", &premium).await;
    assert_eq!((kept.status.as_u16(), &kept.json["data"]), (200, &json!([])));
    let why = kept.json["meta"]["assay"]["not_asked"].as_str().unwrap_or_default();
    assert!(why.contains("free text"), "{why}");
    assert!(asked(&service).is_empty());
    let damaged = service.get("/search?query=project&cursor=abc", &premium).await;
    assert_eq!(damaged.code(), "InvalidArgumentError");
}

#[tokio::test]
async fn intelligence_search_is_asked_under_a_contract_that_has_it_and_refused_otherwise_with_the_reason() {
    let path = "/intelligence/search?query=type:peexe&limit=300&order=size-&descriptors_only=true\
                &relationships=itw_urls,nonsense,contacted_urls";
    let service = Service::start().await;
    let premium = service.key("premium").await;
    let without = service.get(path, &premium).await;
    assert_eq!((without.status.as_u16(), without.code()), (404, "NotFoundError"));
    assert!(without.message().contains("no contract"), "{}", without.message());

    let (service, _, premium) = with_contract_of(&["private"]).await;
    let lesser = service.get(path, &premium).await;
    assert_eq!((lesser.status.as_u16(), lesser.code()), (403, "ForbiddenError"));
    assert!(lesser.message().contains("contract does not include"), "{}", lesser.message());

    let (service, _, premium) = with_contract_of(ALL).await;
    service.upstream.tell_document("intelligence/search", page_of_files(&hash('2')));
    let found = service.get(path, &premium).await;
    assert_eq!(found.json["data"][0]["id"], hash('2'), "{}", found.message());
    let sent = "intelligence/search?query=type:peexe&order=size-&limit=300&descriptors_only=true&relationships=contacted_urls,itw_urls";
    assert_eq!(asked(&service), [sent]);
    let kept = service.get("/intelligence/search?query=content:secret%20words", &premium).await;
    assert_eq!((kept.status.as_u16(), kept.code()), (400, "InvalidArgumentError"));
    for wrong in ["", "?query=", "?query=x&limit=0", "?query=x&limit=many"] {
        assert_eq!(service.get(&format!("/intelligence/search{wrong}"), &premium).await.status, 400, "{wrong}");
    }
    assert_eq!(asked(&service).len(), 1);
}

#[tokio::test]
async fn what_a_file_did_is_asked_upstream() {
    let (service, _, premium) = with_contract_of(ALL).await;
    let (id, run) = (hash('3'), format!("{}_VirusTotal Jujubox", hash('3')));
    let behaviour = json!({ "type": "file_behaviour", "id": run, "attributes": { "tags": [] } });
    service.upstream.tell_document(&format!("files/{id}/behaviours"), json!({ "data": [behaviour] }));
    service.upstream.tell_document(&format!("files/{id}/behaviour_summary"), json!({ "data": { "tags": ["x"] } }));
    service.upstream.tell_document(
        &format!("files/{id}/behaviour_mitre_trees"),
        json!({ "data": { "Jujubox": { "tactics": [] } } }),
    );
    service.upstream.tell_document(&format!("file_behaviours/{run}"), json!({ "data": behaviour }));
    let get = async |path: String| {
        let answer = service.get(&path, &premium).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json["meta"]["assay"]["origin"]),
            (200, &json!("upstream")),
            "{path}"
        );
        answer.json["data"].clone()
    };
    assert_eq!(get(format!("/files/{id}/behaviours")).await[0]["id"], run);
    assert_eq!(get(format!("/files/{id}/behaviour_summary")).await["tags"], json!(["x"]));
    assert_eq!(get(format!("/files/{id}/behaviour_mitre_trees")).await["Jujubox"]["tactics"], json!([]));
    assert_eq!(get(format!("/file_behaviours/{id}_VirusTotal%20Jujubox")).await["id"], run);
    let unknown = service.get(&format!("/files/{}/behaviour_summary", hash('4')), &premium).await;
    assert_eq!((unknown.status.as_u16(), unknown.code()), (404, "NotFoundError"));
    for wrong in [hash('3'), format!("{}_", hash('3')), "x_y".to_owned()] {
        assert_eq!(service.get(&format!("/file_behaviours/{wrong}"), &premium).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn without_a_contract_behaviours_are_not_found() {
    let service = Service::start().await;
    let premium = service.key("premium").await;
    let sha256 = service.scan(b"never run", "x.txt").await;
    for path in [format!("/files/{sha256}/behaviour_summary"), format!("/files/{sha256}/behaviour_mitre_trees")] {
        let answer = service.get(&path, &premium).await;
        assert_eq!(answer.status, 404);
        assert!(answer.message().contains("no sandbox"), "{}", answer.message());
    }
    assert_eq!(service.get(&format!("/file_behaviours/{sha256}_x"), &premium).await.status, 404);
}

#[tokio::test]
async fn look_ups_of_v2_are_asked_upstream_too() {
    let (service, _, premium) = with_contract_of(ALL).await;
    let results = json!({ "One": { "engine_name": "One", "category": "malicious", "result": "bad" },
                          "Two": { "engine_name": "Two", "category": "undetected", "result": null } });
    let object = |kind: &str, id: &str, more: Value| {
        let mut attributes = json!({ "last_analysis_results": results, "last_analysis_date": 1_700_000_000 });
        attributes.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({ "data": { "type": kind, "id": id, "attributes": attributes } })
    };
    let url = hash('6');
    let base64 = "aHR0cHM6Ly9leGFtcGxlLmNvbS8";
    service.upstream.tell_document(&format!("files/{}", hash('5')), object("file", &hash('5'), json!({ "md5": "m" })));
    service
        .upstream
        .tell_document(&format!("urls/{base64}"), object("url", &url, json!({ "url": "https://example.com/" })));
    service.upstream.tell_document("domains/example.com", object("domain", "example.com", json!({ "whois": "W" })));
    service.upstream.tell_document("ip_addresses/8.8.8.8", object("ip_address", "8.8.8.8", json!({ "asn": 15_169 })));
    let get = async |what: &str| {
        let answer = service.call("GET", &format!("/vtapi/v2/{what}&apikey={premium}"), None).await;
        assert_eq!(answer.status, 200, "{what}");
        answer.json
    };
    let file = get(&format!("file/report?resource={}", hash('5'))).await;
    assert_eq!((&file["response_code"], &file["positives"], &file["total"]), (&json!(1), &json!(1), &json!(2)));
    assert_eq!((&file["md5"], &file["scans"]["One"]["detected"]), (&json!("m"), &json!(true)));
    let report = get("url/report?resource=https://example.com/").await;
    assert_eq!((&report["response_code"], &report["url"]), (&json!(1), &json!("https://example.com/")));
    assert_eq!(report["scan_id"], format!("{url}-1700000000"));
    assert_eq!(get("domain/report?domain=example.com").await["whois"], "W");
    assert_eq!(get("ip-address/report?ip=8.8.8.8").await["asn"], 15_169);
    assert_eq!(asked(&service).len(), 4);
    let unknown = get(&format!("file/report?resource={}", hash('7'))).await;
    assert_eq!(unknown["response_code"], 0);
    for (what, code) in [
        ("domain/report?domain=wiki.corp", 0),
        ("ip-address/report?ip=10.0.0.1", 0),
        ("ip-address/report?ip=nonsense", -1),
        ("url/report?resource=http://10.0.0.1/", 0),
    ] {
        let answer = get(what).await;
        assert_eq!(answer["response_code"], code, "{what}: {answer}");
        let says_why = answer["verbose_msg"].as_str().unwrap_or_default().contains("was not asked");
        assert_eq!(says_why, code == 0, "{what}: {answer}");
    }
    assert_eq!(asked(&service).len(), 5, "what stays here is not asked");
    let wrong = service.call("GET", "/vtapi/v2/domain/report?domain=example.com&apikey=x", None).await;
    assert_eq!(wrong.status, 403);
}

#[tokio::test]
async fn bytes_are_downloaded_where_the_policy_permits_it_checked_and_not_kept() {
    let content = b"what upstream has";
    let digests = assay_model::Digests::of(content);
    let (sha256, md5) = (digests.sha256.to_string(), digests.md5.to_string());
    let path = |id: &str| format!("/files/{id}/download");
    let (off, _, premium) = with_contract_of(&["downloads-tier-1"]).await;
    let refused = off.get(&path(&sha256), &premium).await;
    assert_eq!(refused.status, 404);
    assert!(refused.message().contains("upstream.downloads"), "{}", refused.message());
    assert!(asked(&off).is_empty());

    let downloads = Some(assay_broker::download::Downloads::default());
    let on = || Service::start_brokering(assay_broker::Settings { downloads: downloads.clone(), ..broker_settings() });
    let (lesser, _, premium) = with_contract_on(on().await, &["private"]).await;
    let refused = lesser.get(&path(&sha256), &premium).await;
    assert!(refused.message().contains("contract does not include"), "{}", refused.message());

    let (service, _, premium) = with_contract_on(on().await, &["downloads-tier-1"]).await;
    let public = service.key("public").await;
    assert_eq!(service.get(&path(&sha256), &public).await.status, 403);
    let address = "https://samples.googleapis.com/x?Signature=y";
    for id in [&sha256, &md5] {
        service.upstream.tell_document(&format!("files/{id}/download_url"), json!({ "data": address }));
    }
    service.upstream.tell_bytes(address, &content[..]);
    for id in [&sha256, &md5] {
        let answer = service.get(&path(id), &premium).await;
        assert_eq!((answer.status.as_u16(), &answer.bytes[..]), (200, &content[..]), "{id}");
        let named = format!("attachment; filename=\"{sha256}\"");
        assert_eq!(answer.headers["content-disposition"], named.as_str());
    }
    assert!(service.app.pipeline.blobs.open(&digests.sha256).await.expect("blobs").is_none(), "nothing is kept");
    assert_eq!(asked(&service).len(), 4, "an address and the bytes, each time");
    for (digit, address) in
        [('1', address), ('2', "https://elsewhere.example/x"), ('3', "http://127.0.0.1/x"), ('4', "x")]
    {
        service.upstream.tell_document(&format!("files/{}/download_url", hash(digit)), json!({ "data": address }));
        let answer = service.get(&path(&hash(digit)), &premium).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (424, "FailedDependencyError"), "{digit}");
    }
    assert_eq!(service.get(&path(&hash('5')), &premium).await.status, 404);
    assert!(!asked(&service).iter().any(|asked| asked.contains("elsewhere") || asked.contains("127.0.0.1")));
}
