//! Writes an index: what was read of a list in, a file out, in the form that [`super`] says.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

use super::{Form, NAMELESS, Notes, OFFSET, Offset};
use crate::stamp::Stamp;

/// A longer line is bad, whatever it says.
const LINE_LIMIT: u64 = 64 << 10;

/// How many bad lines are kept as examples.
const EXAMPLES: usize = 20;

/// Names known by heart, so that each is stored once; beyond this many a name may be stored again.
const NAMES_KNOWN: usize = 1 << 20;

/// Longer names are cut.
pub(crate) const NAME_LIMIT: usize = 255;

/// One line of a list.
#[derive(Debug)]
pub(crate) enum Line<'a> {
    /// What it says, the line's end included.
    Text(&'a [u8]),
    /// Longer than any line should be.
    TooLong,
}

/// Shows every line of a list with its number, from 1.
pub(crate) fn each_line(list: &Path, mut visit: impl FnMut(u64, Line<'_>)) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(list)?);
    let mut buffer = Vec::new();
    for number in 1_u64.. {
        buffer.clear();
        if reader.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut buffer)? == 0 {
            break;
        }
        if buffer.len() as u64 == LINE_LIMIT && buffer.last() != Some(&b'\n') {
            reader.skip_until(b'\n')?;
            visit(number, Line::TooLong);
        } else {
            visit(number, Line::Text(&buffer));
        }
    }
    Ok(())
}

impl Notes {
    /// Counts a line that says nothing that the list can say.
    pub(crate) fn bad(&mut self, number: u64, text: &[u8]) {
        self.bad_lines += 1;
        if self.examples.len() < EXAMPLES {
            let shown: String = String::from_utf8_lossy(text).trim().chars().take(80).collect();
            self.examples.push(format!("line {number}: {}", shown.escape_debug()));
        }
    }
}

/// The names of entries.
#[derive(Default)]
pub(crate) struct Names {
    bytes: Vec<u8>,
    known: HashMap<Vec<u8>, Offset>,
}

impl Names {
    /// Stores a name of at most [`NAME_LIMIT`] bytes, or finds it where it is.
    pub(crate) fn add(&mut self, name: &[u8]) -> Offset {
        if let Some(offset) = self.known.get(name) {
            return *offset;
        }
        let (Ok(offset), Ok(length)) = (u32::try_from(self.bytes.len()), u8::try_from(name.len())) else {
            // Names beyond 4 GiB are left out; the entry still counts.
            return NAMELESS;
        };
        let offset = offset.to_be_bytes();
        self.bytes.push(length);
        self.bytes.extend_from_slice(name);
        if self.known.len() < NAMES_KNOWN {
            self.known.insert(name.to_owned(), offset);
        }
        offset
    }
}

/// Puts an index in place as `target`, at once and whole. The `tables` are settled and flattened.
pub(crate) fn put(
    target: &Path,
    form: &Form,
    stamp: &Stamp,
    tables: &[&[u8]],
    (names, notes): (&Names, &Notes),
) -> io::Result<()> {
    let folder = target.parent().ok_or_else(|| io::Error::other("the index has no folder"))?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let notes = serde_json::to_vec(notes)?;
    let entries = tables.iter().zip(form.keys).map(|(table, key)| table.len() / (key + OFFSET));
    let mut header = Vec::with_capacity(form.header());
    header.extend_from_slice(&form.magic);
    header.extend_from_slice(&stamp.bytes());
    let lengths = entries.chain([names.bytes.len(), notes.len()]);
    header.extend(lengths.flat_map(|length| (length as u64).to_le_bytes()));
    let mut out = BufWriter::with_capacity(1 << 20, file.as_file_mut());
    for part in [&header[..]].into_iter().chain(tables.iter().copied()).chain([&names.bytes[..], &notes]) {
        out.write_all(part)?;
    }
    out.flush()?;
    drop(out);
    file.as_file().sync_all()?;
    file.persist(target).map_err(|error| error.error)?;
    Ok(())
}

/// Sorts, and keeps one entry per key: the one with a name, if any has.
pub(crate) fn settle<const W: usize>(entries: &mut Vec<[u8; W]>) {
    entries.sort_unstable();
    entries.dedup_by(|next, kept| next[..W - OFFSET] == kept[..W - OFFSET]);
}

/// An entry of a table.
pub(crate) fn entry<const N: usize, const W: usize>(key: &[u8; N], offset: Offset) -> [u8; W] {
    let mut entry = [0; W];
    entry[..N].copy_from_slice(key);
    entry[N..].copy_from_slice(&offset);
    entry
}
