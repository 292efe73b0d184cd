//! Tells whether a file changed without reading it: metadata in, a [`Stamp`] out that is equal as long as the
//! content is, as far as can be told unread.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

use assay_model::Timestamp;

/// Size, times and inode of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Bytes.
    pub(crate) size: u64,
    /// Modification and status change, seconds and nanoseconds: the latter also changes when a file is put in
    /// place with an old date.
    times: [i64; 4],
    inode: u64,
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            times: [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()],
            inode: metadata.ino(),
        }
    }

    /// When the file was last modified.
    pub(crate) fn modified(&self) -> Timestamp {
        Timestamp(self.times[0])
    }

    /// The stamp as bytes, to be kept in a file.
    pub(crate) fn bytes(&self) -> [u8; 48] {
        let mut bytes = [0; 48];
        let numbers = [self.size, self.inode].into_iter().chain(self.times.iter().map(|time| time.cast_unsigned()));
        for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }
}
