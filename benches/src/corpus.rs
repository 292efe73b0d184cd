//! Real binaries of this machine, put together in one folder.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use walkdir::WalkDir;

const SMALLEST: u64 = 1 << 10;
const LARGEST: u64 = 24 << 20;

/// The files that a measurement reads.
pub struct Corpus {
    /// The folder they stand in, flat.
    pub folder: PathBuf,
    /// How many.
    pub files: usize,
    /// Their sizes added up.
    pub bytes: u64,
}

/// Puts `wanted` ELF files from below `roots` into `folder`, each once by its content's length and name.
pub fn gather(roots: &[PathBuf], wanted: usize, folder: &Path) -> Result<Corpus> {
    fs::create_dir_all(folder)?;
    let entries = roots.iter().flat_map(|root| WalkDir::new(root).sort_by_file_name().into_iter().flatten());
    let mut corpus = Corpus { folder: folder.into(), files: 0, bytes: 0 };
    let mut seen = std::collections::HashSet::new();
    for entry in entries.filter(|entry| entry.file_type().is_file()) {
        let Ok(about) = entry.metadata() else { continue };
        if !(SMALLEST..=LARGEST).contains(&about.len()) || !is_elf(entry.path()) {
            continue;
        }
        if !seen.insert((entry.file_name().to_owned(), about.len())) {
            continue;
        }
        let copy = folder.join(format!("{:05}-{}", corpus.files, entry.file_name().display()));
        // A second name is enough on the same file system.
        if fs::hard_link(entry.path(), &copy).is_err() {
            fs::copy(entry.path(), &copy)?;
        }
        corpus.files += 1;
        corpus.bytes += about.len();
        if corpus.files == wanted {
            return Ok(corpus);
        }
    }
    bail!("only {} of {wanted} binaries were found; name more folders with --roots", corpus.files)
}

fn is_elf(path: &Path) -> bool {
    let mut start = [0; 4];
    fs::File::open(path).is_ok_and(|mut file| file.read_exact(&mut start).is_ok() && start == *b"\x7fELF")
}
