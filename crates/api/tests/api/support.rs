//! The whole service in this process: memory behind the seams, a clock that stands still, real rows and real handlers.

use std::sync::Arc;

use assay_api::{App, Settings, accounts};
use assay_engines::Panel;
use assay_extract::{Identifier, Magika, Options};
use assay_model::apikey::Pepper;
use assay_model::clock::{Clock as _, Fixed};
use assay_model::quota::Limits;
use assay_model::random::Counting;
use assay_model::record::Class;
use assay_model::{Sha256, Timestamp};
use assay_pipeline::{Handover, Pipeline, Upload, worker};
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
    clock: Arc<Fixed>,
    router: Router,
    random: Counting,
    pepper: Pepper,
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::start_with(Limits { minute: 100_000, day: 1_000_000, month: 10_000_000 }).await
    }

    /// With these limits for premium accounts.
    pub(crate) async fn start_with(premium: Limits) -> Self {
        let clock = Arc::new(Fixed::at(NOON));
        let store = assay_store::open(&assay_store::Config::Memory).await.expect("memory");
        let blobs = assay_blobs::open(&assay_blobs::Config::Memory).await.expect("memory");
        let pipeline = Arc::new(Pipeline {
            store: store.clone(),
            blobs,
            panel: Arc::new(Panel::of(Vec::new())),
            identifier: Arc::new(Identifier::new(Options { magika: Magika::Never })),
            clock: clock.clone(),
            handover: Handover::default(),
        });
        accounts::write_tiers(&*store, premium).await.expect("tiers");
        for name in ["operator", "premium", "public"] {
            accounts::create_user(&*store, name, name, NOON).await.expect("an account");
        }
        let pepper = Pepper::new([7; 32]);
        let app = App::new(pipeline, pepper.clone(), Arc::new(Counting::default()), Settings::default());
        let router = assay_api::router(&app);
        Self { app, clock, router, random: Counting::default(), pepper }
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
        workers.spawn(worker::run(self.app.pipeline.clone(), 1, stop.clone()));
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

    /// Any request.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("the router cannot fail");
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: head.status, headers: head.headers, json, bytes }
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
