//! Feeds: batches of what `VirusTotal` has seen in a minute or an hour, and what they link to; off unless the operator's policy
//! says so. In goes what is asked for, out come pieces of bytes on their way; nothing of them is kept here.
//!
//! They cost no request, so that nothing is reserved for them: what holds for every call else (keys, circuit breaker, a 429)
//! holds for them too. A batch is told as it comes: links inside it lead to `VirusTotal`.

use std::sync::Arc;

use assay_model::privilege::Privilege;
use assay_upstream::{Opened, Pieces, UpstreamError};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use crate::Broker;
use crate::ask::{Asker, How, NotAsked, Unanswered};
use crate::contract::{self, Named};
use crate::download::Downloads;
use crate::exchange::{self, Order, Outcome, held};
use crate::flights::Urgency;
use crate::operations::{Ages, Operation};
use crate::refusal::Refusal;

/// How every batch begins.
const BZIP2: &[u8] = b"BZh";

const fn row(collection: &'static str, needs: Privilege) -> Operation {
    Operation { collection, name: "", needs: Some(needs), feature: None, ages: Ages::Report }
}

/// Not rows of the table: no look-up reaches them, only [`Broker::feed`] does.
static FEEDS: [Operation; 5] = [
    row("files", Privilege::FileFeed),
    row("urls", Privilege::UrlFeed),
    row("domains", Privilege::DomainFeed),
    row("ip_addresses", Privilege::IpFeed),
    row("file_behaviours", Privilege::FileBehaviourFeed),
];

/// What of a feed is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// The batch of a minute, `YYYYMMDDhhmm`.
    Minute(&'a str),
    /// The batches of an hour, `YYYYMMDDhh`.
    Hour(&'a str),
    /// What a line of a batch links to: its token, and which.
    Item(&'a str, &'a str),
}

impl<'a> Part<'a> {
    fn path(self, feed: &'a str) -> Vec<&'a str> {
        match self {
            Self::Minute(time) => vec!["feeds", feed, time],
            Self::Hour(time) => vec!["feeds", feed, "hourly", time],
            Self::Item(token, what) => vec!["feeds", feed, token, what],
        }
    }
}

impl Broker {
    /// A part of a feed; none where upstream does not have it.
    pub async fn feed(
        self: &Arc<Self>,
        asker: &Asker,
        feed: &str,
        part: Part<'_>,
    ) -> Result<Option<Box<dyn Pieces>>, Unanswered> {
        let contracts = self.contracts().await?;
        let named = contract::of_asker(&contracts, asker).map_err(Unanswered::NotAsked)?;
        let Some(policy) = &self.settings.feeds else {
            return Err(Unanswered::NotAsked(NotAsked::SwitchedOff("feeds")));
        };
        if matches!(part, Part::Item(_, "download")) && self.settings.downloads.is_none() {
            return Err(Unanswered::NotAsked(NotAsked::SwitchedOff("downloads")));
        }
        let operation = FEEDS.iter().find(|row| row.collection == feed && named.includes(row));
        let operation = operation.ok_or(Unanswered::NotAsked(NotAsked::NotIncluded))?;
        let opened = self.open_feed(&named, asker, operation, part, policy).await;
        let how = if opened.is_ok() { How::Upstream } else { How::Refused };
        self.evidence.count(&named.name, &asker.account, how, self.clock.now());
        Ok(opened?)
    }

    async fn open_feed(
        &self,
        named: &Arc<Named>,
        asker: &Asker,
        operation: &'static Operation,
        part: Part<'_>,
        policy: &Downloads,
    ) -> Result<Option<Box<dyn Pieces>>, Refusal> {
        if let Some(wait) = self.is_held(&named.name) {
            return Err(held(wait));
        }
        let order = Order {
            operation,
            path: part.path(operation.collection),
            query: &[],
            urgency: Urgency::of(asker.class),
            quotas: Vec::new(),
        };
        let pieces = match self.exchange::<exchange::Bytes>(named, &order).await? {
            Outcome::Unknown => return Ok(None),
            Outcome::Answered(Opened::Here(pieces)) => pieces,
            Outcome::Answered(Opened::Elsewhere(address)) => self.fetch_from(named, policy, &address).await?,
        };
        match part {
            Part::Minute(_) | Part::Hour(_) => begun(pieces).await.map(Some),
            Part::Item(..) => Ok(Some(pieces)),
        }
    }
}

/// A batch is compressed with bzip2; a portal's page is none.
async fn begun(mut pieces: Box<dyn Pieces>) -> Result<Box<dyn Pieces>, Refusal> {
    let length = pieces.length();
    let mut begin = BytesMut::new();
    while begin.len() < BZIP2.len() {
        let Some(piece) = pieces.next().await? else { break };
        begin.extend_from_slice(&piece);
    }
    if !begin.starts_with(BZIP2) {
        return Err(Refusal::Garbled("it is no batch of a feed".to_owned()));
    }
    Ok(Box::new(Begun { begin: Some(begin.freeze()), rest: pieces, length }))
}

/// Bytes whose beginning was looked at.
struct Begun {
    begin: Option<Bytes>,
    rest: Box<dyn Pieces>,
    length: Option<u64>,
}

#[async_trait]
impl Pieces for Begun {
    async fn next(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        match self.begin.take() {
            Some(begin) => Ok(Some(begin)),
            None => self.rest.next().await,
        }
    }

    fn length(&self) -> Option<u64> {
        self.length
    }
}
