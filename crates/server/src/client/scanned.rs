//! What became of one path of a scan: an element of `assay scan --format json` and a row of its table.

use assay_model::Digests;
use serde::Serialize;

use super::object::{Analysis, Links, Object, Results};
use super::upload::Upload;
use super::verdict::{Stats, Verdict};

/// One path and what the server says of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Scanned {
    /// As it was given or found; `-` is standard input.
    pub(crate) path: String,
    /// Of what was sent.
    pub(crate) sha256: Option<String>,
    /// Bytes of what was sent.
    pub(crate) size: Option<u64>,
    /// The analysis' `queued`, `in-progress` or `completed`; `error` when there is an `error`.
    pub(crate) status: String,
    /// What the engines came to; null until the analysis has completed.
    pub(crate) verdict: Option<Verdict>,
    /// How many engines said what.
    pub(crate) stats: Stats,
    /// What they said, by engine.
    pub(crate) results: Results,
    /// What `assay analysis` takes.
    pub(crate) analysis_id: Option<String>,
    /// `self`: the analysis; `item`: the file's report.
    pub(crate) links: Links,
    /// Why there is no verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

impl Scanned {
    /// A path that did not get as far as the server.
    pub(crate) fn failed(path: String, error: String) -> Self {
        Self {
            path,
            sha256: None,
            size: None,
            status: "error".to_owned(),
            verdict: None,
            stats: Stats::default(),
            results: Results::new(),
            analysis_id: None,
            links: Links::default(),
            error: Some(error),
        }
    }

    /// A path whose file the server has taken; `item` is the address of its report.
    pub(crate) fn uploaded(path: String, upload: Upload, item: String) -> Self {
        let Upload { analysis, digests: Digests { sha256, size, .. } } = upload;
        Self {
            sha256: Some(sha256.to_string()),
            size: Some(size),
            status: "queued".to_owned(),
            analysis_id: Some(analysis.id),
            links: Links { item: Some(item), ..analysis.links },
            error: None,
            ..Self::failed(path, String::new())
        }
    }

    /// Takes in what the server says of the analysis.
    pub(crate) fn judged(&mut self, analysis: Object<Analysis>) {
        let Analysis { status, stats, results, .. } = analysis.attributes;
        self.verdict = (status == "completed").then(|| Verdict::of(&stats));
        (self.status, self.stats, self.results) = (status, stats, results);
    }

    /// Notes why there is no verdict.
    pub(crate) fn fail(&mut self, error: String) {
        "error".clone_into(&mut self.status);
        self.error = Some(error);
    }
}
