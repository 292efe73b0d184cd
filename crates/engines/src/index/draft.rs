//! Writes an index: what was read of a list in, a file out, in the form that [`super`] says.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

use super::{Form, NAMELESS, Notes, OFFSET, Offset, SHORTCUT};
use crate::stamp::Stamp;

/// A longer line is bad, whatever it says.
const LINE_LIMIT: u64 = 64 << 10;

/// Bytes of a block of lines.
const BLOCK: u64 = 1 << 20;

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

/// Some whole lines of a list.
#[derive(Debug)]
pub(crate) struct Block {
    /// The number of the first.
    first: u64,
    bytes: Vec<u8>,
}

impl Block {
    /// Shows every line with its number.
    pub(crate) fn each_line(&self, mut visit: impl FnMut(u64, Line<'_>)) {
        for (number, line) in (self.first..).zip(self.bytes.split_inclusive(|byte| *byte == b'\n')) {
            let is_long = line.len() as u64 > LINE_LIMIT;
            visit(number, if is_long { Line::TooLong } else { Line::Text(line) });
        }
    }

    /// The number of the first line.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }
}

/// The lines of a list by blocks, for several to read at once.
pub(crate) struct Blocks {
    file: File,
    /// What follows the last whole line that was read.
    rest: Vec<u8>,
    next: u64,
}

impl Blocks {
    /// Opens a list.
    pub(crate) fn open(list: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(list)?, rest: Vec::new(), next: 1 })
    }

    /// The next block; none at the end. Of a line that is longer than a block only a beginning is kept.
    fn read(&mut self) -> io::Result<Option<Block>> {
        let mut bytes = std::mem::take(&mut self.rest);
        let more = BLOCK.saturating_sub(bytes.len() as u64);
        (&self.file).take(more).read_to_end(&mut bytes)?;
        match memchr::memrchr(b'\n', &bytes) {
            Some(end) => self.rest = bytes.split_off(end + 1),
            None if bytes.len() as u64 == BLOCK => self.skip_line()?,
            None => {}
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let first = self.next;
        self.next += memchr::memchr_iter(b'\n', &bytes).count().max(1) as u64;
        Ok(Some(Block { first, bytes }))
    }

    /// Passes over the rest of a line.
    fn skip_line(&mut self) -> io::Result<()> {
        let mut piece = vec![0; 1 << 16];
        loop {
            let count = self.file.read(&mut piece)?;
            if count == 0 {
                return Ok(());
            }
            if let Some(end) = memchr::memchr(b'\n', &piece[..count]) {
                self.rest.extend_from_slice(&piece[end + 1..count]);
                return Ok(());
            }
        }
    }
}

impl Iterator for Blocks {
    type Item = io::Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
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

    /// Adds what was found out about later lines.
    pub(crate) fn absorb(&mut self, later: Self) {
        self.bad_lines += later.bad_lines;
        let room = EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(later.examples.into_iter().take(room));
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

    /// Adds the names of another draft; where each of them is now, by where it was.
    pub(crate) fn absorb(&mut self, others: &Self) -> HashMap<Offset, Offset> {
        let (mut places, mut at) = (HashMap::from([(NAMELESS, NAMELESS)]), 0);
        while let Some(&length) = others.bytes.get(at) {
            let end = at + 1 + usize::from(length);
            if let Ok(place) = u32::try_from(at) {
                places.insert(place.to_be_bytes(), self.add(&others.bytes[at + 1..end]));
            }
            at = end;
        }
        places
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
    let shortcuts: Vec<_> =
        tables.iter().zip(form.keys).map(|(table, key)| shortcuts(table, *key)).collect::<io::Result<_>>()?;
    let mut header = Vec::with_capacity(form.header());
    header.extend_from_slice(&form.magic);
    header.extend_from_slice(&stamp.bytes());
    let lengths = entries.chain([names.bytes.len(), notes.len()]);
    header.extend(lengths.flat_map(|length| (length as u64).to_le_bytes()));
    let mut out = BufWriter::with_capacity(1 << 20, file.as_file_mut());
    let tables = shortcuts.iter().zip(tables).flat_map(|(shortcuts, table)| [&shortcuts[..], *table]);
    for part in [&header[..]].into_iter().chain(tables).chain([&names.bytes[..], &notes]) {
        out.write_all(part)?;
    }
    out.flush()?;
    drop(out);
    file.as_file().sync_all()?;
    file.persist(target).map_err(|error| error.error)?;
    Ok(())
}

/// The shortcuts of a settled table whose keys have `key` bytes.
pub(super) fn shortcuts(table: &[u8], key: usize) -> io::Result<Vec<u8>> {
    let entries = table.len() / (key + OFFSET);
    let count =
        u32::try_from(entries).map_err(|_| io::Error::other("the list has more entries than an index can hold"))?;
    let bits = super::bits(entries);
    let mut all = Vec::with_capacity(super::shortcuts(entries) * SHORTCUT);
    let mut reached = 0;
    for (place, entry) in (0..count).zip(table.chunks_exact(key + OFFSET)) {
        // Every number up to this key's is passed with so many entries before it.
        let bucket = super::first(super::head(&entry[..key]), bits);
        while reached <= bucket {
            all.extend_from_slice(&place.to_le_bytes());
            reached += 1;
        }
    }
    while all.len() < super::shortcuts(entries) * SHORTCUT {
        all.extend_from_slice(&count.to_le_bytes());
    }
    Ok(all)
}

/// Sorts, and keeps one entry per key: the one with a name, if any has.
pub(crate) fn settle<const W: usize>(entries: &mut Vec<[u8; W]>) {
    entries.sort_unstable();
    entries.dedup_by(|next, kept| next[..W - OFFSET] == kept[..W - OFFSET]);
}

/// An entry whose name is in another place.
pub(crate) fn renamed<const W: usize>(mut entry: [u8; W], place: impl Fn(Offset) -> Offset) -> [u8; W] {
    if let Some(name) = entry.last_chunk_mut() {
        *name = place(*name);
    }
    entry
}

/// An entry of a table.
pub(crate) fn entry<const N: usize, const W: usize>(key: &[u8; N], offset: Offset) -> [u8; W] {
    let mut entry = [0; W];
    entry[..N].copy_from_slice(key);
    entry[N..].copy_from_slice(&offset);
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a list: their numbers and lengths, none for what is too long.
    fn lines(list: &[u8]) -> [Vec<(u64, Option<usize>)>; 2] {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(list).expect("room for the list");
        let length = |line: Line<'_>| match line {
            Line::Text(text) => Some(text.len()),
            Line::TooLong => None,
        };
        let (mut by_line, mut by_block) = (Vec::new(), Vec::new());
        each_line(file.path(), |number, line| by_line.push((number, length(line)))).expect("the list can be read");
        for block in Blocks::open(file.path()).expect("the list is there") {
            block.expect("the list can be read").each_line(|number, line| by_block.push((number, length(line))));
        }
        [by_line, by_block]
    }

    #[test]
    fn blocks_have_the_lines_that_the_list_has() {
        let long = |length: usize| [vec![b'x'; length], b"\n".to_vec()].concat();
        let many = b"a line of some length, again and again\n".repeat(70_000);
        for list in [
            Vec::new(),
            b"\n".to_vec(),
            b"one\ntwo".to_vec(),
            [&many[..], b"the last"].concat(),
            [long(70_000), b"next\n".to_vec()].concat(),
            [b"first\n".to_vec(), long(3 << 20), b"next\n".to_vec(), many.clone(), long(1 << 20)].concat(),
            long((1 << 20) - 1),
            vec![b'x'; 2 << 20],
        ] {
            let [by_line, by_block] = lines(&list);
            assert!(by_line == by_block, "{:?} {:?}", by_line.last(), by_block.last());
        }
    }
}
