//! What can go wrong with a statement, and what then helps.

use std::error::Error;

use crate::StoreError;

/// Why a piece of work did not end.
#[derive(Debug)]
pub(super) enum Fault {
    /// The caller is to know.
    Told(StoreError),
    /// The database or the way to it.
    Database(tokio_postgres::Error),
}

/// What helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Two transactions were in each other's way: try again.
    Again,
    /// The connection is of no use any more: try again over another.
    Reconnect,
    /// Nothing that we know.
    None,
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Told(error)
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error)
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.code().map(tokio_postgres::error::SqlState::code) {
            // data_corrupted, index_corrupted
            Some("XX001" | "XX002") => Self::Corrupt(Box::new(error)),
            _ => Self::Unavailable(Box::new(error)),
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Told(error) => error,
            Fault::Database(error) => error.into(),
        }
    }
}

/// What helps against an error, by its SQLSTATE (PostgreSQL's documentation, appendix A).
pub(super) fn remedy(error: &tokio_postgres::Error) -> Remedy {
    let Some(code) = error.code() else {
        let broken = error.source().is_some_and(<dyn Error + 'static>::is::<std::io::Error>);
        return if error.is_closed() || broken { Remedy::Reconnect } else { Remedy::None };
    };
    match code.code() {
        // serialization_failure, deadlock_detected
        "40001" | "40P01" => Remedy::Again,
        // read_only_sql_transaction: this server is the primary no more; feature_not_supported: a plan that was kept does
        // not fit a table that was migrated; invalid_sql_statement_name: so did the plan's connection.
        "25006" | "0A000" | "26000" => Remedy::Reconnect,
        // Connection exceptions; shutdown, crash, starting, an idle transaction that was ended.
        code if code.starts_with("08") || code.starts_with("57P") || code == "25P03" => Remedy::Reconnect,
        _ => Remedy::None,
    }
}
