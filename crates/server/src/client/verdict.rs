//! What the engines' counts come to for a person, and for the exit status of a command.

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// How many engines said what, as the server counts them, by category.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Stats(BTreeMap<String, u64>);

impl Stats {
    /// Engines of one category; none where the server does not count it.
    pub(crate) fn count(&self, category: &str) -> u64 {
        self.0.get(category).copied().unwrap_or(0)
    }

    /// Engines that came to an opinion, for or against.
    pub(crate) fn opinions(&self) -> u64 {
        ["malicious", "suspicious", "undetected", "harmless"].iter().map(|category| self.count(category)).sum()
    }
}

/// What the engines came to together. The gravest word of any engine counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// No engine had an opinion.
    Unknown,
    /// Known to be good, and nothing found.
    Harmless,
    /// Nothing found.
    Undetected,
    /// At least one engine calls it suspicious.
    Suspicious,
    /// At least one engine calls it malicious.
    Malicious,
}

impl Verdict {
    /// The verdict behind the counts.
    pub(crate) fn of(stats: &Stats) -> Self {
        let any = |category| stats.count(category) > 0;
        if any("malicious") {
            Self::Malicious
        } else if any("suspicious") {
            Self::Suspicious
        } else if any("harmless") {
            Self::Harmless
        } else if any("undetected") {
            Self::Undetected
        } else {
            Self::Unknown
        }
    }

    /// The verdict with how many engines hold it: `malicious 2/4`.
    pub(crate) fn with_count(self, stats: &Stats) -> String {
        match self {
            Self::Unknown => "no opinion".to_owned(),
            Self::Undetected => format!("{self} 0/{}", stats.opinions()),
            _ => format!("{self} {}/{}", stats.count(self.word()), stats.opinions()),
        }
    }

    /// The verdict in `VirusTotal`'s word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Harmless => "harmless",
            Self::Undetected => "undetected",
            Self::Suspicious => "suspicious",
            Self::Malicious => "malicious",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How a command over several files or hashes ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    /// At least one is malicious.
    pub(crate) malicious: bool,
    /// At least one could not be dealt with.
    pub(crate) failed: bool,
}

impl Ending {
    /// Takes in one more verdict.
    pub(crate) fn saw(&mut self, verdict: Verdict) {
        self.malicious |= verdict == Verdict::Malicious;
    }

    /// 0 nothing malicious, 1 something malicious, 2 an error, whatever else was found: who acts on 0 and 1 must know
    /// that all was looked at.
    pub(crate) fn status(self) -> u8 {
        match (self.failed, self.malicious) {
            (true, _) => 2,
            (false, true) => 1,
            (false, false) => 0,
        }
    }

    /// The same for the process.
    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(self.status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(counts: &[(&str, u64)]) -> Stats {
        Stats(counts.iter().map(|(category, count)| ((*category).to_owned(), *count)).collect())
    }

    #[test]
    fn the_gravest_word_of_any_engine_is_the_verdict_and_only_opinions_are_counted() {
        for (counts, expected) in [
            (&[("malicious", 2), ("undetected", 2), ("type-unsupported", 3)][..], "malicious 2/4"),
            (&[("suspicious", 1), ("harmless", 1)][..], "suspicious 1/2"),
            (&[("harmless", 1), ("undetected", 2)][..], "harmless 1/3"),
            (&[("undetected", 3), ("failure", 1)][..], "undetected 0/3"),
            (&[("timeout", 2)][..], "no opinion"),
            (&[][..], "no opinion"),
        ] {
            let stats = stats(counts);
            assert_eq!(Verdict::of(&stats).with_count(&stats), expected);
        }
    }

    #[test]
    fn the_exit_status_is_0_for_clean_1_for_malicious_and_2_for_any_error() {
        let ending = |verdicts: &[Verdict], failed| {
            let mut ending = Ending { failed, ..Ending::default() };
            for verdict in verdicts {
                ending.saw(*verdict);
            }
            ending.status()
        };
        assert_eq!(ending(&[], false), 0);
        assert_eq!(ending(&[Verdict::Undetected, Verdict::Suspicious, Verdict::Unknown], false), 0);
        assert_eq!(ending(&[Verdict::Malicious, Verdict::Harmless], false), 1);
        assert_eq!(ending(&[Verdict::Malicious], true), 2);
        assert_eq!(ending(&[], true), 2);
    }
}
