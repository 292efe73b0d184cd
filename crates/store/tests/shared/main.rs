//! Stores that several nodes share. The tests that need a real server have its name in theirs, so that they can be left
//! out where there is none.

mod postgres;
mod postgres_copy;
