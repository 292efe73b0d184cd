//! What went wrong between a command and its server, in words that name the mend.

use std::fmt;
use std::time::Duration;

use super::plain::plain;

/// What sort of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No connection came about: nobody listens, the name is unknown, TLS fails.
    Unreachable,
    /// The connection broke, or what came through it was not HTTP.
    Broken,
    /// It took too long.
    Late,
    /// The server answered with an error of this HTTP status.
    Refused(u16),
    /// Something answered that is no v3 API.
    Foreign,
    /// There is no key, or none that can be sent.
    Key,
    /// The fault is on this side: a file that cannot be read, an argument that is none.
    Local,
}

/// A problem: what happened and, where that is known, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// What sort it is.
    pub(crate) kind: Kind,
    /// What happened.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) mend: Option<String>,
    /// How long the server asks to wait, when that is all there is to do.
    pub(crate) wait: Option<Duration>,
}

impl Problem {
    /// A problem without a mend; foreign text in the message is made fit for a terminal.
    pub(crate) fn new(kind: Kind, message: impl AsRef<str>) -> Self {
        Self { kind, message: plain(message.as_ref()).into_owned(), mend: None, wait: None }
    }

    /// A fault of this side.
    pub(crate) fn local(message: impl AsRef<str>) -> Self {
        Self::new(Kind::Local, message)
    }

    /// A key that is missing or unfit.
    pub(crate) fn key(message: impl AsRef<str>, mend: impl Into<String>) -> Self {
        Self::new(Kind::Key, message).mend(mend)
    }

    /// Says what to do.
    #[must_use]
    pub(crate) fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }

    /// The whole of it in one line.
    pub(crate) fn line(&self) -> String {
        match &self.mend {
            Some(mend) => format!("{}. {mend}", self.message),
            None => self.message.clone(),
        }
    }

    /// Whether the next request would meet the same problem, so that it need not be tried.
    pub(crate) fn is_final(&self) -> bool {
        match self.kind {
            Kind::Unreachable | Kind::Foreign | Kind::Key => true,
            Kind::Refused(status) => matches!(status, 401 | 403 | 429),
            Kind::Broken | Kind::Late | Kind::Local => false,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.mend {
            Some(mend) => write!(f, "\n{mend}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_of_the_server_stops_the_rest_and_a_problem_of_one_file_does_not() {
        for kind in [Kind::Unreachable, Kind::Key, Kind::Refused(401), Kind::Refused(429)] {
            assert!(Problem::new(kind, "").is_final(), "{kind:?}");
        }
        for kind in [Kind::Local, Kind::Broken, Kind::Late, Kind::Refused(413), Kind::Refused(404)] {
            assert!(!Problem::new(kind, "").is_final(), "{kind:?}");
        }
    }
}
