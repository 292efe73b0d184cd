//! Files over the API: look-up, relationships, pages, uploads, downloads.

use crate::support::Service;
use axum::body::Body;
use axum::http::Request;
use serde_json::json;

fn upload(path: &str, key: &str, parts: &str) -> Request<Body> {
    Request::post(path)
        .header("host", "assay.test")
        .header("x-apikey", key)
        .header("content-type", "multipart/form-data; boundary=frontier")
        .body(Body::from(parts.replace('\n', "\r\n")))
        .expect("a request")
}

const ONE_FILE: &str = "--frontier\nContent-Disposition: form-data; name=\"file\"; filename=\"/home/me/hello.txt\"\n\
                        Content-Type: application/octet-stream\n\nhello, world\n--frontier--\n";

#[tokio::test]
async fn a_file_is_found_by_each_of_its_hashes_in_any_case() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let sha256 = service.scan(b"hello, world", "hello.txt").await.to_string();
    let by_sha256 = service.get(&format!("/files/{sha256}"), &key).await;
    assert_eq!(by_sha256.status, 200);
    let attributes = &by_sha256.json["data"]["attributes"];
    assert_eq!(attributes["sha256"], sha256);
    assert_eq!(attributes["meaningful_name"], "hello.txt");
    assert_eq!(by_sha256.json["data"]["links"]["self"], format!("http://assay.test/api/v3/files/{sha256}"));
    for name in ["md5", "sha1", "sha256"] {
        let hash = attributes[name].as_str().expect("a hash").to_uppercase();
        assert_eq!(service.get(&format!("/files/{hash}"), &key).await.bytes, by_sha256.bytes, "{name}");
    }
}

#[tokio::test]
async fn a_report_changes_as_soon_as_the_store_does() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let sha256 = service.scan(b"hello, world", "hello.txt").await;
    let path = format!("/files/{sha256}");
    assert_eq!(service.get(&path, &key).await.json["data"]["attributes"]["times_submitted"], 1);
    service.scan(b"hello, world", "again.txt").await;
    let again = service.get(&path, &key).await;
    assert_eq!(again.json["data"]["attributes"]["times_submitted"], 2);
    assert_eq!(again.json["data"]["attributes"]["names"], json!(["hello.txt", "again.txt"]));
}

#[tokio::test]
async fn the_tier_decides_which_attributes_are_seen() {
    let service = Service::start().await;
    let path = format!("/files/{}", service.scan(b"hello, world", "hello.txt").await);
    let full = service.get(&path, &service.key("premium").await).await;
    let basic = service.get(&path, &service.key("public").await).await;
    assert_eq!(full.json["data"]["attributes"]["downloadable"], true);
    assert!(basic.json["data"]["attributes"].get("downloadable").is_none());
    assert_eq!(basic.json["data"]["attributes"]["size"], 12);
}

#[tokio::test]
async fn submissions_are_read_in_pages_that_end_without_a_cursor() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let mut sha256 = service.scan(b"hello, world", "0").await;
    for nth in 1..5 {
        service.advance(60);
        sha256 = service.scan(b"hello, world", &nth.to_string()).await;
    }
    let mut path = format!("/api/v3/files/{sha256}/submissions?limit=2");
    let mut names = Vec::new();
    loop {
        let page = service.call("GET", &path, Some(&key)).await;
        assert_eq!(page.json["meta"]["count"], 5);
        for item in page.json["data"].as_array().expect("a list") {
            names.push(item["attributes"]["name"].as_str().expect("a name").to_owned());
        }
        assert_eq!(page.json["links"]["self"], format!("http://assay.test{path}"));
        assert_eq!(page.json["meta"].get("cursor").is_some(), page.json["links"].get("next").is_some());
        match page.json["links"]["next"].as_str() {
            Some(next) => path = next.strip_prefix("http://assay.test").expect("our own host").to_owned(),
            None => break,
        }
    }
    assert_eq!(names, ["4", "3", "2", "1", "0"]);
    let descriptors = service.get(&format!("/files/{sha256}/relationships/submissions"), &key).await;
    assert_eq!(descriptors.json["data"].as_array().map(Vec::len), Some(5));
    assert!(descriptors.json["data"][0].get("attributes").is_none());
}

#[tokio::test]
async fn a_cursor_of_another_query_is_a_400() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let sha256 = service.scan(b"hello, world", "0").await;
    service.advance(60);
    service.scan(b"hello, world", "1").await;
    let page = service.get(&format!("/files/{sha256}/submissions?limit=1"), &key).await;
    let cursor = page.json["meta"]["cursor"].as_str().expect("a cursor");
    let other = service.get(&format!("/files/{sha256}/analyses?cursor={cursor}"), &key).await;
    assert_eq!((other.status.as_u16(), other.code()), (400, "InvalidArgumentError"));
    let damaged = service.get(&format!("/files/{sha256}/submissions?cursor=x"), &key).await;
    assert_eq!(damaged.status, 400);
}

#[tokio::test]
async fn relationships_inside_an_object_always_have_data() {
    let service = Service::start().await;
    let (premium, public) = (service.key("premium").await, service.key("public").await);
    let sha256 = service.scan(b"hello, world", "0").await;
    let path = format!("/files/{sha256}?relationships=analyses,comments,sigma_analysis");
    let full = service.get(&path, &premium).await;
    let inline = &full.json["data"]["relationships"];
    assert_eq!(inline["analyses"]["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(inline["comments"]["data"], json!([]));
    assert_eq!(inline["sigma_analysis"]["data"], json!(null));
    let basic = service.get(&path, &public).await;
    assert_eq!(basic.json["data"]["relationships"]["analyses"]["data"], json!([]), "not for this tier");
    let unknown = service.get(&format!("/files/{sha256}?relationships=nonsense"), &premium).await;
    assert_eq!(unknown.status, 400);
}

#[tokio::test]
async fn an_upload_is_analysed_and_its_analysis_leads_to_the_file() {
    let service = Service::start().await;
    let key = service.key("public").await;
    let answer = service.send(upload("/api/v3/files", &key, ONE_FILE)).await;
    assert_eq!(answer.status, 200);
    let id = answer.json["data"]["id"].as_str().expect("an id").to_owned();
    let queued = service.get(&format!("/analyses/{id}"), &key).await;
    assert_eq!(queued.json["data"]["attributes"]["status"], "queued");
    assert_eq!(queued.json["data"]["attributes"]["results"], json!({}));
    assert_eq!(queued.json["meta"]["file_info"]["size"], 12);
    service.work().await;
    let done = service.get(&format!("/analyses/{}", id.trim_end_matches('=')), &key).await;
    assert_eq!(done.json["data"]["attributes"]["status"], "completed");
    let item = service.get(&format!("/analyses/{id}/item"), &key).await;
    assert_eq!(item.json["data"]["type"], "file");
    assert_eq!(item.json["data"]["attributes"]["names"], json!(["/home/me/hello.txt"]));
    assert_eq!(item.json["meta"]["count"], 1);
    let sha256 = done.json["meta"]["file_info"]["sha256"].as_str().expect("a hash");
    let by_file = service.get(&format!("/analyses/f-{sha256}-{}", service.now().0), &key).await;
    assert_eq!(by_file.json["data"]["id"], id);
}

#[tokio::test]
async fn the_same_file_again_is_a_new_submission_and_analyse_keeps_the_history() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let first = service.send(upload("/api/v3/files", &key, ONE_FILE)).await;
    service.work().await;
    let again = service.send(upload("/api/v3/files", &key, ONE_FILE)).await;
    assert_eq!(again.json["data"]["id"], first.json["data"]["id"], "a known file answers from its report");
    let item =
        service.get(&format!("/analyses/{}/item", first.json["data"]["id"].as_str().expect("an id")), &key).await;
    let sha256 = item.json["data"]["id"].as_str().expect("a hash").to_owned();
    service.advance(10);
    let rescan = service.call("POST", &format!("/api/v3/files/{sha256}/analyse"), Some(&key)).await;
    assert_ne!(rescan.json["data"]["id"], first.json["data"]["id"]);
    let twice = service.call("POST", &format!("/api/v3/files/{sha256}/analyse"), Some(&key)).await;
    assert_eq!(twice.json["data"]["id"], rescan.json["data"]["id"], "one is under way already");
    service.work().await;
    let history = service.get(&format!("/files/{sha256}/analyses"), &key).await;
    assert_eq!(history.json["meta"]["count"], 2);
    assert_eq!(service.get(&format!("/files/{sha256}/submissions"), &key).await.json["meta"]["count"], 2);
}

#[tokio::test]
async fn bad_uploads_are_clear_400s_and_cost_nothing() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let two = ONE_FILE.replace("--frontier--", &ONE_FILE.replace("--frontier--\n", "--frontier--"));
    let none = ONE_FILE.replace("name=\"file\"", "name=\"files\"");
    let cut = ONE_FILE.replace("\n--frontier--\n", "");
    for (parts, word) in [(two, "two parts"), (none, "no part"), (cut, "cut off")] {
        let answer = service.send(upload("/api/v3/files", &key, &parts)).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "BadRequestError"), "{word}");
        assert!(answer.message().contains(word), "{}", answer.message());
    }
    let bare = Request::post("/api/v3/files").header("x-apikey", &key).body(Body::from("{}")).expect("a request");
    assert_eq!(service.send(bare).await.status, 400);
    let quotas = service.get("/users/premium/overall_quotas", &key).await;
    assert_eq!(quotas.json["data"]["api_requests_daily"]["user"]["used"], 0);
}

#[tokio::test]
async fn an_upload_address_works_once_and_without_a_key() {
    let service = Service::start().await;
    let key = service.key("public").await;
    let address = service.get("/files/upload_url", &key).await;
    let url = address.json["data"].as_str().expect("an address");
    let path = url.strip_prefix("http://assay.test").expect("our own host").to_owned();
    assert!(path.starts_with("/api/v3/") && !path.contains(['{', '}']));
    let request = |path: &str| {
        let mut request = upload(path, &key, ONE_FILE);
        request.headers_mut().remove("x-apikey");
        request
    };
    assert_eq!(service.send(request(&path)).await.status, 200);
    assert_eq!(service.send(request(&path)).await.status, 404);
    let late = service.get("/files/upload_url", &key).await;
    let late =
        late.json["data"].as_str().and_then(|url| url.strip_prefix("http://assay.test")).expect("ours").to_owned();
    service.advance(3_601);
    assert_eq!(service.send(request(&late)).await.status, 404);
}

#[tokio::test]
async fn a_download_address_is_good_for_an_hour_and_cannot_be_forged() {
    let service = Service::start().await;
    let key = service.key("premium").await;
    let sha256 = service.scan(b"hello, world", "0").await;
    let direct = service.get(&format!("/files/{sha256}/download"), &key).await;
    assert_eq!(&*direct.bytes, b"hello, world");
    let address = service.get(&format!("/files/{sha256}/download_url"), &key).await;
    let path = address.json["data"].as_str().and_then(|url| url.strip_prefix("http://assay.test")).expect("ours");
    for _ in 0..2 {
        assert_eq!(&*service.call("GET", path, None).await.bytes, b"hello, world");
    }
    let head = service.call("HEAD", path, None).await;
    assert_eq!((head.headers["content-length"].to_str().ok(), head.bytes.len()), (Some("12"), 0));
    let last = path.chars().last().expect("not empty");
    let forged = format!("{}{}", &path[..path.len() - 1], if last == '0' { '1' } else { '0' });
    assert_eq!(service.call("GET", &forged, None).await.status, 404);
    service.advance(3_601);
    assert_eq!(service.call("GET", path, None).await.status, 404);
}
