//! Files and analyses out of the store, as types.

use assay_model::analysis::StoredAnalysis;
use assay_model::file::StoredFile;
use assay_model::record::Key;
use assay_model::{Kind, Result, Sha256};
use assay_store::Store;
use serde::de::DeserializeOwned;

/// A file with the version that it has; `None` where it is not known.
pub async fn read_file(store: &dyn Store, sha256: &Sha256) -> Result<Option<(StoredFile, u64)>> {
    read(store, &file_key(sha256)).await
}

/// An analysis with the version that it has; `None` where it is not known.
pub async fn read_analysis(store: &dyn Store, key: &Key) -> Result<Option<(StoredAnalysis, u64)>> {
    read(store, key).await
}

/// The key of a file.
pub(crate) fn file_key(sha256: &Sha256) -> Key {
    Key::shared(Kind::File, sha256.to_string())
}

async fn read<T: DeserializeOwned>(store: &dyn Store, key: &Key) -> Result<Option<(T, u64)>> {
    match store.read(key).await? {
        Some(record) => Ok(Some((record.parse()?, record.version))),
        None => Ok(None),
    }
}
