//! Requests: an account asks for a tier, a privilege or a higher limit; whoever may grant it decides, for good or until a
//! date; the decision takes effect at once.

use assay_events::audit::Action;
use assay_model::account::{Allowance, Decision, Group, Request, TierTerm, User};
use assay_model::event::EventName;
use assay_model::quota::Quota;
use assay_model::record::{Edge, Facet, FacetName, Key, body};
use assay_model::{Code, Error, Kind, Link, Result, Timestamp};
use assay_store::{Expect, Range};
use serde_json::{Value, json};

use super::attributes::{Written, document};
use super::deed::{Actor, Attempt, Change, Failure, persist};
use super::rights::{Standpoint, find_account, forbidden, hidden, read_user, shown, unrestricted};
use crate::app::App;
use crate::gate::Paid;
use crate::objects::{request, serve};
use crate::route::{Call, Reply};

/// How many open requests an account may have.
const OPEN_MAX: u64 = 20;

pub(crate) use assay_model::account::Wish;

/// `POST /users/{id}/requests`.
pub(crate) async fn create(mut call: Call) -> Result<Reply> {
    let record = find_account(&call.app, &call.paid, "User", call.arguments.path("id")).await?;
    let (account, user): (_, User) = (record.key.id.to_string(), record.parse()?);
    if !Standpoint::towards_account(&call.paid, &account, &user).sees_all() {
        return Err(forbidden("an account asks for itself"));
    }
    let mut written = Written::read(&mut call, &["request"]).await?;
    let kind = written.text("kind")?;
    let kind = Written::required("kind", kind)?;
    let wanted = written.text("wanted")?;
    let wanted = Written::required("wanted", wanted)?;
    let amount = written.number("amount")?;
    let wish = match kind.as_str() {
        "tier" => {
            super::check_tier(call.app.store(), &wanted).await?;
            Wish::Tier { wanted }
        }
        "privilege" => Wish::Privilege { wanted: super::parse_privilege(&wanted)? },
        "quota" => Wish::Quota { wanted: super::parse_quota(&wanted)?, amount: Written::required("amount", amount)? },
        _ => return Err(Error::invalid_argument("kind is \"tier\", \"privilege\" or \"quota\"")),
    };
    let reason = written.text("reason")?.value().unwrap_or_default();
    written.finish(&["kind", "wanted", "amount", "reason"])?;
    let mut id = [0; 8];
    call.app.random.fill(&mut id);
    let id = hex::encode(id);
    let (app, actor) = (&call.app, Actor::of(&call.paid)?);
    let made =
        Request { account: account.clone(), group: user.group.clone(), wish, reason, date: app.now(), decision: None };
    persist(|| async {
        let own = Facet::new(FacetName::Status, format!("open by {account}"));
        let open =
            app.store().find(&assay_model::record::Space::Shared, Kind::Request, &own, &Range::first(20)).await?;
        if open.items.len() as u64 >= OPEN_MAX {
            let message = format!("the account has {OPEN_MAX} open requests already");
            return Err(Error::new(Code::AlreadyExists, message).into());
        }
        for record in app.store().read_many(&open.items).await?.into_iter().flatten() {
            let asked: Request = record.parse().map_err(Failure::Final)?;
            if asked.wish == made.wish {
                let message = format!("the account asks for this already, in the request \"{}\"", record.key.id);
                return Err(Error::new(Code::AlreadyExists, message).into());
            }
        }
        let key = Key::shared(Kind::Request, id.as_str());
        let mut change = Change::default();
        change.batch.put(key.clone(), body(&made), Expect::Absent);
        let to = Key::shared(Kind::User, account.as_str());
        change.batch.link(Edge::new(key.clone(), Link::Asked, to, app.now()));
        index(&mut change, &key, &made);
        let after = serde_json::to_value(&made).unwrap_or_default();
        change.deed(&actor, Action::OpenRequest, format!("request/{id}"), user.group.as_deref(), (Value::Null, after));
        let data = json!({ "request": id, "wish": made.wish, "reason": made.reason });
        change.event(app, EventName::AccountRequestOpened, &account, user.group.as_deref(), data);
        change.commit(app).await
    })
    .await?;
    answer(&call, &id).await
}

/// Where a request stands, in one word.
pub(crate) fn status(request: &Request) -> &'static str {
    match &request.decision {
        None => "open",
        Some(decision) if decision.granted => "granted",
        Some(_) => "declined",
    }
}

/// Makes it findable by where it stands: for the staff, for its group's administrators, for its account.
fn index(change: &mut Change, key: &Key, request: &Request) {
    let status = status(request);
    let mut values = vec!["any".to_owned(), status.to_owned(), format!("{status} by {}", request.account)];
    if let Some(group) = &request.group {
        values.push(format!("any in {group}"));
        values.push(format!("{status} in {group}"));
    }
    change.batch.replace_facets(key, FacetName::Status, values);
}

/// `GET /requests`: all of them for the staff, the group's for its administrators.
pub(crate) async fn list(call: Call) -> Result<Reply> {
    let status = match call.arguments.query("filter").map(str::trim).unwrap_or_default() {
        "" => "any",
        "status:open" => "open",
        "status:granted" => "granted",
        "status:declined" => "declined",
        _ => return Err(Error::bad_request("filter is status:open, status:granted or status:declined")),
    };
    let identity = call.paid.account()?;
    let value = match &identity.user.group {
        _ if identity.is_staff() => status.to_owned(),
        Some(group) if identity.user.administers(group) => format!("{status} in {group}"),
        _ => return Err(forbidden("requests are listed for administrators of a group and the operator")),
    };
    serve::found(call, Kind::Request, Facet::new(FacetName::Status, value)).await
}

/// A request, for whoever may see it.
pub(crate) async fn visible(app: &App, paid: &Paid, id: &str) -> Result<(Request, u64, Standpoint)> {
    let not_found = || Error::not_found("Request", &shown(id));
    let record = app.store().read(&Key::shared(Kind::Request, id)).await?.ok_or_else(not_found)?;
    let request: Request = record.parse()?;
    let (user, _) = read_user(app, &request.account).await.map_err(|error| hidden(error, not_found))?;
    let standpoint = Standpoint::towards_account(paid, &request.account, &user);
    if standpoint.sees_all() { Ok((request, record.version, standpoint)) } else { Err(not_found()) }
}

/// `POST /requests/{id}/grant`.
pub(crate) async fn grant(call: Call) -> Result<Reply> {
    decide(call, true).await
}

/// `POST /requests/{id}/decline`.
pub(crate) async fn decline(call: Call) -> Result<Reply> {
    decide(call, false).await
}

async fn decide(mut call: Call, granted: bool) -> Result<Reply> {
    let id = call.arguments.path("id").to_owned();
    visible(&call.app, &call.paid, &id).await?;
    unrestricted(&call.paid)?;
    let document = document(&mut call).await?;
    let (app, paid, actor) = (&call.app, &call.paid, Actor::of(&call.paid)?);
    persist(|| async {
        let (mut request, version, standpoint) = visible(app, paid, &id).await?;
        let now = app.now();
        let mut written = Written::of(&document, &["request"])?;
        let until = if granted { written.future("until", now)?.value() } else { None };
        let answer = written.text("answer")?.value().unwrap_or_default();
        written.finish(if granted { &["until", "answer"] } else { &["answer"] })?;
        may_decide(app, &request, standpoint, granted).await?;
        if let Some(decision) = &request.decision {
            let message = format!("the request was decided by {} before", decision.by);
            return Err(Error::new(Code::AlreadyExists, message).into());
        }
        let mut change = Change::default();
        if granted {
            take_effect(app, &mut change, &request, until).await?;
        }
        let before = serde_json::to_value(&request).unwrap_or_default();
        let by = actor.account.to_string();
        request.decision = Some(Decision { granted, by, date: now, until, answer });
        let key = Key::shared(Kind::Request, id.as_str());
        change.batch.put(key.clone(), body(&request), Expect::Version(version));
        index(&mut change, &key, &request);
        let action = if granted { Action::GrantRequest } else { Action::DeclineRequest };
        let shown = (before, serde_json::to_value(&request).unwrap_or_default());
        change.deed(&actor, action, format!("request/{id}"), request.group.as_deref(), shown);
        let data = json!({ "request": id, "granted": granted, "wish": request.wish, "until": until });
        let group = request.group.as_deref();
        change.event(app, EventName::AccountRequestDecided, &request.account, group, data);
        change.commit(app).await
    })
    .await?;
    answer(&call, &id).await
}

/// The staff decides everything; an administrator may decline for its members, and grant what is its own to give: a
/// member's share of the pool.
async fn may_decide(app: &App, request: &Request, standpoint: Standpoint, granted: bool) -> Result<()> {
    match standpoint {
        Standpoint::Staff => Ok(()),
        Standpoint::Administrator if !granted => Ok(()),
        Standpoint::Administrator => match request.wish {
            Wish::Quota { wanted, amount }
                if raises_cap(&read_user(app, &request.account).await?.0, wanted, amount) =>
            {
                Ok(())
            }
            _ => Err(forbidden(
                "an administrator raises the caps of members; tiers, privileges and what the group may use are granted by \
                 the operator of this server",
            )),
        },
        _ => Err(forbidden("a request is decided by an administrator of the account's group or the operator")),
    }
}

/// Writes what was asked for into the account; a member's share of the pool into its cap.
async fn take_effect(app: &App, change: &mut Change, request: &Request, until: Option<Timestamp>) -> Attempt<()> {
    let (mut user, version) = read_user(app, &request.account).await?;
    match &request.wish {
        Wish::Tier { wanted } => {
            super::check_tier(app.store(), wanted).await?;
            let before = user.tier.at(app.now()).to_owned();
            // What holds for a while itself is nothing to fall back to.
            let lasting = user.tier.then.take().unwrap_or(user.tier.name);
            user.tier = TierTerm { name: wanted.clone(), until, then: until.map(|_| lasting) };
            let data = json!({ "before": before, "after": wanted, "until": until });
            change.event(app, EventName::AccountTierChanged, &request.account, user.group.as_deref(), data);
        }
        Wish::Privilege { wanted } => _ = user.privileges.0.insert(*wanted, until),
        Wish::Quota { wanted, amount } => match user.group.clone() {
            None => _ = user.allowances.insert(*wanted, Allowance { allowed: *amount, until }),
            Some(_) if raises_cap(&user, *wanted, *amount) => match until {
                None => super::users::set_cap(&mut user, *wanted, Some(*amount))?,
                Some(_) => _ = user.raised.insert(*wanted, Allowance { allowed: *amount, until }),
            },
            Some(group) => widen_pool(app, change, &group, *wanted, *amount, until).await?,
        },
    }
    change.batch.put(Key::shared(Kind::User, request.account.as_str()), body(&user), Expect::Version(version));
    Ok(())
}

/// Whether it is the member's cap that holds it up, rather than the group's pool.
fn raises_cap(user: &User, quota: Quota, amount: u64) -> bool {
    user.caps.get(&quota).is_some_and(|cap| *cap < amount)
}

/// What holds up an account without a cap of its own is the group's pool.
async fn widen_pool(
    app: &App,
    change: &mut Change,
    group: &str,
    quota: Quota,
    allowed: u64,
    until: Option<Timestamp>,
) -> Attempt<()> {
    let key = Key::shared(Kind::Group, group);
    let record = app.store().read(&key).await?.ok_or_else(|| Error::not_found("Group", group))?;
    let mut stored: Group = record.parse()?;
    stored.allowances.insert(quota, Allowance { allowed, until });
    change.batch.put(key, body(&stored), Expect::Version(record.version));
    Ok(())
}

async fn answer(call: &Call, id: &str) -> Result<Reply> {
    let record = (request::TYPE.locate)(&call.viewer(), id).await?;
    serve::whole(call, &request::TYPE, &record, &[]).await
}
