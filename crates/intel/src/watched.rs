//! A file that is read again when it changes: its path and how to read it in, what was last read of it out.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// How a file becomes what it holds.
type Read<T> = fn(&Path) -> io::Result<T>;

/// By what a change is seen without reading: size, inode, both times with their nanoseconds.
type Stamp = (u64, u64, [i64; 4]);

/// See the module.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    path: PathBuf,
    read: Read<T>,
    current: RwLock<Arc<T>>,
    /// Of what was last tried, whether or not it could be read.
    stamp: Mutex<Option<Stamp>>,
}

impl<T> Watched<T> {
    /// Reads a file for the first time.
    pub(crate) fn open(path: &Path, read: Read<T>) -> io::Result<Self> {
        let stamp = Some(stamp(&fs::metadata(path)?));
        let current = RwLock::new(Arc::new(read(path)?));
        Ok(Self { path: path.to_owned(), read, current, stamp: Mutex::new(stamp) })
    }

    /// What was last read.
    pub(crate) fn current(&self) -> Arc<T> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the file again if it has changed since it was last tried. What cannot be read leaves the old in use.
    pub(crate) fn refresh(&self) {
        let mut known = self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        let now = fs::metadata(&self.path).ok().map(|metadata| stamp(&metadata));
        if now == *known {
            return;
        }
        *known = now;
        match (self.read)(&self.path) {
            Ok(new) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                tracing::info!(file = %self.path.display(), "a changed file was taken in use");
            }
            Err(error) => {
                tracing::warn!(file = %self.path.display(), %error, "a changed file cannot be read; the old stays in use");
            }
        }
    }
}

fn stamp(metadata: &Metadata) -> Stamp {
    let times = [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()];
    (metadata.len(), metadata.ino(), times)
}
