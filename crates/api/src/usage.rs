//! Who used what: by day, endpoint, account, secret, client and answer class. Calls are counted in memory under one small
//! key each and written as figures every second, so that counting costs a call next to nothing.
//!
//! | subject | figures |
//! |---|---|
//! | account | endpoints that cost, endpoints that did not, keys, clients, answer classes |
//! | `group:NAME` | the same, and what each account took of the pool |
//! | `key:ID` | clients: "who still uses this key" |

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use assay_model::account::KeyUse;
use assay_model::apikey::KeyId;
use assay_model::record::{Key, body};
use assay_model::usage::{Dimension, Tally};
use assay_model::{Kind, Result, Timestamp};
use assay_store::{Batch, Expect, Store};

use crate::identity::Identity;
use crate::route::Route;

/// How much of a client's own description is kept, characters.
const AGENT_MAX: usize = 120;
/// How many different clients are counted between two writes; what is beyond is counted as one.
const CLIENTS: usize = 4_096;
/// The use of a key is written at most once in this many seconds, but for keys that are being replaced.
const USE_ROUND: i64 = 60;
/// How many days of figures are kept: the current month and the two before.
const DAYS_KEPT: i64 = 93;
const DAY: i64 = 86_400;

/// See the module.
#[derive(Default)]
pub struct Usage {
    pending: Mutex<Pending>,
    hasher: RandomState,
}

#[derive(Default)]
struct Pending {
    calls: HashMap<Seen, Call>,
    clients: HashMap<u64, Arc<str>>,
    written: HashMap<KeyId, Timestamp>,
}

/// Who calls, as far as the call says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Client<'a> {
    /// From where.
    pub(crate) address: Option<IpAddr>,
    /// `User-Agent`.
    pub(crate) agent: &'a str,
    /// `X-Tool`, in which integrations name themselves.
    pub(crate) tool: &'a str,
}

impl Client<'_> {
    /// In one line, fit for a terminal: the address, how it calls itself, the integration in brackets.
    fn line(&self) -> Arc<str> {
        let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(AGENT_MAX).collect::<String>();
        let mut line = self.address.map_or_else(|| "-".to_owned(), |address| address.to_string());
        if !self.agent.is_empty() {
            line.push(' ');
            line.push_str(&plain(self.agent));
        }
        if !self.tool.is_empty() {
            line.push_str(" [");
            line.push_str(&plain(self.tool));
            line.push(']');
        }
        line.into()
    }
}

/// Calls that are alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Seen {
    key: KeyId,
    identity: usize,
    route: usize,
    outcome: u8,
    client: u64,
    paid: bool,
}

struct Call {
    identity: Arc<Identity>,
    route: Arc<Route>,
    date: Timestamp,
    count: u64,
    cost: u64,
    address: Option<IpAddr>,
}

impl Usage {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call.
    pub(crate) fn note(
        &self,
        (identity, cost): (&Arc<Identity>, u64),
        route: &Arc<Route>,
        status: u16,
        client: Client<'_>,
        date: Timestamp,
    ) {
        let hash = self.hasher.hash_one(client);
        let seen = Seen {
            key: identity.key_id,
            identity: Arc::as_ptr(identity).addr(),
            route: Arc::as_ptr(route).addr(),
            outcome: u8::try_from(status / 100).unwrap_or(0),
            client: hash,
            paid: cost > 0,
        };
        let mut pending = self.pending();
        if !pending.clients.contains_key(&hash) && pending.clients.len() < CLIENTS {
            pending.clients.insert(hash, client.line());
        }
        let call = pending.calls.entry(seen).or_insert_with(|| Call {
            identity: identity.clone(),
            route: route.clone(),
            date,
            count: 0,
            cost: 0,
            address: client.address,
        });
        call.count += 1;
        call.cost += cost;
        call.date = date;
    }

    /// Writes what was counted since the last time.
    pub async fn flush(&self, store: &dyn Store, now: Timestamp) -> Result<()> {
        let (calls, clients) = {
            let mut pending = self.pending();
            (std::mem::take(&mut pending.calls), std::mem::take(&mut pending.clients))
        };
        if calls.is_empty() {
            return Ok(());
        }
        let mut figures: HashMap<(Arc<str>, Timestamp, Dimension, Arc<str>), u64> = HashMap::new();
        for (seen, call) in &calls {
            let client = clients.get(&seen.client).cloned().unwrap_or_else(|| "other".into());
            count(call, *seen, &client, &mut |subject, dimension, value, amount| {
                *figures.entry((subject, call.date.day(), dimension, value)).or_default() += amount;
            });
        }
        let tally = |((subject, day, dimension, value), amount)| Tally { subject, day, dimension, value, amount };
        store.tally(&figures.into_iter().map(tally).collect::<Vec<_>>()).await?;
        self.write_uses(store, &calls, &clients, now).await
    }

    /// Writes who used each key last.
    async fn write_uses(
        &self,
        store: &dyn Store,
        calls: &HashMap<Seen, Call>,
        clients: &HashMap<u64, Arc<str>>,
        now: Timestamp,
    ) -> Result<()> {
        let mut latest: HashMap<KeyId, (&Seen, &Call)> = HashMap::new();
        for (seen, call) in calls.iter().filter(|(seen, _)| seen.key != KeyId::NONE) {
            let known = latest.entry(seen.key).or_insert((seen, call));
            if call.date > known.1.date {
                *known = (seen, call);
            }
        }
        let mut batch = Batch::new();
        {
            let mut pending = self.pending();
            pending.written.retain(|_, date| date.0 > now.0 - USE_ROUND);
            for (key, (seen, call)) in latest {
                if pending.written.contains_key(&key) && call.identity.retirement.is_none() {
                    continue;
                }
                pending.written.insert(key, now);
                let client = clients.get(&seen.client).map_or("", |client| &**client);
                let last = KeyUse {
                    date: call.date,
                    ip: call.address.map(|address| address.to_string()).unwrap_or_default(),
                    user_agent: client.split_once(' ').map_or("", |(_, agent)| agent).to_owned(),
                };
                batch.put(Key::shared(Kind::KeyUse, key.to_string()), body(&last), Expect::Any);
            }
        }
        batch.soon();
        store.commit(batch).await?;
        Ok(())
    }
}

/// Forgets figures that nobody may ask for any more.
pub async fn sweep(store: &dyn Store, now: Timestamp) -> Result<()> {
    Ok(store.forget_tallies(Timestamp(now.0 - DAYS_KEPT * DAY).day()).await?)
}

/// The figures that a call adds to.
fn count(call: &Call, seen: Seen, client: &Arc<str>, add: &mut dyn FnMut(Arc<str>, Dimension, Arc<str>, u64)) {
    let identity = &call.identity;
    let bucket: Arc<str> = call.route.bucket().into();
    let pool = identity.standing.pool.as_ref();
    for subject in [Some(&identity.account), pool.map(|pool| &pool.ledger)].into_iter().flatten() {
        if seen.paid {
            add(subject.clone(), Dimension::Endpoint, bucket.clone(), call.cost);
        } else {
            add(subject.clone(), Dimension::FreeEndpoint, bucket.clone(), call.count);
        }
        add(subject.clone(), Dimension::Key, identity.key_id.to_string().into(), call.count);
        add(subject.clone(), Dimension::Client, client.clone(), call.count);
        add(subject.clone(), Dimension::Outcome, format!("{}xx", seen.outcome).into(), call.count);
    }
    if let Some(pool) = pool.filter(|_| call.cost > 0) {
        add(pool.ledger.clone(), Dimension::Account, identity.account.clone(), call.cost);
    }
    if identity.key_id != KeyId::NONE {
        add(format!("key:{}", identity.key_id).into(), Dimension::Client, client.clone(), call.count);
    }
}
