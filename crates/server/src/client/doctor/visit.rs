//! Single requests, and what came back: nothing is retried, nothing followed, no more than a mebibyte read.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use reqwest::header::HeaderMap;
use secrecy::SecretString;
use serde_json::Value as Json;
use url::Url;

use crate::client::address::Address;
use crate::client::api;
use crate::client::problem::Problem;
use crate::client::transport;

/// How much of an answer is read.
const MOST: usize = 1 << 20;

/// Requests to one server.
pub(super) struct Visit {
    http: reqwest::Client,
    /// The server.
    pub(super) address: Address,
    patience: Duration,
    times: Vec<Duration>,
}

/// What came back.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    body: Vec<u8>,
}

impl Visit {
    pub(super) fn new(http: reqwest::Client, address: Address, patience: Duration) -> Self {
        Self { http, address, patience, times: Vec::new() }
    }

    /// GET of these segments under `/api/v3`; with the key where one is given.
    pub(super) async fn get(&mut self, segments: &[&str], key: Option<&SecretString>) -> Result<Reply, Problem> {
        self.fetch(self.address.at(segments), key).await
    }

    /// GET of any address of the server.
    pub(super) async fn fetch(&mut self, url: Url, key: Option<&SecretString>) -> Result<Reply, Problem> {
        let began = Instant::now();
        let mut request = self.http.get(url).timeout(self.patience);
        if let Some(key) = key {
            request = request.header("x-apikey", api::header(key)?);
        }
        let response = request.send().await.map_err(|error| transport::problem(error, &self.address))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| transport::problem(error, &self.address))?;
            body.extend_from_slice(&chunk[..chunk.len().min(MOST - body.len())]);
            if body.len() == MOST {
                break;
            }
        }
        self.times.push(began.elapsed());
        Ok(Reply { status, headers, body })
    }

    /// How long the answers took, shortest first.
    pub(super) fn times(&self) -> Vec<Duration> {
        let mut times = self.times.clone();
        times.sort_unstable();
        times
    }
}

impl Reply {
    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON, if it is.
    pub(super) fn json(&self) -> Option<Json> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Code and message of an error in the API's form.
    pub(super) fn error(&self) -> Option<(String, String)> {
        let json = self.json()?;
        let error = json.get("error")?;
        let text = |key| error.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
        Some((text("code"), text("message")))
    }

    /// `data` of a successful answer.
    pub(super) fn data(&self) -> Option<Json> {
        if self.status != 200 {
            return None;
        }
        self.json()?.get_mut("data").map(Json::take)
    }

    /// The title of the page, where the body is one.
    pub(super) fn page(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.body);
        let lower = text.to_ascii_lowercase();
        let says = self.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
        if !says && !lower.trim_start().starts_with("<!doctype html") && !lower.trim_start().starts_with("<html") {
            return None;
        }
        let title = lower.find("<title>").map(|at| at + "<title>".len());
        let title = title.and_then(|begin| Some(begin..begin + lower[begin..].find("</title>")?));
        Some(title.map_or_else(String::new, |range| text[range].trim().chars().take(80).collect()))
    }
}
