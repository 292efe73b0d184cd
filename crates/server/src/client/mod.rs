//! The client side of the v3 API: what `assay scan`, `file`, `analysis` and `demo` speak to a server with.
//!
//! | module | what it holds |
//! |---|---|
//! | [`connection`], [`key`], [`address`] | where the server is and what key opens it, from flags and environment |
//! | [`api`], [`answer`] | requests and what their answers mean |
//! | [`door`] | calls in general, for the commands that manage accounts |
//! | [`live`] | whether a key still opens something |
//! | [`upload`], [`sample`] | files on disk on their way to the server |
//! | [`indicator`] | URLs, domains and IP addresses |
//! | [`scan`], [`scanned`] | many files and URLs, from disk to verdict |
//! | [`object`], [`verdict`] | the parts of an answer that people are shown |
//! | [`patience`] | waiting: for a quota, for an analysis |
//! | [`problem`], [`transport`] | what went wrong, and the mend |
//! | [`doctor`] | the walk of `assay doctor` |
//!
//! Invariant: the key leaves this module only in the header `x-apikey` of requests to the server's own origin.

pub(crate) mod address;
pub(crate) mod answer;
pub(crate) mod api;
pub(crate) mod connection;
pub(crate) mod doctor;
pub(crate) mod door;
pub(crate) mod indicator;
pub(crate) mod key;
pub(crate) mod live;
pub(crate) mod object;
pub(crate) mod patience;
pub(crate) mod plain;
pub(crate) mod problem;
pub(crate) mod sample;
pub(crate) mod scan;
pub(crate) mod scanned;
pub(crate) mod transport;
pub(crate) mod upload;
pub(crate) mod verdict;
pub(crate) mod watch;

pub(crate) use api::Client;
pub(crate) use connection::Connection;
pub(crate) use sample::{Sample, Target};
pub(crate) use scanned::Scanned;
pub(crate) use verdict::Verdict;
pub(crate) use watch::Watch;
