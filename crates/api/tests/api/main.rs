//! The service in process: what holds for every row, and one file an area.

mod files;
mod keys;
mod support;
mod sweeps;
