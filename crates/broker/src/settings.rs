//! What an operator may set about the broker.

use std::time::Duration;

use crate::download::Downloads;
use crate::freshness::Freshness;
use crate::priority::Rule;

/// See the module.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether other processes work on the same store: equal questions are then told apart from each other there too.
    pub shared_store: bool,
    /// Which share of each window is held back for the interactive class, percent.
    pub reserve: u8,
    /// How long answers are fresh.
    pub freshness: Freshness,
    /// Names that never leave end so.
    pub internal_suffixes: Vec<String>,
    /// Which class a call is in where its account's does not fit.
    pub rules: Vec<Rule>,
    /// How many upstream calls are under way at once.
    pub at_once: usize,
    /// How often a call that failed in passing is tried again.
    pub retries: u32,
    /// The first pause before trying again; doubled each time, stretched or cut by up to half at random.
    pub pause: Duration,
    /// How long an interactive call waits for its turn in the contract's minute; a normal one a quarter of it, a bulk one
    /// not at all.
    pub patience: Duration,
    /// How long a call may take altogether, so that a key that was replaced is surely out of use after it.
    pub longest_call: Duration,
    /// Whether a contract's host may be spoken to without TLS, beyond this machine itself.
    pub allow_http: bool,
    /// Whether what is known here is asked for upstream too, so that reports show both.
    pub enrich: bool,
    /// From where the bytes of files may be fetched; nothing is fetched where there is none.
    pub downloads: Option<Downloads>,
    /// From where the batches of feeds may be fetched; no feed is read where there is none.
    pub feeds: Option<Downloads>,
}

/// Suffixes that no public name has (RFC 6762, RFC 8375, RFC 6761, and what is used in their place).
pub(crate) const INTERNAL_SUFFIXES: &[&str] =
    &["local", "home.arpa", "internal", "intranet", "lan", "corp", "home", "private", "localdomain", "localhost"];

impl Default for Settings {
    fn default() -> Self {
        Self {
            shared_store: false,
            reserve: 20,
            freshness: Freshness::default(),
            internal_suffixes: INTERNAL_SUFFIXES.iter().map(|suffix| (*suffix).to_owned()).collect(),
            rules: Vec::new(),
            at_once: 32,
            retries: 2,
            pause: Duration::from_millis(250),
            patience: Duration::from_secs(20),
            longest_call: Duration::from_secs(30),
            allow_http: false,
            enrich: false,
            downloads: None,
            feeds: None,
        }
    }
}
