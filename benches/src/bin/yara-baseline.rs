//! The bare work that the pipeline is measured against: YARA-X over files with its own defaults, and a SHA-256 pass.
//!
//! In go rules and a folder; out comes one JSON line with files, bytes, matches and the processor seconds of the pass
//! alone and, apart from it, of the compilation of the rules (a server compiles them once, at its start).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use assay_benches::arguments::Arguments;
use assay_benches::process;
use serde_json::json;
use sha2::Digest as _;
use walkdir::WalkDir;

const HELP: &str = "\
yara-baseline: YARA-X's own scanner over a folder, one thread, as its command line does it with --threads 1

  --pass scan|hash   what to do with each file: scan it by its path, or read it and take its SHA-256 (default scan)
  --rules A,B        folders or files with rules (*.yar, *.yara)
  --folder PATH      the files";

fn main() -> Result<()> {
    let mut arguments = Arguments::read(HELP);
    let pass = arguments.value("--pass", "scan".to_owned())?;
    let rules = arguments.value("--rules", String::new())?;
    let folder: PathBuf = arguments.value("--folder", PathBuf::new())?;
    arguments.done()?;
    let files = files(&folder, None)?;
    let bytes: u64 = files.iter().filter_map(|file| fs::metadata(file).ok()).map(|about| about.len()).sum();
    let before = process::own_seconds()?;
    let rules = compile(&rules)?;
    let compiling = process::own_seconds()? - before;
    let (matches, seconds) = match pass.as_str() {
        "scan" => scan(&rules, &files)?,
        "hash" => hash(&files)?,
        _ => bail!("--pass is scan or hash"),
    };
    let told = json!({
        "files": files.len(), "bytes": bytes, "matches": matches, "seconds": seconds, "compiling": compiling
    });
    println!("{told}");
    Ok(())
}

fn files(folder: &Path, extensions: Option<&[&str]>) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let path = entry?.into_path();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if path.is_file() && extensions.is_none_or(|wanted| wanted.contains(&extension)) {
            files.push(path);
        }
    }
    Ok(files)
}

fn compile(rules: &str) -> Result<yara_x::Rules> {
    let mut compiler = yara_x::Compiler::new();
    for place in rules.split(',').filter(|place| !place.is_empty()) {
        for file in files(Path::new(place), Some(&["yar", "yara"]))? {
            let text = fs::read_to_string(&file)?;
            compiler.new_namespace(&file.display().to_string());
            compiler.add_source(text.as_str())?;
        }
    }
    Ok(compiler.build())
}

fn scan(rules: &yara_x::Rules, files: &[PathBuf]) -> Result<(usize, f64)> {
    let mut scanner = yara_x::Scanner::new(rules);
    let mut matches = 0;
    let before = process::own_seconds()?;
    for file in files {
        matches += scanner.scan_file(file)?.matching_rules().len();
    }
    Ok((matches, process::own_seconds()? - before))
}

fn hash(files: &[PathBuf]) -> Result<(usize, f64)> {
    let before = process::own_seconds()?;
    let mut different = std::collections::HashSet::new();
    for file in files {
        different.insert(sha2::Sha256::digest(fs::read(file)?));
    }
    Ok((different.len(), process::own_seconds()? - before))
}
