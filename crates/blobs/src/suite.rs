//! The contract of [`Blobs`] as tests. Every backend passes all of them; each test gets a fresh, empty store.

use std::sync::Arc;

use assay_model::Digests;
use bytes::Bytes;

use crate::{BlobError, Blobs, Kept};

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
    what_is_kept_says_whether_it_is_new_and_has_its_bytes_at_hand(&*fresh().await).await;
    large_blobs_are_kept_as_small_ones_are(&*fresh().await).await;
    the_same_bytes_twice_are_one_blob(fresh().await).await;
    a_deleted_blob_is_gone_but_open_bytes_stay(&*fresh().await).await;
}

async fn put(blobs: &dyn Blobs, pieces: &[&'static [u8]]) -> Kept {
    let mut incoming = blobs.begin(1 << 20).await.expect("a place");
    for piece in pieces {
        incoming.write(Bytes::from_static(piece)).await.expect("room");
    }
    incoming.keep().await.expect("kept")
}

async fn what_comes_in_pieces_is_kept_whole_under_its_hash(blobs: &dyn Blobs) {
    let Kept { digests, .. } = put(blobs, &[b"one ", b"", b"two"]).await;
    assert_eq!(digests, Digests::of(b"one two"));
    assert_eq!(blobs.open(&digests.sha256).await.expect("a read").as_deref(), Some(&b"one two"[..]));
}

async fn the_empty_blob_exists(blobs: &dyn Blobs) {
    let Kept { digests, .. } = put(blobs, &[]).await;
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

async fn what_is_kept_says_whether_it_is_new_and_has_its_bytes_at_hand(blobs: &dyn Blobs) {
    for new in [true, false] {
        let kept = put(blobs, &[b"at ", b"hand"]).await;
        assert_eq!((&*kept.bytes, kept.new), (&b"at hand"[..], new));
    }
}

async fn large_blobs_are_kept_as_small_ones_are(blobs: &dyn Blobs) {
    // Backends may hold small blobs in memory until their end; these lie on both sides of where one may stop that.
    for size in [1, 100_000, 256 << 10, (256 << 10) + 1, 900_000] {
        let content: Vec<u8> = (0..size).map(|place: u32| (place % 251) as u8).collect();
        for end in [false, true] {
            let mut incoming = blobs.begin(1 << 20).await.expect("a place");
            for piece in content.chunks(60_000) {
                incoming.write(Bytes::copy_from_slice(piece)).await.expect("room");
            }
            if end {
                let kept = incoming.keep().await.expect("kept");
                assert_eq!(kept.digests, Digests::of(&content), "{size}");
                assert!(kept.new && kept.bytes == content, "{size}");
                assert_eq!(blobs.open(&kept.digests.sha256).await.expect("a read").as_deref(), Some(&*content));
            } else {
                assert!(incoming.unkept().await.expect("the bytes") == content, "{size}");
            }
        }
    }
}

async fn the_same_bytes_twice_are_one_blob(blobs: Arc<dyn Blobs>) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let blobs = blobs.clone();
        tasks.spawn(async move { put(&*blobs, &[b"same"]).await });
    }
    let all = tasks.join_all().await;
    assert!(all.iter().all(|kept| kept.digests == Digests::of(b"same")));
    assert_eq!(blobs.open(&all[0].digests.sha256).await.expect("a read").as_deref(), Some(&b"same"[..]));
}

async fn a_deleted_blob_is_gone_but_open_bytes_stay(blobs: &dyn Blobs) {
    let Kept { digests, .. } = put(blobs, &[b"soon gone"]).await;
    let open = blobs.open(&digests.sha256).await.expect("a read").expect("the blob");
    blobs.delete(&digests.sha256).await.expect("a delete");
    blobs.delete(&digests.sha256).await.expect("deleting nothing is fine");
    assert!(blobs.open(&digests.sha256).await.expect("a read").is_none());
    assert_eq!(&*open, b"soon gone");
}
