//! Bytes to facts: fuzzy hashes, type, structure, members of archives. Reads hostile bytes.
//!
//! | module | what it is for |
//! |---|---|
//! | [`archive`] | unpacking in memory, within limits |
//! | [`addresses`](addresses()) | URLs, domains and IP addresses that a file names |
//! | [`contents`](contents()) | the files that an archive holds |
//! | `ssdeep`, `tlsh`, `vhash` | similarity hashes |
//! | `sniff`, `text`, `magika` | which type a file is: by magic bytes, by being text, by the model |
//! | `kind` | the types, in `VirusTotal`'s words |
//! | `describe` | the one line in the manner of file(1) |
//! | `pe`, `elf`, `pdf`, `bundle` | details of a format: the rows of `EXTRACTORS` |
//! | [`page`], [`icon`], [`certificate`] | what a URL served, and how |
//! | [`rdap`] | what a registry says of a domain or an IP address |
//! | `bytes`, `zipdir`, `entropy`, `calendar` | what they all read with |
//!
//! To add an extractor: one file, one row in `EXTRACTORS`, a golden pair under `testdata/`. To add a type: one
//! row in `kind`, one in `sniff`.
//!
//! Invariant: no input makes this crate panic, loop or allocate more than a small multiple of its size
//! (unpacking: of the limits). Every read goes through `bytes` or a crate that checks bounds.
//! Invariant: no I/O, no clock, no randomness; the same bytes give the same facts.
// What the tests do to bytes of their own may panic.
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::cast_possible_truncation)
)]

mod addresses;
pub mod archive;
mod bundle;
mod bytes;
mod calendar;
pub mod certificate;
mod contents;
mod describe;
mod elf;
mod entropy;
pub mod icon;
mod kind;
mod magika;
pub mod page;
mod pdf;
mod pe;
pub mod rdap;
mod sniff;
mod ssdeep;
mod text;
mod tlsh;
mod vhash;
mod zipdir;

use std::sync::OnceLock;

pub use addresses::{Addresses, Limits as AddressLimits, addresses};
pub use contents::{Content, contents};

use assay_model::facts::Facts;
use serde_json::Value;

use kind::FileKind;
use text::Text;

/// How [`Identifier`] works.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// When the Magika model is asked.
    pub magika: Magika,
}

/// When the Magika model is asked; it costs some milliseconds per file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Magika {
    /// For every file.
    Always,
    /// Where magic bytes do not decide: texts, scripts, unknown bytes.
    #[default]
    Undecided,
    /// For none.
    Never,
}

/// Finds out what files are. Shared between threads; the model is loaded when it is first asked.
pub struct Identifier {
    options: Options,
    classifier: OnceLock<Option<magika::Classifier>>,
}

/// What an extractor is given.
pub(crate) struct Sample<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) kind: &'static FileKind,
}

/// What an extractor found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) details: Vec<(&'static str, Value)>,
    pub(crate) tags: Vec<&'static str>,
    pub(crate) creation_date: Option<i64>,
    pub(crate) vhash: Option<String>,
}

/// The format's own structure cannot be read.
#[derive(Debug)]
pub(crate) struct Corrupt;

/// Details of one format, for the types with these tags. One that fails adds the tag `corrupt`, nothing else.
struct Extractor {
    tags: &'static [&'static str],
    extract: fn(&Sample) -> Result<Found, Corrupt>,
}

#[rustfmt::skip]
static EXTRACTORS: &[Extractor] = &[
    Extractor { tags: &["peexe", "pedll"], extract: pe::extract },
    Extractor { tags: &["elf"], extract: elf::extract },
    Extractor { tags: &["pdf"], extract: pdf::extract },
    Extractor { tags: bundle::ZIPS, extract: bundle::zip },
    Extractor { tags: &["tar"], extract: bundle::tar },
    Extractor { tags: &["gzip"], extract: bundle::gzip },
];

impl Identifier {
    /// Costs nothing yet.
    pub fn new(options: Options) -> Self {
        Self { options, classifier: OnceLock::new() }
    }

    /// All that `bytes` tell of themselves. The `names` the file goes by only help to tell kinds of text apart.
    pub fn identify(&self, bytes: &[u8], names: &[String]) -> Facts {
        let sniffed = sniff::sniff(bytes);
        let text = if sniffed.is_none() { Text::of(bytes) } else { None };
        let label = self.ask(bytes, sniffed.is_some());
        let opening = text.as_ref().and_then(|_| text::opening(bytes));
        let kind = match (sniffed, opening) {
            (Some(tag), _) | (None, Some((tag, _))) => kind::by_tag(tag),
            (None, None) => undecided(text.as_ref(), label, names),
        };
        let magic = match &text {
            Some(text) => describe::text(bytes, text, kind, opening),
            None => describe::line(bytes, kind),
        };
        let mut facts = Facts {
            ssdeep: Some(ssdeep::hash(bytes)),
            tlsh: tlsh::hash(bytes),
            magic,
            magika: label.map(|label| label.name.to_uppercase()),
            type_tag: kind.tag.to_owned(),
            type_tags: kind.tags.iter().map(|&tag| tag.to_owned()).collect(),
            type_description: kind.description.to_owned(),
            type_extension: kind.extension.map(str::to_owned),
            tags: vec![kind.tag.to_owned()],
            ..Facts::default()
        };
        if let Some(extractor) = EXTRACTORS.iter().find(|extractor| extractor.tags.contains(&kind.tag)) {
            match (extractor.extract)(&Sample { bytes, kind }) {
                Ok(found) => add(&mut facts, found),
                Err(Corrupt) => facts.tags.push("corrupt".to_owned()),
            }
        }
        facts
    }

    fn ask(&self, bytes: &[u8], decided: bool) -> Option<magika::Label> {
        let asked = match self.options.magika {
            Magika::Always => true,
            Magika::Undecided => !decided,
            Magika::Never => false,
        };
        if !asked || bytes.is_empty() {
            return None;
        }
        magika::Classifier::get(&self.classifier)?.classify(bytes)
    }
}

/// Where neither magic bytes nor opening words decide: the model, else a text's name, else text or unknown.
fn undecided(text: Option<&Text>, label: Option<magika::Label>, names: &[String]) -> &'static FileKind {
    let labelled = label.filter(|label| text.is_none() || label.is_text).and_then(|label| kind::by_label(label.name));
    let labelled = labelled.filter(|kind| !sniff::decides(kind.tag));
    match (text, labelled) {
        (_, Some(kind)) if kind.tag != "text" => kind,
        (Some(_), _) => text::by_name(names).unwrap_or_else(|| kind::by_tag("text")),
        (None, Some(kind)) => kind,
        (None, None) => &kind::UNKNOWN,
    }
}

fn add(facts: &mut Facts, found: Found) {
    for tag in found.tags {
        if !facts.tags.iter().any(|known| known == tag) {
            facts.tags.push(tag.to_owned());
        }
    }
    facts.creation_date = found.creation_date;
    facts.vhash = found.vhash;
    facts.details = found.details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
}
