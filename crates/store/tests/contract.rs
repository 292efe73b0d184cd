//! Every backend, bare and behind the cache, against the one contract.

use std::sync::Arc;

use assay_store::{Config, Store, open, suite};

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_store_keeps_the_contract() {
    suite::run(|| async { open(&Config::Memory).await.expect("memory") }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_keeps_the_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    let nth = std::sync::atomic::AtomicU32::new(0);
    let fresh = || async {
        let name = format!("{}.sqlite", nth.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let config = Config::Sqlite { path: folder.path().join(name), cache_bytes: 1 << 20 };
        open(&config).await.expect("an embedded store")
    };
    suite::run(fresh).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_writes_is_seen_within_a_second() {
    use assay_model::Kind;
    use assay_model::record::Key;
    use assay_store::{Batch, Expect};

    let folder = tempfile::tempdir().expect("a folder");
    let config = Config::Sqlite { path: folder.path().join("assay.sqlite"), cache_bytes: 1 << 20 };
    // Two handles on one file share nothing but the file, as two processes would.
    let ours: Arc<dyn Store> = open(&config).await.expect("a store");
    let theirs = open(&config).await.expect("a store");
    let key = Key::shared(Kind::User, "u");
    let write = |body: &'static str| {
        let mut batch = Batch::new();
        batch.put(key.clone(), body.as_bytes().into(), Expect::Any);
        batch
    };
    ours.commit(write("old")).await.expect("a commit");
    assert_eq!(&*ours.read(&key).await.expect("a read").expect("the record").body, b"old");
    theirs.commit(write("new")).await.expect("a commit");
    let seen = async {
        while &*ours.read(&key).await.expect("a read").expect("the record").body != b"new" {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(1), seen).await.expect("seen within a second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_goes_away_leaves_nothing_old_in_memory() {
    use assay_model::Kind;
    use assay_model::record::Key;
    use assay_store::{Batch, Expect};

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("assay.sqlite");
    let cached = open(&Config::Sqlite { path: path.clone(), cache_bytes: 1 << 20 }).await.expect("a store");
    let plain = open(&Config::Sqlite { path, cache_bytes: 0 }).await.expect("a store");
    let (key, other) = (Key::shared(Kind::User, "u"), Key::shared(Kind::User, "other"));
    let write = |key: &Key, body: String| {
        let mut batch = Batch::new();
        batch.put(key.clone(), body.into_bytes().into(), Expect::Any);
        batch
    };
    cached.commit(write(&key, "first".to_owned())).await.expect("a commit");
    for n in 0..50 {
        // Gone before the disk has answered; others read on.
        let gone = cached.commit(write(&key, n.to_string()));
        let _gone = tokio::time::timeout(std::time::Duration::from_micros(50 * n), gone).await;
        cached.read(&key).await.expect("a read");
        // What was queued before it is written before it.
        cached.commit(write(&other, n.to_string())).await.expect("a commit");
        tokio::task::yield_now().await;
        let stored = plain.read(&key).await.expect("a read").expect("the record").version;
        let seen = cached.read(&key).await.expect("a read").expect("the record").version;
        assert_eq!(seen, stored, "after {n}");
    }
}
