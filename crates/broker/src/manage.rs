//! Adding, rotating and ending contracts. Keys are tried before they are believed; what is written is put into the batch
//! of the caller, together with its entry in the audit log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use assay_model::account::check_name;
use assay_model::quota::{Limits, Quota, UNLIMITED};
use assay_model::record::{Space, body};
use assay_model::{Code, Error, Kind, Result, Timestamp};
use assay_store::{Batch, Expect, Range, StoreError};
use assay_upstream::{Call, UpstreamError, UpstreamKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use url::{Host, Url};

use crate::Broker;
use crate::contract::{self, Contract, ContractKey, Count, Named, UpstreamKeyState};
use crate::exchange::sealed_in;
use crate::refusal::Refusal;

/// How many answers are removed at once when a contract ends.
const AT_ONCE: usize = 200;
/// How much longer than one call a replaced key may be on its way: until every process has heard of the change.
const TO_HEAR: i64 = 5;

/// What upstream says of a key.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The account that it belongs to.
    pub account: String,
    /// The group that pays.
    pub group: Option<String>,
    /// What the account may do.
    pub privileges: BTreeSet<String>,
    /// How often it may ask.
    pub limits: Limits,
    /// What it has used of that.
    pub used: BTreeMap<Quota, u64>,
}

/// A contract that is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What it is to be called here.
    pub name: String,
    /// `https://host`.
    pub host: String,
    /// The group that it is for; the whole installation where there is none.
    pub group: Option<String>,
    /// The one account that it is for.
    pub account: Option<String>,
}

impl Broker {
    /// Tries a key, and makes of it the contract that is wanted. Writes nothing.
    pub async fn draw_up(&self, wanted: &Wanted, key: &UpstreamKey) -> Result<Contract> {
        check_name(&wanted.name)?;
        let host = self.host(&wanted.host)?;
        check_key(key)?;
        let others = self.refresh().await?;
        if others.iter().any(|other| other.name == wanted.name) {
            let message = format!("the contract \"{}\" exists already", wanted.name);
            return Err(Error::new(Code::AlreadyExists, message));
        }
        let probe = self.probe(&host, key).await?;
        let now = self.clock.now();
        let mut drawn = Contract {
            host,
            group: wanted.group.clone(),
            account: wanted.account.clone(),
            upstream_account: probe.account.clone(),
            upstream_group: probe.group.clone(),
            privileges: probe.privileges.clone(),
            limits: probe.limits.clone(),
            keys: Vec::new(),
            creation_date: now,
            count: None,
            ended: false,
        };
        contract::admit(&others, &drawn)?;
        if drawn.is_public() && drawn.account.is_none() {
            return Err(Error::invalid_argument(
                "this key is of VirusTotal's public tier, whose terms allow one user and no product in between: the broker \
                 serves one account with it; name the account, or register a premium key",
            ));
        }
        drawn.keys.push(self.sealed(&wanted.name, key, &probe, UpstreamKeyState::Active));
        Ok(drawn)
    }

    /// Tries a second key of a contract, and makes of it a staged one. Writes nothing.
    pub async fn stage(&self, named: &Named, key: &UpstreamKey) -> Result<Contract> {
        check_key(key)?;
        let id = self.key_id(key);
        let mut staged = named.contract.clone();
        if let Some(known) = staged.keys.iter().find(|known| known.id == id) {
            let state = match known.state {
                UpstreamKeyState::Active => "in use already",
                UpstreamKeyState::Staged => return Ok(staged),
                UpstreamKeyState::Draining => "the one that was just replaced; remove it first if it is to come back",
                UpstreamKeyState::Refused => "registered, and was refused upstream; remove it first",
            };
            return Err(Error::new(Code::AlreadyExists, format!("this key is {state}")));
        }
        if let Some(other) = staged.key(UpstreamKeyState::Staged) {
            let message = format!("the key {} is staged already: activate or remove it first", other.id);
            return Err(Error::new(Code::AlreadyExists, message));
        }
        let probe = self.probe(&staged.host, key).await?;
        let same_group = staged.upstream_group.is_some() && probe.group == staged.upstream_group;
        let same_account = staged.upstream_group.is_none() && probe.account == staged.upstream_account;
        if !same_group && !same_account {
            return Err(Error::invalid_argument(format!(
                "upstream says that this key belongs to another group ({theirs}) than the contract \"{name}\" ({ours}): a \
                 contract is one group's, and its pool is never stretched by another's",
                theirs = probe.group.as_deref().unwrap_or("none"),
                name = named.name,
                ours = staged.upstream_group.as_deref().unwrap_or("none, one account alone"),
            )));
        }
        staged.keys.push(self.sealed(&named.name, key, &probe, UpstreamKeyState::Staged));
        Ok(staged)
    }

    /// The contract with another key in use and the old one draining: the one of that id, which may have been replaced
    /// before, else the staged one. Writes nothing.
    pub fn activate(&self, named: &Named, id: Option<&str>) -> Result<Contract> {
        let mut turned = named.contract.clone();
        let next = match id {
            Some(id) => {
                turned.keys.iter().find(|key| key.id == id).ok_or_else(|| Error::not_found("Upstream key", id))?
            }
            None => turned
                .key(UpstreamKeyState::Staged)
                .ok_or_else(|| Error::invalid_argument("no key is staged: stage one first"))?,
        };
        let (next, state) = (next.id.clone(), next.state);
        match state {
            UpstreamKeyState::Active => return Ok(turned),
            UpstreamKeyState::Refused => {
                let message = "the key was refused upstream: remove it, and stage another";
                return Err(Error::new(Code::AlreadyExists, message));
            }
            UpstreamKeyState::Staged | UpstreamKeyState::Draining => {}
        }
        let old = turned.key(UpstreamKeyState::Active).map(|key| key.id.clone());
        if let Some(old) = old {
            turned.set(&old, UpstreamKeyState::Draining, self.clock.now());
        }
        turned.set(&next, UpstreamKeyState::Active, self.clock.now());
        Ok(turned)
    }

    /// The contract without a key that is not in use. Writes nothing.
    pub fn without_key(&self, named: &Named, id: &str) -> Result<Contract> {
        let mut less = named.contract.clone();
        let key = less.keys.iter().find(|key| key.id == id).ok_or_else(|| Error::not_found("Upstream key", id))?;
        if key.state == UpstreamKeyState::Active {
            let message = "the key is in use: replace it first, or end the contract";
            return Err(Error::new(Code::AlreadyExists, message));
        }
        if let Some(wait) = self.drains_for(key) {
            let message = format!("calls with the key may be under way for {wait} s more");
            return Err(Error::new(Code::AlreadyExists, message).after(std::time::Duration::from_secs(wait)));
        }
        less.keys.retain(|key| key.id != id);
        Ok(less)
    }

    /// For how many seconds more calls with a replaced key may be under way; none once it is safe to remove.
    pub fn drains_for(&self, key: &ContractKey) -> Option<u64> {
        if key.state != UpstreamKeyState::Draining {
            return None;
        }
        let longest = i64::try_from(self.settings.longest_call.as_secs()).unwrap_or(i64::MAX);
        let left = (key.since.0 + longest + TO_HEAR).saturating_sub(self.clock.now().0);
        u64::try_from(left).ok().filter(|left| *left > 0)
    }

    /// Removes what a contract that ended has brought, then the contract.
    pub async fn purge(&self, named: &Named) -> Result<u64> {
        let mut removed = 0;
        loop {
            let page = self.store.list(&named.space(), Kind::UpstreamAnswer, &Range::first(AT_ONCE)).await?;
            if page.items.is_empty() {
                break;
            }
            removed += page.items.len() as u64;
            let mut batch = Batch::new();
            for key in page.items {
                batch.delete(key);
            }
            self.store.commit(batch).await?;
        }
        self.read.clear();
        let mut batch = Batch::new();
        batch.delete(named.key());
        self.store.commit(batch).await?;
        self.refresh().await?;
        Ok(removed)
    }

    /// How many answers a contract has brought that are kept.
    pub async fn count_kept(&self, named: &Named) -> Result<u64> {
        let space: Space = named.space();
        let (mut count, mut range) = (0, Range::first(1_000));
        loop {
            let page = self.store.list(&space, Kind::UpstreamAnswer, &range).await?;
            count += page.items.len() as u64;
            match page.next {
                Some(next) => range = Range::after(1_000, Some(next)),
                None => return Ok(count),
            }
        }
    }

    /// What upstream says of a key. Costs nothing there.
    async fn probe(&self, host: &Url, key: &UpstreamKey) -> Result<Probe> {
        let user = self.upstream.ask(&Call::own_account(host, key)).await.map_err(|error| unfit(&error))?.document;
        let odd = || {
            Error::new(
                Code::FailedDependency,
                "the host does not answer as VirusTotal's API does: is it the right one?",
            )
        };
        let account = user["data"]["id"].as_str().filter(|id| !id.is_empty()).ok_or_else(odd)?.to_owned();
        let group = user.pointer("/data/relationships/api_quota_group/data/id").and_then(Value::as_str);
        let call = Call::get(host, &["users", &account, "overall_quotas"], key);
        let quotas = self.upstream.ask(&call).await.map_err(|error| unfit(&error))?.document;
        let (limits, spent) = budget(&quotas["data"]);
        let privileges = granted(&user, self.clock.now());
        Ok(Probe { account, group: group.map(ToOwned::to_owned), privileges, limits, used: spent })
    }

    /// What the contract's account may do upstream now; none where that cannot be had.
    pub(crate) async fn upstreams_privileges(&self, named: &Named) -> Option<BTreeSet<String>> {
        let key = named.contract.key(UpstreamKeyState::Active)?;
        let secret = self.open(&named.name, key).ok()?;
        let user = self.upstream.ask(&Call::own_account(&named.contract.host, &secret)).await.ok()?.document;
        Some(granted(&user, self.clock.now()))
    }

    /// Upstream's count of a contract, and its limits. Costs nothing there. Where the key is refused and another one takes
    /// its place, that one asks.
    pub(crate) async fn upstreams_count(&self, named: &Named) -> Result<(Limits, BTreeMap<Quota, u64>), Refusal> {
        let counted = self.count_by_its_key(named).await;
        if !matches!(counted, Err(Refusal::NoKey)) {
            return counted;
        }
        match contract::read(&*self.store, &named.name).await? {
            Some(latest) if latest.contract.key(UpstreamKeyState::Active).is_some() => {
                self.count_by_its_key(&latest).await
            }
            _ => counted,
        }
    }

    async fn count_by_its_key(&self, named: &Named) -> Result<(Limits, BTreeMap<Quota, u64>), Refusal> {
        let live = [UpstreamKeyState::Active, UpstreamKeyState::Refused];
        let key = live.into_iter().find_map(|state| named.contract.key(state)).ok_or(Refusal::NoKey)?;
        let secret = self.open(&named.name, key)?;
        let call = Call::get(&named.contract.host, &["users", &key.upstream_account, "overall_quotas"], &secret);
        match self.upstream.ask(&call).await {
            Ok(answer) => {
                if key.state == UpstreamKeyState::Refused {
                    self.taken_back(&named.name, &key.id).await?;
                }
                Ok(budget(&answer.document["data"]))
            }
            Err(UpstreamError::KeyRefused { code, message }) => {
                self.key_refused(&named.name, &key.id, &format!("{code}: {message}")).await?;
                Err(Refusal::NoKey)
            }
            Err(error) => Err(Refusal::Away { why: error.to_string(), wait: std::time::Duration::from_mins(1) }),
        }
    }

    /// Writes a contract; where somebody else was quicker, theirs stays.
    pub(crate) async fn write_again(&self, named: &Named, turned: Contract) -> Result<(), Refusal> {
        let mut batch = Batch::new();
        batch.put(named.key(), body(&turned), Expect::Version(named.version));
        match self.store.commit(batch).await {
            Ok(_) | Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
        self.refresh().await?;
        Ok(())
    }

    fn sealed(&self, contract: &str, key: &UpstreamKey, probe: &Probe, state: UpstreamKeyState) -> ContractKey {
        let (id, now) = (self.key_id(key), self.clock.now());
        ContractKey {
            sealed: self.sealer.seal(&sealed_in(contract, &id), key.reveal().as_bytes(), &*self.random),
            id,
            state,
            upstream_account: probe.account.clone(),
            creation_date: now,
            since: now,
        }
    }

    /// Names a key: under the installation's secret, so that the name says nothing of the key to anybody else.
    fn key_id(&self, key: &UpstreamKey) -> String {
        let secret = self.names.0.derive("names of upstream keys");
        let mut mac = Hmac::<Sha256>::new_from_slice(&*secret).expect("HMAC takes keys of any length");
        mac.update(key.reveal().as_bytes());
        hex::encode(&mac.finalize().into_bytes()[..6])
    }

    /// Checks the host that a contract is to be with.
    fn host(&self, text: &str) -> Result<Url> {
        let wrong = |why: &str| Error::invalid_argument(format!("the host must be https://NAME[:PORT]: {why}"));
        let url = Url::parse(text).map_err(|cause| wrong("it is no URL").because(cause))?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it has a path; the API's is added here"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it holds credentials"));
        }
        let own = match url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => return Err(wrong("it names no host")),
        };
        match url.scheme() {
            "https" => Ok(url),
            "http" if own || self.settings.allow_http => Ok(url),
            "http" => Err(wrong("without TLS the key would travel in the clear (upstream.allow_http permits it)")),
            _ => Err(wrong("it is another scheme")),
        }
    }

    /// Now, as the broker sees it.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A contract by its name, as it is stored.
    pub async fn contract(&self, name: &str) -> Result<Option<Arc<Named>>> {
        Ok(contract::read(&*self.store, name).await?.map(Arc::new))
    }
}

/// A key as `VirusTotal` makes them; said before anything is sent.
fn check_key(key: &UpstreamKey) -> Result<()> {
    let text = key.reveal();
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(Error::invalid_argument("the key must be 64 hexadecimal digits, as VirusTotal shows it, and nothing else"))
}

/// Why a key or host cannot be used, for the operator.
/// The privileges that an account has and that are not over.
fn granted(user: &Value, now: Timestamp) -> BTreeSet<String> {
    let all = user.pointer("/data/attributes/privileges").and_then(Value::as_object);
    let holds = |grant: &Value| {
        let end = grant["expiration_date"].as_i64().filter(|end| *end > 0);
        grant["granted"] == true && end.is_none_or(|end| end > now.0)
    };
    all.into_iter().flatten().filter(|(_, grant)| holds(grant)).map(|(name, _)| name.clone()).collect()
}

fn unfit(error: &UpstreamError) -> Error {
    let (code, message) = match error {
        UpstreamError::KeyRefused { code, message } => {
            (Code::InvalidArgument, format!("upstream does not take this key ({code}: {message})"))
        }
        UpstreamError::Unknown | UpstreamError::Forbidden(_) | UpstreamError::Malformed(_) => {
            (Code::InvalidArgument, format!("upstream does not say whose key this is: {error}"))
        }
        other => (Code::FailedDependency, format!("the key could not be tried: {other}")),
    };
    Error::new(code, message)
}

/// What `overall_quotas` says: the tighter of the account's own and its group's, for each quota.
fn budget(data: &Value) -> (Limits, BTreeMap<Quota, u64>) {
    let mut limits = Limits { minute: 0, day: 0, month: 0, others: BTreeMap::new() };
    let mut used = BTreeMap::new();
    for quota in Quota::ALL {
        let figures = &data[quota.wire()];
        let read = |whose: &str| {
            let allowed = figures[whose]["allowed"].as_u64()?;
            Some((allowed.min(UNLIMITED), figures[whose]["used"].as_u64().unwrap_or(0)))
        };
        // What is left is what counts: an account may have less than its group, or the other way round.
        let tighter = ["user", "group"].into_iter().filter_map(read).min_by_key(|(allowed, used)| {
            if *allowed >= UNLIMITED { UNLIMITED } else { allowed.saturating_sub(*used) }
        });
        let Some((allowed, spent)) = tighter else { continue };
        limits.set(*quota, allowed);
        used.insert(*quota, spent);
    }
    (limits, used)
}

/// A count that was just made.
pub(crate) fn count(date: Timestamp, upstream: BTreeMap<Quota, u64>, here: BTreeMap<Quota, u64>) -> Count {
    Count { date, upstream, here }
}

#[cfg(test)]
mod unit {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_tighter_of_account_and_group_is_the_budget() {
        let data = json!({
            "api_requests_hourly": { "user": { "allowed": 240, "used": 0 } },
            "api_requests_daily": { "user": { "allowed": 1_000_000_000_u64, "used": 7 }, "group": { "allowed": 20_000, "used": 900 } },
            "api_requests_monthly": { "user": { "allowed": 300, "used": 100 }, "group": { "allowed": 1_000, "used": 950 } },
        });
        let (limits, used) = budget(&data);
        assert_eq!((limits.minute, limits.day, limits.month), (4, 20_000, 1_000));
        assert_eq!(used[&Quota::ApiRequestsDaily], 900);
        assert_eq!(used[&Quota::ApiRequestsMonthly], 950);
        assert_eq!(budget(&Value::Null).0.day, 0);
    }
}
