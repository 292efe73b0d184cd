//! `tidy`: the house rules that a program can check. Each check answers findings, one line each; a run tells all of them.

use anyhow::{Result, bail};

use crate::tools::Misunderstood;

mod layers;
mod licences;
mod metadata;
mod sources;

pub(crate) const ABOUT: &str =
    "The house rules: layers, owners of dependencies, licences, sizes and words of the sources";

pub(crate) const HELP: &str = "\
Usage: cargo xtask tidy

Checks, against `cargo metadata` and `cargo tree`:
  layers     a crate depends only on the layers above it; heavy dependencies have one owner
  licences   every licence in the lock file is on the list; `ring` is not in the server's graph (one TLS provider)
and over every file that git tracks or would track:
  sources    .rs opens with `//!`; no file over 600 lines (warned from 500); nothing unfinished, ignored or left from
             debugging; no file over 4 MiB; no path of one machine, no host of a package registry; the EICAR test string
             is nowhere whole";

/// What the checks found: errors fail the run, warnings are told.
#[derive(Default)]
pub(crate) struct Findings {
    errors: Vec<String>,
    warnings: Vec<String>,
}

impl Findings {
    fn error(&mut self, text: impl Into<String>) {
        self.errors.push(text.into());
    }

    fn warning(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }
}

/// Runs all checks.
pub(crate) fn run(options: &[String]) -> Result<()> {
    if !options.is_empty() {
        return Err(Misunderstood(format!("tidy does not know {options:?}")).into());
    }
    let mut findings = Findings::default();
    layers::check(&metadata::members()?, &mut findings);
    licences::check(&mut findings)?;
    let files = sources::check(&mut findings)?;
    for warning in &findings.warnings {
        println!("tidy: warning: {warning}");
    }
    if !findings.errors.is_empty() {
        bail!("{} findings:\n  {}", findings.errors.len(), findings.errors.join("\n  "));
    }
    println!("tidy: {files} files, all is well");
    Ok(())
}
