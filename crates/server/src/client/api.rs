//! Requests: each carries the key if it goes to the server itself, waits for quotas, and ends in the body of the
//! answer or a [`Problem`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::HeaderValue;
use reqwest::{Certificate, Method, RequestBuilder, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

use super::address::Address;
use super::answer;
use super::door::{Call, Door};
use super::object::{Analysis, Object};
use super::patience::{Turn, until};
use super::problem::{Kind, Problem};
use super::transport;
use super::watch::Watch;

/// How long a connection may take.
const TO_CONNECT: Duration = Duration::from_secs(10);

/// How long an answer may take that is no upload's.
const TO_ANSWER: Duration = Duration::from_mins(1);

/// What requests name themselves as. `VirusTotal` compresses for clients whose name contains `gzip`.
const USER_AGENT: &str = concat!("assay/", env!("CARGO_PKG_VERSION"), " (gzip)");

/// A client of one server with one key.
pub(crate) struct Client {
    http: reqwest::Client,
    key: SecretString,
    pub(super) address: Address,
    pub(super) turn: Turn,
    pub(super) watch: Arc<dyn Watch>,
}

impl Client {
    /// A client that also trusts `authorities`; `watch` is told of waits and progress. Connects to nothing yet.
    pub(crate) fn new(
        address: Address,
        key: SecretString,
        authorities: Vec<Certificate>,
        watch: Arc<dyn Watch>,
    ) -> Result<Self, Problem> {
        let http = http(&address, authorities)?;
        header(&key)?;
        Ok(Self { http, key, address, turn: Turn::new(Arc::clone(&watch)), watch })
    }

    /// The file object of a hash, as the server sent it.
    pub(crate) async fn file(&self, hash: &str) -> Result<Value, Problem> {
        self.data(&["files", hash]).await
    }

    /// The analysis object of an id, as the server sent it.
    pub(crate) async fn analysis(&self, id: &str) -> Result<Value, Problem> {
        self.data(&["analyses", id]).await
    }

    /// The analysis once it has completed; None when `patience` has run out before.
    pub(crate) async fn completed(&self, id: &str, patience: Duration) -> Result<Option<Value>, Problem> {
        until(patience, async || {
            let data = self.analysis(id).await?;
            let analysis = Object::<Analysis>::read(&data)?;
            Ok(analysis.attributes.is_completed().then_some(data))
        })
        .await
    }

    /// `data` of a GET, with patience for quotas.
    pub(super) async fn data(&self, segments: &[&str]) -> Result<Value, Problem> {
        let url = self.address.at(segments);
        self.turn.patiently(async || self.exchange(self.request(Method::GET, &url)?).await).await
    }

    /// A request with the key, where it goes to the server itself: an upload's address may be elsewhere, and is a
    /// secret of its own.
    pub(super) fn request(&self, method: Method, url: &Url) -> Result<RequestBuilder, Problem> {
        let request = self.http.request(method, url.clone()).timeout(TO_ANSWER);
        if self.address.is_origin_of(url) { Ok(request.header("x-apikey", header(&self.key)?)) } else { Ok(request) }
    }

    /// Makes a call of the API in general; the whole body of its answer.
    async fn make(&self, call: &Call) -> Result<Value, Problem> {
        let mut url = self.address.at(&call.segments(self.key.expose_secret()));
        if !call.query().is_empty() {
            url.query_pairs_mut().extend_pairs(call.query());
        }
        let mut request = self.request(call.method().clone(), &url)?;
        for (name, value) in call.headers() {
            request = request.header(*name, value);
        }
        if let Some(body) = call.body() {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| transport::problem(error, &self.address))?;
        if *call.method() == Method::GET {
            answer::body(response, &self.address).await
        } else {
            answer::any(response, &self.address).await
        }
    }

    /// Sends once; `data` of the answer.
    pub(super) async fn exchange(&self, request: RequestBuilder) -> Result<Value, Problem> {
        let response = request.send().await.map_err(|error| transport::problem(error, &self.address))?;
        let mut body = answer::body(response, &self.address).await?;
        Ok(body.get_mut("data").map(Value::take).unwrap_or_default())
    }
}

/// A server elsewhere. A change is sent once: whether it was made before the connection broke nobody knows.
#[async_trait(?Send)]
impl Door for Client {
    async fn call(&self, call: &Call) -> Result<Value, Problem> {
        self.turn.patiently(async || self.make(call).await).await
    }
}

/// The key as a header that no log or debug output shows.
pub(super) fn header(key: &SecretString) -> Result<HeaderValue, Problem> {
    let mut value = HeaderValue::from_str(key.expose_secret()).map_err(|_| {
        Problem::key("the API key holds characters that no key has", "Is it the right file or variable?")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The HTTP client beneath: no redirects, because they would carry the key; no proxy to this very machine.
pub(super) fn http(address: &Address, authorities: Vec<Certificate>) -> Result<reqwest::Client, Problem> {
    let builder = || {
        let builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .connect_timeout(TO_CONNECT);
        if address.is_loopback() { builder.no_proxy() } else { builder }
    };
    let built = builder().tls_certs_merge(authorities).build();
    // A machine without any authority installed (a bare container) can still speak plain HTTP.
    let built = if address.is_plain() { built.or_else(|_| builder().tls_certs_only([]).build()) } else { built };
    built.map_err(|error| {
        let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        Problem::new(Kind::Unreachable, format!("TLS cannot be set up: {cause}"))
            .mend("Install the system's authorities (ca-certificates), or name one with --ca, ASSAY_CA_FILE or SSL_CERT_FILE.")
    })
}

#[cfg(test)]
mod tests {
    use super::super::watch::Nobody;
    use super::*;

    fn client(key: &str) -> Result<Client, Problem> {
        let address = "http://127.0.0.1:8080".parse().expect("an address");
        Client::new(address, SecretString::from(key), Vec::new(), Arc::new(Nobody))
    }

    #[test]
    fn the_key_goes_to_the_server_only_and_is_marked_as_a_secret() {
        let client = client("s3cret").expect("a client");
        let sent_to = |url: &str| {
            let request = client.request(Method::POST, &Url::parse(url).expect(url)).expect("a request");
            request.build().expect("a request").headers().get("x-apikey").cloned()
        };
        let header = sent_to("http://127.0.0.1:8080/api/v3/upload/1").expect("the key");
        assert!(header.is_sensitive() && header == "s3cret");
        assert_eq!(sent_to("http://127.0.0.1:9090/api/v3/upload/1"), None);
    }

    #[test]
    fn a_key_that_cannot_be_sent_is_told_without_repeating_it() {
        let problem = client("s3cret\u{7f}\n").err().expect("refused").to_string();
        assert!(problem.contains("characters that no key has") && !problem.contains("s3cret"), "{problem}");
    }
}
