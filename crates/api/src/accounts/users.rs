//! Accounts: `POST /users`, `PATCH` and `DELETE` on users and service accounts. In go attributes, out comes the account.

use std::sync::Arc;

use assay_events::audit::Action;
use assay_model::account::{AccountStatus, Allowance, TierTerm, User, check_email, check_name};
use assay_model::event::EventName;
use assay_model::privilege::Privilege;
use assay_model::quota::{Quota, UNLIMITED};
use assay_model::record::{Class, Edge, FacetName, Key, Record, Space, body};
use assay_model::{Code, Error, Kind, Link, Result, Timestamp};
use assay_store::{Batch, Expect, Range};
use serde_json::{Map, Value, json};

use super::attributes::{Field, Written};
use super::deed::{Actor, Attempt, Change, Failure, persist};
use super::rights::{self, Standpoint, find_account, forbidden, read_user, staff, unrestricted};
use crate::app::App;
use crate::objects::{self, serve};
use crate::route::{Call, Reply};

/// The header that confirms a deletion: the caller's own name.
const CONFIRM: &str = "x-confirm-delete";

/// `POST /users`: makes an account.
pub(crate) async fn create(mut call: Call) -> Result<Reply> {
    staff(&call.paid)?;
    let mut written = Written::read(&mut call, &["user"]).await?;
    let name = written.id.take().ok_or_else(|| Error::invalid_argument("data.id, the account's name, is missing"))?;
    check_name(&name)?;
    let mut user = User::new(written.text("tier")?.value().unwrap_or_else(|| "public".to_owned()), call.app.now());
    let group = written.text("group")?.value();
    edit_own(&mut user, &mut written)?;
    edit_as_staff(&mut user, &mut written, call.app.now())?;
    written.finish(&[OWN, STAFF, &["group"]].concat())?;
    super::check_tier(call.app.store(), &user.tier.name).await?;
    add(&call.app, &Actor::of(&call.paid)?, &name, user, group).await?;
    answer(&call, &name).await
}

/// Writes a new account; it joins the group that is named, or one that awaits its address.
pub(crate) async fn add(app: &App, actor: &Actor, name: &str, user: User, group: Option<String>) -> Result<()> {
    let group = match (group, &user.email) {
        (Some(group), _) => Some(group),
        (None, Some(email)) => awaiting(app, email).await?,
        (None, None) => None,
    };
    persist(|| async {
        let mut change = Change::default();
        let key = Key::shared(Kind::User, name);
        let mut user = user.clone();
        if app.store().read(&key).await.map_err(Error::from)?.is_some() {
            let message = format!("the account \"{name}\" exists already");
            return Err(Error::new(Code::AlreadyExists, message).into());
        }
        if let Some(group) = &group {
            join(app, &mut change.batch, &mut user, name, group).await?;
        }
        claim_email(app, &mut change.batch, name, None, user.email.as_deref()).await?;
        change.batch.put(key, body(&user), Expect::Absent);
        let after = json!({ "tier": user.tier.name, "group": user.group });
        change.deed(actor, Action::CreateUser, format!("user/{name}"), group.as_deref(), (Value::Null, after));
        change.commit(app).await
    })
    .await
}

/// Makes an account a member in the batch that writes it; takes its invitation.
pub(crate) async fn join(app: &App, batch: &mut Batch, user: &mut User, name: &str, group: &str) -> Attempt<()> {
    let key = Key::shared(Kind::Group, group);
    let record = app.store().read(&key).await?.ok_or_else(|| Error::not_found("Group", &rights::shown(group)))?;
    let mut stored: assay_model::account::Group = record.parse().map_err(Failure::Final)?;
    if let Some(email) = &user.email
        && stored.invitations.remove(email)
    {
        batch.put(key.clone(), body(&stored), Expect::Version(record.version));
    }
    let link = if user.service { Link::Serves } else { Link::Belongs };
    user.group = Some(group.to_owned());
    batch.link(Edge::new(Key::shared(Kind::User, name), link, key, app.now()));
    Ok(())
}

/// The group that awaits an address.
async fn awaiting(app: &App, email: &str) -> Result<Option<String>> {
    let mut range = Range::first(100);
    loop {
        let page = app.store().list(&Space::Shared, Kind::Group, &range).await?;
        for record in app.store().read_many(&page.items).await?.into_iter().flatten() {
            let group: assay_model::account::Group = record.parse()?;
            if group.awaits(email) {
                return Ok(Some(record.key.id.to_string()));
            }
        }
        match page.next {
            Some(next) => range = Range::after(100, Some(next)),
            None => return Ok(None),
        }
    }
}

/// An address names one account only. The record of the address is what two who want it at once collide on.
async fn claim_email(
    app: &App,
    batch: &mut Batch,
    name: &str,
    before: Option<&str>,
    after: Option<&str>,
) -> Attempt<()> {
    if before == after {
        return Ok(());
    }
    if let Some(before) = before {
        batch.delete(email_key(before));
    }
    if let Some(after) = after {
        if app.store().read(&email_key(after)).await?.is_some() {
            let message = format!("an account with the address \"{after}\" exists already");
            return Err(Error::new(Code::AlreadyExists, message).into());
        }
        batch.put(email_key(after), body(&json!({ "account": name })), Expect::Absent);
    }
    let values = after.into_iter().map(ToOwned::to_owned);
    batch.replace_facets(&Key::shared(Kind::User, name), FacetName::Email, values);
    Ok(())
}

fn email_key(email: &str) -> Key {
    Key::shared(Kind::Notice, format!("email/{email}"))
}

/// What an account may write about itself.
const OWN: &[&str] = &["first_name", "last_name", "profile_phrase", "preferences"];
/// What the staff may write beside that.
const STAFF: &[&str] = &["tier", "email", "status", "class", "privileges", "quotas", "allowed_networks"];

fn edit_own(user: &mut User, written: &mut Written) -> Result<()> {
    written.text("first_name")?.apply_or_default(&mut user.first_name);
    written.text("last_name")?.apply_or_default(&mut user.last_name);
    written.text("profile_phrase")?.apply_or_default(&mut user.profile_phrase);
    written.map("preferences")?.apply_or_default(&mut user.preferences);
    Ok(())
}

fn edit_as_staff(user: &mut User, written: &mut Written, now: Timestamp) -> Result<()> {
    match written.text("email")? {
        Field::Set(email) => user.email = Some(check_email(&email)?),
        Field::Cleared => user.email = None,
        Field::Absent => {}
    }
    if let Some(status) = written.text("status")?.value() {
        user.status = match status.as_str() {
            "active" => AccountStatus::Active,
            "inactive" => AccountStatus::Inactive,
            _ => return Err(Error::invalid_argument("status is \"active\" or \"inactive\"")),
        };
    }
    match written.text("class")? {
        Field::Set(class) => user.class = Some(super::parse_class(&class)?),
        Field::Cleared => user.class = None,
        Field::Absent => {}
    }
    written.networks("allowed_networks")?.apply_or_default(&mut user.allowed_networks);
    if let Some(changes) = written.map("privileges")?.value() {
        super::edit_grants(&mut user.privileges, &changes, now)?;
    }
    for (quota, allowed) in quotas(written)? {
        match allowed {
            Some(allowed) => _ = user.allowances.insert(quota, Allowance { allowed, until: None }),
            None => _ = user.allowances.remove(&quota),
        }
    }
    Ok(())
}

/// What is written about quotas: `{"api_requests_daily": {"allowed": 1000}}`; `null` and the sentinel for no limit
/// remove it.
pub(crate) fn quotas(written: &mut Written) -> Result<Vec<(Quota, Option<u64>)>> {
    let Some(map) = written.map("quotas")?.value() else { return Ok(Vec::new()) };
    super::read_quotas(&map)
}

/// `PATCH /users/{id}` and `PATCH /service_accounts/{id}`.
pub(crate) async fn update(mut call: Call) -> Result<Reply> {
    let record = find_account(&call.app, &call.paid, "User", call.arguments.path("id")).await?;
    let name = record.key.id.clone();
    let standpoint = Standpoint::towards_account(&call.paid, &name, &record.parse()?);
    if !standpoint.sees_all() {
        return Err(forbidden("an account is changed by itself, administrators of its group, and the operator"));
    }
    unrestricted(&call.paid)?;
    let document = super::attributes::document(&mut call).await?;
    let actor = Actor::of(&call.paid)?;
    let app = &call.app;
    persist(|| async {
        let mut written = Written::of(&document, &["user", "service_account"])?;
        let (mut user, version) = read_user(app, &name).await?;
        let before = user.clone();
        let mut change = Change::default();
        if standpoint != Standpoint::Administrator || *actor.account == *name {
            edit_own(&mut user, &mut written)?;
        }
        match standpoint {
            Standpoint::Staff => {
                let tier = written.text("tier")?;
                if let Some(tier) = tier.value() {
                    super::check_tier(app.store(), &tier).await?;
                    user.tier = TierTerm::always(tier);
                }
                edit_as_staff(&mut user, &mut written, app.now())?;
                written.finish(&[OWN, STAFF].concat())?;
            }
            Standpoint::Administrator => {
                for (quota, cap) in quotas(&mut written)? {
                    set_cap(&mut user, quota, cap)?;
                }
                written.finish(&["quotas"])?;
            }
            _ => written.finish(OWN)?,
        }
        claim_email(app, &mut change.batch, &name, before.email.as_deref(), user.email.as_deref()).await?;
        change.batch.put(Key::shared(Kind::User, name.clone()), body(&user), Expect::Version(version));
        let action = if user.service { Action::UpdateServiceAccount } else { Action::UpdateUser };
        let shown = super::difference(&before, &user);
        change.deed(&actor, action, format!("user/{name}"), user.group.as_deref(), shown);
        if before.tier != user.tier {
            let data = json!({ "before": before.tier.name, "after": user.tier.name });
            change.event(app, EventName::AccountTierChanged, &name, user.group.as_deref(), data);
        }
        change.commit(app).await
    })
    .await?;
    answer(&call, &name).await
}

/// Sets or removes what a member may take of its group's pool.
pub(crate) fn set_cap(user: &mut User, quota: Quota, cap: Option<u64>) -> Result<()> {
    if !matches!(quota, Quota::ApiRequestsDaily | Quota::ApiRequestsMonthly) {
        let message = "a member's cap is on api_requests_daily or api_requests_monthly";
        return Err(Error::invalid_argument(message));
    }
    match cap.filter(|cap| *cap < UNLIMITED) {
        Some(cap) => _ = user.caps.insert(quota, cap),
        None => _ = user.caps.remove(&quota),
    }
    Ok(())
}

/// `DELETE /users/{id}` and `DELETE /service_accounts/{id}`: the account goes with its keys.
pub(crate) async fn delete(call: Call) -> Result<Reply> {
    let record = find_account(&call.app, &call.paid, "User", call.arguments.path("id")).await?;
    let (name, user): (_, User) = (record.key.id.clone(), record.parse()?);
    let allowed = match Standpoint::towards_account(&call.paid, &name, &user) {
        Standpoint::Staff => true,
        Standpoint::Administrator => user.service,
        Standpoint::Own => !user.service,
        Standpoint::Member | Standpoint::Stranger => false,
    };
    if !allowed {
        return Err(forbidden(
            "a person's account is removed by itself or the operator, a service account by its group's administrators",
        ));
    }
    unrestricted(&call.paid)?;
    if *call.paid.account()?.account == *name {
        let confirmed = call.headers.get(CONFIRM).and_then(|value| value.to_str().ok());
        if confirmed != Some(&*name) {
            let message = "Send a x-confirm-delete header with your username as a confirmation";
            return Err(Error::bad_request(message));
        }
    }
    if *name == *super::OPERATOR {
        return Err(forbidden("the account \"operator\" is the installation's own and stays"));
    }
    remove(&call.app, &Actor::of(&call.paid)?, &name).await?;
    Ok(Reply::value(&json!({})))
}

/// Removes an account with its keys.
pub(crate) async fn remove(app: &App, actor: &Actor, name: &str) -> Result<()> {
    let keys = super::api_keys::of_account(app, name).await?;
    persist(|| async {
        let (user, _) = read_user(app, name).await?;
        let mut change = Change::default();
        for (key, _) in &keys {
            change.batch.delete(Key::shared(Kind::ApiKey, key.as_str()));
            change.batch.delete(Key::shared(Kind::KeyUse, key.as_str()));
        }
        if let Some(email) = &user.email {
            change.batch.delete(email_key(email));
        }
        change.batch.delete(Key::shared(Kind::User, name));
        let before = json!({ "tier": user.tier.name, "group": user.group, "keys": keys.len() });
        let action = if user.service { Action::DeleteGroupServiceAccount } else { Action::DeleteUser };
        change.deed(actor, action, format!("user/{name}"), user.group.as_deref(), (before, Value::Null));
        change.commit(app).await
    })
    .await
}

/// `GET /users`: all accounts, for the staff.
pub(crate) async fn list(call: Call) -> Result<Reply> {
    staff(&call.paid)?;
    serve::every(call, Kind::User).await
}

/// The account as the caller sees it now.
pub(crate) async fn answer(call: &Call, name: &str) -> Result<Reply> {
    let record: Arc<Record> = rights_record(&call.app, name).await?;
    serve::whole(call, objects::view_of(&record), &record, &[]).await
}

async fn rights_record(app: &App, name: &str) -> Result<Arc<Record>> {
    let record = app.store().read(&Key::shared(Kind::User, name)).await?;
    record.ok_or_else(|| Error::not_found("User", &rights::shown(name)))
}

/// What of an account's rights is shown: `{name: {granted, expiration_date?, inherited_from?, inherited_via?}}`.
pub(crate) fn shown_privileges(
    held: impl IntoIterator<Item = (Privilege, assay_model::access::Held)>,
) -> Map<String, Value> {
    let show = |(privilege, held): (Privilege, assay_model::access::Held)| {
        let mut one = json!({ "granted": true });
        if let Some(until) = held.until {
            one["expiration_date"] = until.0.into();
        }
        if let Some((from, via)) = held.inherited {
            one["inherited_from"] = from.into();
            one["inherited_via"] = via.into();
        }
        (privilege.wire().to_owned(), one)
    };
    held.into_iter().map(show).collect()
}

/// The word of a class.
pub(crate) fn class_word(class: Class) -> &'static str {
    match class {
        Class::Interactive => "interactive",
        Class::Normal => "normal",
        Class::Bulk => "bulk",
    }
}
