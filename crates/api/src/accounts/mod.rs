//! Accounts, groups, keys, tiers, requests: what people and operators do with them. In go calls or, before there is a
//! server, a store; out come records, each change with its entry in the audit log.
//!
//! | module | what |
//! |---|---|
//! | `users`, `groups`, `members`, `api_keys`, `tiers`, `requests` | changes, a file a thing |
//! | `figures` | what was used |
//! | `rights` | who may see and change what |
//! | `attributes` | what a client wrote, typed |
//! | `deed`, `notices` | a change with its audit entry and events; what is said once |

use std::collections::BTreeSet;

use assay_model::account::{ApiKey, KeyUse, Tier, User, check_name};
use assay_model::apikey::{Issued, Pepper};
use assay_model::privilege::{Grants, Privilege};
use assay_model::quota::{Limits, Quota, UNLIMITED};
use assay_model::random::Random;
use assay_model::record::{Class, Edge, Key, Space, body};
use assay_model::{Code, Error, Kind, Link, Result, Timestamp};
use assay_store::{Batch, End, Expect, Range, Store, StoreError};
use serde::Serialize;
use serde_json::{Map, Value};

pub(crate) mod api_keys;
pub(crate) mod attributes;
pub(crate) mod audit_log;
pub(crate) mod deed;
pub(crate) mod figures;
pub(crate) mod groups;
pub(crate) mod members;
pub(crate) mod notices;
pub(crate) mod requests;
pub(crate) mod rights;
pub(crate) mod tiers;
pub(crate) mod users;
pub(crate) mod webhooks;

pub use chores::{every_minute, every_second};

mod chores;

/// The account that a fresh installation has, with every privilege and no limit.
pub const OPERATOR: &str = "operator";
/// How many collections an account of the public tier may make in a month, as at VirusTotal.
const PUBLIC_COLLECTIONS: u64 = 20;
/// The tiers that ship.
pub(crate) const SHIPPED: &[&str] = &["public", "premium", "operator"];

/// The tier of that name as it ships; the operator's configuration says premium's limits.
fn shipped(premium: Limits) -> [(&'static str, Tier); 3] {
    let all: BTreeSet<_> = Privilege::ALL.iter().copied().collect();
    // A script that refuses every cached answer spends the contract: that is granted by name alone.
    let internal =
        [Privilege::Admin, Privilege::Staff, Privilege::SalesStaff, Privilege::Dogfooder, Privilege::UpstreamRefresh];
    let paid = all.iter().copied().filter(|privilege| !internal.contains(privilege)).collect();
    let tier = |privileges, limits, class| Tier { privileges, limits, class, changed: false };
    let mut public = Limits::PUBLIC;
    public.set(Quota::CollectionsCreationMonthly, PUBLIC_COLLECTIONS);
    [
        ("public", tier(BTreeSet::new(), public, Class::Bulk)),
        ("premium", tier(paid, premium, Class::Normal)),
        ("operator", tier(all, Limits::NONE.with_others(UNLIMITED), Class::Interactive)),
    ]
}

/// Writes the shipped tiers where they differ from what is stored, but for those that an operator has changed since.
pub async fn write_tiers(store: &dyn Store, premium: Limits) -> Result<()> {
    for (name, tier) in shipped(premium) {
        let key = Key::shared(Kind::Tier, name);
        let wanted = body(&tier);
        let stored = store.read(&key).await?;
        let changed = match &stored {
            Some(record) => record.parse::<Tier>()?.changed,
            None => false,
        };
        if !changed && stored.is_none_or(|record| record.body != wanted) {
            let mut batch = Batch::new();
            batch.put(key, wanted, Expect::Any);
            store.commit(batch).await?;
        }
    }
    Ok(())
}

/// Whether the installation has its operator.
pub async fn is_initialised(store: &dyn Store) -> Result<bool> {
    Ok(store.read(&Key::shared(Kind::User, OPERATOR)).await?.is_some())
}

/// Refuses another pepper than the one that the installation began with: no key would work. The first one is noted, as
/// its keyed hash.
pub async fn check_pepper(store: &dyn Store, pepper: &Pepper) -> Result<()> {
    let key = Key::shared(Kind::Notice, "pepper");
    let mark = body(&hex::encode(*pepper.derive("the pepper's mark")));
    if store.read(&key).await?.is_none() {
        let mut batch = Batch::new();
        batch.put(key.clone(), mark.clone(), Expect::Absent);
        match store.commit(batch).await {
            Ok(_) | Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    match store.read(&key).await? {
        Some(record) if record.body == mark => Ok(()),
        _ => Err(Error::new(
            Code::Internal,
            "the pepper is not the one of this installation: give this node the file of the others (key_pepper_file), or \
             restore it from a backup",
        )),
    }
}

/// Makes an account before there is a server that could be asked.
pub async fn create_user(store: &dyn Store, name: &str, tier: &str, now: Timestamp) -> Result<User> {
    check_name(name)?;
    check_tier(store, tier).await?;
    let user = User::new(tier, now);
    let mut batch = Batch::new();
    batch.put(Key::shared(Kind::User, name), body(&user), Expect::Absent);
    match store.commit(batch).await {
        Ok(_) => Ok(user),
        Err(StoreError::Conflict) => {
            Err(Error::new(Code::AlreadyExists, format!("the account \"{name}\" exists already")))
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes a key for an account before there is a server that could be asked. The text is in what is answered and nowhere
/// else.
pub async fn create_key(
    store: &dyn Store,
    account: &str,
    pepper: &Pepper,
    random: &dyn Random,
    now: Timestamp,
) -> Result<Issued> {
    let issued = Issued::generate(random);
    let key = Key::shared(Kind::ApiKey, issued.id().to_string());
    let api_key = ApiKey::new(issued.tag(pepper), account, now);
    let mut batch = Batch::new();
    batch.put(key.clone(), body(&api_key), Expect::Absent);
    batch.link(Edge::new(key, Link::Opens, Key::shared(Kind::User, account), now));
    store.commit(batch).await?;
    Ok(issued)
}

/// The keys of an account, newest first, with their ids.
pub(crate) async fn keys(store: &dyn Store, account: &str) -> Result<Vec<(String, ApiKey)>> {
    let mut keys = Vec::new();
    let mut range = Range::first(100);
    loop {
        let page = store.linked(&Key::shared(Kind::User, account), Link::Opens, End::Head, &range).await?;
        let names: Vec<_> = page.items.into_iter().map(|edge| edge.from).collect();
        for record in store.read_many(&names).await?.into_iter().flatten() {
            keys.push((record.key.id.to_string(), record.parse()?));
        }
        match page.next {
            Some(next) => range = Range::after(100, Some(next)),
            None => return Ok(keys),
        }
    }
}

/// Who used a key last.
pub(crate) async fn last_use(store: &dyn Store, key_id: &str) -> Result<Option<KeyUse>> {
    let record = store.read(&Key::shared(Kind::KeyUse, key_id)).await?;
    record.map(|record| record.parse()).transpose()
}

async fn check_tier(store: &dyn Store, tier: &str) -> Result<()> {
    let key = Key::shared(Kind::Tier, tier);
    store.read(&key).await?.map(drop).ok_or_else(|| Error::not_found("Tier", &rights::shown(tier)))
}

/// Somebody who has a tier now or will fall back to it.
async fn holder_of(store: &dyn Store, tier: &str) -> Result<Option<String>> {
    for kind in [Kind::User, Kind::Group] {
        let mut range = Range::first(500);
        loop {
            let page = store.list(&Space::Shared, kind, &range).await?;
            for record in store.read_many(&page.items).await?.into_iter().flatten() {
                #[derive(serde::Deserialize)]
                struct Holder {
                    tier: assay_model::account::TierTerm,
                }
                let term = record.parse::<Holder>()?.tier;
                if term.name == tier || term.then.as_deref() == Some(tier) {
                    return Ok(Some(record.key.to_string()));
                }
            }
            match page.next {
                Some(next) => range = Range::after(500, Some(next)),
                None => break,
            }
        }
    }
    Ok(None)
}

pub(crate) fn parse_class(word: &str) -> Result<Class> {
    match word {
        "interactive" => Ok(Class::Interactive),
        "normal" => Ok(Class::Normal),
        "bulk" => Ok(Class::Bulk),
        _ => Err(Error::invalid_argument("class is \"interactive\", \"normal\" or \"bulk\"")),
    }
}

pub(crate) fn parse_privilege(word: &str) -> Result<Privilege> {
    word.parse().map_err(|_| {
        let shown = rights::shown(word);
        Error::invalid_argument(format!("no such privilege: {shown}; GET /api/v3/metadata lists them"))
    })
}

pub(crate) fn parse_quota(word: &str) -> Result<Quota> {
    word.parse().map_err(|_| {
        let known: Vec<_> = Quota::ALL.iter().map(|quota| quota.wire()).collect();
        Error::invalid_argument(format!("no such quota: {}; there are {}", rights::shown(word), known.join(", ")))
    })
}

/// `{"api_requests_daily": {"allowed": 1000}}`; `null` and the sentinel for no limit remove it.
pub(crate) fn read_quotas(written: &Map<String, Value>) -> Result<Vec<(Quota, Option<u64>)>> {
    let read = |(name, value): (&String, &Value)| {
        let quota = parse_quota(name)?;
        let allowed = match value {
            Value::Null => None,
            Value::Object(map) if map.keys().all(|key| key == "allowed") => {
                match map.get("allowed") {
                    None | Some(Value::Null) => None,
                    Some(number) => Some(number.as_u64().ok_or_else(|| {
                        Error::invalid_argument(format!("{name}.allowed must be a whole number from 0"))
                    })?),
                }
            }
            _ => return Err(Error::invalid_argument(format!("{name} must be {{\"allowed\": …}} and nothing else"))),
        };
        Ok((quota, allowed.filter(|allowed| *allowed < UNLIMITED)))
    };
    written.iter().map(read).collect()
}

/// Merges what is written about privileges: `{"name": {"granted": true, "expiration_date": …}}`; only the named ones
/// change. An expiry of 0 is none, as vt-cli sends it.
pub(crate) fn edit_grants(grants: &mut Grants, written: &Map<String, Value>, now: Timestamp) -> Result<()> {
    for (name, value) in written {
        let privilege = parse_privilege(name)?;
        let granted = value.get("granted").and_then(Value::as_bool);
        let granted = granted.ok_or_else(|| {
            Error::invalid_argument(format!("the privilege {name} must be {{\"granted\": true or false}}"))
        })?;
        if !granted {
            grants.0.remove(&privilege);
            continue;
        }
        let end = match value.get("expiration_date") {
            None | Some(Value::Null) => None,
            Some(date) => match date.as_i64() {
                Some(0) => None,
                Some(date) if date > now.0 => Some(Timestamp(date)),
                Some(_) => {
                    return Err(Error::invalid_argument(format!("the expiration_date of {name} is in the past")));
                }
                None => return Err(Error::invalid_argument(format!("the expiration_date of {name} is no date"))),
            },
        };
        grants.0.insert(privilege, end);
    }
    Ok(())
}

/// What differs between two versions of a record: before and after.
pub(crate) fn difference<T: Serialize>(before: &T, after: &T) -> (Value, Value) {
    let (Ok(Value::Object(mut before)), Ok(Value::Object(mut after))) =
        (serde_json::to_value(before), serde_json::to_value(after))
    else {
        return (Value::Null, Value::Null);
    };
    let same: Vec<_> =
        before.iter().filter(|(name, value)| after.get(*name) == Some(value)).map(|(name, _)| name.clone()).collect();
    for name in same {
        before.shift_remove(&name);
        after.shift_remove(&name);
    }
    (before.into(), after.into())
}
