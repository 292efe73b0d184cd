//! What engines say of a sample, in VirusTotal's categories.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The category of one engine's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Known or judged to be malware.
    Malicious,
    /// Signs of malware, short of proof.
    Suspicious,
    /// Looked at, nothing found.
    Undetected,
    /// Known to be good.
    Harmless,
    /// The engine did not answer within its patience.
    Timeout,
    /// The engine itself gave up on this sample for its length.
    ConfirmedTimeout,
    /// The engine failed.
    Failure,
    /// The engine does not look at this type of file.
    TypeUnsupported,
}

/// How an engine came to its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// By signatures, rules or lists.
    Blacklist,
    /// By judging what the file looks like.
    Heuristic,
}

/// One engine's entry in `last_analysis_results` and in an analysis' `results`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EngineResult {
    /// How it answered.
    pub method: Method,
    /// The engine; also the key of the entry.
    pub engine_name: String,
    /// The engine's own version.
    pub engine_version: Option<String>,
    /// When its knowledge last changed, `YYYYMMDD`.
    pub engine_update: Option<String>,
    /// What it said.
    pub category: Category,
    /// The name that it gives to what it found; null when it found nothing.
    pub result: Option<String>,
}

/// How many engines said what. All eight counts are always present, because clients sum them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Stats {
    /// Engines that said malicious.
    pub malicious: u32,
    /// Engines that said suspicious.
    pub suspicious: u32,
    /// Engines that found nothing.
    pub undetected: u32,
    /// Engines that know it to be good.
    pub harmless: u32,
    /// Engines that did not answer in time.
    pub timeout: u32,
    /// Engines that gave up on it.
    pub confirmed_timeout: u32,
    /// Engines that failed.
    pub failure: u32,
    /// Engines that do not look at this type.
    pub type_unsupported: u32,
}

impl Stats {
    /// Counts the entries of an analysis.
    pub fn of<'a>(results: impl IntoIterator<Item = &'a EngineResult>) -> Self {
        let mut stats = Self::default();
        for result in results {
            *match result.category {
                Category::Malicious => &mut stats.malicious,
                Category::Suspicious => &mut stats.suspicious,
                Category::Undetected => &mut stats.undetected,
                Category::Harmless => &mut stats.harmless,
                Category::Timeout => &mut stats.timeout,
                Category::ConfirmedTimeout => &mut stats.confirmed_timeout,
                Category::Failure => &mut stats.failure,
                Category::TypeUnsupported => &mut stats.type_unsupported,
            } += 1;
        }
        stats
    }

    /// All entries together.
    pub fn total(&self) -> u32 {
        self.malicious
            + self.suspicious
            + self.undetected
            + self.harmless
            + self.timeout
            + self.confirmed_timeout
            + self.failure
            + self.type_unsupported
    }
}

/// One entry of `crowdsourced_yara_results`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct YaraResult {
    /// The rule that matched.
    pub rule_name: String,
    /// Short hex id of the ruleset.
    pub ruleset_id: String,
    /// The file that the rule is in, without its folder and ending.
    pub ruleset_name: String,
    /// From the rule's `author`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// From the rule's `description`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where the ruleset comes from, as its operator names it.
    pub source: String,
    /// Whether the match is in a member of the sample (an archive's content), not in the sample itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub match_in_subfile: bool,
    /// When it matched, Unix seconds.
    pub match_date: crate::Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stats_spell_their_keys_with_hyphens_and_name_all_eight() {
        let text = serde_json::to_string(&Stats::default()).unwrap_or_default();
        for key in ["confirmed-timeout", "type-unsupported", "malicious", "failure"] {
            assert!(text.contains(&format!("\"{key}\":0")), "{text}");
        }
        assert_eq!(text.matches(":0").count(), 8);
    }
}
