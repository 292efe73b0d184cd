//! Whose key this is. In goes what a client presented, out comes an [`Identity`]: the account behind it and what it may
//! do now. Identities are kept and hold as long as the store answers the same records, so a change of the key, the
//! account, its group or a tier holds on the next request.

use std::net::IpAddr;
use std::sync::Arc;

use assay_model::access::{Holder, Standing};
use assay_model::account::{AccountStatus, ApiKey, Group, KeyState, Retirement, Tier, User};
use assay_model::apikey::{self, KeyId};
use assay_model::privilege::Privilege;
use assay_model::record::{Key, Record};
use assay_model::{Code, Error, Kind, Result, Timestamp};
use quick_cache::sync::Cache;
use serde::de::DeserializeOwned;

use crate::app::App;

/// How many identities are kept; a miss costs up to five reads and parses.
const KEPT: usize = 10_000;

/// Who a key belongs to, and what that account may do.
#[derive(Debug)]
pub struct Identity {
    /// The account's name.
    pub account: Arc<str>,
    /// The key's name; safe to show.
    pub key_id: KeyId,
    /// The account.
    pub user: User,
    /// What it may do and use, by this key.
    pub standing: Standing,
    /// The key's label.
    pub label: Arc<str>,
    /// Set while the key is being replaced.
    pub retirement: Option<Retirement>,
    /// Whether the key was made for some of its account's privileges only.
    pub restricted: bool,
}

impl Identity {
    /// Whether it may do anything with anything.
    pub fn is_staff(&self) -> bool {
        self.standing.privileges.contains(Privilege::Admin)
    }

    /// Whether it may change what belongs to a group.
    pub fn governs(&self, group: &str) -> bool {
        self.is_staff() || self.user.administers(group)
    }

    /// Refuses an address that the key, its account or its group does not allow.
    pub(crate) fn check_address(&self, address: Option<IpAddr>) -> Result<()> {
        let Some(address) = address else { return Ok(()) };
        let inside = |list: &Vec<ipnet::IpNet>| list.iter().any(|network| network.contains(&address));
        if self.standing.networks.iter().all(inside) {
            return Ok(());
        }
        Err(Error::new(
            Code::Forbidden,
            format!(
                "You are not authorized to perform the requested operation: this key may not be used from {address}; \
                 the owner of the key or an administrator can allow the network (allowed_networks)"
            ),
        ))
    }
}

/// An account with what it gets from its group and tiers.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) user: User,
    pub(crate) tier: Tier,
    pub(crate) group: Option<(String, Group, Tier)>,
    records: Vec<Arc<Record>>,
}

impl Account {
    /// Reads an account by its name.
    pub(crate) async fn read(app: &App, name: &str) -> Result<Option<Self>> {
        let now = app.now();
        let Some(record) = app.store().read(&Key::shared(Kind::User, name)).await? else { return Ok(None) };
        let user: User = record.parse()?;
        let mut records = vec![record];
        let tier: Tier = required(app, Kind::Tier, user.tier.at(now), &mut records).await?;
        let group = match &user.group {
            None => None,
            Some(name) => {
                let group: Group = required(app, Kind::Group, name, &mut records).await?;
                let tier: Tier = required(app, Kind::Tier, group.tier.at(now), &mut records).await?;
                Some((name.clone(), group, tier))
            }
        };
        Ok(Some(Self { user, tier, group, records }))
    }

    /// Its rights, to be worked out.
    pub(crate) fn holder(&self) -> Holder<'_> {
        let group = self.group.as_ref().map(|(name, group, tier)| (name.as_str(), group, tier));
        Holder { user: &self.user, tier: &self.tier, group }
    }
}

async fn required<T: DeserializeOwned>(app: &App, kind: Kind, id: &str, seen: &mut Vec<Arc<Record>>) -> Result<T> {
    let missing = || Error::new(Code::Internal, format!("the {kind} \"{id}\" of an account does not exist"));
    let record = app.store().read(&Key::shared(kind, id)).await?.ok_or_else(missing)?;
    let parsed = record.parse()?;
    seen.push(record);
    Ok(parsed)
}

/// Identities that were worked out before, by key.
pub(crate) struct Identities(Cache<KeyId, Arc<Known>>);

impl Default for Identities {
    fn default() -> Self {
        Self(Cache::new(KEPT))
    }
}

/// A key with its identity, and the records that it was worked out from.
struct Known {
    records: Vec<Arc<Record>>,
    api_key: ApiKey,
    identity: Arc<Identity>,
}

/// Whose key this is. What is wrong with it is said only as far as the text itself or the whole secret shows it.
pub(crate) async fn identify(app: &App, text: &str) -> Result<Arc<Identity>> {
    let presented = apikey::read(text).map_err(wrong)?;
    let unknown = || {
        let message =
            if presented.is_foreign() { "Wrong API key: it was not issued by this server" } else { "Wrong API key" };
        Error::new(Code::WrongCredentials, message)
    };
    let now = app.now();
    let id = presented.id(&app.pepper);
    let known = match app.identities.0.get(&id) {
        Some(known) if still_true(app, &known, now).await? => known,
        _ => {
            let known = Arc::new(load(app, id, now).await?.ok_or_else(unknown)?);
            app.identities.0.insert(id, known.clone());
            known
        }
    };
    if !presented.matches(&known.api_key.tag, &app.pepper) {
        return Err(unknown());
    }
    check_state(&known.api_key, now)?;
    active(known.identity.clone())
}

fn check_state(key: &ApiKey, now: Timestamp) -> Result<()> {
    let date = |date: Option<Timestamp>| date.unwrap_or(now).text();
    let what = match key.state(now) {
        KeyState::Active | KeyState::Retiring => return Ok(()),
        KeyState::Revoked => format!("it was revoked on {} UTC", date(key.revocation_date)),
        KeyState::Expired => format!("it expired on {} UTC", date(key.expiration_date)),
        KeyState::Retired => {
            let deadline = key.retirement.as_ref().map(|retirement| retirement.deadline);
            format!("it was replaced by another key and ended on {} UTC", date(deadline))
        }
    };
    Err(wrong(what))
}

async fn still_true(app: &App, known: &Known, now: Timestamp) -> Result<bool> {
    if known.identity.standing.until.is_some_and(|until| until <= now) {
        return Ok(false);
    }
    for record in &known.records {
        if !app.store().read(&record.key).await?.is_some_and(|now| Arc::ptr_eq(record, &now)) {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn load(app: &App, key_id: KeyId, now: Timestamp) -> Result<Option<Known>> {
    let Some(record) = app.store().read(&Key::shared(Kind::ApiKey, key_id.to_string())).await? else { return Ok(None) };
    let api_key: ApiKey = record.parse()?;
    let Some(account) = Account::read(app, &api_key.account).await? else { return Ok(None) };
    let identity = Identity {
        account: api_key.account.as_str().into(),
        key_id,
        label: api_key.label.as_str().into(),
        standing: Standing::of(&account.holder(), Some(&api_key), now),
        retirement: api_key.retirement.clone(),
        restricted: api_key.privileges.is_some(),
        user: account.user,
    };
    let mut records = account.records;
    records.push(record);
    Ok(Some(Known { records, api_key, identity: Arc::new(identity) }))
}

/// An account without a key in hand: for addresses that were made for it, and for whoever owns the data folder.
pub(crate) async fn of_account(app: &App, name: &str) -> Result<Arc<Identity>> {
    let gone = || Error::new(Code::WrongCredentials, format!("the account \"{name}\" does not exist"));
    let account = Account::read(app, name).await?.ok_or_else(gone)?;
    active(Arc::new(Identity {
        account: name.into(),
        key_id: KeyId::NONE,
        label: "".into(),
        standing: Standing::of(&account.holder(), None, app.now()),
        retirement: None,
        restricted: false,
        user: account.user,
    }))
}

fn active(identity: Arc<Identity>) -> Result<Arc<Identity>> {
    match identity.user.status {
        AccountStatus::Active => Ok(identity),
        AccountStatus::Inactive => {
            Err(Error::new(Code::UserNotActive, "the account is deactivated; its administrator can activate it"))
        }
    }
}

/// 401 for a key, with what is wrong with it.
pub(crate) fn wrong(mistake: impl std::fmt::Display) -> Error {
    Error::new(Code::WrongCredentials, format!("Wrong API key: {mistake}"))
}
