//! The broker over a store in memory and an upstream that was told what to answer.

mod answers;
mod budget;
mod keys;
mod nodes;
mod tenants;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use assay_model::Timestamp;
use assay_model::apikey::Pepper;
use assay_model::clock::Fixed;
use assay_model::random::{Counting, Random as _};
use assay_model::record::{Class, body};
use assay_store::{Batch, Expect, Memory, Store};
use assay_upstream::{Recorded, UpstreamError, UpstreamKey};
use serde_json::{Value, json};

use crate::ask::Unanswered;
use crate::contract::{self, Contract, Named};
use crate::manage::Wanted;
use crate::{Answered, Asker, Broker, Question, Refusal, Settings};

/// 2026-01-15 12:00:00 UTC.
const NOON: Timestamp = Timestamp(1_768_478_400);

/// A key that upstream knows, made of one digit.
fn key(digit: char) -> UpstreamKey {
    UpstreamKey::new(digit.to_string().repeat(64))
}

static NEXT: AtomicU8 = AtomicU8::new(0);

/// One process.
struct World {
    broker: Arc<Broker>,
    upstream: Arc<Recorded>,
    store: Arc<dyn Store>,
    clock: Arc<Fixed>,
}

impl World {
    fn new() -> Self {
        Self::over(Arc::new(Memory::default()), Arc::new(Recorded::default()), settings())
    }

    fn over(store: Arc<dyn Store>, upstream: Arc<Recorded>, settings: Settings) -> Self {
        let clock = Arc::new(Fixed::at(NOON));
        let random = Arc::new(Counting::default());
        // Processes have names of their own.
        random.fill(&mut vec![0; 8 * usize::from(NEXT.fetch_add(1, Ordering::Relaxed))]);
        let pepper = Pepper::new([7; 32]);
        let broker = Broker::new(store.clone(), clock.clone(), random, upstream.clone(), &pepper, settings);
        Self { broker, upstream, store, clock }
    }

    /// With a contract of the whole installation, 100 requests a minute and `day` a day.
    async fn with_contract(self, day: u64) -> Self {
        self.tell_account("soc", Some("acme"), day);
        self.add("vt", None, 'a').await;
        self
    }

    /// Whatever key asks belongs to that account and group.
    fn tell_account(&self, account: &str, group: Option<&str>, day: u64) {
        self.upstream.tell_document("users/{key}", user(account, group));
        let allowed = |allowed: u64| json!({ "user": { "allowed": allowed, "used": 0 } });
        let quotas = json!({ "data": { "api_requests_hourly": allowed(6_000), "api_requests_daily": allowed(day),
                                       "api_requests_monthly": allowed(1_000_000) } });
        self.upstream.tell_document(&format!("users/{account}/overall_quotas"), quotas);
    }

    async fn add(&self, name: &str, group: Option<&str>, digit: char) {
        let drawn = self.broker.draw_up(&wanted(name, group), &key(digit)).await.expect("a fit key");
        self.write(name, &drawn).await;
    }

    async fn write(&self, name: &str, contract: &Contract) {
        let mut batch = Batch::new();
        batch.put(contract::key(name), body(contract), Expect::Any);
        self.store.commit(batch).await.expect("room");
        self.broker.refresh().await.expect("contracts");
    }

    async fn named(&self) -> Arc<Named> {
        self.broker.contract("vt").await.expect("a store").expect("a contract")
    }

    /// Upstream knows this file.
    fn tell_file(&self, sha256: &str) {
        self.upstream.tell_document(&format!("files/{sha256}"), file(sha256));
    }

    /// How often upstream was asked about anything but accounts.
    fn calls(&self) -> usize {
        self.upstream.asked().iter().filter(|path| !path.starts_with("users/")).count()
    }

    async fn ask(&self, id: &str) -> Result<Answered, Unanswered> {
        self.broker.answer(&asker(Class::Interactive), &by(id)).await
    }

    async fn refusal(&self, id: &str) -> Refusal {
        match self.ask(id).await {
            Err(Unanswered::Refused(refusal)) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }
}

/// Nobody waits for a minute here.
fn settings() -> Settings {
    Settings { patience: Duration::ZERO, pause: Duration::from_millis(1), ..Settings::default() }
}

fn wanted(name: &str, group: Option<&str>) -> Wanted {
    let host = "https://vt.example".to_owned();
    Wanted { name: name.to_owned(), host, group: group.map(ToOwned::to_owned), account: None }
}

fn user(account: &str, group: Option<&str>) -> Value {
    let group = group.map(|group| json!({ "type": "group", "id": group }));
    json!({ "data": { "type": "user", "id": account, "attributes": { "privileges": { "private": { "granted": true } } },
                      "relationships": { "api_quota_group": { "data": group } } } })
}

/// The hash that is this digit again and again.
fn hash(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn file(sha256: &str) -> Value {
    json!({ "data": { "type": "file", "id": sha256, "attributes": { "md5": sha256[..32], "last_analysis_stats": { "malicious": 60 } } } })
}

fn asker(class: Class) -> Asker {
    Asker { account: "ann".into(), group: None, class, max_age: None }
}

fn by(id: &str) -> Question {
    Question::object("files", id, &[]).expect("a row")
}

fn refused_key() -> UpstreamError {
    UpstreamError::KeyRefused { code: "WrongCredentialsError".to_owned(), message: "Wrong API key".to_owned() }
}
