//! A file as bytes without reading it: the one place of this crate where `unsafe` is needed.

use std::fs::File;

use bytes::Bytes;

/// Maps a whole file read-only. An empty file, which cannot be mapped, is empty bytes.
#[expect(unsafe_code, reason = "mapping a file has no safe form; the invariant below makes it sound")]
pub(crate) fn map(file: &File) -> std::io::Result<Bytes> {
    if file.metadata()?.len() == 0 {
        return Ok(Bytes::new());
    }
    // SAFETY: a mapped file must not change while it is mapped. Blobs are written under a temporary name, renamed into
    // place once and never opened for writing again; deleting one only removes its name, the mapping keeps the bytes.
    // The folder is private to this program (mode 0700).
    let mapping = unsafe { memmap2::Mmap::map(file)? };
    Ok(Bytes::from_owner(mapping))
}
