//! Both implementations pass the suite of the seam.

use std::time::Duration;

use assay_upstream::{Config, Recorded, UpstreamError, open, suite};
use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use url::Url;

fn known() -> serde_json::Value {
    json!({ "data": { "type": "file", "id": "known", "attributes": {} } })
}

#[tokio::test]
async fn recorded() {
    let upstream = Recorded::default();
    upstream.tell("files/known", |call| match call.key.reveal() {
        "right" => Ok(known()),
        _ => Err(UpstreamError::KeyRefused { code: "WrongCredentialsError".to_owned(), message: String::new() }),
    });
    upstream.tell_bytes("https://vt.example/bytes", "0123456789");
    upstream.tell_bytes("feeds/here", "0123456789");
    upstream.tell_redirect("feeds/moved", Url::parse("https://vt.example/bytes").expect("a URL"));
    upstream.tell("feeds/refused", |_| {
        Err(UpstreamError::KeyRefused { code: "WrongCredentialsError".to_owned(), message: String::new() })
    });
    suite::run(&upstream, &Url::parse("https://vt.example").expect("a URL")).await;
    assert_eq!(upstream.asked()[..3], ["files/known", "files/other", "files/known"]);
}

async fn play(uri: Uri, headers: HeaderMap) -> Response {
    match (uri.path(), headers.contains_key("x-apikey")) {
        ("/bytes", false) | ("/api/v3/feeds/here", true) => "0123456789".into_response(),
        ("/bytes", true) => StatusCode::IM_A_TEAPOT.into_response(),
        (_, false) => StatusCode::NOT_FOUND.into_response(),
        ("/api/v3/feeds/moved", true) => (StatusCode::FOUND, [("location", "/bytes")]).into_response(),
        _ => of_the_api(&uri, &headers).into_response(),
    }
}

fn of_the_api(uri: &Uri, headers: &HeaderMap) -> (StatusCode, axum::Json<serde_json::Value>) {
    let refuse = |status: u16, code: &str| {
        let status = StatusCode::from_u16(status).expect("a status");
        (status, axum::Json(json!({ "error": { "code": code, "message": "no" } })))
    };
    match (uri.path(), headers.get("x-apikey").map(axum::http::HeaderValue::as_bytes)) {
        (_, key) if key != Some(b"right") => refuse(401, "WrongCredentialsError"),
        ("/api/v3/files/known", _) => (StatusCode::OK, axum::Json(known())),
        _ => refuse(404, "NotFoundError"),
    }
}

#[tokio::test]
async fn over_http() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = Url::parse(&format!("http://{}", listener.local_addr().expect("an address"))).expect("a URL");
    let router = Router::new().fallback(play);
    let server = async move { axum::serve(listener, router).await };
    let upstream =
        open(&Config { authorities: None, proxy: None, patience: Duration::from_secs(5) }).expect("a client");
    tokio::select! {
        () = suite::run(&*upstream, &host) => {}
        ended = server => panic!("the server ended: {ended:?}"),
    }
}
