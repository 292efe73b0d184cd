//! Judges all files of folders with the built-in rules and the heuristic, and prints what is found, the time and
//! the memory: `scan_tree FOLDER…`. For judging false positives and speed.

use std::time::Duration;

use assay_engines::{EnginesConfig, Panel, Sample};
use assay_extract::{Identifier, Magika, Options};
use assay_model::facts::Facts;
use assay_model::verdict::Category;

#[tokio::main]
async fn main() {
    let cache = tempfile::tempdir().expect("a temporary folder");
    let started = tokio::time::Instant::now();
    let panel = assay_engines::open(&EnginesConfig::default(), cache.path()).await.expect("the engines open");
    println!("opened in {:?}, {}", started.elapsed(), memory());
    for engine in panel.status().await {
        println!("{}: {:?} {:#?}", engine.name, engine.status.holds, engine.status.disabled_rules);
    }
    let files: Vec<_> = std::env::args().skip(1).flat_map(walkdir::WalkDir::new).filter_map(Result::ok).collect();
    let identifier = Identifier::new(Options { magika: Magika::Never });
    let (mut count, mut bytes, mut time) = (0_u32, 0, Duration::ZERO);
    for file in files.iter().filter(|file| file.file_type().is_file()) {
        let Ok(content) = std::fs::read(file.path()) else { continue };
        bytes += content.len();
        let facts = identifier.identify(&content, &[]);
        time += judge(&panel, &file.path().display().to_string(), content, &facts).await;
        count += 1;
    }
    println!("{count} files, {} MB in {time:?}, {}", bytes >> 20, memory());
}

async fn judge(panel: &Panel, name: &str, content: Vec<u8>, facts: &Facts) -> Duration {
    // Hashes are not measured here.
    let digests = assay_model::Digests::of(b"");
    let sample = Sample { bytes: content.into(), digests };
    let started = tokio::time::Instant::now();
    let judgement = panel.judge(&sample, facts, assay_model::Timestamp(0)).await;
    let time = started.elapsed();
    for result in judgement.results.values() {
        if !matches!(result.category, Category::Undetected | Category::TypeUnsupported) {
            let rules: Vec<_> = judgement.yara.iter().map(|found| found.rule_name.as_str()).collect();
            println!("{:?} {:?} {rules:?} {:?} {name}", result.category, result.result, judgement.reasons);
        }
    }
    time
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM")).collect::<Vec<_>>().join(" ")
}
