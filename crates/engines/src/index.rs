//! Sorted tables of keys with names, in a file that is mapped into memory: what lists are looked up in. [`draft`] writes
//! it.
//!
//! All numbers little-endian. Header: magic (8), stamp of the list (48), entries of each table (8 each), bytes of names
//! (8), bytes of notes (8). Then the tables, sorted; an entry is the key and the offset of its name (4 bytes big-endian,
//! all ones: no name). Before the entries of a table stand its shortcuts: how many of them (4 bytes) have a key whose first
//! bits are a smaller number, for each number of so many bits and the one after. Then the names, each a length (1 byte) and
//! bytes. Then the notes as JSON.

pub(crate) mod draft;
mod map;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::stamp::Stamp;
use map::map;

/// Bytes of a name's offset in an entry.
pub(crate) const OFFSET: usize = 4;

/// Where the name of an entry is, as the entry has it.
pub(crate) type Offset = [u8; OFFSET];

/// Stands for "no name"; sorts after every name, so that of two entries the one with a name comes first.
pub(crate) const NAMELESS: Offset = [0xff; OFFSET];

/// How many entries share a shortcut, where keys are even.
const SHARE: usize = 16;

/// Bytes of a shortcut.
const SHORTCUT: usize = 4;

/// How many steps of a look-up go by proportion before others go by halves. Even keys need one or two.
const GUESSES: usize = 8;

/// Bytes before the entries of the tables.
const COUNTS: usize = 56;

/// What an index is made of.
#[derive(Debug)]
pub(crate) struct Form {
    /// Begins every index of this form; the last byte is the form's version.
    pub(crate) magic: [u8; 8],
    /// The ending of such files in the cache folder.
    pub(crate) ending: &'static str,
    /// Bytes of a key, table by table.
    pub(crate) keys: &'static [usize],
}

impl Form {
    /// Bytes before the first table.
    fn header(&self) -> usize {
        COUNTS + 8 * (self.keys.len() + 2)
    }

    /// Where the index of a list is: named by the list's path.
    pub(crate) fn place(&self, list: &Path, cache: &Path) -> PathBuf {
        let mut name = hex::encode(Sha256::digest(list.as_os_str().as_encoded_bytes()));
        name.truncate(16);
        cache.join(name).with_extension(self.ending)
    }

    /// Maps the index of a list; makes it first, with `build`, if there is none for the list as it is now.
    pub(crate) fn load(
        &self,
        list: &Path,
        stamp: &Stamp,
        cache: &Path,
        build: fn(&Path, &Stamp, &Path) -> io::Result<()>,
    ) -> io::Result<Index> {
        let target = self.place(list, cache);
        if let Some(index) = Index::open(&target, stamp, self)? {
            return Ok(index);
        }
        fs::create_dir_all(cache)?;
        build(list, stamp, &target)?;
        let made = Index::open(&target, stamp, self)?;
        made.ok_or_else(|| io::Error::other("the index that was just made cannot be read"))
    }

    /// Removes the indexes of lists that are not `wanted` any more.
    pub(crate) fn sweep(&self, cache: &Path, wanted: &[PathBuf]) {
        let wanted: Vec<_> = wanted.iter().map(|list| self.place(list, cache)).collect();
        for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|ending| ending == self.ending) && !wanted.contains(&path) {
                // What cannot be removed now is tried again at the next start.
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// What was found out about the list while it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Notes {
    /// Lines that say nothing that such a list can say.
    pub(crate) bad_lines: u64,
    /// The first of them.
    pub(crate) examples: Vec<String>,
    /// How much the list holds, by what, where the tables do not tell.
    #[serde(default)]
    pub(crate) holds: BTreeMap<String, u64>,
}

impl Notes {
    /// What is to be said of the list's lines, which `fail` in that way.
    pub(crate) fn problems(&self, list: &Path, fail: &str) -> Vec<String> {
        if self.bad_lines == 0 {
            return Vec::new();
        }
        let list = list.display();
        let count = format!("{list}: {} lines {fail}", self.bad_lines);
        [count].into_iter().chain(self.examples.iter().map(|example| format!("{list}: {example}"))).collect()
    }
}

/// Where a table is in the map.
#[derive(Debug)]
struct Place {
    shortcuts: Range<usize>,
    entries: Range<usize>,
}

/// A mapped index.
pub(crate) struct Index {
    map: Mmap,
    tables: Vec<Place>,
    /// Entries in all.
    len: u64,
    names: Range<usize>,
    notes: Notes,
}

impl Index {
    /// Maps an index; none if there is none, or it was made from another state of the list or is damaged.
    pub(crate) fn open(path: &Path, stamp: &Stamp, form: &Form) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if file.metadata()?.len() < form.header() as u64 {
            return Ok(None);
        }
        Ok(Self::read(map(&file)?, stamp, form))
    }

    fn read(map: Mmap, stamp: &Stamp, form: &Form) -> Option<Self> {
        if map.get(..8)? != form.magic || map.get(8..COUNTS)? != stamp.bytes() {
            return None;
        }
        let number = |place: usize| {
            let at = COUNTS + 8 * place;
            let bytes = map.get(at..at + 8)?.try_into().ok()?;
            usize::try_from(u64::from_le_bytes(bytes)).ok()
        };
        let mut end = form.header();
        let mut part = |length: usize| {
            let start = end;
            end = end.checked_add(length)?;
            Some(start..end)
        };
        let (mut tables, mut len) = (Vec::with_capacity(form.keys.len()), 0);
        for (place, width) in form.keys.iter().enumerate() {
            let entries = number(place)?;
            len += entries as u64;
            let shortcuts = part(shortcuts(entries) * SHORTCUT)?;
            tables.push(Place { shortcuts, entries: part(entries.checked_mul(width + OFFSET)?)? });
        }
        let (names, notes) = (part(number(form.keys.len())?)?, part(number(form.keys.len() + 1)?)?);
        if end != map.len() {
            return None;
        }
        let notes = serde_json::from_slice(map.get(notes)?).ok()?;
        Some(Self { map, tables, len, names, notes })
    }

    /// Entries in all.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// What was found out about the list.
    pub(crate) fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Looks for a key in a table whose keys have that length.
    pub(crate) fn find<const N: usize>(&self, table: usize, key: &[u8; N]) -> Option<Offset> {
        self.table(table)?.look_up(key)
    }

    /// The entry of the last key that is not after `key`, in a table whose keys have that length.
    pub(crate) fn floor<const N: usize>(&self, table: usize, key: &[u8; N]) -> Option<Offset> {
        self.table(table)?.floor(key)
    }

    fn table(&self, number: usize) -> Option<Table<'_>> {
        let place = self.tables.get(number)?;
        Some(Table { shortcuts: &self.map[place.shortcuts.clone()], entries: &self.map[place.entries.clone()] })
    }

    /// The name of an entry, if it has one.
    pub(crate) fn name(&self, offset: Offset) -> Option<&[u8]> {
        let at = u32::from_be_bytes(offset) as usize;
        let names = &self.map[self.names.clone()];
        let length = usize::from(*names.get(at)?);
        names.get(at + 1..at + 1 + length)
    }
}

/// By how many first bits of a key the shortcuts of so many entries go.
fn bits(entries: usize) -> u32 {
    (entries / SHARE).checked_ilog2().unwrap_or(0)
}

/// How many shortcuts so many entries have.
fn shortcuts(entries: usize) -> usize {
    (1 << bits(entries)) + 1
}

/// The first bits of a key, as a number.
fn first(head: u64, bits: u32) -> u64 {
    head.checked_shr(u64::BITS - bits).unwrap_or(0)
}

/// A sorted table.
struct Table<'a> {
    shortcuts: &'a [u8],
    entries: &'a [u8],
}

impl Table<'_> {
    /// Between which entries a key is, and between which numbers their heads are.
    fn narrow(&self, wanted: u64, length: usize) -> Option<(Range<usize>, (u64, u64))> {
        let bits = bits(length);
        let bucket = first(wanted, bits);
        let at = SHORTCUT * usize::try_from(bucket).ok()?;
        let place = |at: usize| {
            let bytes = self.shortcuts.get(at..at + SHORTCUT)?.try_into().ok()?;
            usize::try_from(u32::from_le_bytes(bytes)).ok()
        };
        let lowest = bucket.checked_shl(u64::BITS - bits).unwrap_or(0);
        let highest = lowest | u64::MAX.checked_shr(bits).unwrap_or(0);
        Some((place(at)?..place(at + SHORTCUT)?, (lowest, highest)))
    }

    /// Finds the last entry whose key is not after `key`.
    fn floor<const N: usize>(&self, key: &[u8; N]) -> Option<Offset> {
        let width = N + OFFSET;
        let entry = |place: usize| self.entries.get(place * width..(place + 1) * width);
        let (Range { start: mut low, end: mut high }, _) = self.narrow(head(key), self.entries.len() / width)?;
        while low < high {
            let middle = low.midpoint(high);
            if entry(middle)?[..N] <= key[..] { low = middle + 1 } else { high = middle }
        }
        entry(low.checked_sub(1)?)?[N..].try_into().ok()
    }

    /// Finds a key and returns its name's offset. Hashes lie evenly, so a guess by proportion lands near, and the next one
    /// nearer; after [`GUESSES`], every other step halves what is left, so that uneven keys cannot make it slow.
    fn look_up<const N: usize>(&self, key: &[u8; N]) -> Option<Offset> {
        let width = N + OFFSET;
        let wanted = head(key);
        let (Range { start: mut low, end: mut high }, (mut low_head, mut high_head)) =
            self.narrow(wanted, self.entries.len() / width)?;
        let mut step = 0;
        while low < high {
            let middle = if step < GUESSES || step % 2 == 0 {
                low + proportion(wanted - low_head, high_head - low_head, high - low)
            } else {
                low.midpoint(high)
            };
            step += 1;
            let entry = self.entries.get(middle * width..(middle + 1) * width)?;
            let (found, offset) = entry.split_at(N);
            match found.cmp(key.as_slice()) {
                std::cmp::Ordering::Equal => return offset.try_into().ok(),
                std::cmp::Ordering::Less => (low, low_head) = (middle + 1, head(found).min(wanted)),
                std::cmp::Ordering::Greater => (high, high_head) = (middle, head(found).max(wanted)),
            }
        }
        None
    }
}

/// The first eight bytes as a number that sorts as the bytes do; a shorter key counts as one that ends in zeros.
fn head(key: &[u8]) -> u64 {
    let padded = || {
        let mut head = [0; 8];
        head.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
        head
    };
    u64::from_be_bytes(key.first_chunk().copied().unwrap_or_else(padded))
}

/// `part / whole` of `length`, below `length`.
fn proportion(part: u64, whole: u64, length: usize) -> usize {
    let place = u128::from(part) * length as u128 / (u128::from(whole) + 1);
    usize::try_from(place).unwrap_or(usize::MAX).min(length - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys in a table, each with its place as its offset.
    fn entries(keys: &[u128]) -> Vec<u8> {
        let entry = |(place, key): (usize, &u128)| {
            let place = u32::try_from(place).expect("few keys");
            [&key.to_be_bytes()[..], &place.to_be_bytes()].concat()
        };
        keys.iter().enumerate().flat_map(entry).collect()
    }

    fn sets() -> [Vec<u128>; 5] {
        let even: Vec<u128> = (0..10_000).map(|place| (u128::MAX / 10_000) * place + 7).collect();
        let crowded: Vec<u128> = (0..1_000).map(|place| place * 2).chain([u128::MAX]).collect();
        let doubling: Vec<u128> = (0..128).map(|bit| 1 << bit).collect();
        [even, crowded, doubling, vec![u128::MAX], Vec::new()]
    }

    #[test]
    fn even_and_uneven_keys_are_found_and_their_neighbours_are_not() {
        for keys in sets() {
            let entries = entries(&keys);
            let shortcuts = draft::shortcuts(&entries, 16).expect("few keys");
            let table = Table { shortcuts: &shortcuts, entries: &entries };
            for (place, key) in keys.iter().enumerate() {
                let found = table.look_up(&key.to_be_bytes()).map(u32::from_be_bytes);
                assert_eq!(found, u32::try_from(place).ok(), "{key:#x}");
                let next = key.wrapping_add(1);
                let listed = keys.binary_search(&next).is_ok();
                assert_eq!(table.look_up(&next.to_be_bytes()).is_some(), listed, "{next:#x}");
            }
        }
    }

    #[test]
    fn the_entry_before_is_found_wherever_a_key_lies() {
        for keys in sets() {
            let entries = entries(&keys);
            let shortcuts = draft::shortcuts(&entries, 16).expect("few keys");
            let table = Table { shortcuts: &shortcuts, entries: &entries };
            for near in keys.iter().flat_map(|key| [key.saturating_sub(1), *key, key.saturating_add(1)]) {
                let before = keys.partition_point(|key| *key <= near).checked_sub(1);
                let found = table.floor(&near.to_be_bytes()).map(u32::from_be_bytes);
                assert_eq!(found, before.map(|place| u32::try_from(place).expect("few keys")), "{near:#x}");
            }
        }
    }

    #[test]
    fn shortcuts_that_lead_nowhere_find_nothing() {
        let entries = entries(&sets()[0]);
        for shortcuts in [vec![0xff; 4 * shortcuts(10_000)], Vec::new()] {
            let table = Table { shortcuts: &shortcuts, entries: &entries };
            assert_eq!((table.look_up(&[7; 16]), table.floor(&[7; 16])), (None, None));
        }
    }
}
