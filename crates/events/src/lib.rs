//! What happened, kept and told.
//!
//! | module | what |
//! |---|---|
//! | [`audit`] | who did what: a chain of entries that commit with their deeds |
//! | [`webhook`] | addresses that are told of events: made, listed, changed, removed; [`announce`] |
//! | [`deliver`] | the worker that sends what was announced, until it is taken or given up |
//! | [`signature`] | how a delivery is signed, by the Standard Webhooks specification |
//!
//! To add an event: a row in `model::event`, and [`announce`] where it happens. To add a deed: a row in
//! `audit/action.rs`, and [`audit::log`] where it is done.
//!
//! Invariant: an entry and a delivery are written by the commit of what they tell of, so none is lost, and none tells of
//! what was rolled back.
//! Invariant: a delivery is made at least once, each time with the same `webhook-id`.
//! Invariant: no address is called that the rules forbid, whatever a name stands for at that moment; no redirect is
//! followed, no proxy used.
//! Invariant: a webhook's secret is shown once and kept sealed; no log line holds it, nor a URL beyond its host.

pub mod audit;
mod courier;
pub mod deliver;
pub mod signature;
pub mod webhook;

pub use courier::{Courier, Settings};
pub use webhook::announce;
