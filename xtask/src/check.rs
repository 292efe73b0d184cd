//! `check`: everything that is checked without being run for long, each step a tool that people know.

use anyhow::{Result, bail};

use crate::tools::{self, Misunderstood};

pub(crate) const ABOUT: &str =
    "Everything that must hold before a change lands: format, lints, house rules, docs, tests";

pub(crate) const HELP: &str = "\
Usage: cargo xtask check [--no-tests] [STEP...]

Steps, in this order; without any, all of them run and all failures are told at the end:
  fmt        cargo fmt --check
  tidy       the house rules and the licences (see `cargo xtask tidy --help`)
  clippy     cargo clippy over all targets, warnings are errors
  generate   what is printed from the code is current (docs/reference, config.example.toml)
  tests      the workspace's own tests (as `cargo xtask test --only unit`)
  doc        cargo doc, warnings are errors

  --no-tests   leaves out `tests`, for whoever runs `cargo xtask test` next anyway";

type Step = (&'static str, fn() -> Result<()>);

const STEPS: &[Step] = &[
    ("fmt", fmt),
    ("tidy", || crate::tidy::run(&[])),
    ("clippy", clippy),
    ("generate", || crate::generate::run(&["--check".to_owned()])),
    ("tests", || crate::test::run(&["--only".to_owned(), "unit".to_owned()])),
    ("doc", doc),
];

/// Runs the steps that `options` name, or all.
pub(crate) fn run(options: &[String]) -> Result<()> {
    let tests = !options.iter().any(|option| option == "--no-tests");
    let named: Vec<&String> = options.iter().filter(|option| *option != "--no-tests").collect();
    if let Some(unknown) = named.iter().find(|name| !STEPS.iter().any(|(step, _)| step == **name)) {
        return Err(Misunderstood(format!("there is no step \"{unknown}\"")).into());
    }
    let wanted =
        |step: &str| if named.is_empty() { tests || step != "tests" } else { named.iter().any(|name| *name == step) };
    let mut failed = Vec::new();
    for (name, step) in STEPS.iter().filter(|(name, _)| wanted(name)) {
        if let Err(error) = step() {
            eprintln!("check: {name}: {error:#}");
            failed.push(*name);
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    println!("\ncheck: all is well");
    Ok(())
}

fn fmt() -> Result<()> {
    tools::step("fmt", tools::cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    let mut clippy = tools::cargo();
    clippy.args(["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    tools::step("clippy", &mut clippy)
}

fn doc() -> Result<()> {
    let mut doc = tools::cargo();
    doc.args(["doc", "--locked", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings");
    tools::step("doc", &mut doc)
}
