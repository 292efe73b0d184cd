//! `test`: everything that is tested by running it, and all that it needs, set up on the way.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools::{self, Misunderstood};

mod counts;
mod needs;
mod python;
mod unit;

use counts::Counts;

pub(crate) const ABOUT: &str = "Sets up what the tests need and runs all of them, real clients included";

pub(crate) const HELP: &str = "\
Usage: cargo xtask test [--only PART]... [-- PYTEST_OPTIONS...]

Parts, in this order; without --only all of them:
  unit     the workspace's own tests: units, suites of the seams, sweeps over the endpoints (nextest where it is
           installed, else cargo test) and the examples in the documentation
  compat   real clients against the real binary: vt-py unmodified, plain HTTP, TLS, the command line, a full disk
  kill     kill -9 during uploads and analyses, fifty times and more; nothing acknowledged may be lost
  schema   schemathesis over docs/reference/openapi.json

Set up by itself: a Python environment at target/compat-venv (from tests/compat/requirements.txt, built anew only when
that file changes) and, where it is run as root on Debian, the missing ones of: clamav-daemon, postgresql, iproute2,
chromium, python3-venv.
Elsewhere it says what is missing and how to get it, and leaves out those tests loudly; in CI (CI=true) whatever is
missing or skipped fails the run. The last line is `N passed, N failed`.

  cargo xtask test --only compat -- -k upload_url -x";

const PARTS: &[&str] = &["unit", "compat", "kill", "schema"];

/// Runs the parts that `options` name, or all.
pub(crate) fn run(options: &[String]) -> Result<()> {
    let (parts, for_pytest) = understand(options)?;
    let missing = needs::provide(&parts)?;
    let mut counts = Vec::new();
    if parts.contains(&"unit") {
        counts.push(unit::run(&missing)?);
    }
    let with_clients: Vec<&str> = parts.iter().copied().filter(|part| *part != "unit").collect();
    if !with_clients.is_empty() {
        counts.push(with_python(&with_clients, &for_pytest)?);
    }
    let total = counts::tell(&counts);
    if total.failed > 0 || counts.iter().any(|one| one.broken) {
        bail!("not all tests passed");
    }
    if tools::in_ci() && (total.skipped > 0 || total.passed == 0) {
        bail!("in CI every test runs: {} were skipped", total.skipped);
    }
    Ok(())
}

/// Builds the programs with the features that the tests' build has, and answers where the binary is.
pub(crate) fn build_binary() -> Result<PathBuf> {
    // Cargo chooses features by what it is asked to build: the server alone, or programs without what tests need, would
    // compile a second copy of many dependencies. `--examples` is what brings in the tests' dependencies, not the tests.
    tools::step("build", tools::cargo().args(["build", "--locked", "--workspace", "--bins", "--examples"]))?;
    let binary = tools::target().join("debug").join("assay");
    if !binary.exists() {
        bail!("the build left no {}", binary.display());
    }
    Ok(binary)
}

fn understand(options: &[String]) -> Result<(Vec<&'static str>, Vec<String>)> {
    let mut parts = Vec::new();
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        match option.as_str() {
            "--" => return Ok((or_all(parts), rest.cloned().collect())),
            "--only" => {
                let name = rest.next().ok_or_else(|| Misunderstood("--only wants the name of a part".to_owned()))?;
                let known = PARTS.iter().find(|part| *part == name);
                parts.push(*known.ok_or_else(|| Misunderstood(format!("there is no part \"{name}\"")))?);
            }
            other => return Err(Misunderstood(format!("test does not know \"{other}\"")).into()),
        }
    }
    Ok((or_all(parts), Vec::new()))
}

fn or_all(parts: Vec<&'static str>) -> Vec<&'static str> {
    if parts.is_empty() { PARTS.to_vec() } else { parts }
}

fn with_python(parts: &[&str], options: &[String]) -> Result<Counts> {
    let assay = build_binary()?;
    let python = python::environment()?;
    let report = tools::target().join("compat-results.xml");
    if report.exists() {
        std::fs::remove_file(&report)?;
    }
    let mut pytest = Command::new(&python);
    // From the folder of the tests: its pytest.ini says the rest.
    pytest.current_dir(tools::root().join("tests").join("compat"));
    pytest.args(["-m", "pytest", "-m", &marks(parts)]);
    // Each test file in one of a few processes, with servers of its own: they wait more than they compute.
    pytest.args(["-n", "auto", "--maxprocesses", "4", "--dist", "loadfile"]);
    pytest.arg("--junitxml").arg(&report).args(options);
    pytest.env("COMPAT_ASSAY", &assay).env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1");
    // What the person's own shell says about a server is not meant for these.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ASSAY_")) {
        pytest.env_remove(name);
    }
    let ended = tools::step("pytest", &mut pytest);
    let mut counts = counts::from_junit(&parts.join("+"), &report).context("pytest left no report")?;
    counts.broken = ended.is_err();
    Ok(counts)
}

/// pytest's expression for the parts: `kill` and `schema` are marks, `compat` is what has neither.
fn marks(parts: &[&str]) -> String {
    let one = |part: &&str| if *part == "compat" { "(not kill and not schema)".to_owned() } else { (*part).to_owned() };
    parts.iter().map(one).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn without_options_every_part_runs() {
        assert_eq!(understand(&[]).unwrap().0, PARTS);
    }

    #[test]
    fn only_names_parts_and_the_rest_goes_to_pytest() {
        let (parts, rest) = understand(&words("--only kill --only schema -- -x")).unwrap();
        assert_eq!((parts, rest), (vec!["kill", "schema"], words("-x")));
        assert!(understand(&words("--only nothing")).is_err());
    }

    #[test]
    fn parts_become_an_expression_over_marks() {
        assert_eq!(marks(&["compat", "kill"]), "(not kill and not schema) or kill");
    }
}
