//! By what hosts and URLs are found: the first half of a SHA-256, which nobody can make to meet another.

use assay_model::url::CanonicalUrl;
use sha2::{Digest as _, Sha256};

/// Bytes of a key.
pub(super) const KEY: usize = 16;

/// The key of a host.
pub(super) fn host(name: &str) -> [u8; KEY] {
    key(name)
}

/// The key of a URL from its host on.
pub(super) fn url(address: &str) -> [u8; KEY] {
    key(address)
}

/// A URL without its scheme: lists and their readers do not agree on it.
pub(super) fn address(url: &CanonicalUrl) -> &str {
    url.as_str().split_once("://").map_or(url.as_str(), |(_, address)| address)
}

fn key(text: &str) -> [u8; KEY] {
    let digest = Sha256::digest(text.as_bytes());
    *digest.first_chunk().expect("a SHA-256 has 32 bytes")
}
