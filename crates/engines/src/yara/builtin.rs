//! The rules that come with Assay: the files of `rules/`, packed into the program by `build.rs`. A change of a file
//! is a new [`UPDATED`].

use std::collections::BTreeMap;

use assay_model::Timestamp;
use assay_rules::{OnMatch, Source};
use flate2::read::GzDecoder;

/// The day of the last change of the pack: 20 November 2026, 00:00 UTC.
pub(super) const UPDATED: Timestamp = Timestamp(1_795_132_800);

/// Names and texts of the files, compressed JSON.
const PACK: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pack.json.gz"));

/// The pack's files by name, as `build.rs` packed them.
fn unpacked() -> BTreeMap<String, String> {
    serde_json::from_reader(GzDecoder::new(PACK)).expect("the build packed it")
}

/// The pack as sources.
pub(super) fn sources() -> Vec<Source> {
    let source = |(name, text)| Source { name, origin: "Assay".to_owned(), text, verdict: OnMatch::Suspicious };
    unpacked().into_iter().map(source).collect()
}

#[cfg(test)]
mod tests;
