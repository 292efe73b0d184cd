//! The binary `assay`: a threat-intelligence server that speaks `VirusTotal`'s API v3, and its command line.
//!
//! | module | what |
//! |---|---|
//! | `cli` | one file a command |
//! | `config` | one file a section; every key with its doc and default |
//! | `compose` | the only place that opens every seam and puts the server together |
//! | `outward` | the ways out: URLs, name servers, registries |
//! | `installation` | the data folder: lock, pepper, tiers, the operator's first key |
//! | `listener`, `farewell`, `tls`, `telemetry` | sockets, certificates, logs and metrics |
//! | `find` | keys in files |
//! | `update` | the key changed everywhere |
//! | `client`, `show` | the client side: the API over HTTP, tables and progress |
//!
//! Invariant: no secret is in a core file: those of this process hold none of its memory.
//! Invariant: only this crate reads the environment, starts the clock and draws from the system's randomness.

use std::process::ExitCode;

mod cli;
mod client;
mod compose;
mod config;
mod farewell;
mod find;
mod installation;
mod listener;
mod outward;
mod show;
mod telemetry;
mod tls;
mod update;
mod upstream;

fn main() -> ExitCode {
    keep_memory_out_of_core_files();
    let arguments = cli::Assay::read();
    // One provider of cryptography for every TLS connection of the process.
    rustls::crypto::aws_lc_rs::default_provider().install_default().expect("nothing was installed before");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(2 << 20).build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(arguments.run()),
        Err(cause) => Err(cause.into()),
    };
    outcome.unwrap_or_else(|error| {
        show::output::complain(&format!("{error:#}"));
        ExitCode::from(2)
    })
}

/// Core files are written without any of the memory, where keys are in the clear (core(5), `/proc/pid/coredump_filter`).
/// Best effort: where there is no such file there is nothing to set.
fn keep_memory_out_of_core_files() {
    let _ = std::fs::write("/proc/self/coredump_filter", "0");
}
