//! Contracts with an upstream: whose, under which keys, with which quotas. A contract serves one tenant: a group, or the
//! whole installation, which is then one tenant.

use std::collections::{BTreeMap, BTreeSet};

use assay_model::quota::{Limits, Quota};
use assay_model::record::{Key, Space};
use assay_model::{Error, Kind, Result, Timestamp};
use assay_store::{Range, Store};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::ask::{Asker, NotAsked};
use crate::kept;
use crate::operations::Operation;

/// A contract as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contract {
    /// `https://host`.
    #[serde(with = "text")]
    pub host: Url,
    /// Whose it is; the whole installation's where there is no group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The one account that it serves, where its key is of the public tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The account upstream whose key was first.
    pub upstream_account: String,
    /// The group upstream that pays, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_group: Option<String>,
    /// What the keys' account may do upstream.
    #[serde(default)]
    pub privileges: BTreeSet<String>,
    /// How often it may ask.
    pub limits: Limits,
    /// Its keys; at most one is active and at most one staged.
    pub keys: Vec<ContractKey>,
    /// When it was added here.
    pub creation_date: Timestamp,
    /// What upstream counted when it was asked last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<Count>,
    /// Whether it is over: nothing is asked or answered any more, and its content is being removed.
    #[serde(default)]
    pub ended: bool,
}

/// Upstream's own count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Count {
    /// When it was read.
    pub date: Timestamp,
    /// What upstream had counted, by quota.
    #[schemars(with = "BTreeMap<String, u64>")]
    pub upstream: BTreeMap<Quota, u64>,
    /// What we had counted, by quota.
    #[schemars(with = "BTreeMap<String, u64>")]
    pub here: BTreeMap<Quota, u64>,
}

/// A key of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractKey {
    /// Names it; safe to show.
    pub id: String,
    /// The key, sealed.
    pub sealed: String,
    /// What it is used for.
    pub state: UpstreamKeyState,
    /// The account upstream that it belongs to.
    pub upstream_account: String,
    /// When it was registered here.
    pub creation_date: Timestamp,
    /// Since when it is in its state.
    pub since: Timestamp,
}

/// What a key is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UpstreamKeyState {
    /// Checked, and waits for its turn.
    Staged,
    /// Every new call goes out with it.
    Active,
    /// Replaced; calls that began before may still be under way.
    Draining,
    /// Upstream does not take it any more.
    Refused,
}

impl Contract {
    /// The key of that state.
    pub fn key(&self, state: UpstreamKeyState) -> Option<&ContractKey> {
        self.keys.iter().find(|key| key.state == state)
    }

    /// Whether its key is of the public tier: no group pays, and the day is no longer than a public one.
    pub fn is_public(&self) -> bool {
        self.upstream_group.is_none() && self.limits.day <= Limits::PUBLIC.day
    }

    /// What belongs together upstream: the group that pays, else the account.
    pub fn pool(&self) -> &str {
        self.upstream_group.as_deref().unwrap_or(&self.upstream_account)
    }

    /// Moves a key into a state.
    pub(crate) fn set(&mut self, id: &str, state: UpstreamKeyState, now: Timestamp) {
        for key in self.keys.iter_mut().filter(|key| key.id == id) {
            (key.state, key.since) = (state, now);
        }
    }
}

/// A contract with its name, at one version.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// What it is called here.
    pub name: String,
    /// Its version in the store.
    pub version: u64,
    /// What is stored.
    pub contract: Contract,
}

impl Named {
    /// Under which name the store counts it.
    pub(crate) fn ledger(&self) -> String {
        format!("upstream:{}", self.name)
    }

    /// Where its answers are kept.
    pub(crate) fn space(&self) -> Space {
        kept::space(self.contract.group.as_deref())
    }

    /// Whether it has an operation.
    pub(crate) fn includes(&self, operation: &Operation) -> bool {
        operation.needs.is_none_or(|needs| self.contract.privileges.contains(needs.wire()))
    }

    /// The key of its record.
    pub fn key(&self) -> Key {
        key(&self.name)
    }
}

/// The key of a contract's record.
pub fn key(name: &str) -> Key {
    Key::shared(Kind::Upstream, name)
}

/// One contract.
pub async fn read(store: &dyn Store, name: &str) -> Result<Option<Named>> {
    let Some(record) = store.read(&key(name)).await? else { return Ok(None) };
    Ok(Some(Named { name: name.to_owned(), version: record.version, contract: record.parse()? }))
}

/// Every contract.
pub(crate) async fn all(store: &dyn Store) -> Result<Vec<std::sync::Arc<Named>>> {
    let mut found = Vec::new();
    let mut range = Range::first(100);
    loop {
        let page = store.list(&Space::Shared, Kind::Upstream, &range).await?;
        for record in store.read_many(&page.items).await?.into_iter().flatten() {
            let name = record.key.id.to_string();
            match record.parse() {
                Ok(contract) => found.push(Named { name, version: record.version, contract }.into()),
                // One that cannot be read must not take the others with it.
                Err(error) => tracing::error!(contract = name, error = &error as &dyn std::error::Error, "unreadable"),
            }
        }
        match page.next {
            Some(next) => range = Range::after(100, Some(next)),
            None => return Ok(found),
        }
    }
}

/// The contract that serves an account.
pub(crate) fn of_asker(contracts: &[std::sync::Arc<Named>], asker: &Asker) -> Result<std::sync::Arc<Named>, NotAsked> {
    let live = || contracts.iter().filter(|named| !named.contract.ended);
    let own = live().find(|named| named.contract.group.is_some() && named.contract.group == asker.group);
    let named = own.or_else(|| live().find(|named| named.contract.group.is_none())).ok_or(NotAsked::NoContract)?;
    match &named.contract.account {
        Some(account) if **account != *asker.account => Err(NotAsked::PublicKey),
        _ => Ok(named.clone()),
    }
}

/// Refuses a second contract for a tenant, and one contract for two.
pub(crate) fn admit(others: &[std::sync::Arc<Named>], wanted: &Contract) -> Result<()> {
    let refuse = |message: String| Err(Error::new(assay_model::Code::AlreadyExists, message));
    for other in others {
        let (name, theirs) = (&other.name, &other.contract);
        if theirs.host == wanted.host && theirs.pool() == wanted.pool() {
            return refuse(format!(
                "this key belongs to the contract \"{name}\": keys of one contract share one pool of quotas and are never \
                 added up; register it there with `assay upstream rotate {name}`"
            ));
        }
        if theirs.group == wanted.group || theirs.group.is_none() || wanted.group.is_none() {
            let tenant = match &theirs.group {
                Some(group) => format!("the group \"{group}\""),
                None => "the whole installation".to_owned(),
            };
            return refuse(format!(
                "a tenant has one contract: \"{name}\" serves {tenant} already; end it first (`assay upstream end {name}`), \
                 or give each group one of its own"
            ));
        }
    }
    Ok(())
}

/// URLs as text.
mod text {
    use serde::{Deserialize as _, Deserializer, Serializer};
    use url::Url;

    pub(super) fn serialize<S: Serializer>(url: &Url, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(url.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
