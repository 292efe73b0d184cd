//! The key changed everywhere: what `assay key update` does. In goes a plan, out comes a [`report::Report`]: all targets hold
//! the new key and the old one is gone, or everything is as it was.
//!
//! | module | what it holds |
//! |---|---|
//! | [`plan`] | the plan file, parsed |
//! | [`recipe`] | ready plans for well-known tools |
//! | [`target`] | a place that holds the key: a file, Vault, a command; one file each |
//! | [`issuer`] | who gives keys out and takes them back: an account, a contract with VirusTotal |
//! | [`prepare`] | looks at everything and changes nothing: all mistakes at once |
//! | [`walk`] | rotate → write → reload → probe → take in use → retire, and the way back |
//! | [`journal`] | how far a run came, for whoever goes on after a kill |
//! | [`atomic`] | files put in the place of others |
//! | [`program`], [`secret`] | commands of the plan; texts that must not be shown |
//! | [`report`] | what is told at the end |
//! | [`fault`] | where the tests kill a run |
//!
//! Invariant: no secret is in the journal, an argument, an environment variable, a message or a log. The old key stays where
//! it was (a file keeps its old self beside it until the end), the new one is where it was written; a run that goes on reads
//! it there, or has another one made.
//! Invariant: what is about to be done is in the journal, on the disk, before it is done.
//! Invariant: a journal reaches an end: completed, put back, or given up where neither key works any more.
//! Invariant: the old key is not ended before every target was probed, nor the new one before every target was put back.

mod atomic;
mod fault;
pub(crate) mod issuer;
pub(crate) mod journal;
pub(crate) mod plan;
pub(crate) mod prepare;
pub(crate) mod program;
pub(crate) mod recipe;
pub(crate) mod report;
mod secret;
mod target;
pub(crate) mod walk;

pub(crate) use journal::Journal;
pub(crate) use plan::Plan;
pub(crate) use prepare::Prepared;
pub(crate) use report::Report;
pub(crate) use walk::Walk;
