//! gzip, bzip2 and xz streams, and tar, plain or inside such a stream. Decoders read from memory and are
//! stopped by [`Bounded`] even while the tar reader skips data that nobody asked for.

use std::io::{self, Cursor, Read};
use std::ops::ControlFlow;

use super::{Cut, Format, RATIO_FREE, Walker, cut_of, joined};
use crate::bytes::{at, len64};

/// The dictionary of an xz stream may be as large as this, in KiB: what `xz -9` uses, and room.
pub(super) const XZ_MEMORY: u32 = 80 << 10;

/// The one file of a compressed stream, or the files of the tar in it.
pub(super) fn walk_compressed(
    walker: &mut Walker<'_>,
    bytes: &[u8],
    format: Format,
    prefix: &str,
    depth: u32,
) -> ControlFlow<()> {
    let mut decoder: Box<dyn Read + '_> = match format {
        Format::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
        Format::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(bytes)),
        _ => Box::new(lzma_rust2::XzReader::new_mem_limit(bytes, true, XZ_MEMORY)),
    };
    let mut start = Vec::new();
    let begun = decoder.by_ref().take(512).read_to_end(&mut start);
    if begun.is_err() && start.is_empty() {
        walker.cut(Cut::Damaged);
        return ControlFlow::Continue(());
    }
    let packed = len64(bytes);
    if crate::sniff::is_tar(&start) {
        let left = walker.limits.total_bytes.saturating_sub(walker.walk.bytes);
        let swollen = packed.saturating_mul(walker.limits.ratio).max(RATIO_FREE);
        let (left, cut) = if swollen < left { (swollen, Cut::Ratio) } else { (left, Cut::TotalBytes) };
        let bounded = Bounded { source: Cursor::new(start).chain(decoder), left, cut };
        return walk_entries(walker, bounded, packed, prefix, depth);
    }
    walker.admit()?;
    let name = gzip_name(bytes).filter(|name| !name.is_empty()).unwrap_or(b"content");
    match walker.read(Cursor::new(start).chain(decoder), packed)? {
        Some(content) => walker.show(joined(prefix, name), &content, depth),
        None => ControlFlow::Continue(()),
    }
}

/// The files of a tar.
pub(super) fn walk_tar(walker: &mut Walker<'_>, bytes: &[u8], prefix: &str, depth: u32) -> ControlFlow<()> {
    walk_entries(walker, bytes, len64(bytes), prefix, depth)
}

fn walk_entries(walker: &mut Walker<'_>, source: impl Read, packed: u64, prefix: &str, depth: u32) -> ControlFlow<()> {
    let mut archive = tar::Archive::new(source);
    let Ok(entries) = archive.entries() else {
        walker.cut(Cut::Damaged);
        return ControlFlow::Continue(());
    };
    for entry in entries {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                walker.cut(cut_of(&error));
                return ControlFlow::Continue(());
            }
        };
        let kind = entry.header().entry_type();
        if !(kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()) {
            continue;
        }
        walker.admit()?;
        let path = joined(prefix, &entry.path_bytes());
        if let Some(content) = walker.read(&mut entry, packed)? {
            walker.show(path, &content, depth)?;
        }
    }
    ControlFlow::Continue(())
}

/// The file name in a gzip header (RFC 1952, 2.3).
pub(crate) fn gzip_name(bytes: &[u8]) -> Option<&[u8]> {
    if !at(bytes, 0, b"\x1f\x8b\x08") {
        return None;
    }
    let flags = *bytes.get(3)?;
    let mut start = 10_usize;
    if flags & 4 != 0 {
        start = start.checked_add(2)?.checked_add(usize::from(crate::bytes::le16(bytes, 10)?))?;
    }
    let rest = bytes.get(start..)?;
    let end = memchr::memchr(0, crate::bytes::head(rest, 4096))?;
    if flags & 8 == 0 { None } else { rest.get(..end) }
}

/// A reader that fails once it has given out what it may.
struct Bounded<R> {
    source: R,
    left: u64,
    cut: Cut,
}

/// The error of a [`Bounded`] reader: which limit it stands for.
#[derive(Debug, thiserror::Error)]
#[error("a limit of the walk is reached")]
pub(super) struct Bound(pub(super) Cut);

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        match self.left.checked_sub(u64::try_from(read).unwrap_or(u64::MAX)) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(Bound(self.cut))),
        }
        Ok(read)
    }
}
