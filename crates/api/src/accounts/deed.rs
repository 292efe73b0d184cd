//! A change to accounts, keys or tiers, with its entry in the audit log and the events that tell of it, as one commit.

use std::net::IpAddr;
use std::sync::Arc;

use assay_events::audit::{self, Action, Deed};
use assay_model::apikey::KeyId;
use assay_model::event::{Event, EventName};
use assay_model::{Error, Result};
use assay_store::{Batch, StoreError};
use serde_json::Value;

use crate::app::App;
use crate::gate::Paid;

/// How often a change is tried against others who change the same.
const TRIES: usize = 32;

/// Who changes something.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub(crate) account: Arc<str>,
    pub(crate) key_id: Option<KeyId>,
    pub(crate) address: Option<IpAddr>,
}

impl Actor {
    /// Whoever made the call.
    pub(crate) fn of(paid: &Paid) -> Result<Self> {
        let identity = paid.account()?;
        let key_id = Some(identity.key_id).filter(|id| *id != KeyId::NONE);
        Ok(Self { account: identity.account.clone(), key_id, address: paid.address() })
    }

    /// The server itself, when a date has come.
    pub(crate) fn server() -> Self {
        Self { account: "server".into(), key_id: None, address: None }
    }
}

/// What is changed together.
#[derive(Default)]
pub(crate) struct Change {
    /// What is written.
    pub(crate) batch: Batch,
    deeds: Vec<Deed>,
    events: Vec<Event>,
}

/// Why an attempt at a change failed.
pub(crate) enum Failure {
    /// Somebody else was quicker: read again and try again.
    Conflict,
    /// It cannot be.
    Final(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Conflict,
            other => Self::Final(other.into()),
        }
    }
}

/// The result of one attempt.
pub(crate) type Attempt<T> = std::result::Result<T, Failure>;

impl Change {
    /// Enters into the audit log what was done to what: before and after, without secrets.
    pub(crate) fn deed(
        &mut self,
        actor: &Actor,
        action: Action,
        target: impl Into<String>,
        group: Option<&str>,
        (before, after): (Value, Value),
    ) {
        self.deeds.push(Deed {
            actor: actor.account.to_string(),
            key_id: actor.key_id.map(|id| id.to_string()),
            address: actor.address,
            action,
            target: target.into(),
            group: group.map(ToOwned::to_owned),
            before,
            after,
        });
    }

    /// Tells whoever listens.
    pub(crate) fn event(&mut self, app: &App, name: EventName, account: &str, group: Option<&str>, data: Value) {
        self.events.push(Event {
            name,
            date: app.now(),
            account: Some(account.to_owned()),
            group: group.map(ToOwned::to_owned),
            data,
        });
    }

    /// Writes all of it, or nothing.
    pub(crate) async fn commit(mut self, app: &App) -> Attempt<()> {
        let store = app.store();
        audit::log(store, &mut self.batch, self.deeds, app.now()).await?;
        for event in &self.events {
            assay_events::announce(store, &mut self.batch, event, &*app.random).await?;
        }
        store.commit(self.batch).await?;
        Ok(())
    }
}

/// Tries a change until nobody else was quicker.
pub(crate) async fn persist<T, F>(mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Attempt<T>>,
{
    for _ in 0..TRIES {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(Failure::Conflict) => {}
            Err(Failure::Final(error)) => return Err(error),
        }
    }
    Err(StoreError::Conflict.into())
}
