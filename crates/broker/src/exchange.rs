//! One answered call: **the only place that calls upstream**. Circuit breaker → room in the contract → a place among those
//! under way → the call → settled. What failed in passing is tried again, each time with a reservation of its own: whether
//! upstream counted what broke off is not known, and the contract must never be overspent.

use std::sync::Arc;
use std::time::Duration;

use assay_model::Timestamp;
use assay_model::quota::Quota;
use assay_model::record::Class;
use assay_upstream::{Answer, Call, Opened, Upstream, UpstreamError, UpstreamKey};
use tokio::sync::SemaphorePermit;

use crate::contract::{ContractKey, Named, UpstreamKeyState};
use crate::flights::Urgency;
use crate::ledger::{self, Short};
use crate::operations::Operation;
use crate::refusal::Refusal;
use crate::{Broker, freshness};

/// How long nothing is asked after a 429 that does not say.
const AFTER_429: Duration = Duration::from_mins(1);
/// And at the most, whatever it says.
const AFTER_429_MAX: Duration = Duration::from_hours(1);

/// What a call asks, in whose class, and who pays.
pub(crate) struct Order<'a> {
    pub(crate) operation: &'static Operation,
    pub(crate) path: Vec<&'a str>,
    pub(crate) query: &'a [(String, String)],
    pub(crate) urgency: Arc<Urgency>,
    /// Nothing where it costs nothing.
    pub(crate) quotas: Vec<Quota>,
}

/// What came of it.
pub(crate) enum Outcome<T> {
    /// It was answered.
    Answered(T),
    /// It is not known there.
    Unknown,
}

/// In which form an answer is wanted.
pub(crate) trait Form {
    /// What it is then.
    type Got: Send;

    /// Makes the call, once.
    fn ask(upstream: &dyn Upstream, call: &Call) -> impl Future<Output = Result<Self::Got, UpstreamError>> + Send;
}

/// A document.
pub(crate) struct Document;

impl Form for Document {
    type Got = Answer;

    async fn ask(upstream: &dyn Upstream, call: &Call) -> Result<Answer, UpstreamError> {
        upstream.ask(call).await
    }
}

/// Bytes on their way.
pub(crate) struct Bytes;

impl Form for Bytes {
    type Got = Opened;

    async fn ask(upstream: &dyn Upstream, call: &Call) -> Result<Opened, UpstreamError> {
        upstream.open(call).await
    }
}

impl Broker {
    /// Asks until there is an answer, or no sense in asking again.
    pub(crate) async fn exchange<F: Form>(
        &self,
        named: &Arc<Named>,
        order: &Order<'_>,
    ) -> Result<Outcome<F::Got>, Refusal> {
        let mut failures = 0;
        let mut keys = 0;
        loop {
            let named = self.current(named);
            let Some(key) = named.contract.key(UpstreamKeyState::Active) else { return Err(Refusal::NoKey) };
            let failed = match self.attempt::<F>(&named, key, order).await? {
                Ok(answer) => return Ok(Outcome::Answered(answer)),
                Err(failed) => failed,
            };
            match failed {
                UpstreamError::Unknown => return Ok(Outcome::Unknown),
                UpstreamError::Exhausted { retry_after } => {
                    let wait = retry_after.unwrap_or(AFTER_429).min(AFTER_429_MAX);
                    self.hold(&named.name, wait);
                    return Err(held(wait));
                }
                UpstreamError::Forbidden(message) => {
                    if keys < 2 && self.call_forbidden(&named, &key.id, order.operation, &message).await? {
                        keys += 1;
                        continue;
                    }
                    return Err(Refusal::Forbidden(message));
                }
                UpstreamError::KeyRefused { code, message } if keys < 2 => {
                    keys += 1;
                    self.key_refused(&named.name, &key.id, &format!("{code}: {message}")).await?;
                }
                UpstreamError::Unreachable(_) | UpstreamError::Failed(_) if failures < self.settings.retries => {
                    tokio::time::sleep(self.pause(failures)).await;
                    failures += 1;
                }
                other => return Err(other.into()),
            }
        }
    }

    /// One call with one key, reserved and settled.
    async fn attempt<F: Form>(
        &self,
        named: &Named,
        key: &ContractKey,
        order: &Order<'_>,
    ) -> Result<Result<F::Got, UpstreamError>, Refusal> {
        let host = &named.contract.host;
        let name = host.as_str();
        self.breakers.admit(name, self.clock.nanoseconds()).map_err(|wait| Refusal::Away {
            why: "it failed several times in a row and is left alone for a while".to_owned(),
            wait,
        })?;
        let secret = self.open(&named.name, key)?;
        let reservation = if order.quotas.is_empty() { None } else { Some(self.room(named, order).await?) };
        let _place = self.place(&order.urgency).await;
        let began = self.clock.nanoseconds();
        let call = Call::get(host, &order.path, &secret).with_query(order.query.to_vec());
        let outcome = F::ask(&*self.upstream, &call).await;
        self.note(&named.name, began, outcome.as_ref().err());
        match &outcome {
            Err(error) if error.is_passing() => self.breakers.failed(name, self.clock.nanoseconds()),
            _ => self.breakers.answered(name),
        }
        let was_free = outcome.as_ref().is_err_and(UpstreamError::was_free);
        if let Some(reservation) = reservation.filter(|_| was_free) {
            ledger::release(&*self.store, reservation).await;
        }
        Ok(outcome)
    }

    /// A place among the calls under way: the classes below have fewer, and a call that became more urgent changes queues.
    async fn place(&self, urgency: &Urgency) -> [Option<SemaphorePermit<'_>>; 2] {
        loop {
            let class = urgency.class();
            let below = match class {
                Class::Interactive => None,
                Class::Normal | Class::Bulk => {
                    let places = &self.places[usize::from(class.rank())];
                    tokio::select! {
                        place = places.acquire() => place.ok(),
                        () = urgency.raised() => continue,
                    }
                }
            };
            return [below, self.places[0].acquire().await.ok()];
        }
    }

    /// Room for one call; waits for the minute as long as its class may.
    async fn room(&self, named: &Named, order: &Order<'_>) -> Result<ledger::Reservation, Refusal> {
        let mut waited = Duration::ZERO;
        loop {
            if let Some(wait) = self.is_held(&named.name) {
                return Err(held(wait));
            }
            let (now, class) = (self.clock.nanoseconds(), order.urgency.class());
            let patience = match class {
                Class::Interactive => self.settings.patience,
                Class::Normal => self.settings.patience / 4,
                Class::Bulk => Duration::ZERO,
            };
            let share = (class, self.settings.reserve);
            match ledger::reserve(&*self.store, named, share, &order.quotas, now).await {
                Ok(reservation) => return Ok(reservation),
                Err(Short::Store(refusal)) => return Err(refusal),
                Err(Short::Window(quota, wait)) => return Err(spent(named, quota, wait, class)),
                Err(Short::Minute(wait)) if waited + wait <= patience => {
                    waited += wait.max(Duration::from_millis(1));
                    tokio::time::sleep(wait).await;
                }
                Err(Short::Minute(wait)) => return Err(spent(named, Quota::ApiRequestsHourly, wait, class)),
            }
        }
    }

    /// The contract as it is known now: keys may have changed while a call waited.
    fn current(&self, named: &Arc<Named>) -> Arc<Named> {
        let known = self.contracts_here();
        let same = known.iter().flat_map(|known| known.iter()).find(|other| other.name == named.name);
        same.unwrap_or(named).clone()
    }

    /// A key in the clear.
    pub(crate) fn open(&self, contract: &str, key: &ContractKey) -> Result<UpstreamKey, Refusal> {
        let opened = self.sealer.open(&sealed_in(contract, &key.id), &key.sealed).map_err(|error| {
            tracing::error!(contract, key_id = key.id, error = &error as &dyn std::error::Error, "an upstream key");
            Refusal::NoKey
        })?;
        std::str::from_utf8(&opened).map(UpstreamKey::new).map_err(|_| Refusal::NoKey)
    }

    /// Nothing is asked under this contract for a while: upstream said 429.
    fn hold(&self, contract: &str, wait: Duration) {
        tracing::warn!(contract, seconds = wait.as_secs(), "upstream answers 429: nothing is asked for a while");
        let until = freshness::after(self.clock.now(), wait);
        self.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(contract.to_owned(), until);
    }

    pub(crate) fn is_held(&self, contract: &str) -> Option<Duration> {
        let held = self.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Timestamp(until) = held.get(contract).copied()?;
        let left = until - self.clock.now().0;
        // A clock that was set back must not hold for longer than a hold may last.
        (1..=i64::try_from(AFTER_429_MAX.as_secs()).unwrap_or(i64::MAX))
            .contains(&left)
            .then(|| Duration::from_secs(left.unsigned_abs()))
    }

    /// The pause before trying again: twice as long each time, by up to half longer or shorter.
    fn pause(&self, failures: u32) -> Duration {
        let mut byte = [0];
        self.random.fill(&mut byte);
        let pause = self.settings.pause.saturating_mul(1 << failures.min(6));
        pause / 2 + pause.saturating_mul(u32::from(byte[0])) / 255
    }

    fn note(&self, contract: &str, began: i64, failed: Option<&UpstreamError>) {
        let what = match failed {
            None => "answered",
            Some(UpstreamError::Unknown) => "unknown",
            Some(UpstreamError::NotYet(_)) => "not_yet",
            Some(UpstreamError::Malformed(_)) => "malformed",
            Some(UpstreamError::KeyRefused { .. }) => "key_refused",
            Some(UpstreamError::Forbidden(_)) => "forbidden",
            Some(UpstreamError::Exhausted { .. }) => "exhausted",
            Some(UpstreamError::Unreachable(_)) => "unreachable",
            Some(UpstreamError::Failed(_)) => "failed",
            Some(UpstreamError::Garbled(_)) => "garbled",
        };
        let contract = contract.to_owned();
        let took = Duration::from_nanos((self.clock.nanoseconds() - began).max(0).unsigned_abs());
        metrics::histogram!("assay_upstream_seconds", "contract" => contract.clone()).record(took.as_secs_f64());
        metrics::counter!("assay_upstream_calls_total", "contract" => contract, "outcome" => what).increment(1);
    }
}

/// In what a key is sealed.
pub(crate) fn sealed_in(contract: &str, key_id: &str) -> String {
    format!("upstream/{contract}/{key_id}")
}

/// 429 came from upstream.
pub(crate) fn held(wait: Duration) -> Refusal {
    Refusal::Budget {
        message: "Quota exceeded: VirusTotal answers 429 to this server's contract; nothing more is asked for now"
            .to_owned(),
        wait,
    }
}

fn spent(named: &Named, quota: Quota, wait: Duration, class: Class) -> Refusal {
    let window = match quota {
        Quota::ApiRequestsHourly => "minute".to_owned(),
        Quota::ApiRequestsDaily => "UTC day".to_owned(),
        Quota::ApiRequestsMonthly => "UTC month".to_owned(),
        other => format!("month ({other})", other = other.wire()),
    };
    let why = match class {
        Class::Interactive => "is used up",
        Class::Normal | Class::Bulk => "has nothing left for this class of calls at the moment; people go first",
    };
    let limit =
        if quota == Quota::ApiRequestsHourly { named.contract.limits.minute } else { named.contract.limits.of(quota) };
    Refusal::Budget {
        message: format!("Quota exceeded: the {window} ({limit}) of this server's contract with VirusTotal {why}"),
        wait,
    }
}
