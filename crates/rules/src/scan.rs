//! Compiled rules and bytes in, matching rules out. One scanner per thread: making one costs up to
//! milliseconds, so a thread makes one and keeps it; it is not `Send`.

use std::sync::Arc;
use std::time::Duration;

use crate::about::RuleInfo;
use crate::compile::Compiled;

/// More matches of one pattern in one sample are not counted; bounds the memory that a sample can claim.
pub const MATCHES_PER_PATTERN: usize = 100_000;

/// yara-x counts time in whole seconds.
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a scan has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The rules were not through with the sample in time; the same sample will take as long again.
    #[error("the rules did not come to an end in {0:?}")]
    Timeout(Duration),
    /// The engine failed on this sample.
    #[error("the rule engine failed")]
    Failed(#[source] Box<yara_x::ScanError>),
}

/// Scans one sample after the other with the same rules.
pub struct Scanner<'r> {
    compiled: &'r Compiled,
    inner: yara_x::Scanner<'r>,
}

impl<'r> Scanner<'r> {
    /// Makes a scanner for this thread.
    pub fn new(compiled: &'r Compiled) -> Self {
        let mut inner = yara_x::Scanner::new(&compiled.rules);
        // Whether a rule matches is all that is asked, so the first match of a pattern is enough. The output of
        // the `console` module goes nowhere as long as nobody asks for it.
        inner.fast_scan(true).max_matches_per_pattern(MATCHES_PER_PATTERN);
        Self { compiled, inner }
    }

    /// The rules that match, private ones left out, in the order of the sources. `timeout` counts in whole
    /// seconds, at least one. After an error the scanner can be used again.
    pub fn scan(&mut self, bytes: &[u8], timeout: Duration) -> Result<Vec<Arc<RuleInfo>>, ScanError> {
        let timeout = timeout.max(SHORTEST_TIMEOUT);
        self.inner.set_timeout(timeout);
        let results = self.inner.scan(bytes).map_err(|error| match error {
            yara_x::ScanError::Timeout => ScanError::Timeout(timeout),
            other => ScanError::Failed(Box::new(other)),
        })?;
        let mut matches: Vec<_> =
            results.matching_rules().filter_map(|rule| self.compiled.about(&rule)).cloned().collect();
        matches.sort_by_key(|info| info.order);
        Ok(matches)
    }
}
