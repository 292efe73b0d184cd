//! Hears of what other nodes write, and says that there is work.
//!
//! A commit that changes records tells so in its own transaction (`NOTIFY`): a record that is new is in nobody's cache
//! and needs no word. A connection of its own listens, and takes what it hears of off the shelf at once. Every quarter of
//! a second it asks the database for a sign of life; with each, everything that was said before has been heard, and the
//! shelf is trusted for a little less than a second more. So a write on one node holds on all of them within a second,
//! whatever becomes of the connection. Whoever comes back after a loss forgets everything.
//!
//! That there is work is only a hint, said apart from the commits and not for each of them.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

use assay_model::record::{Key, Space};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, broadcast};
use tokio::time::{sleep, timeout};
use tokio_postgres::{AsyncMessage, Client};

use super::connect::{Wire, greet};
use super::pool::Pool;
use crate::shelf::Shelf;
use crate::{Change, Result, StoreError};

/// Every statement of this file.
pub(super) const ALL: &[&str] = &[NOTIFY];

/// Tells all nodes, this one included, when the transaction is committed.
pub(super) const NOTIFY: &str = "SELECT pg_notify('assay_records', $1)";
const WORK: &str = "SELECT pg_notify('assay_jobs', $1)";
const LISTEN: &str = "LISTEN assay_records; LISTEN assay_jobs";
const ALIVE: &str = "SELECT 1";

/// A payload may have 8,000 bytes.
const LONGEST: usize = 7_000;
const ROUND: Duration = Duration::from_millis(250);
const TRUST: Duration = Duration::from_millis(900);
const PATIENCE: Duration = Duration::from_secs(10);
const BREATH: Duration = Duration::from_millis(20);
const PAUSE: Duration = Duration::from_millis(500);

/// A word to the other nodes.
#[derive(Serialize, Deserialize)]
struct Notice<'a> {
    /// Who wrote.
    #[serde(borrow)]
    node: std::borrow::Cow<'a, str>,
    /// What: space, kind, id. Without it, it may be anything.
    keys: Option<Vec<(String, String, String)>>,
}

/// Writes and reads notices.
pub(super) struct Notices {
    /// A name of this handle on the database that no other has.
    pub(super) node: String,
}

impl Notices {
    /// The word that these records changed.
    pub(super) fn of(&self, keys: &[&Key]) -> String {
        let keys = keys.iter().map(|key| (key.space.stored().into(), key.kind.wire().into(), key.id.to_string()));
        let text = self.text(Some(keys.collect()));
        if text.len() > LONGEST { self.text(None) } else { text }
    }

    fn text(&self, keys: Option<Vec<(String, String, String)>>) -> String {
        let notice = Notice { node: self.node.as_str().into(), keys };
        serde_json::to_string(&notice).expect("texts are JSON")
    }

    /// What a word says; none where it is our own.
    fn read(&self, text: &str) -> Option<Change> {
        let Ok(notice) = serde_json::from_str::<Notice>(text) else { return Some(Change::Foreign) };
        if notice.node == self.node {
            return None;
        }
        let key = |(space, kind, id): (String, String, String)| {
            let kind = kind.parse().ok()?;
            Some(Key { space: Space::from_stored(&space), kind, id: id.into() })
        };
        let keys: Option<Vec<_>> = notice.keys.and_then(|keys| keys.into_iter().map(key).collect());
        Some(keys.map_or(Change::Foreign, |keys| Change::Keys(keys.into())))
    }
}

/// The connection that listens. Ends when it is dropped.
pub(super) struct Listener {
    pub(super) pool: Arc<Pool>,
    pub(super) notices: Arc<Notices>,
    pub(super) shelf: Arc<Shelf>,
    pub(super) changes: broadcast::Sender<Change>,
    /// There is work to tell of.
    pub(super) work: Arc<Notify>,
}

impl Listener {
    /// Listens, again and again.
    pub(super) async fn listen(self) {
        let mut told = false;
        loop {
            match self.session(&mut told).await {
                Err(error) if !told => {
                    told = true;
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "writes of other nodes are not heard of; nothing is answered from memory");
                }
                _ => {}
            }
            sleep(PAUSE).await;
        }
    }

    async fn session(&self, told: &mut bool) -> Result<()> {
        let (client, wire) = self.pool.connector().connect().await?;
        tokio::select! {
            ended = self.hear(wire) => ended,
            ended = self.stay(client, told) => ended,
        }
    }

    /// Moves the bytes of the connection and acts on what is heard.
    async fn hear(&self, mut wire: Wire) -> Result<()> {
        while let Some(message) = poll_fn(|context| wire.poll_message(context)).await {
            if let AsyncMessage::Notification(heard) = message? {
                self.act_on(heard.channel(), heard.payload());
            }
        }
        Err(StoreError::Unavailable("the connection that listens was closed".into()))
    }

    fn act_on(&self, channel: &str, payload: &str) {
        let change = match channel {
            "assay_jobs" => (payload != self.notices.node).then_some(Change::Jobs),
            _ => self.notices.read(payload),
        };
        if let Some(change) = change {
            self.forget(&change);
            self.tell(change);
        }
    }

    async fn stay(&self, client: Client, told: &mut bool) -> Result<()> {
        greet(&client, PATIENCE).await?;
        client.batch_execute(LISTEN).await?;
        // What was said before this moment was not heard.
        self.forget(&Change::Foreign);
        self.tell(Change::Foreign);
        self.tell(Change::Jobs);
        if std::mem::take(told) {
            tracing::info!("writes of other nodes are heard of again");
        }
        loop {
            let asked = Instant::now();
            timeout(TRUST, client.batch_execute(ALIVE))
                .await
                .map_err(|late| StoreError::Unavailable(late.into()))??;
            self.shelf.trust(asked, TRUST);
            tokio::select! {
                () = sleep(ROUND) => {}
                () = self.work.notified() => {
                    client.query(WORK, &[&self.notices.node]).await?;
                    // Many commits are one word.
                    sleep(BREATH).await;
                }
            }
        }
    }

    fn forget(&self, change: &Change) {
        match change {
            Change::Keys(keys) => self.shelf.forget(keys.iter()),
            Change::Foreign => self.shelf.forget_all(),
            Change::Jobs => {}
        }
    }

    fn tell(&self, change: Change) {
        let _nobody_listens = self.changes.send(change);
    }
}

#[cfg(test)]
mod tests {
    use assay_model::Kind;

    use super::*;

    #[test]
    fn a_notice_says_which_records_changed_and_many_are_anything() {
        let (ours, theirs) = (Notices { node: "a\"".to_owned() }, Notices { node: "b".to_owned() });
        let key = Key::shared(Kind::File, "with \0 and \" in it");
        let text = ours.of(&[&key]);
        assert!(!text.contains('\0'));
        assert_eq!(theirs.read(&text), Some(Change::Keys([key.clone()].into())));
        assert_eq!(ours.read(&text), None);
        let many = ours.of(&vec![&key; 500]);
        assert!(many.len() <= LONGEST);
        assert_eq!(theirs.read(&many), Some(Change::Foreign));
        assert_eq!(theirs.read("something else"), Some(Change::Foreign));
    }
}
