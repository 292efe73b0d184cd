//! Pictures of pages: taken beside the verdict, listed newest first, shown to whoever may, fetched by their own address.

use std::sync::Arc;

use assay_model::Sha256;
use assay_model::url::CanonicalUrl;
use assay_web::{Config, Fetched, Hop, Picture, Recorded, RecordedCamera};
use bytes::Bytes;

use crate::support::{NOON, Service};

const PAGE: &str = "http://site.example/page";
const FLEETING: &str = "http://site.example/fleeting";
const DATA: &str = "http://site.example/data";

/// A service that fetches three URLs; one has a picture, of one none is to be had, one is no page.
async fn service() -> Service {
    let url = |text: &str| -> CanonicalUrl { text.parse().expect("a URL") };
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let hop = Hop { url: url(DATA), address: Some([192, 0, 2, 7].into()), status: 200, headers, certificate: None };
    let data = Fetched { hops: vec![hop], body: Bytes::from_static(b"{\"a\": 1}"), unfinished: None };
    let web = Recorded::default()
        .with_page(&url(PAGE), "<title>pictured</title>")
        .with_page(&url(FLEETING), "<title>gone</title>")
        .with(&url(DATA), data);
    let camera = RecordedCamera::default().with(&url(PAGE), picture()).with(&url(DATA), picture());
    Service::start_picturing(assay_web::open(Config::Recorded(web)).expect("a web"), Arc::new(camera)).await
}

fn picture() -> Picture {
    Picture::read(Bytes::from_static(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x05\0\0\0\x03\x20\x08\x02\0\0\0"))
        .expect("a picture")
}

fn path(url: &str) -> String {
    format!("/urls/{}", url.parse::<CanonicalUrl>().expect("a URL").id())
}

#[tokio::test]
async fn a_page_is_pictured_and_the_picture_is_fetched_by_its_address() {
    let service = service().await;
    let key = service.key("premium").await;
    let analysis = service.submit(&key, PAGE).await;
    service.work().await;
    let done = service.get(&format!("/analyses/{analysis}"), &key).await;
    assert_eq!(done.json["data"]["attributes"]["status"], "completed");

    let listed = service.get(&format!("{}/screenshots", path(PAGE)), &key).await;
    let one = &listed.json["data"][0];
    let png = Sha256::of(&picture().png).to_string();
    let id = format!("{}-Recorded-{}-{}.png", path(PAGE).trim_start_matches("/urls/"), &png[..8], NOON.0);
    assert_eq!((&one["type"], &one["id"]), (&"screenshot".into(), &(*id).into()), "{}", listed.json);
    assert_eq!((&one["attributes"]["date"], &one["attributes"]["sandbox_name"]), (&NOON.0.into(), &"Recorded".into()));

    let object = service.get(&format!("/screenshots/{id}"), &key).await;
    assert_eq!(object.json["data"]["attributes"], one["attributes"]);
    let link = object.json["data"]["attributes"]["link"].as_str().expect("a link").to_owned();
    let address = link.strip_prefix("http://assay.test").expect("an address of this server");
    let fetched = service.call("GET", address, None).await;
    assert_eq!((fetched.status.as_u16(), &fetched.bytes), (200, &picture().png));
    assert_eq!(fetched.headers["content-type"], "image/png");
}

#[tokio::test]
async fn an_address_is_over_after_an_hour_and_is_good_for_nothing_else() {
    let service = service().await;
    let key = service.key("premium").await;
    service.submit(&key, PAGE).await;
    service.work().await;
    let listed = service.get(&format!("{}/screenshots", path(PAGE)), &key).await;
    let link = listed.json["data"][0]["attributes"]["link"].as_str().expect("a link").to_owned();
    let address = link.strip_prefix("http://assay.test").expect("an address of this server").to_owned();
    let as_file = address.replace("/pictures/", "/downloads/");
    let last = if address.ends_with('0') { "1" } else { "0" };
    let forged = format!("{}{last}", &address[..address.len() - 1]);
    let page = Sha256::of(b"<title>pictured</title>").to_string();
    let another = address.replace(&Sha256::of(&picture().png).to_string(), &page);
    for wrong in [&as_file, &forged, &another, "/api/v3/pictures/x"] {
        assert_eq!(service.call("GET", wrong, None).await.status, 404, "{wrong}");
    }
    service.advance(3600);
    assert_eq!(service.call("GET", &address, None).await.status, 200);
    service.advance(1);
    assert_eq!(service.call("GET", &address, None).await.status, 404);
}

#[tokio::test]
async fn pictures_need_their_privilege() {
    let service = service().await;
    let (public, premium) = (service.key("public").await, service.key("premium").await);
    service.submit(&premium, PAGE).await;
    service.work().await;
    let listed = service.get(&format!("{}/screenshots", path(PAGE)), &premium).await;
    let id = listed.json["data"][0]["id"].as_str().expect("an id").to_owned();
    for wanted in [format!("{}/screenshots", path(PAGE)), format!("/screenshots/{id}")] {
        assert_eq!(service.get(&wanted, &public).await.status, 403, "{wanted}");
    }
    let inline = service.get(&format!("{}?relationships=screenshots", path(PAGE)), &public).await;
    assert_eq!(inline.json["data"]["relationships"]["screenshots"]["data"], serde_json::json!([]));
    assert_eq!(service.get("/screenshots/none", &premium).await.status, 404);
}

#[tokio::test]
async fn pictures_are_listed_newest_first() {
    let service = service().await;
    let key = service.key("premium").await;
    for _ in 0..3 {
        service.submit(&key, PAGE).await;
        service.work().await;
        service.advance(60);
    }
    let listed = service.get(&format!("{}/screenshots", path(PAGE)), &key).await;
    let dates: Vec<_> =
        listed.json["data"].as_array().expect("a list").iter().map(|one| &one["attributes"]["date"]).collect();
    assert_eq!(dates, [NOON.0 + 120, NOON.0 + 60, NOON.0]);
}

#[tokio::test]
async fn where_no_picture_is_had_or_wanted_nothing_else_is_missing() {
    let service = service().await;
    let key = service.key("premium").await;
    for url in [FLEETING, DATA] {
        let analysis = service.submit(&key, url).await;
        service.work().await;
        let done = service.get(&format!("/analyses/{analysis}"), &key).await;
        assert_eq!(done.json["data"]["attributes"]["status"], "completed", "{url}");
        let listed = service.get(&format!("{}/screenshots", path(url)), &key).await;
        assert_eq!(listed.json["data"], serde_json::json!([]), "{url}");
    }
    let backlog = service.app.store().backlog().await.expect("a count");
    assert_eq!((backlog.open, backlog.dead), (0, 0));
}
