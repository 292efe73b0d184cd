//! The service in process: what holds for every row, and one file an area.

mod accounts;
mod addresses;
mod broker;
mod collection_search;
mod collections;
mod comments;
mod embedded;
mod feeds;
mod files;
mod forwarded;
mod graphs;
mod keys;
mod lifecycle;
mod linked;
mod looked_up;
mod metering;
mod roles;
mod screenshots;
mod support;
mod sweeps;
