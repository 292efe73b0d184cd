//! The seam to detection engines, one file each.
//!
//! | module | what it is |
//! |---|---|
//! | [`engine`] | the trait [`Engine`] and what goes in and out of it |
//! | [`panel`] | [`Panel`]: all engines side by side, none able to disturb another |
//! | `yara` | rules of our own and of the operator's folders, over the sample and its members |
//! | `clamd` | a `ClamAV` daemon over a socket |
//! | `hashlist` | known-bad and known-good hashes |
//! | `static_` | a heuristic over what identification found |
//! | [`config`] | the operator's words for all this |
//! | [`suite`] | what every engine must pass |
//!
//! To add an engine: one file with its [`Engine`], a section in [`config`], a line in [`open`], a line in the
//! tests that runs the [`suite`].
//!
//! Invariant: no engine's crash, error or delay changes another engine's answer or fails the analysis.
//! Invariant: what an engine says of its own trouble goes to the log, never into a report.

pub mod config;
pub mod engine;
pub mod panel;
pub mod suite;

mod clamd;
mod hashlist;
mod stamp;
mod static_;
mod yara;

use std::path::Path;
use std::sync::Arc;

pub use config::EnginesConfig;
pub use engine::{Edition, Engine, EngineError, Finding, Sample, Status, YaraMatch};
pub use panel::{EngineStatus, Judgement, Panel};

/// Why the engines cannot be opened: a mistake of the operator's that waiting does not mend.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or folder that the configuration names cannot be read.
    #[error("engines.{section}: cannot read {path}")]
    Unreadable {
        /// The section of the configuration.
        section: &'static str,
        /// The path as configured.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A value of the configuration cannot be used.
    #[error("engines.{section}: {message}")]
    Invalid {
        /// The section of the configuration.
        section: &'static str,
        /// What is wrong with it.
        message: String,
    },
}

/// Opens all engines that `config` names: reads and compiles rules, reads hash lists. `cache` is a folder for
/// what can be made again (indexes of hash lists); it is created when it is needed. Needs a tokio runtime.
pub async fn open(config: &EnginesConfig, cache: &Path) -> Result<Arc<Panel>, OpenError> {
    let mut engines: Vec<Arc<dyn Engine>> = Vec::new();
    if config.yara.enabled {
        engines.push(Arc::new(yara::Yara::open(&config.yara).await?));
    }
    if let Some(address) = &config.clamd.address {
        engines.push(Arc::new(clamd::Clamd::new(address, config.clamd.patience)?));
    }
    if !config.hashlist.bad.is_empty() || !config.hashlist.good.is_empty() {
        engines.push(Arc::new(hashlist::Hashlist::open(&config.hashlist, cache).await?));
    }
    if config.statics.enabled {
        engines.push(Arc::new(static_::Static));
    }
    Ok(Arc::new(Panel::of(engines)))
}

#[cfg(test)]
mod tests;
