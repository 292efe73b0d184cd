//! One value in a configuration file, changed in place: bytes in, bytes out. Everything else of the file (comments, order,
//! quotation marks, line ends) stays as it is, because nothing is printed anew: the value's bytes are replaced.
//!
//! | module | what it holds |
//! |---|---|
//! | [`place`] | which value is meant: a format and a path such as `services.scanner.environment.VT_KEY` |
//! | `formats` | text → tree of values that know where they stand; one file a format |
//! | `tree` | that tree, and the limits of its making |
//! | `select` | the values that a path names |
//! | `splice` | replacing, and the proof that nothing else changed |
//!
//! To add a format: a file in `formats/`, a variant of [`Format`], an arm in `formats::parse`, a case in `tests/goldens.rs`.
//!
//! Invariant: what [`replace`] answers was parsed again, and differs from what it was given in the named values alone.
//! Invariant: no error repeats a value.

mod formats;
pub mod place;
mod select;
mod splice;
mod tree;

pub use place::{BadPlace, Format, Place};
pub use splice::{Held, read, replace};

/// Why a value cannot be read or replaced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Longer than any configuration file is.
    #[error("it is longer than {} MiB", tree::SIZE >> 20)]
    Size,
    /// Not UTF-8.
    #[error("it is not text in UTF-8")]
    Encoding,
    /// Not of the format.
    #[error("it is not understood as {format}, line {line}: {why}")]
    Form {
        /// The format that was said.
        format: Format,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        why: String,
    },
    /// Nested too deep, or too many values.
    #[error("it is nested too deep or has too many values")]
    Limits,
    /// The path leads nowhere.
    #[error("there is no {0} in it")]
    Missing(String),
    /// The path leads to something that is no text of its own: a number, a list, a reference.
    #[error("{0} is no text (a number, a list, a reference to elsewhere)")]
    NotText(String),
    /// The path leads to several values that differ.
    #[error("{0} stands there several times with different values; name one, as in list[0] or list[name=value]")]
    Ambiguous(String),
    /// The value is written with escapes or over several lines.
    #[error("{0} is written in a way that cannot be replaced in place (escapes, several lines)")]
    Writing(String),
    /// The new value has other characters than a key has.
    #[error("the new value has characters that no key has")]
    Value,
    /// The text that came out does not mean what it should.
    #[error("{0} cannot be replaced without changing something else")]
    Unsafe(String),
}
