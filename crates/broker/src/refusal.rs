//! Why a question was not answered, for whoever asked it, in `VirusTotal`'s codes.

use std::time::Duration;

use assay_model::{Code, Error};
use assay_upstream::UpstreamError;

/// See the module. Cloned to all who asked the same at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The contract's quota: used up, held back for others, or paced.
    #[error("{message}")]
    Budget {
        /// Which quota, and why.
        message: String,
        /// When to come back.
        wait: Duration,
    },
    /// Upstream cannot be reached, fails, or is being left alone.
    #[error("upstream does not answer: {why}")]
    Away {
        /// What happened.
        why: String,
        /// When to come back.
        wait: Duration,
    },
    /// It took too long.
    #[error("upstream did not answer in time")]
    Late,
    /// No key of the contract works.
    #[error("upstream refuses every key of the contract")]
    NoKey,
    /// The contract does not have it.
    #[error("the contract does not have it: {0}")]
    Forbidden(String),
    /// Upstream does not take the question.
    #[error("upstream does not take the question: {0}")]
    Malformed(String),
    /// It will be there later.
    #[error("it is not there yet: {0}")]
    NotYet(String),
    /// What came was no answer.
    #[error("upstream's answer is of no use: {0}")]
    Garbled(String),
    /// Our own store failed.
    #[error("the store failed")]
    Store,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let why = refusal.to_string();
        match refusal {
            Refusal::Budget { message, wait } => Self::new(Code::QuotaExceeded, message).after(wait),
            Refusal::Away { wait, .. } => Self::new(
                Code::Transient,
                "VirusTotal, which this server asks, does not answer at the moment; try again later",
            )
            .after(wait),
            Refusal::Late => {
                Self::new(Code::DeadlineExceeded, "VirusTotal, which this server asks, did not answer in time")
            }
            Refusal::NoKey => Self::new(
                Code::Transient,
                "VirusTotal refuses this server's key; its operator has been told, and your own key is fine",
            )
            .after(Duration::from_mins(1)),
            Refusal::Forbidden(_) => {
                Self::new(Code::Forbidden, "this server's contract with VirusTotal does not include this")
            }
            Refusal::Malformed(message) => Self::new(Code::InvalidArgument, message),
            Refusal::NotYet(message) => Self::new(Code::NotAvailableYet, message),
            Refusal::Garbled(_) => Self::new(
                Code::FailedDependency,
                "VirusTotal, which this server asks, answered with something that is not its API",
            ),
            Refusal::Store => Self::new(Code::Transient, "the server cannot store or read at the moment; try again")
                .after(Duration::from_secs(5)),
        }
        .because(why)
    }
}

/// Of an exchange that is not tried again.
impl From<UpstreamError> for Refusal {
    fn from(error: UpstreamError) -> Self {
        let wait = Duration::from_secs(10);
        match error {
            UpstreamError::Failed(why) if why.starts_with("no answer within") => Self::Late,
            UpstreamError::Unreachable(why) | UpstreamError::Failed(why) => Self::Away { why, wait },
            UpstreamError::Exhausted { retry_after } => {
                Self::Away { why: "its quota is exhausted".to_owned(), wait: retry_after.unwrap_or(wait) }
            }
            UpstreamError::Forbidden(message) => Self::Forbidden(message),
            UpstreamError::Malformed(message) => Self::Malformed(message),
            UpstreamError::NotYet(message) => Self::NotYet(message),
            UpstreamError::Garbled(why) => Self::Garbled(why),
            UpstreamError::KeyRefused { .. } => Self::NoKey,
            UpstreamError::Unknown => Self::Garbled("nothing is at the address that it named".to_owned()),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        tracing::warn!(error = &error as &dyn std::error::Error, "the broker's store failed");
        Self::Store
    }
}

impl From<assay_store::StoreError> for Refusal {
    fn from(error: assay_store::StoreError) -> Self {
        Error::from(error).into()
    }
}
