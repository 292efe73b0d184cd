//! What things are in Assay: the words every other crate speaks.
//!
//! | module | what it names |
//! |---|---|
//! | [`kind`] | a row per object type (`file`, `analysis`, …) |
//! | [`link`] | a row per fact that joins two objects |
//! | [`error`] | a row per API error, and [`Error`] with its two voices |
//! | [`privilege`], [`role`], [`quota`] | a row per privilege, per role in a group, per quota |
//! | [`record`] | what the store keeps: keys, records, edges, facets, jobs |
//! | [`digest`] | MD5, SHA-1, SHA-256 as types, and all three in one pass |
//! | [`apikey`] | the key string: marker, id, secret, checksum |
//! | [`account`] | users, groups, tiers, key records and requests as they are stored |
//! | [`access`] | what an account may do and use, out of its own, its group's and its tiers' |
//! | [`event`] | a row per event that webhooks tell of |
//! | [`seal`] | small secrets at rest |
//! | [`outbound`] | which addresses the server may be sent to by others |
//! | [`usage`] | usage figures: a subject, a day, a dimension |
//! | [`facts`], [`verdict`], [`mod@file`], [`analysis`] | what is known of a sample |
//! | [`attack`] | MITRE ATT&CK out of a STIX bundle |
//! | [`mod@url`], [`domain`], [`ip`] | addresses as ids, and what is known of them |
//! | [`address`] | what is thought of addresses, their analyses |
//! | [`resolution`], [`screenshot`], [`ssl_cert`], [`whois`] | what was observed around them |
//! | [`clock`], [`random`] | time and randomness as arguments |
//!
//! To add an object type, a link, an error, a privilege or a quota: one row in its table.
//!
//! Invariant: this crate does no I/O, has no async, and reads no clock and no random source of its own
//! (the system implementations in [`clock`] and [`random`] are handed in by `server`).

pub mod access;
pub mod account;
pub mod address;
pub mod analysis;
pub mod apikey;
pub mod attack;
pub mod clock;
pub mod digest;
pub mod domain;
pub mod error;
pub mod event;
pub mod facts;
pub mod file;
mod hexadecimal;
pub mod ip;
pub mod kind;
pub mod link;
pub mod outbound;
pub mod privilege;
pub mod quota;
pub mod random;
pub mod record;
pub mod resolution;
pub mod role;
pub mod screenshot;
pub mod seal;
pub mod ssl_cert;
pub mod time;
pub mod url;
pub mod usage;
pub mod verdict;
pub mod whois;

pub use digest::{Digests, FileHash, Md5, Sha1, Sha256};
pub use error::{Code, Error, Result};
pub use kind::Kind;
pub use link::Link;
pub use time::Timestamp;
