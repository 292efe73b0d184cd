//! The workspace's own tests: nextest where it is installed, else cargo's own runner; then the examples in the docs.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::counts::{self, Counts};
use crate::tools;

/// Runs them; `missing` names what the machine lacks, and the tests that need it are left out with a loud word.
pub(crate) fn run(missing: &[&str]) -> Result<Counts> {
    let without_clamd = missing.contains(&"clamd");
    if without_clamd {
        eprintln!("test: LEFT OUT: the tests of the clamd engine, for want of a clamd");
    }
    let main = if tools::answers(tools::cargo().args(["nextest", "--version"])) {
        nextest(without_clamd)?
    } else {
        cargo_test(without_clamd)?
    };
    let examples = counted("examples", tools::cargo().args(["test", "--locked", "--workspace", "--doc"]))?;
    Ok(Counts {
        part: "unit".to_owned(),
        passed: main.passed + examples.passed,
        failed: main.failed + examples.failed,
        skipped: main.skipped + examples.skipped,
        broken: main.broken || examples.broken,
    })
}

fn nextest(without_clamd: bool) -> Result<Counts> {
    // Where .config/nextest.toml has it written; nextest itself does not look at CARGO_TARGET_DIR for this.
    let report = tools::root().join("target").join("nextest").join("default").join("junit.xml");
    if report.exists() {
        std::fs::remove_file(&report)?;
    }
    let mut nextest = tools::cargo();
    nextest.args(["nextest", "run", "--locked", "--workspace", "--all-targets"]);
    if without_clamd {
        nextest.args(["--filterset", "not test(clamd)"]);
    }
    let ended = tools::step("nextest", &mut nextest);
    let mut counts = counts::from_junit("unit", &report).context("nextest left no report; did everything compile?")?;
    counts.broken = ended.is_err();
    Ok(counts)
}

fn cargo_test(without_clamd: bool) -> Result<Counts> {
    let mut test = tools::cargo();
    test.args(["test", "--locked", "--workspace", "--all-targets", "--no-fail-fast"]);
    if without_clamd {
        test.args(["--", "--skip", "clamd"]);
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
