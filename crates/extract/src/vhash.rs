//! A structural similarity hash of Assay's own. `VirusTotal`'s vhash is not published; this one shares its name
//! on the wire and its purpose, not its values: files built alike have the same one.
//!
//! It is the first 16 bytes of the SHA-256, in hex, of a version word and a list of structural facts, one to a
//! line. Sizes enter as their power of two, so that small changes of content do not show:
//!
//! | format | facts |
//! |---|---|
//! | PE | machine, subsystem, DLL or not; each section's name, flags and size class; each library with its number of functions |
//! | ELF | class, type, machine; each section's name, type and size class; needed libraries |
//! | PDF | version; the size class of each count in `pdf_info` |
//! | ZIP | type; for each member in order: extension, method, size class |
//!
//! Invariant: a change of the recipe changes the version word, so old and new values never compare equal.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::zipdir::Directory;

const VERSION: &str = "assay-vhash-1";
/// Members of a ZIP that count.
const MEMBERS: usize = 1024;

/// The hash of a list of facts.
pub(crate) struct Recipe(Sha256);

impl Recipe {
    /// Begins the list of a format.
    pub(crate) fn of(format: &str) -> Self {
        let mut recipe = Self(Sha256::new());
        recipe.add(VERSION.as_bytes());
        recipe.add(format.as_bytes());
        recipe
    }

    /// Adds a fact.
    pub(crate) fn add(&mut self, fact: &[u8]) {
        self.0.update(fact);
        self.0.update(b"\n");
    }

    /// Adds a number as its power of two.
    pub(crate) fn add_size(&mut self, size: u64) {
        self.add(class(size).to_string().as_bytes());
    }

    /// 32 hex digits.
    pub(crate) fn finish(self) -> String {
        let digest: [u8; 32] = self.0.finalize().into();
        hex::encode(digest.first_chunk::<16>().map_or([0; 16], |first| *first))
    }
}

/// 0 for 0, 1 for 1, 2 for 2 and 3, 3 for 4 to 7, …
fn class(size: u64) -> u32 {
    u64::BITS.saturating_sub(size.leading_zeros())
}

/// Of the counts of a PDF.
pub(crate) fn of_pdf(info: &Map<String, Value>) -> String {
    let mut recipe = Recipe::of("pdf");
    for (key, value) in info {
        recipe.add(key.as_bytes());
        match value {
            Value::Number(number) => recipe.add_size(number.as_u64().unwrap_or_default()),
            other => recipe.add(other.as_str().unwrap_or_default().as_bytes()),
        }
    }
    recipe.finish()
}

/// Of the directory of a ZIP.
pub(crate) fn of_zip(tag: &str, directory: &Directory<'_>) -> String {
    let mut recipe = Recipe::of("zip");
    recipe.add(tag.as_bytes());
    for entry in directory.entries().take(MEMBERS) {
        let base = entry.name.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        recipe.add(base.rsplit(|&byte| byte == b'.').next().unwrap_or_default());
        recipe.add(&entry.method.to_le_bytes());
        recipe.add_size(entry.size);
    }
    recipe.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_apart_by_their_power_of_two() {
        assert_eq!([0, 1, 2, 3, 4, 7, 8].map(class), [0, 1, 2, 2, 3, 3, 4]);
    }

    #[test]
    fn equal_facts_give_equal_hashes_and_the_format_counts() {
        assert_eq!(Recipe::of("pe").finish(), Recipe::of("pe").finish());
        assert_ne!(Recipe::of("pe").finish(), Recipe::of("elf").finish());
    }
}
