//! The workspace's own tests: nextest where it is installed, else cargo's own runner; then the examples in the docs.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::counts::{self, Counts};
use crate::tools;

/// What a machine may lack, and what is in the names of the tests that need it.
const NAMED: [&str; 2] = ["clamd", "postgres"];

/// Runs them; `missing` names what the machine lacks, and the tests that need it are left out with a loud word.
pub(crate) fn run(missing: &[&str]) -> Result<Counts> {
    let left_out: Vec<&str> = NAMED.into_iter().filter(|name| missing.contains(name)).collect();
    for name in &left_out {
        eprintln!("test: LEFT OUT: the tests with {name} in their names, for want of it");
    }
    let main = if tools::answers(tools::cargo().args(["nextest", "--version"])) {
        nextest(&left_out)?
    } else {
        cargo_test(&left_out)?
    };
    let examples = counted("examples", tools::cargo().args(["test", "--locked", "--workspace", "--doc"]))?;
    Ok(Counts {
        part: "unit".to_owned(),
        passed: main.passed + examples.passed,
        failed: main.failed + examples.failed,
        skipped: main.skipped + examples.skipped,
        failures: [main.failures, examples.failures].concat(),
        broken: main.broken || examples.broken,
    })
}

fn nextest(left_out: &[&str]) -> Result<Counts> {
    // Where .config/nextest.toml has it written; nextest itself does not look at CARGO_TARGET_DIR for this.
    let report = tools::root().join("target").join("nextest").join("default").join("junit.xml");
    if report.exists() {
        std::fs::remove_file(&report)?;
    }
    let mut nextest = tools::cargo();
    nextest.args(["nextest", "run", "--locked", "--workspace", "--all-targets"]);
    if !left_out.is_empty() {
        let filter: Vec<String> = left_out.iter().map(|name| format!("not test({name})")).collect();
        nextest.args(["--filterset", &filter.join(" and ")]);
    }
    let ended = tools::step("nextest", &mut nextest);
    let mut counts = counts::from_junit("unit", &report).context("nextest left no report; did everything compile?")?;
    counts.broken = ended.is_err();
    Ok(counts)
}

fn cargo_test(left_out: &[&str]) -> Result<Counts> {
    let mut test = tools::cargo();
    test.args(["test", "--locked", "--workspace", "--all-targets", "--no-fail-fast"]);
    if !left_out.is_empty() {
        test.arg("--").args(left_out.iter().flat_map(|name| ["--skip", *name]));
    }
    counted("tests", &mut test)
}

/// Runs a command of cargo's own test runner, passes its output on and counts.
fn counted(title: &str, command: &mut Command) -> Result<Counts> {
    println!("\n── {title}");
    let mut running = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {title}"))?;
    let printed = BufReader::new(running.stdout.take().context("standard output was asked for")?);
    let mut kept = String::new();
    for line in printed.lines() {
        let line = line?;
        println!("{line}");
        kept.push_str(&line);
        kept.push('\n');
    }
    let ended = running.wait()?;
    Ok(Counts { broken: !ended.success(), ..counts::from_cargo(title, &kept) })
}
