//! What the measurements share: the real server as a process, its figures from `/proc`, load, rules and files.
//!
//! Every measurement is a ratio against a peer that does the bare work in the same run on the same machine; no absolute
//! figure fails anything. Each program in `src/bin` says with `--help` what it measures and how.
//!
//! Invariant: nothing here is linked into the product; the server that is measured is the release binary, started as
//! its users start it.
#![expect(clippy::disallowed_methods, reason = "measuring means starting other programs")]

pub mod accounts;
pub mod arguments;
pub mod corpus;
pub mod load;
pub mod process;
pub mod rules;
pub mod server;
pub mod trace;
