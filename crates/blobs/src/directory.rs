//! Blobs in a folder: `ab/abcd…` for what is kept, `incoming/` for what is on its way.
//!
//! Pieces are hashed and written by a thread of their own per blob, so that no async worker waits for the disk. A blob
//! is kept by: flush, synchronise the file, rename it into place, synchronise the folder.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use assay_model::digest::Hasher;
use assay_model::{Digests, Sha256};
use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;

use crate::{BlobError, Blobs, Incoming, Result, mapping};

/// How many bytes are gathered before the writing thread is woken.
const GATHER: usize = 256 << 10;
/// How many gatherings may wait for the disk; together they bound the memory of an upload.
const WAITING: usize = 8;

/// See the module.
pub(crate) struct Directory {
    folder: Arc<Path>,
    next: AtomicU64,
}

impl Directory {
    /// Opens or makes the folder and sweeps what a crash left in `incoming/`.
    pub(crate) async fn open(folder: &Path) -> Result<Self> {
        let folder: Arc<Path> = folder.into();
        let (incoming, opened) = (folder.join("incoming"), folder.clone());
        blocking(move || {
            make_folder(&incoming)?;
            for left in fs::read_dir(&incoming)? {
                fs::remove_file(left?.path())?;
            }
            // All of them at once, so that keeping a blob has one folder to synchronise and none to make.
            for first in 0..=u8::MAX {
                make_folder(&opened.join(format!("{first:02x}")))?;
            }
            File::open(&opened)?.sync_all()
        })
        .await?;
        Ok(Self { folder, next: AtomicU64::new(0) })
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn place(folder: &Path, name: &Sha256) -> PathBuf {
    let name = name.to_string();
    folder.join(&name[..2]).join(name)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?.map_err(BlobError::from)
}

#[async_trait]
impl Blobs for Directory {
    async fn begin(&self, limit: u64) -> Result<Box<dyn Incoming>> {
        // The process id keeps two processes on one folder apart; the counter keeps two uploads of one process apart.
        let nth = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join("incoming").join(format!("{}-{nth}", std::process::id()));
        let (pieces, queue) = mpsc::channel(WAITING);
        let folder = self.folder.clone();
        let writing = tokio::task::spawn_blocking(move || write_all(&folder, Temporary { path: Some(path) }, queue));
        Ok(Box::new(Piecewise { pieces: Some(pieces), writing, limit, size: 0, gathered: Vec::new(), waiting: 0 }))
    }

    async fn open(&self, name: &Sha256) -> Result<Option<Bytes>> {
        let path = place(&self.folder, name);
        blocking(move || match File::open(path) {
            Ok(file) => mapping::map(&file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn delete(&self, name: &Sha256) -> Result<()> {
        let path = place(&self.folder, name);
        blocking(move || match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
        .await
    }
}

/// A file that is removed unless it was moved into its place.
struct Temporary {
    path: Option<PathBuf>,
}

impl Temporary {
    fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(""))
    }

    fn move_to(mut self, target: &Path) -> io::Result<()> {
        fs::rename(self.path(), target)?;
        self.path = None;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _swept_at_the_next_start = fs::remove_file(path);
        }
    }
}

/// Pieces that reach the writing thread; all but `Bytes` are the last.
enum Piece {
    Bytes(Vec<Bytes>),
    Keep,
    Unkept,
}

/// What came of a blob.
enum Ended {
    Kept(Digests),
    Unkept(Bytes),
    Dropped,
}

/// Writes pieces until the last one comes; unless that is `Keep`, nothing is left behind.
fn write_all(folder: &Path, temporary: Temporary, mut waiting: Receiver<Piece>) -> io::Result<Ended> {
    let mut file = File::options().read(true).write(true).create_new(true).mode(0o600).open(temporary.path())?;
    let mut hasher = Hasher::default();
    loop {
        match waiting.blocking_recv() {
            Some(Piece::Bytes(gathered)) => {
                for bytes in gathered {
                    hasher.update(&bytes);
                    file.write_all(&bytes)?;
                }
            }
            Some(Piece::Keep) => break,
            // The mapping outlives the file's name, which goes with `temporary`.
            Some(Piece::Unkept) => return mapping::map(&file).map(Ended::Unkept),
            None => return Ok(Ended::Dropped),
        }
    }
    let digests = hasher.finish();
    let target = place(folder, &digests.sha256);
    if !target.try_exists()? {
        file.sync_all()?;
        temporary.move_to(&target)?;
        File::open(target.parent().unwrap_or(folder))?.sync_all()?;
    }
    Ok(Ended::Kept(digests))
}

struct Piecewise {
    pieces: Option<Sender<Piece>>,
    writing: JoinHandle<io::Result<Ended>>,
    limit: u64,
    size: u64,
    gathered: Vec<Bytes>,
    /// Bytes in `gathered`.
    waiting: usize,
}

impl Piecewise {
    /// Hands over what was gathered.
    async fn hand_over(&mut self) -> Result<()> {
        self.waiting = 0;
        let gathered = std::mem::take(&mut self.gathered);
        self.send(Piece::Bytes(gathered)).await
    }

    /// Hands a piece to the thread; where the thread is gone, says why.
    async fn send(&mut self, piece: Piece) -> Result<()> {
        let gone = match &self.pieces {
            Some(pieces) => pieces.send(piece).await.is_err(),
            None => true,
        };
        if !gone {
            return Ok(());
        }
        self.pieces = None;
        match (&mut self.writing).await {
            Ok(Err(cause)) => Err(cause.into()),
            Ok(Ok(_)) | Err(_) => Err(io::Error::other("the writing thread is gone").into()),
        }
    }
}

#[async_trait]
impl Incoming for Piecewise {
    async fn write(&mut self, piece: Bytes) -> Result<()> {
        self.size = self.size.saturating_add(piece.len() as u64);
        if self.size > self.limit {
            self.pieces = None;
            return Err(BlobError::TooLarge(self.limit));
        }
        self.waiting += piece.len();
        self.gathered.push(piece);
        if self.waiting < GATHER { Ok(()) } else { self.hand_over().await }
    }

    async fn keep(mut self: Box<Self>) -> Result<Digests> {
        self.hand_over().await?;
        self.send(Piece::Keep).await?;
        match self.writing.await.map_err(io::Error::other)?? {
            Ended::Kept(digests) => Ok(digests),
            Ended::Unkept(_) | Ended::Dropped => Err(io::Error::other("the blob was not ended").into()),
        }
    }

    async fn unkept(mut self: Box<Self>) -> Result<Bytes> {
        self.hand_over().await?;
        self.send(Piece::Unkept).await?;
        match self.writing.await.map_err(io::Error::other)?? {
            Ended::Unkept(bytes) => Ok(bytes),
            Ended::Kept(_) | Ended::Dropped => Err(io::Error::other("the blob was not ended").into()),
        }
    }
}
