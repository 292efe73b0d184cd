//! What a broker saves and costs: a day of questions replayed, a look-up from a kept answer against a local one, and a
//! person's wait beside a flood. In one process, with an upstream that answers from memory; what HTTP costs is the same on
//! both sides of each comparison.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use assay_api::{App, Parts, accounts};
use assay_benches::accounts::{fill, store};
use assay_benches::arguments::{Arguments, median};
use assay_benches::process::own_seconds;
use assay_benches::trace::Trace;
use assay_broker::manage::Wanted;
use assay_broker::{Asker, Broker, Question, Settings, contract, evidence};
use assay_engines::Panel;
use assay_events::Courier;
use assay_extract::{Identifier, Magika, Options};
use assay_model::apikey::Pepper;
use assay_model::clock::{Clock, Fixed, System};
use assay_model::quota::{Limits, UNLIMITED};
use assay_model::random::Counting;
use assay_model::record::{Class, Key, body};
use assay_model::{Kind, Timestamp};
use assay_pipeline::{Handover, Pipeline};
use assay_store::{Batch, Expect, Memory, Store};
use assay_upstream::{Answer, Call, Opened, Pieces, Upstream, UpstreamError, UpstreamKey, Url};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

const HELP: &str = "broker: what a broker saves and costs
  --questions N   questions of the replayed day (1000000)
  --hashes N      different files that are asked for (100000)
  --accounts N    who asks (20)
  --day N         requests a day of the contract (150000)
  --calls N       look-ups a round of the comparison (20000)
  --rounds N      rounds of the comparison (5)";

/// 2026-01-15 00:00:00 UTC.
const MIDNIGHT: Timestamp = Timestamp(1_768_435_200);

fn main() -> Result<()> {
    let mut arguments = Arguments::read(HELP);
    let questions = arguments.value("--questions", 1_000_000_u64)?;
    let hashes = arguments.value("--hashes", 100_000_u64)?;
    let askers = arguments.value("--accounts", 20_u64)?;
    let day = arguments.value("--day", 150_000_u64)?;
    let calls = arguments.value("--calls", 20_000_usize)?;
    let rounds = arguments.value("--rounds", 5_usize)?.max(1);
    arguments.done()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        replay(&Trace::new(questions, hashes, askers), day).await?;
        compare(calls, rounds).await?;
        flood().await
    })
}

/// An upstream that knows two thirds of all files, and counts.
struct FromMemory {
    latency: Duration,
}

#[async_trait::async_trait]
impl Upstream for FromMemory {
    async fn ask(&self, call: &Call) -> Result<Answer, UpstreamError> {
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        let document = match call.path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["users"] => json!({ "data": { "type": "user", "id": "soc", "attributes": {},
                "relationships": { "api_quota_group": { "data": { "type": "group", "id": "acme" } } } } }),
            ["users", _, "overall_quotas"] => json!({ "data": {} }),
            ["files", id] => match u8::from_str_radix(&id[60..62], 16).unwrap_or(0) % 3 {
                0 => return Err(UpstreamError::Unknown),
                _ => report(id),
            },
            _ => return Err(UpstreamError::Unknown),
        };
        Ok(Answer { document })
    }

    async fn open(&self, _call: &Call) -> Result<Opened, UpstreamError> {
        Err(UpstreamError::Unknown)
    }

    async fn fetch(&self, _address: &Url) -> Result<Box<dyn Pieces>, UpstreamError> {
        Err(UpstreamError::Unknown)
    }
}

/// A report of about 20 KiB: 70 engines, a third of all files detected.
fn report(id: &str) -> Value {
    let detected = u8::from_str_radix(&id[62..], 16).unwrap_or(0).is_multiple_of(3);
    let category = if detected { "malicious" } else { "undetected" };
    let engine = |number: usize| {
        let name = format!("Engine{number}");
        let result = json!({ "method": "blacklist", "engine_name": name, "engine_version": "1.2.3.4", "engine_update": "20260115",
                             "category": category, "result": if detected { Some("Trojan.Generic.31415926") } else { None } });
        (name, result)
    };
    let results: serde_json::Map<String, Value> = (0..70).map(engine).collect();
    let malicious = if detected { 70 } else { 0 };
    json!({ "data": { "type": "file", "id": id, "links": { "self": format!("https://vt.example/api/v3/files/{id}") }, "attributes": {
        "sha256": id, "size": 31_415, "names": ["a.exe", "b.exe"], "first_submission_date": 1_500_000_000,
        "last_analysis_stats": { "malicious": malicious, "undetected": 70 - malicious }, "last_analysis_results": results } } })
}

async fn broker(
    store: &Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    latency: Duration,
    limits: Limits,
) -> Result<Arc<Broker>> {
    let settings = Settings { patience: Duration::ZERO, ..Settings::default() };
    let upstream = Arc::new(FromMemory { latency });
    let broker =
        Broker::new(store.clone(), clock, Arc::new(Counting::default()), upstream, &Pepper::new([7; 32]), settings);
    // Upstream here tells no quotas: the contract's limits are written by hand.
    let wanted = Wanted {
        name: "vt".to_owned(),
        host: "https://vt.example".to_owned(),
        group: None,
        account: Some("all".to_owned()),
    };
    let key = UpstreamKey::new("5c".repeat(32));
    let mut drawn = broker.draw_up(&wanted, &key).await.map_err(|wrong| anyhow::anyhow!(wrong.message))?;
    (drawn.limits, drawn.account) = (limits, None);
    let mut batch = Batch::new();
    batch.put(contract::key("vt"), body(&drawn), Expect::Any);
    store.commit(batch).await?;
    broker.refresh().await.map_err(|wrong| anyhow::anyhow!(wrong.message))?;
    Ok(broker)
}

/// A day of questions: how many of them become calls.
async fn replay(trace: &Trace, day: u64) -> Result<()> {
    let store: Arc<dyn Store> = Arc::new(Memory::default());
    let clock = Arc::new(Fixed::at(MIDNIGHT));
    let limits = Limits { minute: 6_000, day, month: UNLIMITED, ..Limits::PUBLIC };
    let broker = broker(&store, clock.clone(), Duration::ZERO, limits).await?;
    let mut refused = 0_u64;
    let began = Instant::now();
    for asked in trace.questions() {
        clock.advance(asked.after);
        let class = match asked.account % 10 {
            0 => Class::Interactive,
            1..=3 => Class::Normal,
            _ => Class::Bulk,
        };
        let asker = Asker { account: format!("account-{}", asked.account).into(), group: None, class, max_age: None };
        let question =
            Question::object("files", &format!("{:064x}", asked.hash), &[]).context("files are in the table")?;
        refused += u64::from(broker.answer(&asker, &question).await.is_err());
    }
    let told = |error: assay_model::Error| anyhow::anyhow!(error.message);
    broker.every_second().await.map_err(told)?;
    let report = evidence::report(&*store, "vt", MIDNIGHT, Timestamp(MIDNIGHT.0 + 86_399)).await.map_err(told)?;
    let of = |how: &str| report.total.get(how).copied().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let share = of("upstream") as f64 * 100.0 / of("asked").max(1) as f64;
    println!("replay: {} questions over {} hashes by {} accounts in a day", trace.count, trace.hashes, trace.accounts);
    println!(
        "  calls {} = {share:.2} % of the questions; contract {day} a day: {} over it",
        of("upstream"),
        of("upstream").saturating_sub(day)
    );
    println!(
        "  cached {}, stale {}, refused {refused}; {:.1} s",
        of("cached"),
        of("stale"),
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

/// CPU and wait of a look-up that a kept answer answers, against one that local knowledge answers, through the whole service.
async fn compare(calls: usize, rounds: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let store = store(folder.path()).await?;
    let limits = Limits { minute: 100_000_000, day: UNLIMITED, month: UNLIMITED, ..Limits::PUBLIC };
    accounts::write_tiers(&*store, limits.clone()).await?;
    let pepper = Pepper::new([7; 32]);
    let keys = fill(&*store, &pepper, 1, "premium").await?;
    let broker = broker(&store, Arc::new(System), Duration::ZERO, limits).await?;
    let random = Arc::new(Counting::default());
    let out = assay_events::Settings::default();
    let courier = Courier::new(store.clone(), Arc::new(System), random.clone(), &pepper, out);
    let courier = courier.map_err(|wrong| anyhow::anyhow!(wrong.message))?;
    let pipeline = Arc::new(Pipeline {
        store: store.clone(),
        blobs: assay_blobs::open(&assay_blobs::Config::Memory).await?,
        panel: Arc::new(Panel::of(Vec::new())),
        identifier: Arc::new(Identifier::new(Options { magika: Magika::Never })),
        clock: Arc::new(System),
        web: None,
        intel: Arc::default(),
        camera: None,
        enrichers: Vec::new(),
        handover: Handover::default(),
        visits: Handover::default(),
        pictures: Handover::default(),
    });
    let app = App::new(Parts { pipeline, courier, broker, pepper, random }, assay_api::Settings::default());
    // The same report, known here and known there.
    let (here, there) = (format!("{}0101", "a".repeat(60)), format!("{}0101", "b".repeat(60)));
    let mut batch = Batch::new();
    let stored = json!({ "attributes": report(&here)["data"]["attributes"] });
    batch.put(Key::shared(Kind::File, here.as_str()), body(&stored), Expect::Any);
    store.commit(batch).await?;
    let router = assay_api::router(&app);
    let (mut local, mut kept, mut added) = (Vec::new(), Vec::new(), Vec::new());
    println!("look-up, us of CPU and p99 of the wait in us: round, local, kept");
    for round in 1..=rounds {
        let one = spend(&router, &here, &keys[0], calls).await?;
        let other = spend(&router, &there, &keys[0], calls).await?;
        println!("  {round:>3} {:>8.2} {:>8.2}   p99 {:>8.1} {:>8.1}", one.cpu, other.cpu, one.p99, other.p99);
        local.push(one.cpu);
        kept.push(other.cpu);
        added.push(other.p99 - one.p99);
    }
    println!("  a kept answer costs {:.1} % more than a local one", (median(&kept) / median(&local) - 1.0) * 100.0);
    println!("  its p99 is {:.3} ms longer", median(&added) / 1e3);
    Ok(())
}

/// What a look-up costs, both in microseconds.
struct Spent {
    cpu: f64,
    p99: f64,
}

async fn spend(router: &axum::Router, hash: &str, key: &str, calls: usize) -> Result<Spent> {
    let mut waits = Vec::with_capacity(calls);
    let before = own_seconds()?;
    for _ in 0..calls {
        let began = Instant::now();
        let request =
            Request::builder().uri(format!("/api/v3/files/{hash}")).header("host", "assay").header("x-apikey", key);
        let answer = tower::ServiceExt::oneshot(router.clone(), request.body(Body::empty())?).await?;
        anyhow::ensure!(answer.status() == 200, "{}", answer.status());
        waits.push(began.elapsed().as_secs_f64() * 1e6);
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of calls is far below 2^52")]
    let cpu = (own_seconds()? - before) * 1e6 / calls as f64;
    waits.sort_by(f64::total_cmp);
    let p99 = waits.get(calls * 99 / 100).copied().unwrap_or_default();
    Ok(Spent { cpu, p99 })
}

/// How long a person waits for an upstream answer, alone and beside a flood of bulk questions.
async fn flood() -> Result<()> {
    let store: Arc<dyn Store> = Arc::new(Memory::default());
    let limits = Limits { minute: UNLIMITED, day: UNLIMITED, month: UNLIMITED, ..Limits::PUBLIC };
    let broker = broker(&store, Arc::new(System), Duration::from_millis(50), limits).await?;
    let quiet = person(&broker, 0).await?;
    let mut tasks = tokio::task::JoinSet::new();
    for lane in 0..200_u64 {
        let broker = broker.clone();
        tasks.spawn(async move {
            let asker = Asker { account: "feed".into(), group: None, class: Class::Bulk, max_age: None };
            for number in 0.. {
                let hash = format!("{:064x}", (lane + 1_000) << 32 | number);
                let Some(question) = Question::object("files", &hash, &[]) else { return };
                let _what_a_feed_makes_of_it = broker.answer(&asker, &question).await;
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let beside = person(&broker, 1 << 20).await?;
    tasks.abort_all();
    println!(
        "a person's wait, ms: alone p50 {:.1} p99 {:.1}; beside a flood p50 {:.1} p99 {:.1}: {:.2} x",
        quiet.0,
        quiet.1,
        beside.0,
        beside.1,
        beside.1 / quiet.1
    );
    Ok(())
}

async fn person(broker: &Arc<Broker>, from: u64) -> Result<(f64, f64)> {
    let asker = Asker { account: "ann".into(), group: None, class: Class::Interactive, max_age: None };
    let mut waits = Vec::new();
    for number in 0..300_u64 {
        let question = Question::object("files", &format!("{:064x}", from + number), &[]).context("a row")?;
        let began = Instant::now();
        broker.answer(&asker, &question).await.map_err(|refused| anyhow::anyhow!("{refused:?}"))?;
        waits.push(began.elapsed().as_secs_f64() * 1e3);
    }
    waits.sort_by(f64::total_cmp);
    Ok((waits[150], waits[297]))
}
