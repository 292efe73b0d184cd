//! The central directory of a ZIP: names and sizes without unpacking anything. In go the archive's bytes,
//! out come [`Entry`] values one by one; nothing is collected, so a directory of millions costs no memory.
//! Format: PKWARE APPNOTE 6.3.10, sections 4.3.12 to 4.3.16.

use crate::bytes::{at, le16, le32, le64, slice, tail};

const END: &[u8] = b"PK\x05\x06";
const END_SIZE: usize = 22;
const LOCATOR: &[u8] = b"PK\x06\x07";
const LOCATOR_SIZE: usize = 20;
const HEADER: &[u8] = b"PK\x01\x02";
const HEADER_SIZE: usize = 46;
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_SIZE: usize = 30;
const LONGEST_COMMENT: usize = 0xffff;

/// Whether the bytes begin as a ZIP does, an empty one included.
pub(crate) fn begins(bytes: &[u8]) -> bool {
    at(bytes, 0, LOCAL) || at(bytes, 0, END)
}

/// One line of the directory.
pub(crate) struct Entry<'a> {
    /// As written, in whatever encoding.
    pub(crate) name: &'a [u8],
    pub(crate) flags: u16,
    pub(crate) method: u16,
    /// MS-DOS time and date.
    pub(crate) time: u16,
    pub(crate) date: u16,
    pub(crate) compressed: u64,
    pub(crate) size: u64,
    local: u64,
}

impl<'a> Entry<'a> {
    pub(crate) fn encrypted(&self) -> bool {
        self.flags & 1 != 0
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.name.ends_with(b"/")
    }

    pub(crate) fn name(&self) -> String {
        String::from_utf8_lossy(self.name).into_owned()
    }

    /// The bytes as they are stored: compressed, perhaps encrypted.
    pub(crate) fn stored(&self, directory: &Directory<'a>) -> Option<&'a [u8]> {
        let start = usize::try_from(self.local).ok()?.checked_add(directory.shift)?;
        let header = slice(directory.archive, start, LOCAL_SIZE)?;
        if !header.starts_with(LOCAL) {
            return None;
        }
        let name = usize::from(le16(header, 26)?);
        let extra = usize::from(le16(header, 28)?);
        let data = start.checked_add(LOCAL_SIZE)?.checked_add(name)?.checked_add(extra)?;
        let rest = directory.archive.get(data..)?;
        Some(rest.get(..usize::try_from(self.compressed).ok()?).unwrap_or(rest))
    }
}

/// Where the directory lies.
pub(crate) struct Directory<'a> {
    archive: &'a [u8],
    start: usize,
    /// What stands before the archive proper: added to every offset in it.
    shift: usize,
    /// How many entries the archive says it has.
    pub(crate) declared: u64,
}

impl<'a> Directory<'a> {
    /// Finds the directory from the end of the archive; `None` where there is none.
    pub(crate) fn find(archive: &'a [u8]) -> Option<Self> {
        let searched = tail(archive, END_SIZE.saturating_add(LONGEST_COMMENT));
        let place = memchr::memmem::rfind(searched, END)?;
        let end = archive.len().checked_sub(searched.len())?.checked_add(place)?;
        let record = slice(archive, end, END_SIZE)?;
        let mut declared = u64::from(le16(record, 10)?);
        let mut size = u64::from(le32(record, 12)?);
        let mut offset = u64::from(le32(record, 16)?);
        let mut limit = end;
        if let Some(large) = Self::large(archive, end) {
            (declared, size, offset, limit) = large;
        }
        let offset = usize::try_from(offset).ok()?;
        let start = limit.checked_sub(usize::try_from(size).ok()?)?;
        let shift = start.saturating_sub(offset);
        let start = if at(archive, start, HEADER) { start } else { offset };
        Some(Self { archive, start, shift, declared })
    }

    /// The 64-bit record, where there is one: entries, size, offset, and where the record itself begins.
    fn large(archive: &[u8], end: usize) -> Option<(u64, u64, u64, usize)> {
        let locator = slice(archive, end.checked_sub(LOCATOR_SIZE)?, LOCATOR_SIZE)?;
        if !locator.starts_with(LOCATOR) {
            return None;
        }
        let start = usize::try_from(le64(locator, 8)?).ok()?;
        let record = slice(archive, start, 56).filter(|record| record.starts_with(b"PK\x06\x06"))?;
        Some((le64(record, 32)?, le64(record, 40)?, le64(record, 48)?, start))
    }

    /// The entries, up to the first that is not one.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry<'a>> {
        let archive = self.archive;
        let mut next = self.start;
        std::iter::from_fn(move || {
            let (entry, after) = read(archive, next)?;
            next = after;
            Some(entry)
        })
    }
}

fn read(archive: &[u8], start: usize) -> Option<(Entry<'_>, usize)> {
    let header = slice(archive, start, HEADER_SIZE).filter(|header| header.starts_with(HEADER))?;
    let name_size = usize::from(le16(header, 28)?);
    let extra_size = usize::from(le16(header, 30)?);
    let comment_size = usize::from(le16(header, 32)?);
    let name_start = start.checked_add(HEADER_SIZE)?;
    let name = slice(archive, name_start, name_size)?;
    let extra_start = name_start.checked_add(name_size)?;
    let extra = slice(archive, extra_start, extra_size)?;
    let mut entry = Entry {
        name,
        flags: le16(header, 8)?,
        method: le16(header, 10)?,
        time: le16(header, 12)?,
        date: le16(header, 14)?,
        compressed: u64::from(le32(header, 20)?),
        size: u64::from(le32(header, 24)?),
        local: u64::from(le32(header, 42)?),
    };
    widen(&mut entry, extra);
    Some((entry, extra_start.checked_add(extra_size)?.checked_add(comment_size)?))
}

/// Takes the 64-bit values from extra field 1 for those that do not fit into 32 bits.
fn widen(entry: &mut Entry<'_>, extra: &[u8]) {
    let mut place = 0_usize;
    while let (Some(id), Some(size)) = (le16(extra, place), le16(extra, place.saturating_add(2))) {
        place = place.saturating_add(4);
        let Some(field) = slice(extra, place, usize::from(size)) else { return };
        if id == 1 {
            let mut read = 0_usize;
            for value in [&mut entry.size, &mut entry.compressed, &mut entry.local] {
                if *value == u64::from(u32::MAX) {
                    *value = le64(field, read).unwrap_or(*value);
                    read = read.saturating_add(8);
                }
            }
        }
        place = place.saturating_add(usize::from(size));
    }
}
