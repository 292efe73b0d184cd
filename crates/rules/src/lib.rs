//! YARA text to rules; a sample to matches. The one owner of yara-x.
//!
//! | module | from | to |
//! |---|---|---|
//! | [`source`] | | [`Source`]: one file of rules and what a match in it means |
//! | [`compile`](mod@compile) | sources | [`Compiled`]: the rules that hold, and the list of those that do not |
//! | [`about`] | a rule's meta | [`RuleInfo`]: what a report says of the rule |
//! | `split` | a broken file | its rules one by one |
//! | [`scan`] | compiled rules + bytes | the rules that match |
//!
//! To let rules see more of a sample (a module's data): `scan`. To read more of a rule's meta: `about`.
//!
//! Invariant: pure. No files, no clock, no threads of its own; `include` in rules is refused.
//! Invariant: one bad rule disables only itself, and is listed.
//! Invariant: each source is a namespace of its own, so a `global` rule gates only its own file.

pub mod about;
pub mod compile;
pub mod scan;
pub mod source;
mod split;

pub use about::RuleInfo;
pub use compile::{Compiled, Disabled, compile};
pub use scan::{ScanError, Scanner};
pub use source::{OnMatch, Source};

/// The version of the engine behind these rules.
pub const ENGINE_VERSION: &str = "1.22.1";

#[cfg(test)]
mod tests;
