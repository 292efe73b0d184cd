//! What every implementation of the seam does. Each hands in a host that knows one file, `known`, answers 404 of this API to
//! every other path, and takes the key `right` alone; at `/bytes` it has ten digits for whoever sends no key.

use url::Url;

use crate::{Call, Upstream, UpstreamError, UpstreamKey};

/// The whole contract.
pub async fn run(upstream: &dyn Upstream, host: &Url) {
    a_known_object_is_answered(upstream, host).await;
    an_unknown_one_is_told_apart(upstream, host).await;
    a_wrong_key_is_told_apart_and_not_repeated(upstream, host).await;
    bytes_come_whole_and_without_a_key(upstream, host).await;
}

async fn bytes_come_whole_and_without_a_key(upstream: &dyn Upstream, host: &Url) {
    let mut pieces = upstream.fetch(&host.join("/bytes").expect("an address")).await.expect("bytes");
    let mut whole = Vec::new();
    while let Some(piece) = pieces.next().await.expect("the next piece") {
        whole.extend_from_slice(&piece);
    }
    assert_eq!(whole, b"0123456789");
    let gone = upstream.fetch(&host.join("/other").expect("an address")).await.map(drop);
    assert!(matches!(gone, Err(UpstreamError::Unknown)), "{gone:?}");
}

async fn a_known_object_is_answered(upstream: &dyn Upstream, host: &Url) {
    let answer = upstream.ask(&Call::get(host, &["files", "known"], &UpstreamKey::new("right"))).await;
    assert_eq!(answer.expect("it is known").document["data"]["type"], "file");
}

async fn an_unknown_one_is_told_apart(upstream: &dyn Upstream, host: &Url) {
    let answer = upstream.ask(&Call::get(host, &["files", "other"], &UpstreamKey::new("right"))).await;
    assert!(matches!(answer, Err(UpstreamError::Unknown)), "{answer:?}");
}

async fn a_wrong_key_is_told_apart_and_not_repeated(upstream: &dyn Upstream, host: &Url) {
    let answer = upstream.ask(&Call::get(host, &["files", "known"], &UpstreamKey::new("wr0ng"))).await;
    let error = answer.expect_err("a wrong key");
    assert!(matches!(error, UpstreamError::KeyRefused { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("wr0ng"));
}
