//! The spine of a request: **authenticate → authorise → check → meter → handle → render**.
//!
//! Each step consumes the proof that the step before made. The proofs' fields are private to this file, so a handler
//! that was not authenticated, authorised and metered does not compile. The body is read last, by the handler.

use std::sync::Arc;

use assay_model::account::{AccountStatus, ApiKey, Tier, User};
use assay_model::apikey::{self, KeyId};
use assay_model::privilege::Privilege;
use assay_model::quota::Limits;
use assay_model::record::{Class, Key, Record};
use assay_model::{Code, Error, Kind, Result};
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use quick_cache::sync::Cache;
use sync_wrapper::SyncWrapper;

use crate::app::App;
use crate::envelope;
use crate::meter::Receipt;
use crate::request_log::Entry;
use crate::route::{Access, Arguments, Call, Reply, Route, Takes};

/// The header that carries the key.
pub const KEY_HEADER: &str = "x-apikey";
/// How many parsed accounts are kept; a miss costs three reads and three parses.
const IDENTITIES: usize = 10_000;

/// Who a key belongs to, and what that account may do.
#[derive(Debug)]
pub struct Identity {
    /// The account's name.
    pub account: Arc<str>,
    /// The key's name; safe to show.
    pub key_id: KeyId,
    /// The account.
    pub user: User,
    /// Its tier.
    pub tier: Tier,
}

/// Accounts that were parsed before, by key. An entry holds as long as the store answers the same three records.
pub(crate) struct Identities(Cache<KeyId, Arc<Known>>);

impl Default for Identities {
    fn default() -> Self {
        Self(Cache::new(IDENTITIES))
    }
}

/// A key with its account, and the records that they were parsed from: key, user, tier.
struct Known {
    records: [Arc<Record>; 3],
    api_key: ApiKey,
    identity: Arc<Identity>,
}

/// The key is known. For open routes there is nobody.
#[derive(Debug, Clone)]
pub struct Caller(Option<Arc<Identity>>);

/// The caller may do this.
#[derive(Debug, Clone)]
pub struct Granted(Caller);

/// The caller has spent for this.
#[derive(Debug, Clone)]
pub struct Paid {
    granted: Granted,
    receipt: Option<Receipt>,
}

impl Paid {
    /// Who calls; nobody on open routes.
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        self.granted.0.0.as_ref()
    }

    /// Who calls, where the row of the route asks for a key.
    pub fn account(&self) -> Result<&Arc<Identity>> {
        self.identity().ok_or_else(missing_key)
    }

    /// Whether the caller has a privilege.
    pub fn has(&self, privilege: Privilege) -> bool {
        self.identity().is_some_and(|identity| identity.tier.privileges.contains(&privilege))
    }

    /// Who waits for work that the caller causes.
    pub fn class(&self) -> Class {
        self.identity().map_or(Class::Normal, |identity| identity.tier.class)
    }

    /// For API v2, whose key is an argument: checks it and charges its account.
    pub(crate) async fn on_key(app: &App, text: &str, requests: u64) -> Result<Self> {
        let identity = identify(app, text).await?;
        meter(app, Granted(Caller(Some(identity))), requests).await
    }

    /// Gives back what was charged.
    pub(crate) async fn give_back(&self, app: &App) {
        if let (Some(receipt), Some(identity)) = (&self.receipt, self.identity()) {
            app.meter.refund(receipt, &identity.tier.limits).await;
        }
    }

    /// What was charged.
    pub(crate) fn receipt(&self) -> Option<&Receipt> {
        self.receipt.as_ref()
    }

    /// For calls whose address is the ticket: charges the account that the ticket was made for.
    pub(crate) async fn on_ticket(app: &App, account: &str, requests: u64) -> Result<Self> {
        let identity = account_identity(app, account).await?;
        let granted = Granted(Caller(Some(identity)));
        meter(app, granted, requests).await
    }
}

/// The whole way of a request from its head to its answer.
pub(crate) async fn pass(
    app: &Arc<App>,
    route: &Arc<Route>,
    arguments: Arguments,
    request: Request<Body>,
    entry: &mut Entry,
) -> Result<Reply> {
    let (head, body) = request.into_parts();
    let paid = match admit(app, route, &arguments, &head.headers, entry).await {
        Ok(paid) => paid,
        Err(error) => {
            app.linger_over(body);
            return Err(error);
        }
    };
    let body = if route.takes == Takes::Nothing {
        app.linger_over(body);
        Body::empty()
    } else {
        body
    };
    let call = Call {
        app: app.clone(),
        route: route.clone(),
        paid: paid.clone(),
        arguments,
        base: envelope::base(&app.settings, &head.headers),
        headers: head.headers,
        body: SyncWrapper::new(body),
    };
    let outcome = (route.run)(call).await;
    settle(app, &paid, outcome, entry).await
}

/// Everything before the work.
async fn admit(
    app: &App,
    route: &Route,
    arguments: &Arguments,
    headers: &HeaderMap,
    entry: &mut Entry,
) -> Result<Paid> {
    let caller = authenticate(app, route, headers).await?;
    entry.caller(caller.0.as_ref());
    let granted = authorise(caller, route)?;
    (route.check)(arguments)?;
    let paid = meter(app, granted, route.cost.requests()).await?;
    entry.paid(paid.receipt());
    Ok(paid)
}

/// Gives back what a call cost where nothing is consumed: new files, requests of the wrong shape, our own faults.
async fn settle(app: &App, paid: &Paid, outcome: Result<Reply>, entry: &mut Entry) -> Result<Reply> {
    let refund = match &outcome {
        Ok(reply) => reply.refund,
        Err(error) => matches!(error.code.status(), 400 | 413 | 500..),
    };
    if refund {
        paid.give_back(app).await;
        entry.refunded();
    }
    outcome
}

async fn authenticate(app: &App, route: &Route, headers: &HeaderMap) -> Result<Caller> {
    if route.access == Access::Open {
        return Ok(Caller(None));
    }
    let presented = headers.get(KEY_HEADER).ok_or_else(missing_key)?;
    let text = presented.to_str().map_err(|_| wrong("it has characters that are not hexadecimal digits"))?;
    identify(app, text).await.map(|identity| Caller(Some(identity)))
}

/// Whose key this is. What is wrong with it is said only as far as the text itself or the whole secret shows it.
pub(crate) async fn identify(app: &App, text: &str) -> Result<Arc<Identity>> {
    let presented = apikey::read(text).map_err(wrong)?;
    let id = presented.id();
    let known = match app.identities.0.get(&id) {
        Some(known) if still_true(app, &known).await? => known,
        _ => {
            let known = Arc::new(load(app, id).await?);
            app.identities.0.insert(id, known.clone());
            known
        }
    };
    if !presented.matches(&known.api_key.tag, &app.pepper) {
        return Err(Error::new(Code::WrongCredentials, "Wrong API key"));
    }
    if let Some(revoked) = known.api_key.revocation_date {
        return Err(wrong(format!("it was revoked on {} UTC", revoked.text())));
    }
    active(known.identity.clone())
}

async fn still_true(app: &App, known: &Known) -> Result<bool> {
    for record in &known.records {
        if !app.store().read(&record.key).await?.is_some_and(|now| Arc::ptr_eq(record, &now)) {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn load(app: &App, key_id: KeyId) -> Result<Known> {
    let key = Key::shared(Kind::ApiKey, key_id.to_string());
    let record = app.store().read(&key).await?.ok_or_else(|| Error::new(Code::WrongCredentials, "Wrong API key"))?;
    let api_key: ApiKey = record.parse()?;
    let (user, user_record, tier, tier_record) = read_account(app, &api_key.account).await?;
    let identity = Identity { account: api_key.account.as_str().into(), key_id, user, tier };
    Ok(Known { records: [record, user_record, tier_record], api_key, identity: Arc::new(identity) })
}

fn active(identity: Arc<Identity>) -> Result<Arc<Identity>> {
    match identity.user.status {
        AccountStatus::Active => Ok(identity),
        AccountStatus::Inactive => {
            Err(Error::new(Code::UserNotActive, "the account is deactivated; its administrator can activate it"))
        }
    }
}

async fn read_account(app: &App, account: &str) -> Result<(User, Arc<Record>, Tier, Arc<Record>)> {
    let gone = || Error::new(Code::WrongCredentials, "Wrong API key: its account does not exist");
    let user_record = app.store().read(&Key::shared(Kind::User, account)).await?.ok_or_else(gone)?;
    let user: User = user_record.parse()?;
    let tier_record = app.store().read(&Key::shared(Kind::Tier, user.tier.as_str())).await?;
    let tier_record = tier_record.ok_or_else(|| Error::new(Code::Internal, "the account's tier does not exist"))?;
    let tier = tier_record.parse()?;
    Ok((user, user_record, tier, tier_record))
}

/// An account without a key in hand: for addresses that were made for it.
async fn account_identity(app: &App, account: &str) -> Result<Arc<Identity>> {
    let (user, _, tier, _) = read_account(app, account).await?;
    let key_id = "000000000000".parse().expect("twelve hexadecimal digits");
    let identity = Identity { account: account.into(), key_id, user, tier };
    active(Arc::new(identity))
}

fn missing_key() -> Error {
    Error::new(Code::AuthenticationRequired, "X-Apikey header is missing")
}

fn wrong(mistake: impl std::fmt::Display) -> Error {
    Error::new(Code::WrongCredentials, format!("Wrong API key: {mistake}"))
}

fn authorise(caller: Caller, route: &Route) -> Result<Granted> {
    let Access::Needs(privilege) = route.access else { return Ok(Granted(caller)) };
    let has = caller.0.as_ref().is_some_and(|identity| identity.tier.privileges.contains(&privilege));
    if has {
        return Ok(Granted(caller));
    }
    Err(Error::new(
        Code::Forbidden,
        format!(
            "You are not authorized to perform the requested operation: it needs the privilege \"{privilege}\" ({}); \
             an operator grants it by moving the account to another tier (assay user update NAME --tier premium)",
            privilege.unlocks()
        ),
    ))
}

async fn meter(app: &App, granted: Granted, requests: u64) -> Result<Paid> {
    let receipt = match (&granted.0.0, requests) {
        (None, _) | (_, 0) => None,
        (Some(identity), amount) => {
            let limits: &Limits = &identity.tier.limits;
            Some(app.meter.charge(&identity.account, limits, amount).await?)
        }
    };
    Ok(Paid { granted, receipt })
}
