//! Every backend against the one contract, and what is the folder's own.

use std::sync::atomic::{AtomicU32, Ordering};

use assay_blobs::{Config, open, suite};

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_store_keeps_the_contract() {
    suite::run(|| async { open(&Config::Memory).await.expect("memory") }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_keeps_the_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    let nth = AtomicU32::new(0);
    let fresh = || async {
        let path = folder.path().join(nth.fetch_add(1, Ordering::Relaxed).to_string());
        open(&Config::Directory(path)).await.expect("a folder")
    };
    suite::run(fresh).await;
}

#[tokio::test]
async fn what_a_crash_left_behind_is_swept_at_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let incoming = folder.path().join("incoming");
    std::fs::create_dir(&incoming).expect("a folder");
    std::fs::write(incoming.join("1-0"), b"half").expect("a file");
    open(&Config::Directory(folder.path().to_owned())).await.expect("a folder");
    assert_eq!(std::fs::read_dir(&incoming).expect("a list").count(), 0);
}
