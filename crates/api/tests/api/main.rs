//! The service in process: what holds for every row, and one file an area.

mod accounts;
mod embedded;
mod files;
mod keys;
mod lifecycle;
mod metering;
mod roles;
mod support;
mod sweeps;
