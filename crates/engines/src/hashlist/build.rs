//! Turns a hash list into its index: text file in, index file out. Memory: 36 bytes an entry and the names; ten million
//! SHA-256 without names take 0.4 to 0.6 GB while it lasts.

use std::io;
use std::path::Path;

use assay_model::FileHash;

use super::FORM;
use super::lines::{self, line};
use crate::index::draft::{Line, Names, each_line, entry, put, settle};
use crate::index::{NAMELESS, Notes, OFFSET};
use crate::stamp::Stamp;

/// Reads `list` and puts its index in place as `target`, at once and whole.
pub(super) fn build(list: &Path, stamp: &Stamp, target: &Path) -> io::Result<()> {
    let mut draft = Draft::default();
    let mut entries_begun = false;
    each_line(list, |number, text| match text {
        Line::TooLong => draft.notes.bad(number, b"too long"),
        Line::Text(text) => match line(text) {
            lines::Line::Entry(hash, name) => {
                entries_begun = true;
                draft.add(hash, name);
            }
            lines::Line::Nothing => {}
            lines::Line::Header if !entries_begun => {}
            lines::Line::Header | lines::Line::Bad => draft.notes.bad(number, text),
        },
    })?;
    draft.write(stamp, target)
}

/// What has been read so far.
#[derive(Default)]
struct Draft {
    md5: Vec<[u8; 16 + OFFSET]>,
    sha1: Vec<[u8; 20 + OFFSET]>,
    sha256: Vec<[u8; 32 + OFFSET]>,
    names: Names,
    notes: Notes,
}

impl Draft {
    fn add(&mut self, hash: FileHash, name: Option<&str>) {
        let offset = name.map_or(NAMELESS, |name| self.names.add(name.as_bytes()));
        match hash {
            FileHash::Md5(hash) => self.md5.push(entry(hash.bytes(), offset)),
            FileHash::Sha1(hash) => self.sha1.push(entry(hash.bytes(), offset)),
            FileHash::Sha256(hash) => self.sha256.push(entry(hash.bytes(), offset)),
        }
    }

    fn write(mut self, stamp: &Stamp, target: &Path) -> io::Result<()> {
        settle(&mut self.md5);
        settle(&mut self.sha1);
        settle(&mut self.sha256);
        let tables = [self.md5.as_flattened(), self.sha1.as_flattened(), self.sha256.as_flattened()];
        put(target, &FORM, stamp, &tables, (&self.names, &self.notes))
    }
}
