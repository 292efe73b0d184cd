//! The seam to bytes named by their content.
//!
//! | module | what |
//! |---|---|
//! | `memory` | for tests, nothing survives |
//! | `directory` | the embedded default: a folder with 256 folders in it, one file a blob |
//! | [`suite`] | the contract as tests; every backend passes it |
//!
//! To add a backend: one file, an arm in [`open`], a line that runs [`suite`].
//!
//! Invariant: a blob is immutable and named by the SHA-256 of its bytes.
//! Invariant: a half-written blob is never visible; what a crash leaves behind is swept at the next start.
//! Invariant: when [`Incoming::keep`] has returned, the blob survives a crash of the machine.

use std::path::PathBuf;
use std::sync::Arc;

use assay_model::error::{Code, Error};
use assay_model::{Digests, Sha256};
use async_trait::async_trait;
use bytes::Bytes;

mod directory;
mod mapping;
mod memory;
pub mod suite;

pub use memory::Memory;

/// What a caller can do about a failure of the blob store.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// More bytes than the caller allowed; nothing was kept.
    #[error("more than {0} bytes")]
    TooLarge(u64),
    /// It cannot be reached or is full: try again later, nothing was kept.
    #[error("the blob store is not available")]
    Unavailable(#[source] std::io::Error),
}

impl From<std::io::Error> for BlobError {
    fn from(error: std::io::Error) -> Self {
        Self::Unavailable(error)
    }
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::TooLarge(limit) => Self::new(Code::TooLarge, format!("the file is larger than {limit} bytes")),
            BlobError::Unavailable(_) => {
                Self::new(Code::Transient, "the server cannot store or read files at the moment; try again")
                    .after(std::time::Duration::from_secs(5))
            }
        }
        .because(error)
    }
}

/// Shorthand for this seam's results.
pub type Result<T, E = BlobError> = std::result::Result<T, E>;

/// Bytes named by their content. See the crate's invariants; [`suite`] has them as tests.
#[async_trait]
pub trait Blobs: Send + Sync + 'static {
    /// Opens a place for bytes that come in pieces, at most `limit` of them.
    async fn begin(&self, limit: u64) -> Result<Box<dyn Incoming>>;

    /// The bytes of a blob, whole; memory-mapped where the backend can. `None` where there is no such blob.
    async fn open(&self, name: &Sha256) -> Result<Option<Bytes>>;

    /// Removes a blob; removing what is not there is fine.
    async fn delete(&self, name: &Sha256) -> Result<()>;
}

/// A blob that was just kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// What its bytes are.
    pub digests: Digests,
    /// The bytes themselves, which are at hand now and need not be opened again.
    pub bytes: Bytes,
    /// Whether there was no such blob before.
    pub new: bool,
}

/// A blob on its way in. Dropping it leaves nothing behind.
#[async_trait]
pub trait Incoming: Send {
    /// Adds a piece. The first failure is final.
    async fn write(&mut self, piece: Bytes) -> Result<()>;

    /// Ends the bytes and keeps them durably under their SHA-256.
    async fn keep(self: Box<Self>) -> Result<Kept>;

    /// Ends the bytes and answers them without keeping them: for uploads whose content is something inside them.
    async fn unkept(self: Box<Self>) -> Result<Bytes>;
}

/// Which blob store to open.
#[derive(Debug, Clone)]
pub enum Config {
    /// Nothing survives; for tests.
    Memory,
    /// A folder of our own; it is made where it does not exist.
    Directory(PathBuf),
}

/// Opens a blob store and sweeps what a crash left behind.
pub async fn open(config: &Config) -> Result<Arc<dyn Blobs>> {
    match config {
        Config::Memory => Ok(Arc::new(Memory::default())),
        Config::Directory(folder) => Ok(Arc::new(directory::Directory::open(folder).await?)),
    }
}
