//! ZIP members. The directory is read by `zipdir`, which unlike the `zip` crate keeps members of equal name
//! apart and costs no memory; plain members go straight to their decoder. The `zip` crate reads what needs
//! more: decryption and deflate64.

use std::io::{Cursor, Read};
use std::ops::ControlFlow;

use zip::ZipArchive;
use zip::result::ZipError;

use super::stream::XZ_MEMORY;
use super::{Cut, Walker, joined};
use crate::bytes::{le16, le32, len64};
use crate::zipdir::{self, Directory, Entry};

const STORED: u16 = 0;
const DEFLATE: u16 = 8;
const DEFLATE64: u16 = 9;
const BZIP2: u16 = 12;
const LZMA: u16 = 14;
const XZ: u16 = 95;
/// The method of a member encrypted with AES; its real method is in an extra field.
const AES: u16 = 99;
/// The `zip` crate keeps some 600 bytes per entry: above this many it is not asked.
const MOST_ENTRIES: usize = 100_000;

/// The members of the ZIP in `bytes`.
pub(super) fn walk(walker: &mut Walker<'_>, bytes: &[u8], prefix: &str, depth: u32) -> ControlFlow<()> {
    let Some(directory) = Directory::find(bytes) else {
        walker.cut(Cut::Damaged);
        return ControlFlow::Continue(());
    };
    let mut opened = None;
    let mut met = 0_u64;
    // Members share no bytes, unless the archive is made to cost time: then it is left early.
    let mut packed = len64(bytes).saturating_mul(2);
    for entry in directory.entries() {
        met = met.saturating_add(1);
        walker.walk.encrypted |= entry.encrypted();
        if entry.is_directory() || (entry.encrypted() && walker.password.is_none()) {
            continue;
        }
        walker.admit()?;
        let Some(left) = packed.checked_sub(entry.compressed.min(len64(bytes))) else {
            walker.cut(Cut::Damaged);
            return ControlFlow::Continue(());
        };
        packed = left;
        let content = if entry.encrypted() || entry.method == DEFLATE64 {
            let archive = opened.get_or_insert_with(|| open(bytes));
            let password = walker.password.unwrap_or_default();
            with_crate(walker, archive.as_mut(), &entry, password)?
        } else {
            read_plain(walker, &entry, &directory)?
        };
        if let Some(content) = content {
            walker.show(joined(prefix, entry.name), &content, depth)?;
        }
    }
    if met < directory.declared {
        walker.cut(Cut::Damaged);
    }
    ControlFlow::Continue(())
}

fn read_plain<'a>(
    walker: &mut Walker<'_>,
    entry: &Entry<'a>,
    directory: &Directory<'a>,
) -> ControlFlow<(), Option<Vec<u8>>> {
    let Some(source) = plain(entry, directory) else {
        walker.cut(Cut::Damaged);
        return ControlFlow::Continue(None);
    };
    walker.read(source, entry.compressed)
}

fn open(bytes: &[u8]) -> Option<ZipArchive<Cursor<&[u8]>>> {
    let entries = memchr::memmem::find_iter(bytes, b"PK\x01\x02").take(MOST_ENTRIES).count();
    if entries == MOST_ENTRIES { None } else { ZipArchive::new(Cursor::new(bytes)).ok() }
}

/// Reads an encrypted or deflate64 member. A wrong password leaves it out without a cut.
fn with_crate(
    walker: &mut Walker<'_>,
    archive: Option<&mut ZipArchive<Cursor<&[u8]>>>,
    entry: &Entry<'_>,
    password: &str,
) -> ControlFlow<(), Option<Vec<u8>>> {
    let Some(archive) = archive else {
        walker.cut(Cut::Damaged);
        return ControlFlow::Continue(None);
    };
    let index = archive.index_for_name_raw(entry.name);
    let Ok(file) = index.ok_or(ZipError::FileNotFound).and_then(|index| member(archive, index, password)) else {
        if !entry.encrypted() {
            walker.cut(Cut::Damaged);
        }
        return ControlFlow::Continue(None);
    };
    walker.read(file, entry.compressed)
}

fn member<'a, 'b>(
    archive: &'a mut ZipArchive<Cursor<&'b [u8]>>,
    index: usize,
    password: &str,
) -> Result<zip::read::ZipFile<'a, Cursor<&'b [u8]>>, ZipError> {
    // Behind the encryption the dictionary's size cannot be checked before it is allocated.
    let method = archive.by_index_raw(index)?.compression();
    if matches!(method, zip::CompressionMethod::Lzma | zip::CompressionMethod::Xz) {
        return Err(ZipError::UnsupportedArchive("LZMA behind encryption"));
    }
    archive.by_index_decrypt(index, password.as_bytes())
}

/// The decoder of a member that is not encrypted; `None` for an unknown method or a wrong header.
pub(crate) fn plain<'a>(entry: &Entry<'a>, directory: &Directory<'a>) -> Option<Box<dyn Read + 'a>> {
    let stored = entry.stored(directory)?;
    Some(match entry.method {
        STORED => Box::new(stored),
        DEFLATE => Box::new(flate2::bufread::DeflateDecoder::new(stored)),
        BZIP2 => Box::new(bzip2::bufread::BzDecoder::new(stored)),
        LZMA => Box::new(lzma(stored, if entry.flags & 2 == 0 { entry.size } else { u64::MAX })?),
        XZ => Box::new(lzma_rust2::XzReader::new_mem_limit(stored, false, XZ_MEMORY)),
        _ => return None,
    })
}

/// LZMA in a ZIP has a header of its own: version, size of the properties, properties (APPNOTE 5.8.8). A size
/// of `u64::MAX` means that the stream says itself where it ends.
fn lzma(stored: &[u8], size: u64) -> Option<lzma_rust2::LzmaReader<&[u8]>> {
    if le16(stored, 2)? != 5 {
        return None;
    }
    let properties = *stored.get(4)?;
    let dictionary = le32(stored, 5)?;
    let memory = lzma_rust2::lzma_get_memory_usage_by_props(dictionary, properties).ok()?;
    if memory > XZ_MEMORY {
        return None;
    }
    lzma_rust2::LzmaReader::new_with_props(stored.get(9..)?, size, properties, dictionary, None).ok()
}

/// Why an upload with a password cannot be unpacked; the texts are for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtectedError {
    /// Not a ZIP at all.
    #[error("a password can be given for ZIP archives only")]
    NotAZip,
    /// More than one file in it.
    #[error("a password-protected ZIP must contain exactly one file")]
    MoreThanOneFile,
    /// Does not open with this password.
    #[error("the password does not open the ZIP archive")]
    WrongPassword,
    /// Cannot be read, has no file in it, or is packed by a method that is not read here.
    #[error("the ZIP archive is damaged, empty or packed by an unsupported method")]
    Damaged,
    /// The file in it is larger than allowed.
    #[error("the file in the ZIP archive is too large")]
    TooLarge,
}

/// The name and content of the one file of a protected ZIP, content up to `max` bytes. A ZIP that turns out
/// not to be encrypted opens with any password.
pub fn single_protected_member(bytes: &[u8], password: &str, max: u64) -> Result<(String, Vec<u8>), ProtectedError> {
    if !zipdir::begins(bytes) {
        return Err(ProtectedError::NotAZip);
    }
    let directory = Directory::find(bytes).ok_or(ProtectedError::Damaged)?;
    let mut files = directory.entries().filter(|entry| !entry.is_directory());
    let entry = files.next().ok_or(ProtectedError::Damaged)?;
    if files.next().is_some() {
        return Err(ProtectedError::MoreThanOneFile);
    }
    if entry.size > max {
        return Err(ProtectedError::TooLarge);
    }
    let content = if entry.encrypted() || entry.method == DEFLATE64 {
        let mut archive = open(bytes).ok_or(ProtectedError::Damaged)?;
        let index = archive.index_for_name_raw(entry.name).ok_or(ProtectedError::Damaged)?;
        let file = member(&mut archive, index, password).map_err(|error| match error {
            ZipError::InvalidPassword => ProtectedError::WrongPassword,
            _ => ProtectedError::Damaged,
        })?;
        // The old cipher lets one wrong password in 256 through; the content then makes no sense.
        let senseless = if entry.method == AES { ProtectedError::Damaged } else { ProtectedError::WrongPassword };
        read_up_to(file, max, senseless)?
    } else {
        read_up_to(plain(&entry, &directory).ok_or(ProtectedError::Damaged)?, max, ProtectedError::Damaged)?
    };
    Ok((entry.name(), content))
}

fn read_up_to(source: impl Read, max: u64, otherwise: ProtectedError) -> Result<Vec<u8>, ProtectedError> {
    let mut content = Vec::new();
    source.take(max.saturating_add(1)).read_to_end(&mut content).map_err(|_| otherwise)?;
    if len64(&content) > max { Err(ProtectedError::TooLarge) } else { Ok(content) }
}
