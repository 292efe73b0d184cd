//! What a page of a relationship costs, on the first page and on a late one.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use assay_api::{App, Parts, Settings, accounts};
use assay_benches::accounts::{fill, store};
use assay_benches::arguments::{Arguments, median};
use assay_broker::Broker;
use assay_engines::Panel;
use assay_events::Courier;
use assay_extract::{Identifier, Magika, Options};
use assay_model::address::{Item, Known};
use assay_model::apikey::Pepper;
use assay_model::clock::{Clock as _, System};
use assay_model::quota::{Limits, UNLIMITED};
use assay_model::random::Counting;
use assay_model::record::{Edge, Key};
use assay_model::{Kind, Link, Sha256};
use assay_pipeline::{Handover, Pipeline};
use assay_store::{Batch, Expect, Store};
use assay_upstream::Recorded;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::Value;
use tower::ServiceExt as _;

const HELP: &str = "\
relations: milliseconds for a page of ten of a relationship, as the whole API answers it, over an embedded store

A domain with many subdomains and many files that called it; the first page and the page with the number --page, whose
cursor is found by walking there. The median of --rounds calls each.

  --members N    subdomains, and files (default 10000)
  --page N       the late page (default 1000)
  --rounds N     calls of each (default 200)";

const NAME: &str = "many.example";
const AT_ONCE: usize = 1_000;

fn main() -> Result<()> {
    let mut arguments = Arguments::read(HELP);
    let members = arguments.value("--members", 10_000_usize)?;
    let page = arguments.value("--page", 1_000_usize)?;
    let rounds = arguments.value("--rounds", 200_usize)?.max(1);
    arguments.done()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(measure(members, page, rounds))
}

async fn measure(members: usize, page: usize, rounds: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let store = store(folder.path()).await?;
    let limits = Limits { minute: 100_000_000, day: UNLIMITED, month: UNLIMITED, ..Limits::PUBLIC };
    accounts::write_tiers(&*store, limits).await?;
    let pepper = Pepper::new([7; 32]);
    let key = fill(&*store, &pepper, 1, "premium").await?.swap_remove(0);
    write(&*store, members).await?;
    let (clock, random) = (Arc::new(System), Arc::new(Counting::default()));
    let courier =
        Courier::new(store.clone(), clock.clone(), random.clone(), &pepper, assay_events::Settings::default());
    let nobody = Arc::new(Recorded::default());
    let broker =
        Broker::new(store.clone(), clock.clone(), random.clone(), nobody, &pepper, assay_broker::Settings::default());
    let pipeline = Arc::new(Pipeline {
        store,
        blobs: assay_blobs::open(&assay_blobs::Config::Memory).await?,
        panel: Arc::new(Panel::of(Vec::new())),
        identifier: Arc::new(Identifier::new(Options { magika: Magika::Never })),
        clock,
        web: None,
        intel: Arc::default(),
        camera: None,
        enrichers: Vec::new(),
        handover: Handover::default(),
        visits: Handover::default(),
        pictures: Handover::default(),
    });
    let courier = courier.map_err(|wrong| anyhow::anyhow!(wrong.message))?;
    let app = App::new(Parts { pipeline, courier, broker, pepper, random }, Settings::default());
    let client = Client { router: assay_api::router(&app), key };
    println!("a domain with {members} subdomains and {members} files; medians of {rounds} calls, milliseconds");
    println!("{:<24} {:>10} {:>12}", "relationship", "page 1", format!("page {page}"));
    for relationship in ["subdomains", "communicating_files", "relationships/subdomains"] {
        let (first, _) = client.timed(relationship, None, rounds).await?;
        let mut cursor = None;
        for _ in 1..page.min(members / 10) {
            cursor = client.timed(relationship, cursor.as_deref(), 1).await?.1;
        }
        let (late, _) = client.timed(relationship, cursor.as_deref(), rounds).await?;
        println!("{relationship:<24} {first:>10.3} {late:>12.3}");
    }
    Ok(())
}

/// The domain, and what it has to do with others.
async fn write(store: &dyn Store, members: usize) -> Result<()> {
    let now = System.now();
    let domain = Item::Domain(NAME.parse()?);
    let mut batch = Batch::new();
    batch.put(domain.key(), Known::first(&domain, now).body(), Expect::Absent);
    for number in 0..members {
        let below = Item::Domain(format!("host-{number}.{NAME}").parse()?);
        batch.put(below.key(), Known::first(&below, now).body(), Expect::Absent);
        batch.link(Edge::new(below.key(), Link::Below, domain.key(), now));
        let sha256 = Sha256::of(&number.to_le_bytes());
        let file = Key::shared(Kind::File, sha256.to_string());
        batch.put(file.clone(), serde_json::to_vec(&report(&sha256))?.into(), Expect::Absent);
        batch.link(Edge::new(file, Link::ContactsDomain, domain.key(), now));
        if number % AT_ONCE == AT_ONCE - 1 {
            batch.soon();
            store.commit(std::mem::take(&mut batch)).await?;
        }
    }
    store.commit(batch).await?;
    Ok(())
}

/// A file's record of ordinary size.
fn report(sha256: &Sha256) -> Value {
    let engine = serde_json::json!({ "method": "blacklist", "engine_name": "E", "engine_version": "1", "engine_update":
        "20260101", "category": "undetected", "result": null });
    let results: serde_json::Map<_, _> = (0..8).map(|number| (format!("Engine {number}"), engine.clone())).collect();
    serde_json::json!({ "attributes": { "sha256": sha256, "size": 1000, "names": ["sample.exe"], "times_submitted": 1,
        "last_analysis_results": results, "last_analysis_stats": { "undetected": 8 } }, "facts": { "type_tag": "peexe" } })
}

struct Client {
    router: axum::Router,
    key: String,
}

impl Client {
    /// Milliseconds of a page, and the cursor behind it.
    async fn timed(&self, relationship: &str, cursor: Option<&str>, rounds: usize) -> Result<(f64, Option<String>)> {
        let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let address = format!("/api/v3/domains/{NAME}/{relationship}?limit=10{cursor}");
        let (mut times, mut next) = (Vec::with_capacity(rounds), None);
        for _ in 0..rounds {
            let request = Request::get(&address).header("host", "assay.test").header("x-apikey", &self.key);
            let started = Instant::now();
            let response = self.router.clone().oneshot(request.body(Body::empty())?).await?;
            let status = response.status();
            let body = to_bytes(response.into_body(), 1 << 24).await?;
            times.push(started.elapsed().as_secs_f64() * 1000.0);
            ensure!(status == 200, "{address}: {status}");
            let page: Value = serde_json::from_slice(&body)?;
            next = page["meta"]["cursor"].as_str().map(ToOwned::to_owned);
        }
        Ok((median(&times), next))
    }
}
