//! Answers that were told beforehand, by path; and what was asked, in its order. For tests.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::{Answer, Call, Upstream, UpstreamError};

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
}
