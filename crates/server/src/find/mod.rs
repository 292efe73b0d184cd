//! Keys in files: what `assay key find` looks with. In go paths, out come places; no more of a key leaves this module than
//! its id or its first four characters, but through [`scanner::Hit::secret`].
//!
//! | module | what it holds |
//! |---|---|
//! | [`scanner`] | bytes → hits, in one pass with bounded memory |
//! | [`form`] | what counts as a key, and in which writings |
//! | [`context`] | whether 64 hexadecimal digits stand where a key would stand |
//! | [`walk`] | folders, limits, several files at once |

pub(crate) mod context;
pub(crate) mod form;
pub(crate) mod scanner;
pub(crate) mod walk;

pub(crate) use form::{What, Writing};
#[cfg(test)]
pub(crate) use scanner::Hit;
pub(crate) use scanner::Sought;
pub(crate) use walk::{Found, Harvest, Limits, search};
