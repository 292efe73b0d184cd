//! What the doctor writes down: a finding a line, with its mend, and how grave it is.
//!
//! Invariant: no finding holds the key, whatever a server answers.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::client::plain::plain;

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    /// The address as it was typed.
    Address,
    /// From the host's name to addresses.
    Name,
    /// The way to the port.
    Connection,
    /// Encryption and certificate.
    Tls,
    /// Whether what answers is a web server that lets us through.
    Http,
    /// Whether it is the v3 API.
    Api,
    /// The key as text, before it is sent.
    Key,
    /// The key and its account as the server sees them.
    Account,
    /// What is used up.
    Quota,
    /// What the account may do.
    Privileges,
    /// How long answers take.
    Latency,
}

impl Step {
    /// The word of the table, the same as in JSON.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Name => "name",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Api => "api",
            Self::Key => "key",
            Self::Account => "account",
            Self::Quota => "quota",
            Self::Privileges => "privileges",
            Self::Latency => "latency",
        }
    }
}

/// How grave it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Grade {
    /// As it should be.
    Fine,
    /// Neither good nor bad, or not known here.
    Note,
    /// Works today, and will not everywhere or for ever.
    Warning,
    /// Does not work.
    Problem,
}

impl Grade {
    /// The word of the table, the same as in JSON.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }

    /// Whether somebody should do something about it.
    pub(crate) fn wants_a_mend(self) -> bool {
        self >= Self::Warning
    }
}

/// One thing that was looked at, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) step: Step,
    /// How grave it is.
    pub(crate) grade: Grade,
    /// What was found.
    pub(crate) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mend: Option<String>,
}

/// Is told of each finding as soon as it is made: a slow server must not make a person wait for what is known.
pub(crate) type Listener<'a> = Box<dyn FnMut(&Finding) + Send + 'a>;

/// The findings so far.
pub(crate) struct Chart<'a> {
    findings: Vec<Finding>,
    secret: Option<SecretString>,
    listener: Listener<'a>,
}

impl<'a> Chart<'a> {
    /// An empty one.
    pub(crate) fn new(listener: Listener<'a>) -> Self {
        Self { findings: Vec::new(), secret: None, listener }
    }

    /// From now on this text stands in no finding.
    pub(super) fn keep_secret(&mut self, secret: &SecretString) {
        self.secret = Some(secret.clone());
    }

    /// Everything that was found, in the order in which it was looked at.
    pub(crate) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    pub(super) fn fine(&mut self, step: Step, message: impl AsRef<str>) {
        self.write(step, Grade::Fine, message.as_ref(), None);
    }

    pub(super) fn note(&mut self, step: Step, message: impl AsRef<str>) {
        self.write(step, Grade::Note, message.as_ref(), None);
    }

    pub(super) fn warning(&mut self, step: Step, message: impl AsRef<str>, mend: impl AsRef<str>) {
        self.write(step, Grade::Warning, message.as_ref(), Some(mend.as_ref()));
    }

    pub(super) fn problem(&mut self, step: Step, message: impl AsRef<str>, mend: impl AsRef<str>) {
        self.write(step, Grade::Problem, message.as_ref(), Some(mend.as_ref()));
    }

    fn write(&mut self, step: Step, grade: Grade, message: &str, mend: Option<&str>) {
        let finding = Finding { step, grade, message: self.fit(message), mend: mend.map(|mend| self.fit(mend)) };
        (self.listener)(&finding);
        self.findings.push(finding);
    }

    /// Without the key, and fit for a terminal.
    fn fit(&self, text: &str) -> String {
        let text = plain(text);
        match self.secret.as_ref().map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty()) {
            Some(secret) => hide(&text, secret),
            None => text.into_owned(),
        }
    }
}

/// `text` with each occurrence of `secret`, in whatever case, replaced.
fn hide(text: &str, secret: &str) -> String {
    // ASCII alone changes case, so that both texts have the same bytes at the same places.
    let (lower, secret) = (text.to_ascii_lowercase(), secret.to_ascii_lowercase());
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in lower.match_indices(&secret) {
        shown.push_str(&text[from..at]);
        shown.push_str("(the key)");
        from = at + secret.len();
    }
    shown.push_str(&text[from..]);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_repeats_the_key_does_not_get_it_printed() {
        let mut chart = Chart::new(Box::new(|finding| assert!(!finding.message.to_lowercase().contains("s3cret"))));
        chart.keep_secret(&SecretString::from("s3cret"));
        chart.problem(Step::Account, "Wrong key s3cret, really S3CRET\u{1b}[2J", "use another than s3cret");
        let findings = chart.into_findings();
        assert_eq!(findings[0].message, "Wrong key (the key), really (the key)\\u{1b}[2J");
        assert_eq!(findings[0].mend.as_deref(), Some("use another than (the key)"));
    }

    #[test]
    fn only_warnings_and_problems_want_a_mend() {
        let wanted = [Grade::Fine, Grade::Note, Grade::Warning, Grade::Problem].map(Grade::wants_a_mend);
        assert_eq!(wanted, [false, false, true, true]);
    }
}
