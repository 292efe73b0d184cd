//! The seam to detection engines, one file each.
//!
//! | module | what it is |
//! |---|---|
//! | [`engine`] | the trait [`Engine`] and what goes in and out of it |
//! | [`mod@address`] | what engines are told of a URL, a domain or an IP address |
//! | [`panel`] | [`Panel`]: all engines side by side, none able to disturb another |
//! | `yara` | rules of our own and of the operator's folders, over a file or what a URL serves, and its members |
//! | `clamd` | a `ClamAV` daemon over a socket |
//! | `hashlist` | known-bad and known-good hashes |
//! | `addresslist` | an engine for each of the operator's lists of URLs, domains and networks |
//! | `static_` | a heuristic over what identification found |
//! | `lexical` | a heuristic over how an address is written |
//! | [`config`] | the operator's words for all this |
//! | [`suite`] | what every engine must pass |
//!
//! To add an engine: one file with its [`Engine`], a section in [`config`], a line in [`open`], a line in the
//! tests that runs the [`suite`].
//!
//! Invariant: no engine's crash, error or delay changes another engine's answer or fails the analysis.
//! Invariant: what an engine says of its own trouble goes to the log, never into a report.

pub mod address;
pub mod config;
pub mod engine;
pub mod panel;
pub mod suite;

mod addresslist;
mod clamd;
mod hashlist;
mod index;
mod lexical;
mod stamp;
mod static_;
mod yara;

use std::path::Path;
use std::sync::Arc;

pub use address::{Address, Page};
pub use config::EnginesConfig;
pub use engine::{Edition, Engine, EngineError, Finding, Item, Sample, Status, YaraMatch};
pub use panel::{EngineStatus, Judgement, Panel, Rating};

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
    if config.lexical.enabled {
        engines.push(Arc::new(lexical::Lexical::open(&config.lexical).await?));
    }
    engines.extend(lists(config, cache, &engines).await?);
    Ok(Arc::new(Panel::of(engines)))
}

/// The engines over lists of addresses. Their names are the operator's and must differ from each other and the rest.
async fn lists(
    config: &EnginesConfig,
    cache: &Path,
    others: &[Arc<dyn Engine>],
) -> Result<Vec<Arc<dyn Engine>>, OpenError> {
    let mut names: Vec<&str> = others.iter().map(|engine| engine.name()).collect();
    for list in &config.list {
        if list.name.trim().is_empty() || names.contains(&list.name.as_str()) {
            let message = format!("the name `{}` is empty or taken; each list needs one of its own", list.name);
            return Err(OpenError::Invalid { section: "list", message });
        }
        names.push(&list.name);
    }
    let opened = config.list.iter().map(|list| addresslist::AddressList::open(list, cache));
    let lists = futures_util::future::try_join_all(opened).await?;
    let in_use: Vec<_> = lists.iter().flat_map(addresslist::AddressList::paths).collect();
    addresslist::FORM.sweep(cache, &in_use);
    Ok(lists.into_iter().map(|list| Arc::new(list) as Arc<dyn Engine>).collect())
}

/// Runs CPU- and disk-bound work off the async threads.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod lists;
#[cfg(test)]
mod tests;
