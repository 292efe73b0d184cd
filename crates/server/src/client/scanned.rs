//! What became of one path or URL of a scan: an element of `assay scan --format json` and a row of its table.

use assay_model::Digests;
use serde::Serialize;

use super::object::{Analysis, Links, Object, Results};
use super::verdict::{Stats, Verdict};

/// What a scan is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sort {
    /// A file.
    File,
    /// A URL.
    Url,
}

/// One path or URL and what the server says of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Scanned {
    /// As it was given or found; `-` is standard input. A URL stands here too.
    pub(crate) path: String,
    /// Which of the two it is.
    #[serde(rename = "type")]
    pub(crate) sort: Sort,
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
    /// `self`: the analysis; `item`: the report.
    pub(crate) links: Links,
    /// Why there is no verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

impl Scanned {
    /// A file of which nothing is known yet.
    pub(crate) fn of_file(path: String) -> Self {
        Self {
            path,
            sort: Sort::File,
            sha256: None,
            size: None,
            status: "unsent".to_owned(),
            verdict: None,
            stats: Stats::default(),
            results: Results::new(),
            analysis_id: None,
            links: Links::default(),
            error: None,
        }
    }

    /// A URL of which nothing is known yet.
    pub(crate) fn of_url(url: String) -> Self {
        Self { sort: Sort::Url, ..Self::of_file(url) }
    }

    /// The same with why there is no verdict.
    pub(crate) fn failed(mut self, error: String) -> Self {
        self.fail(error);
        self
    }

    /// Notes what was sent.
    pub(crate) fn sent(&mut self, digests: &Digests) {
        (self.sha256, self.size) = (Some(digests.sha256.to_string()), Some(digests.size));
    }

    /// Notes the analysis that the server has begun; `item` is the address of the report.
    pub(crate) fn queued(&mut self, analysis: String, links: Links, item: String) {
        "queued".clone_into(&mut self.status);
        self.analysis_id = Some(analysis);
        self.links = Links { item: Some(item), ..links };
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
