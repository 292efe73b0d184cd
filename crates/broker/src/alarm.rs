//! Keys that upstream refuses. In goes a 401 or 403, out come an entry in the audit log, an event for webhooks, and another
//! key of the same contract in its place where there is one.
//!
//! A 401 is about the key: it is marked as refused. A 403 is about what was asked: every key of a contract may do the same, so
//! only where even a look-up that all may make is forbidden does a second key take over. Everything is told, a 403 once an
//! hour.

use std::sync::PoisonError;

use assay_events::audit::{self, Action, Deed};
use assay_model::Timestamp;
use assay_model::event::{Event, EventName};
use assay_model::record::body;
use assay_store::{Batch, Expect, StoreError};
use serde_json::{Value, json};

use crate::Broker;
use crate::contract::{self, Contract, Named, UpstreamKeyState};
use crate::operations::Operation;
use crate::refusal::Refusal;

/// How often a change is tried against others who change the same.
const TRIES: usize = 16;
/// How long a 403 is not told again of the same key, seconds.
const TOLD_FOR: i64 = 3_600;

impl Broker {
    /// Upstream does not take a key: it is marked so, its operator is told, and a second key of the contract takes its
    /// place. Safe to be called by many at once.
    pub(crate) async fn key_refused(&self, name: &str, key_id: &str, why: &str) -> Result<(), Refusal> {
        for _ in 0..TRIES {
            let Some(named) = contract::read(&*self.store, name).await? else { return Err(Refusal::NoKey) };
            let mut turned = named.contract.clone();
            let active = turned.key(UpstreamKeyState::Active).is_some_and(|key| key.id == key_id);
            if !active {
                // Somebody else was quicker.
                self.refresh().await?;
                return Ok(());
            }
            let now = self.clock.now();
            let successor = successor(&turned);
            turned.set(key_id, UpstreamKeyState::Refused, now);
            if let Some(successor) = &successor {
                turned.set(successor, UpstreamKeyState::Active, now);
            }
            tracing::error!(contract = name, key_id, successor, reason = why, "upstream refuses a key");
            let said = json!({ "contract": name, "key_id": key_id, "successor": successor, "reason": why });
            let mut batch = Batch::new();
            batch.put(named.key(), body(&turned), Expect::Version(named.version));
            if self.tell(batch, &named, said, now).await? {
                self.refresh().await?;
                return Ok(());
            }
        }
        Err(Refusal::Store)
    }

    /// Upstream forbids a call. Answers whether another key took the place of the one that made it.
    pub(crate) async fn call_forbidden(
        &self,
        named: &Named,
        key_id: &str,
        operation: &Operation,
        why: &str,
    ) -> Result<bool, Refusal> {
        tracing::error!(contract = named.name, key_id, reason = why, "upstream forbids a call");
        let why = format!("403: {why}");
        if operation.needs.is_none() && named.contract.key(UpstreamKeyState::Staged).is_some() {
            self.key_refused(&named.name, key_id, &why).await?;
            return Ok(true);
        }
        let now = self.clock.now();
        if self.is_first_alarm(&named.name, key_id, now) {
            let said = json!({ "contract": named.name, "key_id": key_id, "successor": null, "reason": why });
            for _ in 0..TRIES {
                if self.tell(Batch::new(), named, said.clone(), now).await? {
                    return Ok(false);
                }
            }
        }
        Ok(false)
    }

    fn is_first_alarm(&self, contract: &str, key_id: &str, now: Timestamp) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, at: &mut Timestamp| (0..TOLD_FOR).contains(&(now.0 - at.0)));
        told.insert((contract.to_owned(), key_id.to_owned()), now).is_none()
    }

    /// Commits a batch together with the entry in the audit log and the event; false where somebody else was quicker.
    async fn tell(&self, mut batch: Batch, named: &Named, said: Value, now: Timestamp) -> Result<bool, Refusal> {
        let deed = Deed {
            actor: "server".to_owned(),
            key_id: None,
            address: None,
            action: Action::RefuseUpstreamKey,
            target: format!("upstream/{}", named.name),
            group: named.contract.group.clone(),
            before: Value::Null,
            after: said.clone(),
        };
        audit::log(&*self.store, &mut batch, vec![deed], now).await?;
        let group = named.contract.group.clone();
        let event = Event { name: EventName::UpstreamKeyRefused, date: now, account: None, group, data: said };
        assay_events::announce(&*self.store, &mut batch, &event, &*self.random).await?;
        match self.store.commit(batch).await {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// A key that was refused is taken again, and no other took its place.
    pub(crate) async fn taken_back(&self, name: &str, key_id: &str) -> Result<(), Refusal> {
        let Some(named) = contract::read(&*self.store, name).await? else { return Ok(()) };
        let mut turned = named.contract.clone();
        if turned.key(UpstreamKeyState::Active).is_none() {
            turned.set(key_id, UpstreamKeyState::Active, self.clock.now());
            self.write_again(&named, turned).await?;
        }
        Ok(())
    }
}

/// The key that takes over: the one that waits for it, else the one that was replaced last, which may still work.
fn successor(contract: &Contract) -> Option<String> {
    let waiting = contract.key(UpstreamKeyState::Staged);
    let replaced =
        || contract.keys.iter().filter(|key| key.state == UpstreamKeyState::Draining).max_by_key(|key| key.since);
    waiting.or_else(replaced).map(|key| key.id.clone())
}
