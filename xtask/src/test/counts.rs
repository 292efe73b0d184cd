//! How many tests passed, as the tools' own reports say.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The outcome of one runner.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) part: String,
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    /// Which ones failed.
    pub(crate) failures: Vec<String>,
    /// The runner itself ended badly, whatever it counted.
    pub(crate) broken: bool,
}

/// Reads the totals of a `JUnit` report: the attributes of its outermost element that has them.
pub(crate) fn from_junit(part: &str, report: &Path) -> Result<Counts> {
    let text = fs::read_to_string(report).with_context(|| format!("cannot read {}", report.display()))?;
    junit(part, &text).with_context(|| format!("{} has no totals", report.display()))
}

fn junit(part: &str, text: &str) -> Option<Counts> {
    let heads = text.split('<').filter(|element| element.starts_with("testsuite"));
    let head = heads
        .map(|element| element.split('>').next().unwrap_or_default())
        .find(|head| attribute(head, "tests").is_some())?;
    let of = |name| attribute(head, name).unwrap_or(0);
    let (failed, skipped) = (of("failures") + of("errors"), of("skipped") + of("disabled"));
    let passed = of("tests").saturating_sub(failed + skipped);
    Some(Counts { part: part.to_owned(), passed, failed, skipped, failures: failures(text), broken: false })
}

/// The names of the cases that hold a failure or an error.
fn failures(text: &str) -> Vec<String> {
    let mut case = "";
    let mut failed = Vec::new();
    for element in text.split('<') {
        match element.split([' ', '>', '/']).next() {
            Some("testcase") => case = text_attribute(element, "name").unwrap_or_default(),
            Some("failure" | "error") if failed.last().is_none_or(|last| last != case) => failed.push(case.to_owned()),
            _ => {}
        }
    }
    failed
}

fn text_attribute<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = head.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()
}

fn attribute(head: &str, name: &str) -> Option<u64> {
    text_attribute(head, name)?.parse().ok()
}

/// Adds up the lines with which cargo's own test runner closes each of its programs.
pub(crate) fn from_cargo(part: &str, printed: &str) -> Counts {
    let mut counts = Counts { part: part.to_owned(), ..Counts::default() };
    for line in printed.lines().filter(|line| line.starts_with("test result: ")) {
        let words: Vec<&str> = line.split([' ', ';', '.']).filter(|word| !word.is_empty()).collect();
        let before = |word| {
            let at = words.iter().position(|other| *other == word);
            at.and_then(|at| words.get(at.checked_sub(1)?)?.parse::<u64>().ok()).unwrap_or(0)
        };
        counts.passed += before("passed");
        counts.failed += before("failed");
        counts.skipped += before("ignored");
    }
    let failed = printed.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
    counts.failures = failed.map(str::to_owned).collect();
    counts
}

/// Prints what failed, a line for each runner and the closing line; answers the totals.
pub(crate) fn tell(counts: &[Counts]) -> Counts {
    let sum = |of: fn(&Counts) -> u64| counts.iter().map(of).sum();
    println!();
    for one in counts {
        for name in &one.failures {
            println!("FAILED {}: {name}", one.part);
        }
    }
    for one in counts {
        let broken = if one.broken { "   (the runner itself failed)" } else { "" };
        println!("{:<20} {}{broken}", one.part, line(one));
    }
    let total = Counts {
        passed: sum(|one| one.passed),
        failed: sum(|one| one.failed),
        skipped: sum(|one| one.skipped),
        ..Counts::default()
    };
    println!("{}", line(&total));
    total
}

fn line(counts: &Counts) -> String {
    let skipped = if counts.skipped > 0 { format!(", {} skipped", counts.skipped) } else { String::new() };
    format!("{} passed, {} failed{skipped}", counts.passed, counts.failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pytest_and_nextest_reports_are_read() {
        let pytest = r#"<?xml version="1.0"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10">"#;
        let counts = junit("compat", pytest).unwrap();
        assert_eq!((counts.passed, counts.failed, counts.skipped), (4, 3, 3));
        let nextest = r#"<testsuites name="nextest-run" tests="42" failures="0" errors="0" uuid="x"><testsuite name="a" tests="40" disabled="0">"#;
        assert_eq!(junit("unit", nextest).unwrap().passed, 42);
        assert_eq!(junit("unit", "<testsuites>"), None);
    }

    #[test]
    fn what_failed_is_named_once() {
        let report = r#"<testsuites tests="4" failures="2"><testsuite name="a"><testcase name="good" time="1"/>
            <testcase classname="b" name="bad"><failure message="x">&lt;failure</failure><error/></testcase>
            <testcase name="fine"><system-out/></testcase><testcase name="worse"><error message="y"/></testcase>"#;
        assert_eq!(junit("unit", report).unwrap().failures, ["bad", "worse"]);
    }

    #[test]
    fn the_closing_lines_of_cargo_test_are_added_up() {
        let printed = "running 2 tests\n\
            test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
            test result: FAILED. 5 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";
        let counts = from_cargo("unit", printed);
        assert_eq!((counts.passed, counts.failed, counts.skipped), (7, 1, 1));
        assert_eq!(from_cargo("unit", "test a::b ... FAILED\ntest c ... ok\n").failures, ["a::b"]);
    }

    #[test]
    fn the_closing_line_is_plain() {
        let counts = Counts { passed: 3, failed: 0, ..Counts::default() };
        assert_eq!(line(&counts), "3 passed, 0 failed");
        assert_eq!(line(&Counts { skipped: 1, ..counts }), "3 passed, 0 failed, 1 skipped");
    }
}
