//! Keys in files: what `assay key find` looks with. In go paths, out come places; no more of a key leaves this module than
//! its id or its first four characters, but through [`Hit::secret`].
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
pub(crate) use scanner::{Hit, Sought};
pub(crate) use walk::{Found, Harvest, Limits, Passed, search};
