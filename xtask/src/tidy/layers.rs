//! The two tables of the house: which crate may lean on which, and who owns a heavy dependency.

use super::Findings;
use super::metadata::{Ask, Member};

/// Where a crate stands. A crate depends only on layers above its own, and inside its own as [`inside`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    /// Pure: no input or output, no async, no clock.
    Know,
    /// Seams to the world, one trait each.
    Touch,
    /// Use-cases.
    Do,
    /// Assembly.
    Run,
    /// Chores, measurements and what tests need: they lean on whatever they need, and nothing leans on them but tests
    /// on what is for tests.
    Beside,
}

const CRATES: &[(&str, Layer)] = &[
    ("assay-model", Layer::Know),
    ("assay-extract", Layer::Know),
    ("assay-rules", Layer::Know),
    ("assay-rewrite", Layer::Know),
    ("assay-store", Layer::Touch),
    ("assay-blobs", Layer::Touch),
    ("assay-engines", Layer::Touch),
    ("assay-web", Layer::Touch),
    ("assay-upstream", Layer::Touch),
    ("assay-intel", Layer::Touch),
    ("assay-pipeline", Layer::Do),
    ("assay-events", Layer::Do),
    ("assay-broker", Layer::Do),
    ("assay-api", Layer::Do),
    ("assay-server", Layer::Run),
    ("assay-benches", Layer::Beside),
    ("assay-testing", Layer::Beside),
    ("xtask", Layer::Beside),
];

/// Heavy dependencies and the crates that may ask for them. `*` at the end stands for any rest of the name.
const OWNERS: &[(&str, &[&str])] = &[
    ("axum", &["assay-api", "assay-server"]),
    ("axum-server", &["assay-api", "assay-server"]),
    ("hyper", &["assay-api", "assay-server"]),
    ("tower-http", &["assay-api", "assay-server"]),
    ("rusqlite", &["assay-store"]),
    ("tokio-postgres*", &["assay-store"]),
    ("yara-x*", &["assay-rules"]),
    ("file-format", &["assay-extract"]),
    // The demonstration writes an archive to be scanned; it reads none.
    ("zip", &["assay-extract", "assay-server"]),
    ("tar", &["assay-extract"]),
    ("bzip2", &["assay-extract"]),
    ("lzma-rust2", &["assay-extract"]),
    ("rten*", &["assay-extract"]),
    ("object", &["assay-extract"]),
    ("lopdf", &["assay-extract"]),
    ("maxminddb", &["assay-intel"]),
    ("hickory*", &["assay-web"]),
    ("unicode-security", &["assay-engines"]),
    ("clap", &["assay-server"]),
    ("html5gum", &["assay-extract"]),
    ("image", &["assay-extract"]),
    ("reqwest", &["assay-web", "assay-events", "assay-upstream", "assay-server"]),
    ("toml", &["assay-server", "assay-rewrite"]),
    ("quick-xml", &["assay-rewrite"]),
    ("saphyr-parser", &["assay-rewrite"]),
    ("rustix", &["assay-server", "assay-web"]),
    ("rcgen", &["assay-server"]),
    ("anyhow", &["assay-server", "xtask"]),
];

/// Async and the machine, which crates that only know keep out of.
const IMPURE: &[&str] =
    &["tokio*", "async-trait", "futures*", "tracing*", "metrics*", "tempfile", "walkdir", "memmap2", "getrandom"];

/// Adds what breaks the tables.
pub(super) fn check(members: &[Member], findings: &mut Findings) {
    for member in members {
        let Some(layer) = layer(&member.name) else {
            findings.error(format!("{} stands in no layer: give it a row in xtask/src/tidy/layers.rs", member.name));
            continue;
        };
        for ask in &member.asks {
            if let Some(wrong) =
                leans_wrongly(&member.name, layer, ask).or_else(|| owned_by_another(&member.name, layer, ask))
            {
                findings.error(wrong);
            }
        }
    }
}

fn layer(name: &str) -> Option<Layer> {
    CRATES.iter().find(|(other, _)| *other == name).map(|(_, layer)| *layer)
}

/// Inside a layer: what only knows leans on `model`; seams not on each other; `broker` on `events`; `api` on all the
/// others, never back.
fn inside(name: &str, other: &str) -> bool {
    match name {
        _ if other == "assay-model" => true,
        "assay-api" => matches!(other, "assay-pipeline" | "assay-events" | "assay-broker"),
        "assay-broker" => other == "assay-events",
        _ => false,
    }
}

fn leans_wrongly(name: &str, own: Layer, ask: &Ask) -> Option<String> {
    let theirs = layer(&ask.name)?;
    if ask.for_tests && ask.name == "assay-testing" {
        return None;
    }
    let allowed = match own {
        Layer::Beside => theirs != Layer::Beside,
        _ => theirs < own || (theirs == own && inside(name, &ask.name)),
    };
    (!allowed).then(|| format!("{name} ({own:?}) may not depend on {} ({theirs:?})", ask.name))
}

fn owned_by_another(name: &str, own: Layer, ask: &Ask) -> Option<String> {
    // Tests may use what they like, and a measurement brings the peer that it measures against.
    if ask.for_tests || name == "assay-benches" {
        return None;
    }
    if own == Layer::Know && IMPURE.iter().any(|pattern| matches(pattern, &ask.name)) {
        return Some(format!("{name} only knows, and may not depend on {}", ask.name));
    }
    let (_, owners) = OWNERS.iter().find(|(pattern, _)| matches(pattern, &ask.name))?;
    (!owners.contains(&name))
        .then(|| format!("{name} may not depend on {}: it belongs to {}", ask.name, owners.join(" and ")))
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, on: &str, for_tests: bool) -> Vec<String> {
        let asks = vec![Ask { name: on.to_owned(), for_tests }];
        let mut findings = Findings::default();
        check(&[Member { name: name.to_owned(), asks }], &mut findings);
        findings.errors
    }

    #[test]
    fn a_crate_leans_on_the_layers_above_it() {
        assert!(found("assay-store", "assay-model", false).is_empty());
        assert!(found("assay-engines", "assay-rules", false).is_empty());
        assert!(found("assay-server", "assay-api", false).is_empty());
        assert_eq!(found("assay-model", "assay-store", false).len(), 1);
        assert_eq!(found("assay-store", "assay-api", false).len(), 1);
    }

    #[test]
    fn inside_a_layer_only_what_the_house_says() {
        assert!(found("assay-api", "assay-pipeline", false).is_empty());
        assert!(found("assay-api", "assay-events", false).is_empty());
        assert_eq!(found("assay-events", "assay-pipeline", false).len(), 1);
        assert!(found("assay-rules", "assay-model", false).is_empty());
        assert_eq!(found("assay-pipeline", "assay-api", false).len(), 1);
        assert_eq!(found("assay-store", "assay-blobs", false).len(), 1);
        assert_eq!(found("assay-rules", "assay-extract", true).len(), 1);
    }

    #[test]
    fn nothing_leans_on_chores_and_measurements() {
        assert_eq!(found("assay-server", "assay-benches", true).len(), 1);
        assert_eq!(found("assay-benches", "xtask", false).len(), 1);
        assert_eq!(found("assay-store", "assay-testing", false).len(), 1);
        assert!(found("assay-store", "assay-testing", true).is_empty());
    }

    #[test]
    fn a_heavy_dependency_has_one_owner_but_tests_are_free() {
        assert!(found("assay-rules", "yara-x-parser", false).is_empty());
        assert_eq!(found("assay-engines", "yara-x", false).len(), 1);
        assert!(found("assay-engines", "yara-x", true).is_empty());
        assert!(found("assay-benches", "yara-x", false).is_empty());
    }

    #[test]
    fn what_only_knows_knows_no_async_and_no_disk() {
        assert_eq!(found("assay-extract", "tokio-util", false).len(), 1);
        assert!(found("assay-extract", "tempfile", true).is_empty());
    }

    #[test]
    fn a_new_crate_needs_a_row() {
        assert_eq!(found("assay-console", "serde", false).len(), 1);
    }
}
