//! Answers that were told beforehand, by path; and what was asked, in its order. For tests.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use url::Url;

use crate::{Answer, Call, Opened, Pieces, Upstream, UpstreamError};

/// Makes one answer.
pub type Telling = Box<dyn Fn(&Call) -> Result<Value, UpstreamError> + Send + Sync>;

/// See the module.
#[derive(Default)]
pub struct Recorded {
    state: Mutex<State>,
    latency: Duration,
}

#[derive(Default)]
struct State {
    by_path: HashMap<String, VecDeque<Telling>>,
    bytes: HashMap<String, Bytes>,
    redirects: HashMap<String, Url>,
    asked: Vec<String>,
}

impl Recorded {
    /// Answers after this long.
    pub fn slow(latency: Duration) -> Self {
        Self { latency, ..Self::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this path (`users/{key}` for the account of a key) is answered so. Where several answers are told they
    /// come in their order, and the last one for good.
    pub fn tell(&self, path: &str, telling: impl Fn(&Call) -> Result<Value, UpstreamError> + Send + Sync + 'static) {
        self.state().by_path.entry(path.to_owned()).or_default().push_back(Box::new(telling));
    }

    /// The same for a document.
    pub fn tell_document(&self, path: &str, document: Value) {
        self.tell(path, move |_| Ok(document.clone()));
    }

    /// From now on this path leads to that address.
    pub fn tell_redirect(&self, path: &str, address: Url) {
        self.state().redirects.insert(path.to_owned(), address);
    }

    /// From now on these bytes are at that address, or that path.
    pub fn tell_bytes(&self, address: &str, bytes: impl Into<Bytes>) {
        self.state().bytes.insert(address.to_owned(), bytes.into());
    }

    /// The paths that were asked for so far, with their arguments.
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }
}

#[async_trait]
impl Upstream for Recorded {
    async fn ask(&self, call: &Call) -> Result<Answer, UpstreamError> {
        let path = call.shown();
        let answer = {
            let mut state = self.state();
            let query: Vec<_> = call.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let mark = if query.is_empty() { "" } else { "?" };
            state.asked.push(format!("{path}{mark}{}", query.join("&")));
            match state.by_path.get_mut(&path) {
                None => Err(UpstreamError::Unknown),
                Some(tellings) if tellings.len() > 1 => {
                    tellings.pop_front().map_or(Err(UpstreamError::Unknown), |telling| telling(call))
                }
                Some(tellings) => tellings.front().map_or(Err(UpstreamError::Unknown), |telling| telling(call)),
            }
        };
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        answer.map(|document| Answer { document })
    }

    async fn open(&self, call: &Call) -> Result<Opened, UpstreamError> {
        let path = call.shown();
        {
            let state = self.state();
            let elsewhere = state.redirects.get(&path).cloned().map(Opened::Elsewhere);
            let here = || state.bytes.get(&path).cloned().map(|bytes| Opened::Here(Box::new(Told(bytes))));
            if let Some(opened) = elsewhere.or_else(here) {
                drop(state);
                self.state().asked.push(path);
                return Ok(opened);
            }
        }
        // What else is told of a path is why there are no bytes.
        let answer = self.ask(call).await?;
        Err(UpstreamError::Garbled(format!("a document instead of bytes: {}", answer.document)))
    }

    async fn fetch(&self, address: &Url) -> Result<Box<dyn Pieces>, UpstreamError> {
        let mut state = self.state();
        state.asked.push(address.to_string());
        let bytes = state.bytes.get(address.as_str()).cloned().ok_or(UpstreamError::Unknown)?;
        Ok(Box::new(Told(bytes)))
    }
}

/// Bytes that come a few at a time.
struct Told(Bytes);

#[async_trait]
impl Pieces for Told {
    async fn next(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        let piece = self.0.split_to(self.0.len().min(7));
        Ok(Some(piece).filter(|piece| !piece.is_empty()))
    }

    fn length(&self) -> Option<u64> {
        u64::try_from(self.0.len()).ok()
    }
}
