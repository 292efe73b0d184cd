//! Blobs in memory, for tests. Nothing survives.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use assay_model::{Digests, Sha256};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use crate::{BlobError, Blobs, Incoming, Kept, Result};

type Shelf = Arc<Mutex<HashMap<Sha256, Bytes>>>;

/// See the module.
#[derive(Default)]
pub struct Memory {
    shelf: Shelf,
}

struct Piecewise {
    shelf: Shelf,
    bytes: BytesMut,
    limit: u64,
}

#[async_trait]
impl Blobs for Memory {
    async fn begin(&self, limit: u64) -> Result<Box<dyn Incoming>> {
        Ok(Box::new(Piecewise { shelf: self.shelf.clone(), bytes: BytesMut::new(), limit }))
    }

    async fn open(&self, name: &Sha256) -> Result<Option<Bytes>> {
        Ok(self.shelf.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned())
    }

    async fn delete(&self, name: &Sha256) -> Result<()> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        Ok(())
    }
}

#[async_trait]
impl Incoming for Piecewise {
    async fn write(&mut self, piece: Bytes) -> Result<()> {
        self.bytes.extend_from_slice(&piece);
        if self.bytes.len() as u64 > self.limit {
            return Err(BlobError::TooLarge(self.limit));
        }
        Ok(())
    }

    async fn keep(self: Box<Self>) -> Result<Kept> {
        let bytes = self.bytes.freeze();
        let digests = Digests::of(&bytes);
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let new = shelf.insert(digests.sha256, bytes.clone()).is_none();
        Ok(Kept { digests, bytes, new })
    }

    async fn unkept(self: Box<Self>) -> Result<Bytes> {
        Ok(self.bytes.freeze())
    }
}
