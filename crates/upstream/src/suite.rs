//! What every implementation of the seam does. Each hands in a host that knows one file, `known`, answers 404 of this API to
//! every other path, and takes the key `right` alone; at `/bytes` it has ten digits for whoever sends no key. Its batch `moved`
//! is at `/bytes`, and its batch `here` has the same digits for whoever sends the key.

use url::Url;

use crate::{Call, Opened, Pieces, Upstream, UpstreamError, UpstreamKey};

/// The whole contract.
pub async fn run(upstream: &dyn Upstream, host: &Url) {
    a_known_object_is_answered(upstream, host).await;
    an_unknown_one_is_told_apart(upstream, host).await;
    a_wrong_key_is_told_apart_and_not_repeated(upstream, host).await;
    bytes_come_whole_and_without_a_key(upstream, host).await;
    bytes_of_a_call_are_there_or_elsewhere(upstream, host).await;
}

async fn bytes_of_a_call_are_there_or_elsewhere(upstream: &dyn Upstream, host: &Url) {
    let open =
        async |name: &str, key: &str| upstream.open(&Call::get(host, &["feeds", name], &UpstreamKey::new(key))).await;
    let Ok(Opened::Here(mut pieces)) = open("here", "right").await else { panic!("it has bytes") };
    assert_eq!(pieces.length(), Some(10));
    assert_eq!(whole(&mut *pieces).await, b"0123456789");
    let Ok(Opened::Elsewhere(address)) = open("moved", "right").await else { panic!("it leads elsewhere") };
    assert_eq!(address, host.join("/bytes").expect("an address"));
    let error = |opened: Result<Opened, UpstreamError>| opened.map(drop).expect_err("no bytes");
    assert!(matches!(error(open("other", "right").await), UpstreamError::Unknown));
    assert!(matches!(error(open("refused", "wr0ng").await), UpstreamError::KeyRefused { .. }));
}

async fn whole(pieces: &mut dyn Pieces) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(piece) = pieces.next().await.expect("the next piece") {
        whole.extend_from_slice(&piece);
    }
    whole
}

async fn bytes_come_whole_and_without_a_key(upstream: &dyn Upstream, host: &Url) {
    let mut pieces = upstream.fetch(&host.join("/bytes").expect("an address")).await.expect("bytes");
    assert_eq!(whole(&mut *pieces).await, b"0123456789");
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
