//! What every implementation of the seam does. Each hands in a host that knows one file, `known`, answers 404 of this API to
//! every other path, and takes the key `right` alone.

use url::Url;

use crate::{Call, Upstream, UpstreamError, UpstreamKey};

/// The whole contract.
pub async fn run(upstream: &dyn Upstream, host: &Url) {
    a_known_object_is_answered(upstream, host).await;
    an_unknown_one_is_told_apart(upstream, host).await;
    a_wrong_key_is_told_apart_and_not_repeated(upstream, host).await;
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
