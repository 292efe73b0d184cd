//! Licences of everything in the lock file against the list, and what may not be in the server's graph.
//!
//! Advisories are not checked here: their database comes from outside, and CI must pass without it.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Findings;
use crate::tools;

/// Licences that a dependency may be used under: permissive ones, by their SPDX names.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    // The exception only takes demands away; wasmtime and cranelift, under yara-x, have it.
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "bzip2-1.0.6",
];

/// Crates that may not be in the graph of the server, and why.
const ABSENT: &[(&str, &str)] = &[
    ("ring", "a second TLS provider beside aws-lc-rs makes every bare rustls builder panic"),
    ("openssl-sys", "TLS is rustls; no system library is needed"),
    ("native-tls", "TLS is rustls; no system library is needed"),
];

/// Adds what breaks the lists.
pub(super) fn check(findings: &mut Findings) -> Result<()> {
    let every = ["--workspace", "--edges", "normal,build,dev", "--target", "all"];
    for (package, licence) in tree(&every)? {
        match licence.as_str() {
            "" => findings.error(format!("{package} says no licence")),
            text if permitted(text) => {}
            text => findings
                .error(format!("{package} is under {text}, which is not on the list of xtask/src/tidy/licences.rs")),
        }
    }
    let server = tree(&["--package", "assay-server", "--edges", "normal"])?;
    for (absent, why) in ABSENT {
        if server.iter().any(|(package, _)| package.split(' ').next() == Some(absent)) {
            findings.error(format!("{absent} is in the graph of assay-server: {why}"));
        }
    }
    Ok(())
}

/// Packages (`name v1.2.3`) and their licences, each once.
fn tree(options: &[&str]) -> Result<BTreeSet<(String, String)>> {
    let mut command = tools::cargo();
    command
        .args(["tree", "--locked", "--quiet", "--prefix", "none", "--no-dedupe", "--format", "{p}|{l}"])
        .args(options);
    let printed = tools::output(&mut command)?;
    let lines = printed.lines().filter_map(|line| line.split_once('|'));
    // "name v1.2.3 (proc-macro)", "name v0.1.0 (its folder)": the first two words say which.
    let packages = lines.map(|(package, licence)| {
        let words: Vec<&str> = package.split(' ').take(2).collect();
        (words.join(" "), licence.trim().to_owned())
    });
    Ok(packages.collect())
}

/// Whether an SPDX expression can be met with allowed licences alone. The old `A/B` means `A OR B`. What is no
/// expression is not permitted.
fn permitted(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    either(&mut rest) == Some(true) && rest.is_empty()
}

/// `both (OR both)*`
fn either(words: &mut &[&str]) -> Option<bool> {
    let mut met = both(words)?;
    while let ["OR", rest @ ..] = *words {
        *words = rest;
        met |= both(words)?;
    }
    Some(met)
}

/// `one (AND one)*`
fn both(words: &mut &[&str]) -> Option<bool> {
    let mut met = one(words)?;
    while let ["AND", rest @ ..] = *words {
        *words = rest;
        met &= one(words)?;
    }
    Some(met)
}

/// `name`, `name WITH exception` or `( either )`
fn one(words: &mut &[&str]) -> Option<bool> {
    match *words {
        ["(", rest @ ..] => {
            *words = rest;
            let met = either(words)?;
            let [")", rest @ ..] = *words else { return None };
            *words = rest;
            Some(met)
        }
        [name, "WITH", exception, rest @ ..] => {
            *words = rest;
            Some(ALLOWED.contains(&format!("{name} WITH {exception}").as_str()))
        }
        [name, rest @ ..] => {
            *words = rest;
            Some(ALLOWED.contains(name))
        }
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::permitted;

    #[test]
    fn one_allowed_side_of_an_or_is_enough() {
        assert!(permitted("MIT OR Apache-2.0"));
        assert!(permitted("GPL-3.0 OR MIT"));
        assert!(permitted("MIT/Apache-2.0"));
        assert!(permitted("Apache-2.0 / MIT"));
    }

    #[test]
    fn every_side_of_an_and_must_be_allowed() {
        assert!(permitted("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(permitted("ISC AND (Apache-2.0 OR ISC) AND Apache-2.0 AND MIT AND BSD-3-Clause"));
        assert!(!permitted("MIT AND GPL-2.0-or-later"));
        assert!(!permitted("MIT AND (GPL-2.0 OR LGPL-3.0)"));
    }

    #[test]
    fn an_exception_is_allowed_only_by_its_own_row() {
        assert!(permitted("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT"));
        assert!(permitted("Apache-2.0 WITH LLVM-exception"));
        assert!(!permitted("GPL-2.0 WITH Classpath-exception-2.0"));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        assert!(!permitted("") && !permitted("MIT OR") && !permitted("(MIT") && !permitted("MIT MIT"));
    }
}
