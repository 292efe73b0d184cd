//! Where the pipeline's time goes: processor seconds of each part over the same binaries that `pipeline` takes, each part
//! called as the server calls it, one file after the other.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use assay_benches::arguments::Arguments;
use assay_benches::corpus;
use assay_benches::process::{megabytes, own_seconds};
use assay_engines::{EnginesConfig, Sample};
use assay_extract::{Identifier, Magika, Options};
use assay_model::Digests;
use assay_model::clock::{Clock, System};
use assay_model::facts::Facts;
use bytes::Bytes;
use serde_json::json;

const HELP: &str = "\
parts: processor seconds of each part of the pipeline over real binaries

  digests        MD5, SHA-1 and SHA-256 together
  identification ssdeep, TLSH, type, structure
  facts as text  what identification found, as JSON
  engines        all engines, with the built-in rules and those that --rules makes up

What the server needs beyond them (`pipeline` measures it whole) is HTTP, files, commits and changing threads.

  --files N        binaries (default 2000)
  --rules N        made-up rules beside the built-in pack (default 0)
  --roots A,B      folders to take binaries from (default /usr,/opt)";

fn main() -> Result<()> {
    let mut arguments = Arguments::read(HELP);
    let wanted = arguments.value("--files", 2000)?;
    let made_up = arguments.value("--rules", 0)?;
    let roots: String = arguments.value("--roots", "/usr,/opt".to_owned())?;
    arguments.done()?;
    let folder = tempfile::tempdir()?;
    let roots: Vec<_> = roots.split(',').map(PathBuf::from).collect();
    let corpus = corpus::gather(&roots, wanted, &folder.path().join("corpus"))?;
    let rules = folder.path().join("rules");
    assay_benches::rules::write(&rules, made_up)?;
    let mut samples = Vec::with_capacity(corpus.files);
    for entry in std::fs::read_dir(&corpus.folder)? {
        samples.push(Bytes::from(std::fs::read(entry?.path()).context("a binary of the corpus")?));
    }
    println!("{} binaries, {:.0} MB\n", corpus.files, megabytes(corpus.bytes));
    println!("part              seconds    ms/MB    ms/file");
    let print = |part: &str, seconds: f64| {
        #[expect(clippy::cast_precision_loss, reason = "a count of files is far below 2^52")]
        let files = corpus.files as f64;
        let thousand = seconds * 1000.0;
        println!("{part:<16} {seconds:>8.2} {:>8.2} {:>10.3}", thousand / megabytes(corpus.bytes), thousand / files);
    };
    let (digests, seconds) = spend(|| samples.iter().map(|bytes| Digests::of(bytes)).collect::<Vec<_>>())?;
    print("digests", seconds);
    let identifier = Identifier::new(Options { magika: Magika::Undecided });
    let (facts, seconds) = spend(|| samples.iter().map(|bytes| identifier.identify(bytes, &[])).collect::<Vec<_>>())?;
    print("identification", seconds);
    let (texts, seconds) = spend(|| facts.iter().map(serde_json::to_vec).collect::<Result<Vec<_>, _>>())?;
    print("facts as text", seconds);
    drop(texts?);
    let samples =
        samples.into_iter().zip(digests).map(|(bytes, digests)| Sample { bytes, digests }).collect::<Vec<_>>();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    print("engines", runtime.block_on(judge(&samples, &facts, &rules, &folder.path().join("cache")))?);
    Ok(())
}

/// What some work answers, and what it cost.
fn spend<T>(work: impl FnOnce() -> T) -> Result<(T, f64)> {
    let before = own_seconds()?;
    let done = work();
    Ok((done, own_seconds()? - before))
}

/// Processor seconds of all engines, rules compiled beforehand.
async fn judge(samples: &[Sample], facts: &[Facts], rules: &Path, cache: &Path) -> Result<f64> {
    let folder = json!({ "path": rules, "source": "made up" });
    let config: EnginesConfig = serde_json::from_value(json!({ "yara": { "folder": [folder], "threads": 1 } }))?;
    let panel = assay_engines::open(&config, cache).await?;
    let before = own_seconds()?;
    for (sample, facts) in samples.iter().zip(facts) {
        panel.judge(sample, facts, System.now()).await;
    }
    Ok(own_seconds()? - before)
}
