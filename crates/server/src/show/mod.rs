//! What people see of an answer: tables on stdout, colours where a terminal wants them, progress on stderr.
//!
//! | module | what it shows |
//! |---|---|
//! | [`output`] | the flags for form and colour, and the way to stdout |
//! | [`table`] | the look of every table; cells for verdicts, sizes, dates |
//! | [`scans`] | a row a scanned file |
//! | [`report`] | one file's report |
//! | [`analysis`] | one analysis |
//! | [`findings`] | what `assay doctor` found |
//! | [`objects`] | any object of the API: a row each, or all of one |
//! | [`matrix`] | files by engines, for `assay demo` |
//! | [`places`] | keys that were found in files |
//! | [`update`] | the key changed everywhere: what will be, what was |
//! | [`usage`] | usage as bars |
//! | [`wrap`] | sentences as wide as the terminal |
//! | [`progress`], [`tally`], [`copying`], [`steps`] | on stderr: files, a count where no end is known, rows of a store, steps |
//! | [`onward`] | the lines with which a person goes on after `assay demo` |
//!
//! Invariant: foreign text (names, rules, server messages) passes [`crate::client::plain`] before it is shown.

pub(crate) mod analysis;
pub(crate) mod copying;
pub(crate) mod findings;
pub(crate) mod indicator;
pub(crate) mod matrix;
pub(crate) mod objects;
pub(crate) mod onward;
pub(crate) mod output;
pub(crate) mod places;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod scans;
pub(crate) mod steps;
pub(crate) mod table;
pub(crate) mod tally;
pub(crate) mod update;
pub(crate) mod usage;
pub(crate) mod wrap;

pub(crate) use copying::Copying;
pub(crate) use output::{Colours, Format, Output};
pub(crate) use progress::Progress;
pub(crate) use steps::Steps;
pub(crate) use tally::Tally;
