//! The index of a hash list: a mapped file in, look-ups out. [`super::build`] writes it.
//!
//! All numbers little-endian. Header of [`HEADER`] bytes: magic (8), stamp of the list (48), entries with MD5,
//! SHA-1, SHA-256 (8 each), bytes of names (8), bytes of notes (8). Then the three tables, sorted; an entry is
//! the hash and the offset of its name (4 bytes big-endian, all ones: no name). Then the names, each a length
//! (1 byte) and text. Then the notes as JSON.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use assay_model::Digests;
use memmap2::Mmap;
use serde::{Deserialize, Serialize};

use super::map::map;
use crate::stamp::Stamp;

/// Begins every index; the last byte is the version of the form.
pub(super) const MAGIC: [u8; 8] = *b"ASYHASH1";

/// Bytes before the first table.
pub(super) const HEADER: usize = 96;

/// Bytes of a name's offset in an entry.
pub(super) const OFFSET: usize = 4;

/// Stands for "no name"; sorts after every name, so that of two entries the one with a name comes first.
pub(super) const NAMELESS: [u8; OFFSET] = [0xff; OFFSET];

/// What was odd about the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notes {
    /// Lines that are neither hash nor comment.
    pub(super) bad_lines: u64,
    /// The first of them.
    pub(super) examples: Vec<String>,
}

/// The hash is in the list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// The entry's own name.
    pub(super) name: Option<String>,
}

/// A mapped index.
pub(super) struct Index {
    map: Mmap,
    tables: [Range<usize>; 3],
    names: Range<usize>,
    notes: Notes,
}

impl Index {
    /// Maps an index; none if there is none, or it was made from another state of the list or is damaged.
    pub(super) fn open(path: &Path, stamp: &Stamp) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if file.metadata()?.len() < HEADER as u64 {
            return Ok(None);
        }
        Ok(Self::read(map(&file)?, stamp))
    }

    fn read(map: Mmap, stamp: &Stamp) -> Option<Self> {
        if map.get(..8)? != MAGIC || map.get(8..56)? != stamp.bytes() {
            return None;
        }
        let number = |at: usize| {
            let bytes = map.get(at..at + 8)?.try_into().ok()?;
            usize::try_from(u64::from_le_bytes(bytes)).ok()
        };
        let mut end = HEADER;
        let mut part = |length: usize| {
            let start = end;
            end = end.checked_add(length)?;
            Some(start..end)
        };
        let tables = [
            part(number(56)?.checked_mul(16 + OFFSET)?)?,
            part(number(64)?.checked_mul(20 + OFFSET)?)?,
            part(number(72)?.checked_mul(32 + OFFSET)?)?,
        ];
        let (names, notes) = (part(number(80)?)?, part(number(88)?)?);
        if end != map.len() {
            return None;
        }
        let notes = serde_json::from_slice(map.get(notes)?).ok()?;
        Some(Self { map, tables, names, notes })
    }

    /// Entries in all.
    pub(super) fn len(&self) -> u64 {
        let [md5, sha1, sha256] = &self.tables;
        (md5.len() / (16 + OFFSET) + sha1.len() / (20 + OFFSET) + sha256.len() / (32 + OFFSET)) as u64
    }

    /// What was odd about the list.
    pub(super) fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Looks for a file by each of its hashes.
    pub(super) fn find(&self, digests: &Digests) -> Option<Hit> {
        let [md5, sha1, sha256] = self.tables.clone().map(|range| &self.map[range]);
        let offset = look_up(sha256, digests.sha256.bytes())
            .or_else(|| look_up(sha1, digests.sha1.bytes()))
            .or_else(|| look_up(md5, digests.md5.bytes()))?;
        Some(Hit { name: self.name(offset) })
    }

    fn name(&self, offset: [u8; OFFSET]) -> Option<String> {
        let at = u32::from_be_bytes(offset) as usize;
        let names = &self.map[self.names.clone()];
        let length = usize::from(*names.get(at)?);
        let name = names.get(at + 1..at + 1 + length)?;
        Some(String::from_utf8_lossy(name).into_owned())
    }
}

/// Finds a key in a sorted table and returns its name's offset. Hashes lie evenly, so a guess by proportion
/// lands near; every other step halves what is left, so that uneven keys cannot make it slow.
fn look_up<const N: usize>(table: &[u8], key: &[u8; N]) -> Option<[u8; OFFSET]> {
    let width = N + OFFSET;
    let wanted = head(key);
    let (mut low, mut high) = (0, table.len() / width);
    let (mut low_head, mut high_head) = (0, u64::MAX);
    let mut guess = true;
    while low < high {
        let middle = if guess {
            low + proportion(wanted - low_head, high_head - low_head, high - low)
        } else {
            low.midpoint(high)
        };
        guess = !guess;
        let entry = table.get(middle * width..(middle + 1) * width)?;
        let (found, offset) = entry.split_at(N);
        match found.cmp(key.as_slice()) {
            std::cmp::Ordering::Equal => return offset.try_into().ok(),
            std::cmp::Ordering::Less => (low, low_head) = (middle + 1, head(found).min(wanted)),
            std::cmp::Ordering::Greater => (high, high_head) = (middle, head(found).max(wanted)),
        }
    }
    None
}

/// The first eight bytes as a number that sorts as the bytes do.
fn head(key: &[u8]) -> u64 {
    key.first_chunk().map_or(0, |head| u64::from_be_bytes(*head))
}

/// `part / whole` of `length`, below `length`.
fn proportion(part: u64, whole: u64, length: usize) -> usize {
    let place = u128::from(part) * length as u128 / (u128::from(whole) + 1);
    usize::try_from(place).unwrap_or(usize::MAX).min(length - 1)
}
