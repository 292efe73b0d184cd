//! Calls over HTTPS. What comes back is counted while it is decompressed, so that an answer that lies about its size or
//! its compression costs at most [`BODY_MAX`] bytes.

use std::error::Error as _;
use std::io::ErrorKind;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Certificate, Client, Proxy, Response, redirect};
use serde_json::Value;
use url::Url;

use crate::{Answer, BODY_MAX, Call, Config, OpenError, Opened, Pieces, Upstream, UpstreamError};

/// Who calls. The word in brackets is how `VirusTotal`'s front end is told that compressed answers are understood.
const USER_AGENT: &str = concat!("Assay/", env!("CARGO_PKG_VERSION"), " (gzip)");
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// What is said of a batch of a feed that is too recent; one of the few codes without `Error` behind it.
const NOT_YET: &str = "NotAvailableYet";
/// How much of an error's message is kept, characters.
const MESSAGE_MAX: usize = 300;

/// See the module.
pub(crate) struct VirusTotal {
    http: Client,
    patience: Duration,
}

impl VirusTotal {
    pub(crate) fn new(config: &Config) -> Result<Self, OpenError> {
        let pem = config.authorities.as_deref().map(std::fs::read).transpose().map_err(OpenError::Unreadable)?;
        let trusted = Certificate::from_pem_bundle(pem.as_deref().unwrap_or_default()).map_err(OpenError::Unfit)?;
        let proxy =
            config.proxy.as_ref().map(|proxy| Proxy::all(proxy.as_str())).transpose().map_err(OpenError::Unfit)?;
        let builder = || {
            let client = Client::builder()
                .user_agent(USER_AGENT)
                .redirect(redirect::Policy::none())
                .no_proxy()
                .connect_timeout(CONNECT)
                .pool_idle_timeout(Duration::from_mins(1));
            match &proxy {
                Some(proxy) => client.proxy(proxy.clone()),
                None => client,
            }
        };
        let built = builder().tls_certs_merge(trusted.clone()).build().or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "no authority is installed on this machine: only configured ones are trusted upstream"
            );
            builder().tls_certs_only(trusted).build()
        });
        Ok(Self { http: built.map_err(OpenError::Unfit)?, patience: config.patience })
    }

    async fn send(&self, call: &Call, accept: &'static str) -> Result<Response, UpstreamError> {
        let mut key = HeaderValue::from_str(call.key.reveal())
            .map_err(|_| UpstreamError::Malformed("the key has characters that no header can carry".to_owned()))?;
        key.set_sensitive(true);
        let request = self.http.get(address(call)?).header("x-apikey", key).header(ACCEPT, accept);
        request.send().await.map_err(|error| broken(&error))
    }

    async fn exchange(&self, call: &Call) -> Result<Answer, UpstreamError> {
        let response = self.send(call, "application/json").await?;
        said(response).await
    }

    async fn head(&self, call: &Call) -> Result<Opened, UpstreamError> {
        let response = self.send(call, "*/*").await?;
        match response.status().as_u16() {
            200 => Ok(Opened::Here(Box::new(Arriving { response, patience: self.patience }))),
            301 | 302 | 303 | 307 | 308 => {
                let address = response.headers().get(LOCATION).and_then(|place| place.to_str().ok());
                let address = address.and_then(|text| response.url().join(text).ok());
                let nowhere = || UpstreamError::Garbled("it redirects to no address".to_owned());
                address.map(Opened::Elsewhere).ok_or_else(nowhere)
            }
            status => match said(response).await {
                Ok(_) => Err(UpstreamError::Garbled(format!("it answers {status} instead of the bytes"))),
                Err(error) => Err(error),
            },
        }
    }
}

/// What a whole answer comes to.
async fn said(response: Response) -> Result<Answer, UpstreamError> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = read(response).await?;
    meaning(status, &headers, &body)
}

#[async_trait]
impl Upstream for VirusTotal {
    async fn ask(&self, call: &Call) -> Result<Answer, UpstreamError> {
        tokio::time::timeout(self.patience, self.exchange(call)).await.map_err(|_| silent(self.patience))?
    }

    async fn open(&self, call: &Call) -> Result<Opened, UpstreamError> {
        tokio::time::timeout(self.patience, self.head(call)).await.map_err(|_| silent(self.patience))?
    }

    async fn fetch(&self, address: &Url) -> Result<Box<dyn Pieces>, UpstreamError> {
        let sent = tokio::time::timeout(self.patience, self.http.get(address.clone()).send()).await;
        let response = sent.map_err(|_| silent(self.patience))?.map_err(|error| broken(&error))?;
        match response.status().as_u16() {
            200 => Ok(Box::new(Arriving { response, patience: self.patience })),
            404 => Err(UpstreamError::Unknown),
            status @ (429 | 500..) => Err(UpstreamError::Failed(format!("it answers {status}"))),
            status => Err(UpstreamError::Garbled(format!("it answers {status} instead of the bytes"))),
        }
    }
}

/// A body that is read piece by piece, each within the patience of a call.
struct Arriving {
    response: Response,
    patience: Duration,
}

#[async_trait]
impl Pieces for Arriving {
    async fn next(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        let piece = tokio::time::timeout(self.patience, self.response.chunk()).await;
        piece.map_err(|_| silent(self.patience))?.map_err(|error| broken(&error))
    }

    fn length(&self) -> Option<u64> {
        self.response.content_length()
    }
}

fn silent(patience: Duration) -> UpstreamError {
    UpstreamError::Failed(format!("no answer within {} s", patience.as_secs()))
}

fn address(call: &Call) -> Result<Url, UpstreamError> {
    let mut url = call.host.clone();
    {
        let unfit = |()| UpstreamError::Malformed("the host is no base of addresses".to_owned());
        let mut segments = url.path_segments_mut().map_err(unfit)?;
        segments.clear().extend(["api", "v3"]).extend(call.segments());
    }
    if !call.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&call.query);
    }
    Ok(url)
}

/// The whole body, decompressed; never more than [`BODY_MAX`].
async fn read(mut response: Response) -> Result<BytesMut, UpstreamError> {
    let mut body = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(|error| broken(&error))? {
        if body.len() + piece.len() > BODY_MAX {
            return Err(UpstreamError::Garbled(format!("it is longer than {BODY_MAX} bytes")));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// What an exchange comes to.
fn meaning(status: u16, headers: &HeaderMap, body: &[u8]) -> Result<Answer, UpstreamError> {
    if status >= 500 {
        return Err(UpstreamError::Failed(format!("it answers {status}")));
    }
    if (300..400).contains(&status) {
        return Err(UpstreamError::Garbled("it redirects elsewhere, where no key of ours is sent".to_owned()));
    }
    let document = document(headers, body);
    if status == 200 {
        return match document? {
            document if document.get("data").is_some() => Ok(Answer { document }),
            _ => Err(UpstreamError::Garbled("its document has no data".to_owned())),
        };
    }
    let retry_after = retry_after(headers);
    if status == 429 || status == 204 {
        return Err(UpstreamError::Exhausted { retry_after });
    }
    // An error is one of this API's only where it says so: a portal's 404 page is no answer to the question.
    let document = document?;
    let text =
        |name: &str| document["error"][name].as_str().map(|text| text.chars().take(MESSAGE_MAX).collect::<String>());
    let Some(code) = text("code") else {
        return Err(UpstreamError::Garbled(format!("it answers {status} without an error's code")));
    };
    let message = text("message").unwrap_or_default();
    Err(match status {
        404 => UpstreamError::Unknown,
        401 => UpstreamError::KeyRefused { code, message },
        403 => UpstreamError::Forbidden(message),
        400 if code == NOT_YET => UpstreamError::NotYet(message),
        400..=499 => UpstreamError::Malformed(message),
        _ => UpstreamError::Garbled(format!("it answers {status}")),
    })
}

fn document(headers: &HeaderMap, body: &[u8]) -> Result<Value, UpstreamError> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("nothing");
    // The parser gives up on documents that are nested more than 128 deep.
    match serde_json::from_slice(body) {
        Ok(Value::Object(document)) => Ok(Value::Object(document)),
        Ok(_) => Err(UpstreamError::Garbled("its document is no object".to_owned())),
        Err(error) if error.is_eof() && kind.starts_with("application/json") => {
            Err(UpstreamError::Failed("its answer ends early".to_owned()))
        }
        Err(_) => Err(UpstreamError::Garbled("it is no JSON".to_owned())),
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// The innermost cause says most and holds no address.
fn broken(error: &reqwest::Error) -> UpstreamError {
    let mut cause: Option<&dyn std::error::Error> = error.source();
    while let Some(inner) = cause.and_then(std::error::Error::source) {
        cause = Some(inner);
    }
    let why = cause.map_or_else(|| "the exchange broke off".to_owned(), ToString::to_string);
    if error.is_connect() {
        return UpstreamError::Unreachable(why);
    }
    // An exchange that breaks off in the middle of a compressed answer is no fault of the compression.
    let broke_off = cause.is_none_or(|cause| match cause.downcast_ref::<std::io::Error>() {
        Some(error) => {
            matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::UnexpectedEof)
        }
        None => true,
    });
    if error.is_decode() && !broke_off {
        return UpstreamError::Garbled(format!("it cannot be decompressed: {why}"));
    }
    UpstreamError::Failed(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UpstreamKey;

    fn read_as(status: u16, kind: &'static str, body: &str) -> Result<Answer, UpstreamError> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
        meaning(status, &headers, body.as_bytes())
    }

    #[test]
    fn every_odd_answer_has_its_meaning() {
        let json = "application/json";
        let refusal = r#"{"error":{"code":"SomeError","message":"words"}}"#;
        let name = |outcome: Result<Answer, UpstreamError>| match outcome.expect_err("no answer") {
            UpstreamError::Unknown => "unknown",
            UpstreamError::NotYet(_) => "not yet",
            UpstreamError::Malformed(_) => "malformed",
            UpstreamError::KeyRefused { .. } => "key refused",
            UpstreamError::Forbidden(_) => "forbidden",
            UpstreamError::Exhausted { .. } => "exhausted",
            UpstreamError::Unreachable(_) => "unreachable",
            UpstreamError::Failed(_) => "failed",
            UpstreamError::Garbled(_) => "garbled",
        };
        for (status, kind, body, wanted) in [
            (404, json, refusal, "unknown"),
            (404, "text/html", "<html>no such page</html>", "garbled"),
            (404, json, "{}", "garbled"),
            (400, json, refusal, "malformed"),
            (400, json, r#"{"error":{"code":"NotAvailableYet","message":"later"}}"#, "not yet"),
            (401, json, refusal, "key refused"),
            (401, "text/html", "<html>sign in</html>", "garbled"),
            (403, json, refusal, "forbidden"),
            (429, json, refusal, "exhausted"),
            (429, "text/plain", "slow down", "exhausted"),
            (204, json, "", "exhausted"),
            (302, json, "", "garbled"),
            (500, json, refusal, "failed"),
            (503, "text/html", "<html>", "failed"),
            (200, "text/html", "<html>sign in</html>", "garbled"),
            (200, json, r#"{"data":{"id":"#, "failed"),
            (200, json, "[]", "garbled"),
            (200, json, "{}", "garbled"),
        ] {
            assert_eq!(name(read_as(status, kind, body)), wanted, "{status} {body}");
        }
        assert_eq!(name(read_as(200, json, &"[".repeat(1 << 20))), "garbled", "depth has an end");
        assert!(read_as(200, json, r#"{"data":[]}"#).is_ok());
    }

    #[test]
    fn what_stands_in_a_path_stays_in_its_segment() {
        let key = UpstreamKey::new("k");
        let host = Url::parse("https://vt.example/ignored?x=1").expect("a URL");
        let call = Call::get(&host, &["domains", "a/../b?c"], &key);
        let host = Url::parse("https://vt.example").expect("a URL");
        let call = Call { host, ..call }.with_query(vec![("cursor".to_owned(), "a=&b".to_owned())]);
        let address = address(&call).expect("an address").to_string();
        assert_eq!(address, "https://vt.example/api/v3/domains/a%2F..%2Fb%3Fc?cursor=a%3D%26b");
    }

    #[test]
    fn no_debug_output_shows_a_key() {
        let key = UpstreamKey::new("0123456789");
        let call = Call::own_account(&Url::parse("https://vt.example").expect("a URL"), &key);
        assert!(!format!("{call:?} {}", call.shown()).contains("0123456789"));
    }
}
