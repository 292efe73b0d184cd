//! The rules that come with Assay: the files of `rules/`, built into the program. A new file is a line here and
//! a new [`UPDATED`].

use assay_model::Timestamp;
use assay_rules::{OnMatch, Source};

/// The day of the last change of the pack: 20 November 2026, 00:00 UTC.
pub(super) const UPDATED: Timestamp = Timestamp(1_795_132_800);

/// Name and text of each file.
const PACK: &[(&str, &str)] = &[
    ("eicar", include_str!("../../rules/eicar.yar")),
    ("programs", include_str!("../../rules/programs.yar")),
    ("scripts", include_str!("../../rules/scripts.yar")),
    ("windows", include_str!("../../rules/windows.yar")),
    ("web", include_str!("../../rules/web.yar")),
    ("documents", include_str!("../../rules/documents.yar")),
    ("crime", include_str!("../../rules/crime.yar")),
];

/// The pack as sources.
pub(super) fn sources() -> Vec<Source> {
    let source = |(name, text): &(&str, &str)| Source {
        name: (*name).to_owned(),
        origin: "Assay".to_owned(),
        text: (*text).to_owned(),
        verdict: OnMatch::Suspicious,
    };
    PACK.iter().map(source).collect()
}

#[cfg(test)]
mod tests;
