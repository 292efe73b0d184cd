//! What identification finds in the bytes of one file. `extract` writes it, engines and reports read it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a file is, by its bytes alone. Field names are VirusTotal's attribute names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    /// ssdeep fuzzy hash; absent for files too small to have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssdeep: Option<String>,
    /// TLSH with its `T1` prefix; absent for files too small or too uniform to have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tlsh: Option<String>,
    /// Structural similarity hash; Assay's own definition, see `docs/decisions/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vhash: Option<String>,
    /// One line that describes the content, in the manner of file(1).
    pub magic: String,
    /// Magika's label in capitals, where its model was asked and is sure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub magika: Option<String>,
    /// Short type, e.g. `peexe`, `elf`, `zip`, `text`; `unknown` where nothing is known.
    pub type_tag: String,
    /// Broad to narrow, e.g. `executable, windows, win32, pe, peexe`.
    pub type_tags: Vec<String>,
    /// E.g. `Win32 EXE`.
    pub type_description: String,
    /// The usual extension, without the dot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_extension: Option<String>,
    /// E.g. `peexe`, `64bits`, `overlay`, `encrypted`.
    pub tags: Vec<String>,
    /// Compile or build time from metadata, Unix seconds; forgeable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_date: Option<i64>,
    /// Format-specific attributes by their wire name: `pe_info`, `elf_info`, `pdf_info`, `bundle_info`, … A report
    /// shows them beside the others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, Value>,
}
