//! Blobs in a folder: `ab/abcd…` for what is kept, `incoming/` for what is on its way.
//!
//! A small blob is held in memory until its end, then hashed and written at one go. The pieces of a large one are hashed
//! and written by a thread of its own as they come. Either way no async worker waits for the disk, and a blob is kept
//! by: write, synchronise the file, rename it into place, synchronise the folder.

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

use crate::{BlobError, Blobs, Incoming, Kept, Result, mapping};

/// How many bytes are gathered before the writing thread is woken; a blob that has fewer altogether needs no thread.
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
        let nth = self.next.fetch_add(1, Ordering::Relaxed);
        let target = Target { folder: self.folder.clone(), nth };
        Ok(Box::new(Piecewise { target, limit, size: 0, held: Vec::new(), waiting: 0, writing: None }))
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

/// Where a blob goes.
#[derive(Clone)]
struct Target {
    folder: Arc<Path>,
    /// Tells the blobs of this process apart while they have no name of their own.
    nth: u64,
}

impl Target {
    /// A file for what has no name yet. The process id keeps two processes on one folder apart.
    fn open(&self) -> io::Result<(File, Temporary)> {
        let path = self.folder.join("incoming").join(format!("{}-{}", std::process::id(), self.nth));
        let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        Ok((file, Temporary { path: Some(path) }))
    }

    /// The place of the blob of this name, and whether it is there.
    fn place(&self, name: &Sha256) -> io::Result<(PathBuf, bool)> {
        let place = place(&self.folder, name);
        let there = place.try_exists()?;
        Ok((place, there))
    }

    /// Keeps a blob that is held in memory.
    fn keep_held(&self, bytes: Bytes) -> io::Result<Kept> {
        let digests = Digests::of(&bytes);
        let (place, there) = self.place(&digests.sha256)?;
        if !there {
            let (mut file, temporary) = self.open()?;
            file.write_all(&bytes)?;
            temporary.keep_as(&file, &place)?;
        }
        synchronise_folder_of(&place)?;
        Ok(Kept { digests, bytes, new: !there })
    }

    /// Writes pieces until the last one comes; unless that is `Keep`, nothing is left behind.
    fn write_all(&self, mut waiting: Receiver<Piece>) -> io::Result<Ended> {
        let (mut file, temporary) = self.open()?;
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
        let (place, there) = self.place(&digests.sha256)?;
        if !there {
            temporary.keep_as(&file, &place)?;
        }
        synchronise_folder_of(&place)?;
        Ok(Ended::Kept(Kept { digests, bytes: mapping::map(&file)?, new: !there }))
    }
}

/// Makes a blob's name last, also where another upload of the same bytes has just given it that name.
fn synchronise_folder_of(place: &Path) -> io::Result<()> {
    File::open(place.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// A file that is removed unless it was moved into its place.
struct Temporary {
    path: Option<PathBuf>,
}

impl Temporary {
    /// Makes the bytes last and gives them their name.
    fn keep_as(mut self, file: &File, place: &Path) -> io::Result<()> {
        file.sync_all()?;
        fs::rename(self.path.as_deref().unwrap_or(Path::new("")), place)?;
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

/// What reaches the writing thread; all but `Bytes` are the last.
enum Piece {
    Bytes(Vec<Bytes>),
    Keep,
    Unkept,
}

/// What came of a blob.
enum Ended {
    Kept(Kept),
    Unkept(Bytes),
    Dropped,
}

/// A thread that writes a large blob.
struct Writing {
    pieces: Option<Sender<Piece>>,
    thread: JoinHandle<io::Result<Ended>>,
}

impl Writing {
    fn start(target: Target) -> Self {
        let (pieces, queue) = mpsc::channel(WAITING);
        Self { pieces: Some(pieces), thread: tokio::task::spawn_blocking(move || target.write_all(queue)) }
    }

    /// Hands a piece to the thread; where the thread is gone, says why.
    async fn send(&mut self, piece: Piece) -> Result<()> {
        let gone = || io::Error::other("the writing thread is gone");
        if self.pieces.as_ref().ok_or_else(gone)?.send(piece).await.is_ok() {
            return Ok(());
        }
        self.pieces = None;
        match (&mut self.thread).await {
            Ok(Err(cause)) => Err(cause.into()),
            Ok(Ok(_)) | Err(_) => Err(gone().into()),
        }
    }

    /// Hands over the last pieces.
    async fn end(mut self, held: Vec<Bytes>, last: Piece) -> Result<Ended> {
        self.send(Piece::Bytes(held)).await?;
        self.send(last).await?;
        Ok(self.thread.await.map_err(io::Error::other)??)
    }
}

struct Piecewise {
    target: Target,
    limit: u64,
    size: u64,
    /// What came and was not handed over.
    held: Vec<Bytes>,
    /// Bytes in `held`.
    waiting: usize,
    /// Once the blob is large.
    writing: Option<Writing>,
}

impl Piecewise {
    /// Whether all of the blob was let in.
    fn whole(&self) -> Result<()> {
        if self.size > self.limit { Err(BlobError::TooLarge(self.limit)) } else { Ok(()) }
    }
}

/// Pieces as one.
fn joined(held: &[Bytes]) -> Bytes {
    match held {
        [one] => one.clone(),
        many => many.concat().into(),
    }
}

#[async_trait]
impl Incoming for Piecewise {
    async fn write(&mut self, piece: Bytes) -> Result<()> {
        self.size = self.size.saturating_add(piece.len() as u64);
        if let Err(too_large) = self.whole() {
            self.writing = None;
            return Err(too_large);
        }
        self.waiting += piece.len();
        self.held.push(piece);
        if self.waiting < GATHER {
            return Ok(());
        }
        self.waiting = 0;
        let held = std::mem::take(&mut self.held);
        let writing = self.writing.get_or_insert_with(|| Writing::start(self.target.clone()));
        writing.send(Piece::Bytes(held)).await
    }

    async fn keep(self: Box<Self>) -> Result<Kept> {
        self.whole()?;
        let Self { target, held, writing, .. } = *self;
        let Some(writing) = writing else { return blocking(move || target.keep_held(joined(&held))).await };
        match writing.end(held, Piece::Keep).await? {
            Ended::Kept(kept) => Ok(kept),
            Ended::Unkept(_) | Ended::Dropped => Err(io::Error::other("the blob was not ended").into()),
        }
    }

    async fn unkept(self: Box<Self>) -> Result<Bytes> {
        self.whole()?;
        let Self { held, writing, .. } = *self;
        let Some(writing) = writing else { return Ok(joined(&held)) };
        match writing.end(held, Piece::Unkept).await? {
            Ended::Unkept(bytes) => Ok(bytes),
            Ended::Kept(_) | Ended::Dropped => Err(io::Error::other("the blob was not ended").into()),
        }
    }
}
