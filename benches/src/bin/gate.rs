//! What authentication and metering cost a call: CPU of this process, over a store with many accounts.

use std::sync::Arc;

use anyhow::Result;
use assay_api::{App, Parts, Settings, accounts, gate};
use assay_benches::accounts::{fill, store};
use assay_benches::arguments::{Arguments, median};
use assay_benches::process::own_seconds;
use assay_broker::Broker;
use assay_engines::Panel;
use assay_events::Courier;
use assay_extract::{Identifier, Magika, Options};
use assay_model::apikey::Pepper;
use assay_model::clock::System;
use assay_model::quota::{Limits, UNLIMITED};
use assay_model::random::Counting;
use assay_pipeline::{Handover, Pipeline};

const HELP: &str = "\
gate: what a key costs before the work of a call begins, in microseconds of CPU

Authentication (the key's tag, the records behind it) and metering (a minute, a day, a month), in this process, over an
embedded store with many accounts of two keys each. `cached`: one key again and again, as a client does it. `other keys`:
every call by another account.

  --accounts N   accounts in the store (default 100000)
  --calls N      calls a round (default 200000)
  --rounds N     rounds (default 5)";

fn main() -> Result<()> {
    let mut arguments = Arguments::read(HELP);
    let accounts = arguments.value("--accounts", 100_000_usize)?;
    let calls = arguments.value("--calls", 200_000_usize)?;
    let rounds = arguments.value("--rounds", 5_usize)?.max(1);
    arguments.done()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(measure(accounts, calls, rounds))
}

async fn measure(accounts: usize, calls: usize, rounds: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let store = store(folder.path()).await?;
    let limits = Limits { minute: 100_000_000, day: UNLIMITED, month: UNLIMITED, ..Limits::PUBLIC };
    accounts::write_tiers(&*store, limits).await?;
    let pepper = Pepper::new([7; 32]);
    let keys = fill(&*store, &pepper, accounts, "premium").await?;
    let (clock, random) = (Arc::new(System), Arc::new(Counting::default()));
    let courier =
        Courier::new(store.clone(), clock.clone(), random.clone(), &pepper, assay_events::Settings::default());
    let courier = courier.map_err(|wrong| anyhow::anyhow!(wrong.message))?;
    let upstream = Arc::new(assay_upstream::Recorded::default());
    let settings = assay_broker::Settings::default();
    let broker = Broker::new(store.clone(), clock.clone(), random.clone(), upstream, &pepper, settings);
    let pipeline = Arc::new(Pipeline {
        store,
        blobs: assay_blobs::open(&assay_blobs::Config::Memory).await?,
        panel: Arc::new(Panel::of(Vec::new())),
        intel: Arc::default(),
        identifier: Arc::new(Identifier::new(Options { magika: Magika::Never })),
        clock,
        web: None,
        camera: None,
        enrichers: Vec::new(),
        handover: Handover::default(),
        visits: Handover::default(),
        pictures: Handover::default(),
    });
    let app = App::new(Parts { pipeline, courier, broker, pepper, random }, Settings::default());
    println!("{accounts} accounts, {} keys; {calls} calls a round", keys.len());
    println!("round   cached us   other keys us");
    let (mut cached, mut others) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let one = spend(&app, calls, |_| &keys[0]).await?;
        let many = spend(&app, calls / 10, |call| &keys[call * 7_919 % keys.len()]).await?;
        println!("{round:>5} {one:>11.2} {many:>15.2}");
        cached.push(one);
        others.push(many);
    }
    println!("\ncached key: {:.2} us of CPU a call; any of the keys: {:.2} us", median(&cached), median(&others));
    Ok(())
}

/// Microseconds of CPU a call.
async fn spend<'k>(app: &App, calls: usize, key: impl Fn(usize) -> &'k String) -> Result<f64> {
    let before = own_seconds()?;
    for call in 0..calls {
        gate::admit_key(app, key(call)).await.map_err(|refused| anyhow::anyhow!(refused.message))?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of calls is far below 2^52")]
    Ok((own_seconds()? - before) * 1e6 / calls as f64)
}
