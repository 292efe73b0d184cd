//! Turns a hash list into its index: text file in, index file out, in the form that [`super::index`] says.
//! Memory: 36 bytes an entry and the names; ten million SHA-256 without names take 0.4 to 0.6 GB while it lasts.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read as _};
use std::path::Path;

use assay_model::FileHash;

use super::index::{HEADER, MAGIC, NAMELESS, Notes, OFFSET};
use super::lines::{Line, line};
use crate::stamp::Stamp;

/// A longer line is bad, whatever it says.
const LINE_LIMIT: u64 = 64 << 10;

/// How many bad lines are kept as examples.
const EXAMPLES: usize = 20;

/// Names known by heart, so that each is stored once; beyond this many a name may be stored again.
const NAMES_KNOWN: usize = 1 << 20;

/// Reads `list` and puts its index in place as `target`, at once and whole.
pub(super) fn build(list: &Path, stamp: &Stamp, target: &Path) -> io::Result<()> {
    let mut draft = Draft::default();
    draft.read(BufReader::with_capacity(1 << 20, File::open(list)?))?;
    let folder = target.parent().ok_or_else(|| io::Error::other("the index has no folder"))?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    draft.write(&mut BufWriter::with_capacity(1 << 20, file.as_file_mut()), stamp)?;
    file.as_file().sync_all()?;
    file.persist(target).map_err(|error| error.error)?;
    Ok(())
}

/// What has been read so far.
#[derive(Default)]
struct Draft {
    md5: Vec<[u8; 16 + OFFSET]>,
    sha1: Vec<[u8; 20 + OFFSET]>,
    sha256: Vec<[u8; 32 + OFFSET]>,
    names: Vec<u8>,
    known: HashMap<String, [u8; OFFSET]>,
    notes: Notes,
}

impl Draft {
    fn read(&mut self, mut reader: impl BufRead) -> io::Result<()> {
        let mut buffer = Vec::new();
        let mut entries_begun = false;
        for number in 1_u64.. {
            buffer.clear();
            if reader.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut buffer)? == 0 {
                break;
            }
            if buffer.len() as u64 == LINE_LIMIT && buffer.last() != Some(&b'\n') {
                reader.skip_until(b'\n')?;
                self.bad(number, b"too long");
                continue;
            }
            match line(&buffer) {
                Line::Entry(hash, name) => {
                    entries_begun = true;
                    self.add(hash, name);
                }
                Line::Nothing => {}
                Line::Header if !entries_begun => {}
                Line::Header | Line::Bad => self.bad(number, &buffer),
            }
        }
        Ok(())
    }

    fn add(&mut self, hash: FileHash, name: Option<&str>) {
        let offset = name.map_or(NAMELESS, |name| self.name(name));
        match hash {
            FileHash::Md5(hash) => self.md5.push(joined(hash.bytes(), offset)),
            FileHash::Sha1(hash) => self.sha1.push(joined(hash.bytes(), offset)),
            FileHash::Sha256(hash) => self.sha256.push(joined(hash.bytes(), offset)),
        }
    }

    /// Stores a name, or finds it where it is.
    fn name(&mut self, name: &str) -> [u8; OFFSET] {
        if let Some(offset) = self.known.get(name) {
            return *offset;
        }
        let (Ok(offset), Ok(length)) = (u32::try_from(self.names.len()), u8::try_from(name.len())) else {
            // Names beyond 4 GiB are left out; the hash still counts.
            return NAMELESS;
        };
        let offset = offset.to_be_bytes();
        self.names.push(length);
        self.names.extend_from_slice(name.as_bytes());
        if self.known.len() < NAMES_KNOWN {
            self.known.insert(name.to_owned(), offset);
        }
        offset
    }

    fn bad(&mut self, number: u64, text: &[u8]) {
        self.notes.bad_lines += 1;
        if self.notes.examples.len() < EXAMPLES {
            let shown: String = String::from_utf8_lossy(text).trim().chars().take(80).collect();
            self.notes.examples.push(format!("line {number}: {}", shown.escape_debug()));
        }
    }

    fn write(mut self, out: &mut impl io::Write, stamp: &Stamp) -> io::Result<()> {
        settle(&mut self.md5);
        settle(&mut self.sha1);
        settle(&mut self.sha256);
        let notes = serde_json::to_vec(&self.notes)?;
        let lengths = [self.md5.len(), self.sha1.len(), self.sha256.len(), self.names.len(), notes.len()];
        let mut header = Vec::with_capacity(HEADER);
        header.extend_from_slice(&MAGIC);
        header.extend_from_slice(&stamp.bytes());
        header.extend(lengths.iter().flat_map(|length| (*length as u64).to_le_bytes()));
        out.write_all(&header)?;
        out.write_all(self.md5.as_flattened())?;
        out.write_all(self.sha1.as_flattened())?;
        out.write_all(self.sha256.as_flattened())?;
        out.write_all(&self.names)?;
        out.write_all(&notes)?;
        out.flush()
    }
}

/// Sorts, and keeps one entry per hash: the one with a name, if any has.
fn settle<const W: usize>(entries: &mut Vec<[u8; W]>) {
    entries.sort_unstable();
    entries.dedup_by(|next, kept| next[..W - OFFSET] == kept[..W - OFFSET]);
}

fn joined<const N: usize, const W: usize>(hash: &[u8; N], offset: [u8; OFFSET]) -> [u8; W] {
    let mut entry = [0; W];
    entry[..N].copy_from_slice(hash);
    entry[N..].copy_from_slice(&offset);
    entry
}
