//! What is told at the end of a run, and of a rehearsal. No key is in it.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::secret::mask;
use crate::client::problem::Problem;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// A rehearsal found nothing wrong.
    Ready,
    /// A rehearsal, or the look before a run, found something wrong; nothing was changed.
    Refused,
    /// All targets hold the new key, and the old one was ended.
    Done,
    /// Everything is as it was.
    RolledBack,
    /// Neither: --resume or --roll-back goes on.
    Unfinished,
    /// There was nothing to go on with.
    Nothing,
    /// Neither key works any more, so that nothing is left to put back or to complete.
    Stranded,
}

impl Outcome {
    /// The exit status.
    pub(crate) fn status(self) -> u8 {
        match self {
            Self::Ready | Self::Done | Self::Nothing => 0,
            Self::RolledBack => 1,
            Self::Refused => 2,
            Self::Unfinished => 3,
            Self::Stranded => 4,
        }
    }
}

/// A value that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    /// The line, where there are lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    /// What stands before the value.
    pub(crate) place: String,
    /// As much of what is there as may be shown.
    pub(crate) holds: String,
}

impl Change {
    /// A value in a file.
    pub(crate) fn of(line: usize, place: &str, key: &SecretString) -> Self {
        let line = Some(line).filter(|line| *line > 0);
        // What stands before it may be a secret of its own.
        Self { line, place: super::secret::redacted(place, &[]), holds: mask(key.expose_secret()) }
    }

    /// A key that is handed over.
    pub(crate) fn handed_to(command: &str) -> Self {
        Self { line: None, place: format!("standard input of `{command}`"), holds: String::new() }
    }
}

/// One target.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Told {
    /// What the plan calls it.
    pub(crate) name: String,
    /// What changes, or has changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) changes: Vec<Change>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) problems: Vec<String>,
    /// What a person should know of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notices: Vec<String>,
}

/// How it all ended.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) outcome: Outcome,
    /// Whose key.
    pub(crate) owner: String,
    /// The id of the old key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) old_key: Option<String>,
    /// The id of the new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) new_key: Option<String>,
    /// Why it was put back, or is not finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
    /// In the order of the plan.
    pub(crate) targets: Vec<Told>,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notices: Vec<String>,
}

impl Report {
    /// Something that ended before a target was looked at.
    pub(crate) fn alone(outcome: Outcome, owner: String, why: &Problem) -> Self {
        let (old_key, new_key, targets, notices) = (None, None, Vec::new(), Vec::new());
        Self { outcome, owner, old_key, new_key, cause: Some(why.line()), targets, notices }
    }
}

impl Told {
    /// A target with something wrong.
    pub(crate) fn problem(&mut self, problem: &Problem) {
        self.problems.push(problem.line());
    }
}
