//! The operator's folders: which rule files are in them, whether any changed, and their text.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use assay_model::Timestamp;
use assay_rules::{OnMatch, Source};
use walkdir::WalkDir;

use crate::config::Folder;
use crate::stamp::Stamp;

/// A larger file is left out.
const FILE_LIMIT: u64 = 16 << 20;

/// What goes beyond this in all is left out.
const TOTAL_LIMIT: u64 = 256 << 20;

/// A folder or file that cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// Which.
    pub(super) path: String,
    /// Why.
    pub(super) source: io::Error,
}

/// One rule file as it was found; two that are equal have the same content as far as can be told unread.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RuleFile {
    path: PathBuf,
    origin: String,
    verdict: OnMatch,
    stamp: Stamp,
}

/// All rule files of all folders, in a fixed order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Listing {
    files: Vec<RuleFile>,
}

impl Listing {
    /// When the newest file was modified.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.files.iter().map(|file| file.stamp.modified()).max()
    }
}

/// Finds the rule files.
pub(super) fn list(folders: &[Folder]) -> Result<Listing, Unreadable> {
    let mut files = Vec::new();
    for folder in folders {
        for entry in WalkDir::new(&folder.path).sort_by_file_name() {
            let entry = entry.map_err(|error| {
                let path = error.path().unwrap_or(&folder.path).display().to_string();
                Unreadable { path, source: error.into() }
            })?;
            if !entry.file_type().is_file() || !is_rules(entry.path()) {
                continue;
            }
            let Ok(metadata) = entry.metadata() else { continue }; // Removed since; the next look will tell.
            files.push(RuleFile {
                path: entry.path().to_owned(),
                origin: folder.source.clone(),
                verdict: folder.verdict,
                stamp: Stamp::of(&metadata),
            });
        }
    }
    Ok(Listing { files })
}

/// Reads the files within the limits. Also returns what was left out, one line each.
pub(super) fn read(listing: &Listing) -> Result<(Vec<Source>, Vec<String>), Unreadable> {
    let (mut sources, mut problems, mut total) = (Vec::new(), Vec::new(), 0);
    for file in &listing.files {
        let path = file.path.display();
        if file.stamp.size > FILE_LIMIT {
            problems.push(format!("{path} is left out: larger than {} MiB", FILE_LIMIT >> 20));
            continue;
        }
        if total + file.stamp.size > TOTAL_LIMIT {
            problems.push(format!("{path} is left out: more than {} MiB of rules in all", TOTAL_LIMIT >> 20));
            continue;
        }
        total += file.stamp.size;
        let bytes =
            fs::read(&file.path).map_err(|source| Unreadable { path: file.path.display().to_string(), source })?;
        // Old rule files have comments in other encodings; that is no reason to lose the rules.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if text.len() != bytes.len() {
            problems.push(format!("{path} is not UTF-8: what is not can match nothing"));
        }
        let name = file.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        sources.push(Source { name, origin: file.origin.clone(), text, verdict: file.verdict });
    }
    for problem in &problems {
        tracing::warn!("{problem}");
    }
    Ok((sources, problems))
}

fn is_rules(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("yar") || ending.eq_ignore_ascii_case("yara"))
}
