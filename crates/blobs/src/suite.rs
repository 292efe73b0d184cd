//! The contract of [`Blobs`] as tests. Every backend passes all of them; each test gets a fresh, empty store.

use std::sync::Arc;

use assay_model::Digests;
use bytes::Bytes;

use crate::{BlobError, Blobs};

/// Runs the whole contract over blob stores that `fresh` makes.
pub async fn run<F, R>(fresh: F)
where
    F: Fn() -> R,
    R: Future<Output = Arc<dyn Blobs>>,
{
    what_comes_in_pieces_is_kept_whole_under_its_hash(&*fresh().await).await;
    the_empty_blob_exists(&*fresh().await).await;
    what_is_dropped_is_never_visible(&*fresh().await).await;
    a_blob_over_the_limit_is_refused(&*fresh().await).await;
    the_same_bytes_twice_are_one_blob(fresh().await).await;
    a_deleted_blob_is_gone_but_open_bytes_stay(&*fresh().await).await;
}

async fn put(blobs: &dyn Blobs, pieces: &[&'static [u8]]) -> Digests {
    let mut incoming = blobs.begin(1 << 20).await.expect("a place");
    for piece in pieces {
        incoming.write(Bytes::from_static(piece)).await.expect("room");
    }
    incoming.keep().await.expect("kept")
}

async fn what_comes_in_pieces_is_kept_whole_under_its_hash(blobs: &dyn Blobs) {
    let digests = put(blobs, &[b"one ", b"", b"two"]).await;
    assert_eq!(digests, Digests::of(b"one two"));
    assert_eq!(blobs.open(&digests.sha256).await.expect("a read").as_deref(), Some(&b"one two"[..]));
}

async fn the_empty_blob_exists(blobs: &dyn Blobs) {
    let digests = put(blobs, &[]).await;
    assert_eq!(blobs.open(&digests.sha256).await.expect("a read").as_deref(), Some(&b""[..]));
}

async fn what_is_dropped_is_never_visible(blobs: &dyn Blobs) {
    let mut incoming = blobs.begin(100).await.expect("a place");
    incoming.write(Bytes::from_static(b"half")).await.expect("room");
    drop(incoming);
    let mut incoming = blobs.begin(100).await.expect("a place");
    incoming.write(Bytes::from_static(b"whole")).await.expect("room");
    assert_eq!(&*incoming.unkept().await.expect("the bytes"), b"whole");
    assert!(blobs.open(&Digests::of(b"whole").sha256).await.expect("a read").is_none());
    assert!(blobs.open(&Digests::of(b"half").sha256).await.expect("a read").is_none());
}

async fn a_blob_over_the_limit_is_refused(blobs: &dyn Blobs) {
    let mut incoming = blobs.begin(4).await.expect("a place");
    incoming.write(Bytes::from_static(b"four")).await.expect("just fits");
    assert!(matches!(incoming.write(Bytes::from_static(b"!")).await, Err(BlobError::TooLarge(4))));
    drop(incoming);
    assert!(blobs.open(&Digests::of(b"four!").sha256).await.expect("a read").is_none());
}

async fn the_same_bytes_twice_are_one_blob(blobs: Arc<dyn Blobs>) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let blobs = blobs.clone();
        tasks.spawn(async move { put(&*blobs, &[b"same"]).await });
    }
    let all = tasks.join_all().await;
    assert!(all.iter().all(|digests| *digests == Digests::of(b"same")));
    assert_eq!(blobs.open(&all[0].sha256).await.expect("a read").as_deref(), Some(&b"same"[..]));
}

async fn a_deleted_blob_is_gone_but_open_bytes_stay(blobs: &dyn Blobs) {
    let digests = put(blobs, &[b"soon gone"]).await;
    let open = blobs.open(&digests.sha256).await.expect("a read").expect("the blob");
    blobs.delete(&digests.sha256).await.expect("a delete");
    blobs.delete(&digests.sha256).await.expect("deleting nothing is fine");
    assert!(blobs.open(&digests.sha256).await.expect("a read").is_none());
    assert_eq!(&*open, b"soon gone");
}
