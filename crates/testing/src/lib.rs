//! What tests need around them. Only tests depend on this crate.
//!
//! | what | for |
//! |---|---|
//! | [`postgres`] | a PostgreSQL server of one's own, from the machine's packages |
//! | `assay-test-postgres` | the same as a program, for tests that are not written in Rust |
//!
//! Invariant: what was started ends with whoever started it, also when that is killed.

pub mod postgres;
