//! The whole service in this process: memory behind the seams, a clock that stands still, real rows and real handlers.

use std::sync::Arc;

use assay_api::{App, Parts, Settings, accounts};
use assay_broker::Broker;
use assay_engines::{Engine, Panel};
use assay_events::Courier;
use assay_extract::{Identifier, Magika, Options};
use assay_model::apikey::Pepper;
use assay_model::clock::{Clock as _, Fixed};
use assay_model::quota::Limits;
use assay_model::random::Counting;
use assay_model::record::Class;
use assay_model::{Sha256, Timestamp};
use assay_pipeline::worker::{self, Workers};
use assay_pipeline::{Handover, Pipeline, Upload};
use assay_upstream::Recorded;
use assay_web::{Camera, Web};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// 2026-01-15 12:00:00 UTC.
pub(crate) const NOON: Timestamp = Timestamp(1_768_478_400);

/// The service with three accounts: `operator`, `premium`, `public`.
pub(crate) struct Service {
    pub(crate) app: Arc<App>,
    /// What `VirusTotal` would say.
    pub(crate) upstream: Arc<Recorded>,
    clock: Arc<Fixed>,
    router: Router,
    random: Counting,
    pepper: Pepper,
}

/// Nobody waits for a minute here.
pub(crate) fn broker_settings() -> assay_broker::Settings {
    assay_broker::Settings { patience: std::time::Duration::ZERO, ..assay_broker::Settings::default() }
}

/// What addresses lead to.
#[derive(Default)]
struct Ways {
    web: Option<Arc<dyn Web>>,
    camera: Option<Arc<dyn Camera>>,
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::start_with(limits(100_000, 1_000_000, 10_000_000)).await
    }

    /// With these limits for premium accounts.
    pub(crate) async fn start_with(premium: Limits) -> Self {
        Self::start_as(premium, Settings::default()).await
    }

    /// With these limits and settings.
    pub(crate) async fn start_as(premium: Limits, settings: Settings) -> Self {
        Self::assemble(premium, settings, Ways::default(), broker_settings(), Vec::new()).await
    }

    /// With a broker of these settings.
    pub(crate) async fn start_brokering(broker: assay_broker::Settings) -> Self {
        let premium = limits(100_000, 1_000_000, 10_000_000);
        Self::assemble(premium, Settings::default(), Ways::default(), broker, Vec::new()).await
    }

    /// With these limits and this way to URLs.
    pub(crate) async fn start_on(premium: Limits, web: Option<Arc<dyn Web>>) -> Self {
        Self::assemble(premium, Settings::default(), Ways { web, camera: None }, broker_settings(), Vec::new()).await
    }

    /// With this way to URLs and these engines.
    pub(crate) async fn start_judging(web: Option<Arc<dyn Web>>, engines: Vec<Arc<dyn Engine>>) -> Self {
        let premium = limits(100_000, 1_000_000, 10_000_000);
        Self::assemble(premium, Settings::default(), Ways { web, camera: None }, broker_settings(), engines).await
    }

    /// With these ways to URLs and to pictures of their pages.
    pub(crate) async fn start_picturing(web: Arc<dyn Web>, camera: Arc<dyn Camera>) -> Self {
        let premium = limits(100_000, 1_000_000, 10_000_000);
        let ways = Ways { web: Some(web), camera: Some(camera) };
        Self::assemble(premium, Settings::default(), ways, broker_settings(), Vec::new()).await
    }

    async fn assemble(
        premium: Limits,
        settings: Settings,
        Ways { web, camera }: Ways,
        broker: assay_broker::Settings,
        engines: Vec<Arc<dyn Engine>>,
    ) -> Self {
        let clock = Arc::new(Fixed::at(NOON));
        let store = assay_store::open(&assay_store::Config::Memory).await.expect("memory");
        let blobs = assay_blobs::open(&assay_blobs::Config::Memory).await.expect("memory");
        let pipeline = Arc::new(Pipeline {
            store: store.clone(),
            blobs,
            panel: Arc::new(Panel::of(engines)),
            intel: Arc::default(),
            identifier: Arc::new(Identifier::new(Options { magika: Magika::Never })),
            clock: clock.clone(),
            web,
            camera,
            enrichers: Vec::new(),
            handover: Handover::default(),
            visits: Handover::default(),
            pictures: Handover::default(),
        });
        accounts::write_tiers(&*store, premium).await.expect("tiers");
        for name in ["operator", "premium", "public"] {
            accounts::create_user(&*store, name, name, NOON).await.expect("an account");
        }
        let pepper = Pepper::new([7; 32]);
        let random = Arc::new(Counting::default());
        let out = assay_events::Settings::default();
        let courier = Courier::new(store.clone(), clock.clone(), random.clone(), &pepper, out).expect("a courier");
        let upstream = Arc::new(Recorded::default());
        let broker = Broker::new(store, clock.clone(), random, upstream.clone(), &pepper, broker);
        let parts = Parts { pipeline, courier, broker, pepper: pepper.clone(), random: Arc::new(Counting::default()) };
        let app = App::new(parts, settings);
        let router = assay_api::router(&app);
        Self { app, upstream, clock, router, random: Counting::default(), pepper }
    }

    /// A new key of an account.
    pub(crate) async fn key(&self, account: &str) -> String {
        let issued = accounts::create_key(self.app.store(), account, &self.pepper, &self.random, NOON).await;
        issued.expect("a key").reveal().to_string()
    }

    /// Makes a file known and waits until its analysis is complete.
    pub(crate) async fn scan(&self, content: &'static [u8], name: &str) -> Sha256 {
        let mut incoming = self.app.pipeline.blobs.begin(1 << 20).await.expect("a place");
        incoming.write(Bytes::from_static(content)).await.expect("room");
        let kept = incoming.keep().await.expect("kept");
        let sha256 = kept.digests.sha256;
        let upload = Upload {
            kept,
            name: Some(name.to_owned()),
            source: "test".to_owned(),
            interface: "api",
            class: Class::Interactive,
        };
        assay_pipeline::ingest(&self.app.pipeline, &upload).await.expect("ingested");
        self.work().await;
        sha256
    }

    /// Runs workers until nothing waits.
    pub(crate) async fn work(&self) {
        let stop = CancellationToken::new();
        let mut workers = tokio::task::JoinSet::new();
        workers.spawn(worker::run(
            self.app.pipeline.clone(),
            Workers { samples: 1, addresses: 1, pictures: 1 },
            stop.clone(),
        ));
        while self.app.store().backlog().await.expect("a count").open > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        stop.cancel();
        workers.join_all().await;
    }

    /// A request without a body.
    pub(crate) async fn call(&self, method: &str, path: &str, key: Option<&str>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "assay.test");
        if let Some(key) = key {
            request = request.header("x-apikey", key);
        }
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    /// `GET` under `/api/v3`.
    pub(crate) async fn get(&self, path: &str, key: &str) -> Answer {
        self.call("GET", &format!("/api/v3{path}"), Some(key)).await
    }

    /// A request with a JSON document under `/api/v3`.
    pub(crate) async fn write(&self, method: &str, path: &str, key: &str, document: &Value) -> Answer {
        let request = Request::builder().method(method).uri(format!("/api/v3{path}")).header("host", "assay.test");
        let request = request.header("x-apikey", key).header("content-type", "application/json");
        self.send(request.body(Body::from(document.to_string())).expect("a request")).await
    }

    /// Writes attributes of an object of that type.
    pub(crate) async fn set(&self, method: &str, path: &str, key: &str, kind: &str, attributes: Value) -> Answer {
        let document = serde_json::json!({ "data": { "type": kind, "attributes": attributes } });
        self.write(method, path, key, &document).await
    }

    /// The same, which must succeed.
    pub(crate) async fn done(&self, method: &str, path: &str, key: &str, kind: &str, attributes: Value) -> Value {
        let answer = self.set(method, path, key, kind, attributes).await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.message());
        answer.json
    }

    /// A group `soc` of the premium tier with an administrator `chief`, a member `analyst` and a service account
    /// `soc_siem`, all made over HTTP; beside it a group `other` with a member `stranger`. Answers the operator's key.
    pub(crate) async fn with_groups(&self) -> String {
        let operator = self.key("operator").await;
        for group in ["soc", "other"] {
            let group =
                serde_json::json!({ "data": { "type": "group", "id": group, "attributes": { "tier": "premium" } } });
            assert_eq!(self.write("POST", "/groups", &operator, &group).await.status, 200);
        }
        for (name, group) in [("chief", "soc"), ("analyst", "soc"), ("stranger", "other")] {
            let attributes = serde_json::json!({ "email": format!("{name}@acme.example"), "group": group });
            let user = serde_json::json!({ "data": { "type": "user", "id": name, "attributes": attributes } });
            assert_eq!(self.write("POST", "/users", &operator, &user).await.status, 200);
        }
        let chief = serde_json::json!({ "data": [{ "type": "user", "id": "chief@acme.example" }] });
        let path = "/groups/soc/relationships/administrators";
        assert_eq!(self.write("POST", path, &operator, &chief).await.status, 200);
        let siem = serde_json::json!({ "data": [{ "type": "service_account", "id": "siem" }] });
        let answer = self.write("POST", "/groups/soc/relationships/service_accounts", &operator, &siem).await;
        assert_eq!(answer.json["data"][0]["id"], "soc_siem", "{}", answer.message());
        operator
    }

    /// Any request.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("the router cannot fail");
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: head.status, headers: head.headers, json, bytes }
    }

    /// `GET` under `/api/v3` by a client at that address.
    pub(crate) async fn get_from(&self, address: &str, path: &str, key: &str) -> Answer {
        let peer = std::net::SocketAddr::new(address.parse().expect("an address"), 4711);
        let request = Request::builder().uri(format!("/api/v3{path}")).header("x-apikey", key);
        let request = request.extension(axum::extract::ConnectInfo(peer)).body(Body::empty());
        self.send(request.expect("a request")).await
    }

    /// A request without a key by a client at that address.
    pub(crate) async fn call_from(&self, address: &str, method: &str, path: &str) -> Answer {
        let peer = std::net::SocketAddr::new(address.parse().expect("an address"), 4711);
        let request = Request::builder().method(method).uri(path).header("host", "assay.test");
        let request = request.extension(axum::extract::ConnectInfo(peer)).body(Body::empty());
        self.send(request.expect("a request")).await
    }

    /// What the server does every second.
    pub(crate) async fn tick(&self) {
        accounts::every_second(&self.app).await.expect("a tick");
    }

    /// Moves the clock.
    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(std::time::Duration::from_secs(seconds));
    }

    /// The time of the service.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Limits on requests, and plenty of everything else.
pub(crate) fn limits(minute: u64, day: u64, month: u64) -> Limits {
    Limits { minute, day, month, ..Limits::PUBLIC }.with_others(1_000)
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) json: Value,
    pub(crate) bytes: Bytes,
}

impl Answer {
    /// `error.code`.
    pub(crate) fn code(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or_default()
    }

    /// `error.message`.
    pub(crate) fn message(&self) -> &str {
        self.json["error"]["message"].as_str().unwrap_or_default()
    }
}
