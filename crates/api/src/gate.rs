//! The spine of a request: **authenticate → authorise → check → meter → handle → render**.
//!
//! Each step consumes the proof that the step before made. The proofs' fields are private to this file, so a handler
//! that was not authenticated, authorised and metered does not compile. The body is read last, by the handler.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use assay_model::privilege::Privilege;
use assay_model::quota::Quota;
use assay_model::record::Class;
use assay_model::role::Role;
use assay_model::{Code, Error, Result};
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use sync_wrapper::SyncWrapper;

use crate::accounts::OPERATOR;
use crate::app::App;
use crate::envelope;
use crate::identity::{self, Identity, wrong};
use crate::meter::{Bill, Payer, Receipt};
use crate::request_log::Entry;
use crate::route::{Access, Arguments, Call, Cost, Feature, Reply, Route, Takes};

/// The header that carries the key.
pub const KEY_HEADER: &str = "x-apikey";

/// In the extensions of a request that whoever owns the data folder makes in this process. No network request has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FolderOwner;

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
    receipt: Option<Arc<Receipt>>,
    address: Option<IpAddr>,
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

    /// From where, as far as it is known.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Whether the caller has a privilege.
    pub fn has(&self, privilege: Privilege) -> bool {
        self.identity().is_some_and(|identity| identity.standing.privileges.contains(privilege))
    }

    /// Who waits for work that the caller causes.
    pub fn class(&self) -> Class {
        self.identity().map_or(Class::Normal, |identity| identity.standing.class)
    }

    /// For API v2, whose key is an argument: checks it and charges its account.
    pub(crate) async fn on_key(call: &Call, text: &str, requests: u64, needs: Needs) -> Result<Self> {
        let caller = Caller(Some(identity::identify(&call.app, text).await?));
        let granted = authorise(&call.app, caller, needs, call.tab.address)?;
        let paid = meter(&call.app, granted, Bill::requests(requests), call.tab.address).await?;
        call.tab.note(&paid);
        Ok(paid)
    }

    /// Gives back what was charged.
    async fn give_back(&self, app: &App) {
        if let Some(receipt) = &self.receipt {
            app.meter.refund(receipt).await;
        }
    }

    /// What was charged.
    pub(crate) fn receipt(&self) -> Option<&Arc<Receipt>> {
        self.receipt.as_ref()
    }

    /// For calls whose address is the ticket: charges the account that the ticket was made for.
    pub(crate) async fn on_ticket(call: &Call, account: &str, requests: u64) -> Result<Self> {
        let identity = identity::of_account(&call.app, account).await?;
        let granted = Granted(Caller(Some(identity)));
        let paid = meter(&call.app, granted, Bill::requests(requests), call.tab.address).await?;
        call.tab.note(&paid);
        Ok(paid)
    }
}

/// Checks a key and charges one request to its account: all that stands before the work of a metered call.
pub async fn admit_key(app: &App, text: &str) -> Result<Paid> {
    let caller = Caller(Some(identity::identify(app, text).await?));
    let granted = authorise(app, caller, Needs::default(), None)?;
    meter(app, granted, Bill::requests(1), None).await
}

/// What a caller needs beyond a key.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Needs {
    pub(crate) privilege: Option<Privilege>,
    pub(crate) role: Option<Role>,
    pub(crate) feature: Option<Feature>,
}

impl Needs {
    fn of(route: &Route) -> Self {
        let privilege = match route.access {
            Access::Needs(privilege) => Some(privilege),
            Access::Key | Access::Open => None,
        };
        Self { privilege, role: route.role, feature: route.feature }
    }
}

/// Who pays for a call whose row is open, where its handler finds out: for the log and the figures.
#[derive(Debug, Default)]
pub(crate) struct Tab {
    address: Option<IpAddr>,
    noted: Mutex<Option<(Paid, bool)>>,
}

impl Tab {
    fn noted(&self) -> MutexGuard<'_, Option<(Paid, bool)>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, paid: &Paid) {
        *self.noted() = Some((paid.clone(), false));
    }

    /// Gives back what was noted.
    pub(crate) async fn give_back(&self, app: &App) {
        let paid = self.noted().as_mut().map(|(paid, refunded)| {
            *refunded = true;
            paid.clone()
        });
        if let Some(paid) = paid {
            paid.give_back(app).await;
        }
    }
}

/// Where a request comes from.
pub(crate) struct Origin {
    /// The client's address, as far as it is known.
    pub(crate) address: Option<IpAddr>,
    /// Whether it is made in this process by whoever owns the data folder.
    pub(crate) owner: bool,
}

/// The whole way of a request from its head to its answer.
pub(crate) async fn pass(
    app: &Arc<App>,
    route: &Arc<Route>,
    arguments: Arguments,
    origin: &Origin,
    request: Request<Body>,
    entry: &mut Entry,
) -> Result<Reply> {
    let (head, body) = request.into_parts();
    let paid = match admit(app, route, &arguments, origin, &head.headers, entry).await {
        Ok(Admission::Paid(paid)) => paid,
        Ok(Admission::Rehearsed(price)) => {
            app.linger_over(body);
            return Ok(Reply::data(serde_json::json!({ "cost": price.amount() })));
        }
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
    // An upload waits for its client more than for us, and has a limit of its own.
    let _turn = if route.takes == Takes::Upload { None } else { Some(app.turns.take(paid.class()).await) };
    let tab = Arc::new(Tab { address: origin.address, noted: Mutex::default() });
    let call = Call {
        tab: tab.clone(),
        app: app.clone(),
        route: route.clone(),
        paid: paid.clone(),
        arguments,
        base: envelope::base(&app.settings, &head.headers),
        headers: head.headers,
        body: SyncWrapper::new(body),
    };
    let outcome = (route.run)(call).await;
    if let Some((paid, refunded)) = tab.noted().take() {
        entry.caller(paid.identity());
        entry.paid(paid.receipt());
        if refunded {
            entry.refunded();
        }
    }
    settle(app, &paid, outcome, entry).await
}

/// What became of a request before the work.
enum Admission {
    /// It goes on.
    Paid(Paid),
    /// It only asked what it would cost (`dry_run=cost`).
    Rehearsed(Bill),
}

/// Everything before the work.
async fn admit(
    app: &App,
    route: &Route,
    arguments: &Arguments,
    origin: &Origin,
    headers: &HeaderMap,
    entry: &mut Entry,
) -> Result<Admission> {
    let caller = authenticate(app, route, origin, headers).await?;
    entry.caller(caller.0.as_ref());
    let granted = authorise(app, caller, Needs::of(route), origin.address)?;
    route.check(arguments)?;
    let price = bill(&granted, route.cost);
    let rehearsal = arguments.query("dry_run") == Some("cost");
    let due = if rehearsal || origin.owner { Bill::requests(0) } else { price };
    let paid = meter(app, granted, due, origin.address).await?;
    entry.paid(paid.receipt());
    Ok(if rehearsal { Admission::Rehearsed(price) } else { Admission::Paid(paid) })
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

async fn authenticate(app: &App, route: &Route, origin: &Origin, headers: &HeaderMap) -> Result<Caller> {
    if route.access == Access::Open {
        return Ok(Caller(None));
    }
    if origin.owner {
        return identity::of_account(app, OPERATOR).await.map(|identity| Caller(Some(identity)));
    }
    let presented = headers.get(KEY_HEADER).ok_or_else(missing_key)?;
    let text = presented.to_str().map_err(|_| wrong("it has characters that are not hexadecimal digits"))?;
    identity::identify(app, text).await.map(|identity| Caller(Some(identity)))
}

fn missing_key() -> Error {
    Error::new(Code::AuthenticationRequired, "X-Apikey header is missing")
}

fn authorise(app: &App, caller: Caller, needs: Needs, address: Option<IpAddr>) -> Result<Granted> {
    let Some(identity) = &caller.0 else { return Ok(Granted(caller)) };
    identity.check_address(address)?;
    if let Some(feature) = needs.feature.filter(|feature| app.settings.features_off.contains(feature)) {
        let message = format!("endpoint not found: \"{}\" is switched off on this server", feature.name());
        return Err(Error::new(Code::NotFound, message));
    }
    if let Some(privilege) = needs.privilege
        && !identity.standing.privileges.contains(privilege)
    {
        return Err(lacks_privilege(identity, privilege));
    }
    if let Some(role) = needs.role
        && lacks_role(identity, role)
    {
        return Err(Error::new(
            Code::Forbidden,
            format!(
                "You are not authorized to perform the requested operation: it needs the role \"{role}\" ({}); \
                 an administrator of the account's group grants it",
                role.permits()
            ),
        ));
    }
    Ok(Granted(caller))
}

/// A service account that was given roles has no others; people and service accounts without roles are not limited so.
fn lacks_role(identity: &Identity, role: Role) -> bool {
    let roles = &identity.user.roles;
    identity.user.service && !roles.is_empty() && !roles.contains(&role)
}

/// The refusal for want of a privilege: which, who grants it, and how to ask.
pub(crate) fn lacks_privilege(identity: &Identity, privilege: Privilege) -> Error {
    let who = match &identity.user.group {
        Some(group) => format!("an administrator of the group \"{group}\" or an operator"),
        None => "an operator".to_owned(),
    };
    Error::new(
        Code::Forbidden,
        format!(
            "You are not authorized to perform the requested operation: it needs the privilege \"{privilege}\" ({}); \
             {who} grants it; ask with POST /api/v3/users/{}/requests \
             {{\"data\":{{\"type\":\"request\",\"attributes\":{{\"kind\":\"privilege\",\"wanted\":\"{privilege}\"}}}}}}",
            privilege.unlocks(),
            identity.account,
        ),
    )
}

/// What a call costs this caller.
fn bill(granted: &Granted, cost: Cost) -> Bill {
    let Some(identity) = &granted.0.0 else { return Bill::requests(0) };
    let standing = &identity.standing;
    let payer = standing.pool.as_ref().map_or(&standing.limits, |pool| &pool.limits);
    match cost {
        // VirusTotal's rule for accounts with Intelligence and no API requests.
        Cost::Download
            if payer.of(Quota::ApiRequestsDaily) == 0 && standing.privileges.contains(Privilege::Intelligence) =>
        {
            Bill::downloads(1)
        }
        other => Bill::requests(other.requests()),
    }
}

async fn meter(app: &App, granted: Granted, bill: Bill, address: Option<IpAddr>) -> Result<Paid> {
    let identity = granted.0.0.as_ref().filter(|_| !bill.is_free());
    let receipt = match identity {
        None => None,
        Some(identity) => {
            let standing = &identity.standing;
            let own = Payer { name: &identity.account, limits: &standing.limits };
            let receipt = match &standing.pool {
                None => app.meter.charge(&[own], bill).await?,
                Some(pool) => {
                    let group = Payer { name: &pool.ledger, limits: &pool.limits };
                    app.meter.charge(&[own, group], bill).await?
                }
            };
            Some(receipt)
        }
    };
    Ok(Paid { granted, receipt, address })
}
