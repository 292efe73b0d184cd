//! Engine "ClamAV": a clamd of the operator's, asked over a Unix or TCP socket with `INSTREAM`, a connection a
//! sample. Nothing of `ClamAV` is linked. The protocol is in clamd(8); the form of the answers in `reply`.

mod reply;
mod socket;

use std::time::Duration;

use assay_model::verdict::{Category, Method};
use async_trait::async_trait;
use tokio::sync::Mutex;

use crate::OpenError;
use crate::engine::{Edition, Engine, EngineError, Finding, Item, Scope, Status};
use reply::Verdict;
use socket::Address;

/// What a sample is cut into on its way, bytes.
const CHUNK: usize = 256 << 10;

/// The longest answer that is read.
const REPLY_LIMIT: usize = 4096;

/// See the module.
pub(crate) struct Clamd {
    address: Address,
    patience: Duration,
    /// What the daemon last said of itself, for when it does not answer.
    known: Mutex<Edition>,
}

impl Clamd {
    /// An engine at `unix:PATH` or `tcp:HOST:PORT`. Does not connect yet: a daemon may come later than we do.
    pub(crate) fn new(address: &str, patience: Duration) -> Result<Self, OpenError> {
        let address = address.parse().map_err(|message| OpenError::Invalid { section: "clamd.address", message })?;
        Ok(Self { address, patience, known: Mutex::default() })
    }

    async fn ask_version(&self) -> std::io::Result<Edition> {
        let mut stream = self.address.connect().await?;
        stream.send(b"zVERSION\0").await?;
        Ok(reply::edition(&stream.receive(REPLY_LIMIT).await?))
    }

    /// Streams the sample and returns the answer. The daemon may answer and hang up in the middle, so it is
    /// listened to all the while; what it says counts more than that it did not take all.
    async fn stream(&self, bytes: &[u8]) -> std::io::Result<String> {
        let (mut reading, mut writing) = self.address.connect().await?.split();
        let sent = async {
            writing.send(b"zINSTREAM\0").await?;
            for chunk in bytes.chunks(CHUNK) {
                let length = u32::try_from(chunk.len()).expect("a chunk is shorter than 4 GiB");
                writing.send(&length.to_be_bytes()).await?;
                writing.send(chunk).await?;
            }
            writing.send(&0_u32.to_be_bytes()).await
        };
        let received = reading.receive(REPLY_LIMIT);
        tokio::pin!(sent, received);
        tokio::select! {
            answer = &mut received => answer,
            sent = &mut sent => match (sent, received.await) {
                (_, Ok(answer)) if !answer.is_empty() => Ok(answer),
                (Err(error), _) => Err(error),
                (Ok(()), answer) => answer,
            },
        }
    }
}

#[async_trait]
impl Engine for Clamd {
    fn name(&self) -> &'static str {
        "ClamAV"
    }

    async fn edition(&self) -> Edition {
        match self.ask_version().await {
            Ok(edition) => {
                *self.known.lock().await = edition.clone();
                edition
            }
            Err(error) => {
                tracing::debug!(%error, "clamd does not say its version");
                self.known.lock().await.clone()
            }
        }
    }

    fn scope(&self) -> Scope {
        Scope::Files
    }

    fn accepts(&self, item: Item<'_>) -> bool {
        matches!(item, Item::File(..))
    }

    fn patience(&self) -> Duration {
        self.patience
    }

    async fn judge(&self, item: Item<'_>) -> Result<Finding, EngineError> {
        let Some(sample) = item.sample() else { return Ok(Finding::nothing(Method::Blacklist)) };
        let answer = self.stream(&sample.bytes).await.map_err(EngineError::Unavailable)?;
        let nothing = Finding::nothing(Method::Blacklist);
        match reply::verdict(&answer) {
            Verdict::Clean => Ok(nothing),
            Verdict::Found { name, suspected } => {
                let category = if suspected { Category::Suspicious } else { Category::Malicious };
                Ok(Finding { category, result: Some(name), ..nothing })
            }
            Verdict::TooMuch(limit) => Err(EngineError::GaveUp(limit)),
            Verdict::Error(message) => Err(EngineError::Failed(message)),
        }
    }

    async fn refresh(&self) {}

    fn status(&self) -> Status {
        Status::default()
    }
}

#[cfg(test)]
mod tests;
