//! Builds the index of a hash list and measures look-ups in it: `hash_speed LIST`.

use std::path::PathBuf;

use assay_engines::config::{HashlistConfig, StaticConfig, YaraConfig};
use assay_engines::{EnginesConfig, Sample};
use assay_model::facts::Facts;

/// Look-ups of each kind.
const ROUNDS: u32 = 200_000;

#[tokio::main]
async fn main() {
    let list: PathBuf = std::env::args().nth(1).expect("usage: hash_speed LIST").into();
    let cache = tempfile::tempdir().expect("a temporary folder");
    let config = EnginesConfig {
        yara: YaraConfig { enabled: false, ..YaraConfig::default() },
        statics: StaticConfig { enabled: false },
        hashlist: HashlistConfig { bad: vec![list], good: Vec::new() },
        ..EnginesConfig::default()
    };
    for what in ["built", "opened again"] {
        let started = tokio::time::Instant::now();
        let panel = assay_engines::open(&config, cache.path()).await.expect("the list is read");
        println!("{what} in {:?}; {:?}; {}", started.elapsed(), panel.status().await[0].status, memory());
    }
    let panel = assay_engines::open(&config, cache.path()).await.expect("the list is read");
    for what in ["cold", "warm"] {
        let samples: Vec<_> = (0..ROUNDS).map(|number| Sample::of((number * 50).to_string())).collect();
        let started = tokio::time::Instant::now();
        let mut hits = 0;
        for sample in &samples {
            let judgement = panel.judge(sample, &Facts::default(), assay_model::Timestamp(0)).await;
            hits += u32::from(judgement.results.values().any(|result| result.result.is_some()));
        }
        println!(
            "{what}: {:?} a look-up through the panel, {hits} of {ROUNDS} hits; {}",
            started.elapsed() / ROUNDS,
            memory()
        );
    }
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM")).collect::<Vec<_>>().join(" ")
}
