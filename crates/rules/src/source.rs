//! What comes in: the text of one file of rules, where it is from, and what a match means by default.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a match means. Ordered: the strongest is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnMatch {
    /// The match is shown, and is no verdict.
    Informational,
    /// Signs of malware, short of proof.
    #[default]
    Suspicious,
    /// Malware.
    Malicious,
}

impl OnMatch {
    /// Reads the word as it stands in a rule's meta; case does not matter.
    pub fn from_word(word: &str) -> Option<Self> {
        let all =
            [(Self::Malicious, "malicious"), (Self::Suspicious, "suspicious"), (Self::Informational, "informational")];
        all.into_iter().find(|(_, name)| word.trim().eq_ignore_ascii_case(name)).map(|(verdict, _)| verdict)
    }

    /// Reads a score of 0 to 100, as public rule sets write it: from 75 malicious, from 40 suspicious.
    pub fn from_score(score: f64) -> Self {
        if score >= 75.0 {
            Self::Malicious
        } else if score >= 40.0 {
            Self::Suspicious
        } else {
            Self::Informational
        }
    }
}

/// One file of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The ruleset's name: the file's name without folder and ending.
    pub name: String,
    /// Where it comes from, as the operator names it; shown in reports.
    pub origin: String,
    /// The rules.
    pub text: String,
    /// What a match means where the rule's meta does not say.
    pub verdict: OnMatch,
}
