//! One `VirusTotal` contract, many careful users. In goes a question that local knowledge does not answer, out comes what
//! upstream says or said, with its age, or why it was not asked.
//!
//! | module | what |
//! |---|---|
//! | [`operations`] | **the table** of what may be forwarded; the rest is refused |
//! | [`question`] | one of these, about something: its path, and the name of its answer |
//! | [`privacy`], `about` | what never leaves, also not inside an id |
//! | `ask` | the order of answers: fresh → one call for all who ask the same → stale → a refusal |
//! | `exchange` | one answered call: budget, retries, keys, circuit breaker |
//! | `ledger` | the contract's quotas: reserved before the call, settled after |
//! | `flights`, `breaker` | equal questions at once; a host that fails |
//! | [`kept`], [`freshness`] | answers as they are kept, and for how long |
//! | [`contract`], [`manage`] | contracts and their keys; adding, rotating, ending |
//! | [`download`], [`feeds`] | the bytes of a file and the batches of feeds, where the policy permits it |
//! | `alarm` | a key that upstream refuses: told, and another one takes its place |
//! | `reconcile` | upstream's own count |
//! | [`priority`], [`evidence`] | who goes first; who asked for what, and what was saved |
//!
//! To let another operation through: a row in [`operations`].
//!
//! Invariant: an upstream call is made in one place (`exchange`), after a reservation in the store, so that all processes
//! together never ask more often than the contract allows.
//! Invariant: an answer is kept in the space of the contract's tenant, and read for accounts of that tenant only.
//! Invariant: nothing but GETs of the table's operations goes upstream, and of `download` and `feeds` where the policy permits
//! it, with the contract's key; no client's key ever does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use assay_model::apikey::Pepper;
use assay_model::clock::Clock;
use assay_model::random::Random;
use assay_model::record::Key;
use assay_model::seal::Sealer;
use assay_model::{Result, Timestamp};
use assay_store::Store;
use assay_upstream::Upstream;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

mod about;
mod alarm;
pub mod ask;
mod breaker;
pub mod contract;
pub mod download;
pub mod evidence;
mod exchange;
pub mod feeds;
mod flights;
pub mod freshness;
pub mod kept;
mod ledger;
pub mod manage;
pub mod operations;
pub mod priority;
pub mod privacy;
pub mod question;
mod reconcile;
mod refusal;
mod settings;
#[cfg(test)]
mod tests;

pub use ask::{Answered, Asker, How, NotAsked};
pub use question::Question;
pub use refusal::Refusal;
pub use settings::Settings;

use contract::Named;

/// For what upstream keys are sealed.
const SEALED_FOR: &str = "upstream keys";
/// How many headers of kept answers are remembered.
const READ: usize = 20_000;

/// See the crate.
pub struct Broker {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    upstream: Arc<dyn Upstream>,
    sealer: Sealer,
    names: Sealing,
    settings: Settings,
    /// This process towards the others.
    node: String,
    contracts: RwLock<Option<Arc<Vec<Arc<Named>>>>>,
    /// Headers of kept answers, by the records that they were read from.
    read: Cache<Key, kept::Read>,
    flights: flights::Flights,
    breakers: breaker::Breakers,
    /// Contracts whose upstream said 429, until when.
    held: Mutex<HashMap<String, Timestamp>>,
    /// When a 403 was told last, by contract and key.
    told: Mutex<HashMap<(String, String), Timestamp>>,
    places: [Semaphore; 3],
    evidence: evidence::Evidence,
    tasks: TaskTracker,
}

/// What names of keys are made with.
struct Sealing(Pepper);

impl Broker {
    /// A broker over a store. `secret` is what upstream keys are sealed under: the installation's pepper, or one that an
    /// operator's secret store hands out.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        upstream: Arc<dyn Upstream>,
        secret: &Pepper,
        settings: Settings,
    ) -> Arc<Self> {
        let mut node = [0; 8];
        random.fill(&mut node);
        let places = settings.at_once.max(4);
        Arc::new(Self {
            sealer: Sealer::new(secret, SEALED_FOR),
            names: Sealing(secret.clone()),
            node: hex::encode(node),
            contracts: RwLock::default(),
            read: Cache::new(READ),
            flights: flights::Flights::default(),
            breakers: breaker::Breakers::default(),
            held: Mutex::default(),
            told: Mutex::default(),
            // Each class has what the classes above it leave.
            places: [Semaphore::new(places), Semaphore::new(places * 3 / 4), Semaphore::new(places / 2)],
            evidence: evidence::Evidence::default(),
            tasks: TaskTracker::new(),
            store,
            clock,
            random,
            upstream,
            settings,
        })
    }

    /// What the operator set.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The contracts as they are known here; read anew every second and after each change of this process.
    pub async fn contracts(&self) -> Result<Arc<Vec<Arc<Named>>>> {
        if let Some(known) = self.contracts_here() {
            return Ok(known);
        }
        self.refresh().await
    }

    fn contracts_here(&self) -> Option<Arc<Vec<Arc<Named>>>> {
        self.contracts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the contracts anew.
    pub async fn refresh(&self) -> Result<Arc<Vec<Arc<Named>>>> {
        let read = Arc::new(contract::all(&*self.store).await?);
        *self.contracts.write().unwrap_or_else(PoisonError::into_inner) = Some(read.clone());
        Ok(read)
    }

    /// What has to be done every second.
    pub async fn every_second(self: &Arc<Self>) -> Result<()> {
        let counted = self.evidence.flush(&*self.store).await;
        self.refresh().await?;
        counted
    }

    /// What has to be done every minute: upstream's own count, keys that were refused, contracts that ended.
    pub async fn every_minute(self: &Arc<Self>) -> Result<()> {
        for named in self.contracts().await?.iter() {
            if named.contract.ended {
                self.purge(named).await?;
            } else if let Err(refusal) = self.reconcile(named).await {
                tracing::warn!(contract = named.name, error = %refusal, "upstream's own count could not be read");
            }
        }
        Ok(())
    }

    /// Writes what was counted, and ends what is under way; for the end of the process.
    pub async fn settle(&self) -> Result<()> {
        self.tasks.close();
        self.tasks.wait().await;
        self.evidence.flush(&*self.store).await
    }

    /// Adds to the evidence: an account of a tenant with a contract was answered by local knowledge.
    pub fn answered_locally(&self, asker: &Asker) {
        if let Some(named) = self.contracts_here().and_then(|contracts| contract::of_asker(&contracts, asker).ok()) {
            self.evidence.count(&named.name, &asker.account, How::Local, self.clock.now());
        }
    }
}
