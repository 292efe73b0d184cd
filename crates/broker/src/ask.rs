//! **The order of answers**: fresh → one call for all who ask the same → stale → a refusal. What is known locally was asked
//! before.

use std::sync::Arc;
use std::time::Duration;

use assay_model::record::{Class, Key, Space};
use assay_model::{Result, Timestamp};
use assay_store::{Batch, Expect, StoreError};
use serde_json::Value;

use crate::about::{self, Subject};
use crate::contract::{self, Named};
use crate::exchange::{Document, Order, Outcome};
use crate::flights::{Landed, Urgency};
use crate::freshness::after;
use crate::kept::{self, Flight, Kept, Stored};
use crate::question::Question;
use crate::refusal::Refusal;
use crate::{Broker, Settings, ledger, operations, privacy};

/// How often another process is looked after that fetches the same answer.
const LOOK: Duration = Duration::from_millis(20);
/// How much longer than a call with all its tries a flight may be on its way before its process counts as dead.
const GRACE: Duration = Duration::from_secs(5);

/// Who asks, and how.
#[derive(Debug, Clone)]
pub struct Asker {
    /// The account.
    pub account: Arc<str>,
    /// Its group.
    pub group: Option<String>,
    /// Who waits.
    pub class: Class,
    /// How old an answer may be, seconds, where the caller may say so.
    pub max_age: Option<u64>,
}

/// How a question was answered; the words of the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// By what is known here.
    Local,
    /// By an answer that was kept.
    Cached,
    /// By a call that somebody else's question had caused already.
    Coalesced,
    /// By a call.
    Upstream,
    /// By an answer that was no longer fresh.
    Stale,
    /// Not at all.
    Refused,
}

impl How {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::Local, Self::Cached, Self::Coalesced, Self::Upstream, Self::Stale, Self::Refused];

    /// Its name in figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Cached => "cached",
            Self::Coalesced => "coalesced",
            Self::Upstream => "upstream",
            Self::Stale => "stale",
            Self::Refused => "refused",
        }
    }
}

/// What a question came to.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The answer, which may be that it is not known.
    pub kept: Arc<Kept>,
    /// How.
    pub how: How,
    /// The contract's host.
    pub host: url::Url,
}

/// Why upstream was not asked, and is not to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAsked {
    /// Nobody made a contract for this tenant.
    #[error("there is no contract for this account")]
    NoContract,
    /// A key of the public tier serves one account alone.
    #[error(
        "VirusTotal was not asked: this server's key is of the public tier, whose terms allow one user, and serves another account"
    )]
    PublicKey,
    /// The contract does not include it.
    #[error("VirusTotal was not asked: this server's contract does not include this")]
    NotIncluded,
    /// The operator did not allow it.
    #[error("VirusTotal was not asked: {0} under this server's contract are switched off (upstream.{0})")]
    SwitchedOff(&'static str),
    /// It must not leave.
    #[error("VirusTotal was not asked: {0}, and stays here")]
    Private(&'static str),
    /// It is one of a tenant's private objects.
    #[error("VirusTotal was not asked: the object is a private one")]
    PrivateObject,
}

/// Why a question has no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// It was not asked, by rule.
    NotAsked(NotAsked),
    /// It could not be.
    Refused(Refusal),
}

impl<E: Into<Refusal>> From<E> for Unanswered {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl Broker {
    /// The answer to a question that local knowledge does not answer.
    pub async fn answer(self: &Arc<Self>, asker: &Asker, question: &Question) -> Result<Answered, Unanswered> {
        let contracts = self.contracts().await?;
        let named = contract::of_asker(&contracts, asker).map_err(Unanswered::NotAsked)?;
        if !named.includes(question.operation) {
            return Err(Unanswered::NotAsked(NotAsked::NotIncluded));
        }
        if let Some(why) = privacy::keeps(question, &self.settings.internal_suffixes) {
            return Err(Unanswered::NotAsked(NotAsked::Private(why)));
        }
        let known = self.kept(&named, question).await?;
        let now = self.clock.now();
        let host = named.contract.host.clone();
        let answered = |kept: Arc<Kept>, how| {
            self.evidence.count(&named.name, &asker.account, how, now);
            Ok(Answered { kept, how, host: host.clone() })
        };
        if let Some(kept) = known.as_ref().filter(|kept| kept.is_fresh(now, asker.max_age)) {
            return answered(kept.clone(), How::Cached);
        }
        if known.is_none() && self.is_private(asker, question).await? {
            return Err(Unanswered::NotAsked(NotAsked::PrivateObject));
        }
        let mut landed = self.board(&named, question, asker).await;
        if matches!(landed, (Err(Refusal::Budget { .. }), false)) {
            // It was refused to somebody else's class: that says nothing of this one.
            landed = self.board(&named, question, asker).await;
        }
        match landed {
            (Ok(landed), own) => {
                let how = if own && landed.fetched { How::Upstream } else { How::Coalesced };
                answered(landed.kept, how)
            }
            (Err(refusal), _) => match known.filter(|kept| self.may_be_shown(kept, now)) {
                Some(kept) if can_be_bridged(&refusal) => answered(kept, How::Stale),
                _ => {
                    self.evidence.count(&named.name, &asker.account, How::Refused, now);
                    Err(Unanswered::Refused(refusal))
                }
            },
        }
    }

    /// Whether an account has a contract at all, its own key's tier aside.
    pub async fn serves(&self, asker: &Asker) -> Result<bool> {
        let contracts = self.contracts().await?;
        Ok(!contracts.is_empty() && contract::of_asker(&contracts, asker) != Err(NotAsked::NoContract))
    }

    /// Whether the table and the account's contract have a relationship.
    pub async fn includes(&self, asker: &Asker, collection: &str, name: &str) -> Result<bool> {
        let contracts = self.contracts().await?;
        let (Some(row), Ok(named)) = (operations::find(collection, name), contract::of_asker(&contracts, asker)) else {
            return Ok(false);
        };
        Ok(named.includes(row))
    }

    /// Joins whoever fetches the answer in this process, or fetches it.
    async fn board(self: &Arc<Self>, named: &Arc<Named>, question: &Question, asker: &Asker) -> (Landed, bool) {
        let fly = |urgency| {
            let (broker, named, question, max_age) = (self.clone(), named.clone(), question.clone(), asker.max_age);
            async move { broker.fly(&named, &question, urgency, max_age).await }
        };
        let key = kept::key(named, question.name());
        self.flights.join((key, asker.class), &self.tasks, fly).await
    }

    /// What is kept for a question, however old, for those who would not ask for it.
    pub async fn remembered(&self, asker: &Asker, question: &Question) -> Result<Option<Answered>> {
        let contracts = self.contracts().await?;
        let Ok(named) = contract::of_asker(&contracts, asker) else { return Ok(None) };
        let kept = self.kept(&named, question).await?;
        let host = named.contract.host.clone();
        Ok(kept.filter(|kept| kept.is_known()).map(|kept| Answered { kept, how: How::Cached, host }))
    }

    fn may_be_shown(&self, kept: &Kept, now: Timestamp) -> bool {
        now < after(kept.fresh_until(), self.settings.freshness.stale)
    }

    /// Whether the object is one of the tenant's private ones.
    async fn is_private(&self, asker: &Asker, question: &Question) -> Result<bool> {
        let Some(group) = &asker.group else { return Ok(false) };
        for subject in about::subjects(question) {
            let Subject::Object(kind, id) = subject else { continue };
            let key = Key { space: Space::Private(group.as_str().into()), kind, id: id.as_ref().into() };
            if self.store.read(&key).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Fetches an answer, unless another process does.
    async fn fly(
        &self,
        named: &Arc<Named>,
        question: &Question,
        urgency: Arc<Urgency>,
        max_age: Option<u64>,
    ) -> Landed {
        let mut version = match self.take_off(named, question, max_age).await? {
            TakeOff::Landed(kept) => return Ok(Arrival { kept, fetched: false }),
            TakeOff::Ours(version) => version,
        };
        let order = Order {
            operation: question.operation,
            path: question.path(),
            query: question.query(),
            urgency,
            quotas: ledger::pays(named, question.operation),
        };
        let outcome = match self.exchange::<Document>(named, &order).await {
            Ok(outcome) => outcome,
            Err(refusal) => {
                self.give_up(named, question, version.take()).await;
                return Err(refusal);
            }
        };
        let document = match outcome {
            Outcome::Unknown => None,
            Outcome::Answered(answer) => {
                if let Err(why) = kept::check(question, &answer.document) {
                    self.give_up(named, question, version.take()).await;
                    return Err(Refusal::Garbled(why));
                }
                Some(answer.document)
            }
        };
        let kept = self.keep(named, question, document.as_ref()).await?;
        Ok(Arrival { kept, fetched: true })
    }

    /// Marks an answer as being fetched by us, or waits for who fetches it. Only where several processes share the store:
    /// within one, flights are joined before.
    async fn take_off(&self, named: &Named, question: &Question, max_age: Option<u64>) -> Result<TakeOff, Refusal> {
        if !self.settings.shared_store {
            // Who flew before us may have landed while we were told to go.
            let landed = self.kept(named, question).await?;
            let fresh = landed.filter(|kept| kept.is_fresh(self.clock.now(), max_age));
            return Ok(fresh.map_or(TakeOff::Ours(None), TakeOff::Landed));
        }
        let key = kept::key(named, question.name());
        loop {
            let now = self.clock.now();
            let record = self.store.read(&key).await?;
            let (mut stored, expect) = match &record {
                None => (Stored::empty(&named.name), Expect::Absent),
                Some(record) => (record.parse::<Stored>()?, Expect::Version(record.version)),
            };
            if let Some(kept) = self.kept(named, question).await?.filter(|kept| kept.is_fresh(now, max_age)) {
                return Ok(TakeOff::Landed(kept));
            }
            // One that would last longer than any was marked before the clock was set back.
            let latest = after(now, self.longest_flight());
            let is_away = |flight: &Flight| flight.node != self.node && flight.until > now && flight.until <= latest;
            if stored.flight.as_ref().is_some_and(is_away) {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            stored.contract.clone_from(&named.name);
            stored.flight = Some(Flight { node: self.node.clone(), until: latest });
            let mut batch = Batch::new();
            batch.put(key.clone(), assay_model::record::body(&stored), expect).soon();
            match self.store.commit(batch).await {
                Ok(_) => return Ok(TakeOff::Ours(Some(stored))),
                // Somebody else was quicker; what is read next is what they wrote.
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn longest_flight(&self) -> Duration {
        let Settings { longest_call, retries, patience, .. } = &self.settings;
        *longest_call * (retries + 1) + *patience + GRACE
    }

    /// Takes our mark off an answer that did not come.
    async fn give_up(&self, named: &Named, question: &Question, marked: Option<Stored>) {
        let Some(mut stored) = marked else { return };
        stored.flight = None;
        let key = kept::key(named, question.name());
        let mut batch = Batch::new();
        if stored.fetched_at.is_some() {
            batch.put(key, assay_model::record::body(&stored), Expect::Any);
        } else {
            batch.delete(key);
        }
        batch.soon();
        if let Err(error) = self.store.commit(batch).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a mark on an upstream answer could not be taken off"
            );
        }
    }

    /// Keeps an answer. Where the store has no room for it, it is answered all the same.
    async fn keep(&self, named: &Named, question: &Question, document: Option<&Value>) -> Result<Arc<Kept>, Refusal> {
        let now = self.clock.now();
        let freshness = &self.settings.freshness;
        let until =
            document.map_or_else(|| freshness.until_unknown(now), |document| freshness.until(question, document, now));
        let under = document.and_then(|document| question.under(document));
        let name = under.as_ref().map_or(question.name(), Question::name);
        let body = kept::answered(named, now, until, document);
        let mut batch = Batch::new();
        batch.put(kept::key(named, name), body.clone(), Expect::Any).soon();
        if under.is_some() {
            batch.put(kept::key(named, question.name()), kept::pointer(named, now, until, name), Expect::Any);
        }
        if let Err(error) = self.store.commit(batch).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "an upstream answer could not be kept");
            let record = assay_model::record::Record { key: kept::key(named, name), version: 0, body };
            return Kept::unkept(named, record)?.map(Arc::new).ok_or(Refusal::Store);
        }
        self.kept(named, question).await?.ok_or(Refusal::Store)
    }
}

/// How a flight starts.
enum TakeOff {
    /// Somebody else's has landed.
    Landed(Arc<Kept>),
    /// We fly; what the record says meanwhile.
    Ours(Option<Stored>),
}

/// What a flight brought.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) kept: Arc<Kept>,
    /// Whether this process fetched it.
    pub(crate) fetched: bool,
}

/// Whether an old answer is better than this refusal: not where upstream says that it will never answer.
fn can_be_bridged(refusal: &Refusal) -> bool {
    !matches!(refusal, Refusal::Malformed(_) | Refusal::NotYet(_))
}
