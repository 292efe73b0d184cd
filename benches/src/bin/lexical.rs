//! How often the lexical engine speaks against addresses that are known to be ordinary.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use assay_benches::arguments::Arguments;
use assay_engines::config::{StaticConfig, YaraConfig};
use assay_engines::{Address, EnginesConfig, Panel};
use assay_model::Timestamp;
use assay_model::address::Item;
use assay_model::verdict::Category;

const HELP: &str = "\
lexical: how many of some addresses the engine `Assay Lexical` calls suspicious, and why

One URL, domain or IP address a line; what is none is counted and left out. With ordinary addresses the share is that of
false positives, with bad ones that of what is found by name alone; nothing is fetched.

  --list PATH    the addresses (may be said several times)
  --show N       of each reason, so many examples (default 5)";

/// The engine's name in reports.
const ENGINE: &str = "Assay Lexical";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = Arguments::read(HELP);
    let mut lists: Vec<PathBuf> = Vec::new();
    while let Some(list) = arguments.optional("--list")? {
        lists.push(list);
    }
    let show = arguments.value("--show", 5_usize)?;
    arguments.done()?;
    ensure!(!lists.is_empty(), "say a list with --list PATH");
    let cache = tempfile::tempdir()?;
    let config = EnginesConfig {
        yara: YaraConfig { enabled: false, ..YaraConfig::default() },
        statics: StaticConfig { enabled: false },
        ..EnginesConfig::default()
    };
    let panel = assay_engines::open(&config, cache.path()).await?;
    for list in lists {
        measure(&panel, &list, show).await?;
    }
    Ok(())
}

async fn measure(panel: &Panel, path: &Path, show: usize) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let (mut all, mut none, mut against) = (0_usize, 0_usize, 0_usize);
    let mut whys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let Some(item) = item(line) else {
            none += 1;
            continue;
        };
        all += 1;
        let rating = panel.rate(&Address::unvisited(item), Timestamp(0)).await;
        if matches!(rating.results[ENGINE].category, Category::Malicious | Category::Suspicious) {
            against += 1;
            let reasons = rating.reasons.get(ENGINE).cloned().unwrap_or_default();
            let why = reasons.iter().map(|reason| kind(reason)).collect::<Vec<_>>().join(" + ");
            whys.entry(why).or_default().push(format!("{line}: {}", reasons.join("; ")));
        }
    }
    println!(
        "{}: {against} of {all} suspicious, {} ({none} lines are no address)",
        path.display(),
        share(against, all)
    );
    let mut whys: Vec<_> = whys.into_iter().collect();
    whys.sort_by_key(|(_, examples)| std::cmp::Reverse(examples.len()));
    for (why, examples) in whys {
        println!("  {} {why}", examples.len());
        for example in examples.iter().take(show) {
            println!("      {example}");
        }
    }
    Ok(())
}

fn item(line: &str) -> Option<Item> {
    if line.contains("://") {
        return line.parse().ok().map(Item::Url);
    }
    line.parse().ok().map(Item::IpAddress).or_else(|| line.parse().ok().map(Item::Domain))
}

/// A reason without what is particular to the address.
fn kind(reason: &str) -> String {
    let quoted = reason.split('`').step_by(2).collect::<Vec<_>>().join("…");
    quoted
        .split(' ')
        .filter(|word| !word.contains('.') && !word.chars().any(|c| c.is_ascii_digit()))
        .collect::<Vec<_>>()
        .join(" ")
}

#[expect(clippy::cast_precision_loss, reason = "lists are far shorter than 2^52")]
fn share(part: usize, all: usize) -> String {
    format!("{:.4} %", part as f64 * 100.0 / all.max(1) as f64)
}
