//! Who belongs to a group and what they may do there: the relationships `users`, `administrators` and
//! `service_accounts` of a group, as they are written.

use std::collections::BTreeSet;

use assay_events::audit::Action;
use assay_model::account::{NAME_MAX, User, check_email, check_name};
use assay_model::record::{Edge, Facet, FacetName, Key, Space, body};
use assay_model::role::Role;
use assay_model::{Code, Error, Kind, Link, Result};
use assay_store::{Batch, Expect, Range};
use serde_json::{Map, Value, json};

use super::attributes::document;
use super::deed::{Actor, Attempt, Change, persist};
use super::rights::{find_account, forbidden, governed_group, read_group, read_user, shown, spare_the_staff};
use super::users;
use crate::app::App;
use crate::route::{Call, Reply};

/// How many members one call may name.
const MEMBERS_MAX: usize = 100;

/// A member as a client names it.
struct Named {
    id: String,
    context: Map<String, Value>,
}

/// The list of descriptors in a body.
async fn named(call: &mut Call, kind: &str) -> Result<Vec<Named>> {
    let wrong =
        || Error::bad_request(format!("the body must be {{\"data\": [{{\"type\": \"{kind}\", \"id\": \"…\"}}, …]}}"));
    let document = document(call).await?;
    let items = document.get("data").and_then(Value::as_array).ok_or_else(wrong)?;
    if items.is_empty() || items.len() > MEMBERS_MAX {
        return Err(Error::invalid_argument(format!("data must name 1 to {MEMBERS_MAX} members")));
    }
    let read = |item: &Value| {
        let id = item.get("id").and_then(Value::as_str).ok_or_else(wrong)?;
        if item.get("type").is_some_and(|given| given != kind) {
            return Err(Error::invalid_argument(format!("the type of each member must be \"{kind}\"")));
        }
        let context = item.get("context_attributes").and_then(Value::as_object).cloned().unwrap_or_default();
        Ok(Named { id: id.to_owned(), context })
    };
    items.iter().map(read).collect()
}

/// `POST /groups/{id}/relationships/users`: adds accounts by their e-mail addresses; an unknown one is invited. An operator
/// may also name an account.
pub(crate) async fn add_users(call: Call) -> Result<Reply> {
    add(call, false).await
}

/// `POST /groups/{id}/relationships/administrators`.
pub(crate) async fn add_administrators(call: Call) -> Result<Reply> {
    add(call, true).await
}

async fn add(mut call: Call, administrator: bool) -> Result<Reply> {
    let group = call.arguments.path("id").to_owned();
    governed_group(&call.app, &call.paid, &group).await?;
    let is_staff = call.paid.identity().is_some_and(|identity| identity.is_staff());
    let mut members = Vec::new();
    for one in named(&mut call, "user").await? {
        let is_name = is_staff && !one.id.contains('@');
        members.push(if is_name { one.id } else { check_email(&one.id)? });
    }
    let (app, paid, actor) = (&call.app, &call.paid, Actor::of(&call.paid)?);
    // Each is its own commit: what was done before a refusal stays done, and doing it again changes nothing.
    for member in &members {
        persist(|| async {
            let mut change = Change::default();
            let by_name = Some(member.clone()).filter(|member| !member.contains('@'));
            let account = if by_name.is_some() { by_name } else { account_of(app, member).await? };
            match account {
                Some(name) => {
                    spare_the_staff(app, paid, &name).await?;
                    admit(app, &actor, &mut change, &group, &name, administrator).await?;
                }
                None if administrator => return Err(Error::not_found("User", member).into()),
                None => {
                    let (mut stored, version, _) = governed_group(app, paid, &group).await?;
                    if !stored.invitations.insert(member.clone()) {
                        return Ok(());
                    }
                    if stored.invitations.len() > 10 * MEMBERS_MAX {
                        return Err(Error::invalid_argument("the group has too many open invitations").into());
                    }
                    change.batch.put(Key::shared(Kind::Group, group.as_str()), body(&stored), Expect::Version(version));
                    let target = format!("invitation/{member}");
                    change.deed(&actor, Action::InviteUser, target, Some(&group), (Value::Null, Value::Null));
                }
            }
            change.commit(app).await
        })
        .await?;
    }
    Ok(Reply::value(&json!({})))
}

/// The account with that address.
async fn account_of(app: &App, email: &str) -> Result<Option<String>> {
    let facet = Facet::new(FacetName::Email, email);
    let found = app.store().find(&Space::Shared, Kind::User, &facet, &Range::first(1)).await?;
    Ok(found.items.first().map(|key| key.id.to_string()))
}

/// Makes an account a member, and an administrator where that is asked.
async fn admit(
    app: &App,
    actor: &Actor,
    change: &mut Change,
    group: &str,
    name: &str,
    administrator: bool,
) -> Attempt<()> {
    let (mut user, version) = read_user(app, name).await?;
    let before = user.clone();
    match user.group.as_deref() {
        Some(own) if own == group => {}
        Some(_) => {
            let message = format!("the account \"{name}\" belongs to another group and must be removed from it first");
            return Err(Error::new(Code::AlreadyExists, message).into());
        }
        None => {
            users::join(app, &mut change.batch, &mut user, name, group).await?;
            let shown = (Value::Null, json!({ "group": group }));
            change.deed(actor, Action::AddGroupUser, format!("user/{name}"), Some(group), shown);
        }
    }
    if administrator && user.roles.insert(Role::GroupAdmin) {
        administers(app, &mut change.batch, name, group);
        let shown = (roles_json(&before.roles), roles_json(&user.roles));
        change.deed(actor, Action::AddGroupAdmin, format!("user/{name}"), Some(group), shown);
    }
    change.batch.put(Key::shared(Kind::User, name), body(&user), Expect::Version(version));
    Ok(())
}

fn administers(app: &App, batch: &mut Batch, name: &str, group: &str) {
    let (from, to) = (Key::shared(Kind::User, name), Key::shared(Kind::Group, group));
    batch.link(Edge::new(from, Link::Administers, to, app.now()));
}

fn roles_json(roles: &BTreeSet<Role>) -> Value {
    json!({ "roles": roles })
}

/// `DELETE /groups/{id}/relationships/users/{member}`: the account falls back to its own tier.
pub(crate) async fn remove_user(call: Call) -> Result<Reply> {
    remove(call, false).await
}

/// `DELETE /groups/{id}/relationships/service_accounts/{member}`: the account goes with its group.
pub(crate) async fn remove_service_account(call: Call) -> Result<Reply> {
    remove(call, true).await
}

async fn remove(call: Call, service: bool) -> Result<Reply> {
    let group = call.arguments.path("id").to_owned();
    governed_group(&call.app, &call.paid, &group).await?;
    let (name, user) = member(&call, &group, service).await?;
    let (app, actor) = (&call.app, Actor::of(&call.paid)?);
    if service {
        users::remove(app, &actor, &name).await?;
        return Ok(Reply::value(&json!({})));
    }
    drop(user);
    persist(|| async {
        let (mut user, version) = read_user(app, &name).await?;
        let before = roles_json(&user.roles);
        user.group = None;
        user.roles.clear();
        user.caps.clear();
        user.raised.clear();
        let mut change = Change::default();
        let (own, of) = (Key::shared(Kind::User, name.as_str()), Key::shared(Kind::Group, group.as_str()));
        change.batch.unlink(own.clone(), Link::Belongs, of.clone()).unlink(own.clone(), Link::Administers, of);
        change.batch.put(own, body(&user), Expect::Version(version));
        let target = format!("user/{name}");
        change.deed(&actor, Action::DeleteGroupUser, target, Some(&group), (before, Value::Null));
        change.commit(app).await
    })
    .await?;
    Ok(Reply::value(&json!({})))
}

/// `DELETE /groups/{id}/relationships/administrators/{member}`.
pub(crate) async fn remove_administrator(call: Call) -> Result<Reply> {
    let group = call.arguments.path("id").to_owned();
    governed_group(&call.app, &call.paid, &group).await?;
    let (name, _) = member(&call, &group, false).await?;
    let (app, actor) = (&call.app, Actor::of(&call.paid)?);
    persist(|| async {
        let (mut user, version) = read_user(app, &name).await?;
        let before = user.roles.clone();
        let mut roles = before.clone();
        roles.remove(&Role::GroupAdmin);
        let mut change = Change::default();
        set_roles(app, &actor, &mut change, &name, &mut user, &group, roles);
        change.batch.put(Key::shared(Kind::User, name.as_str()), body(&user), Expect::Version(version));
        change.commit(app).await
    })
    .await?;
    Ok(Reply::value(&json!({})))
}

/// The member that the path names, as a person or as a service.
async fn member(call: &Call, group: &str, service: bool) -> Result<(String, User)> {
    let id = call.arguments.path("member");
    let title = if service { "Service account" } else { "User" };
    let record = find_account(&call.app, &call.paid, title, &full_name(group, id, service)).await?;
    let user: User = record.parse()?;
    if user.group.as_deref() != Some(group) || user.service != service {
        return Err(Error::not_found(title, &shown(id)));
    }
    Ok((record.key.id.to_string(), user))
}

/// A service account may be named with its group before it or without.
fn full_name(group: &str, id: &str, service: bool) -> String {
    if service && !id.contains('@') && !id.starts_with(&format!("{group}_")) {
        return format!("{group}_{id}");
    }
    id.to_owned()
}

/// `GET /groups/{id}/relationships/{users|administrators|service_accounts}/{member}`: `{"data": true}` or `false`.
pub(crate) async fn is_member(call: Call) -> Result<Reply> {
    let group = call.arguments.path("id").to_owned();
    let (_, _, standpoint) = read_group(&call.app, &call.paid, &group).await?;
    let wanted = call.route.path.split('/').nth(6).unwrap_or_default().to_owned();
    let service = wanted == "service_accounts";
    if service && !standpoint.governs() {
        return Err(forbidden("service accounts are shown to administrators of the group"));
    }
    let is = match member(&call, &group, service).await {
        Ok((_, user)) => wanted != "administrators" || user.roles.contains(&Role::GroupAdmin),
        Err(error) if error.code == Code::NotFound => false,
        Err(error) => return Err(error),
    };
    Ok(Reply::data(is))
}

/// `POST /groups/{id}/relationships/service_accounts`: makes service accounts.
pub(crate) async fn add_service_accounts(mut call: Call) -> Result<Reply> {
    let group = call.arguments.path("id").to_owned();
    governed_group(&call.app, &call.paid, &group).await?;
    let members = named(&mut call, "service_account").await?;
    let (app, actor) = (&call.app, Actor::of(&call.paid)?);
    let mut made = Vec::new();
    for one in members {
        check_name(&one.id)?;
        let name = full_name(&group, &one.id, true);
        let mut user = User::new("public", app.now());
        user.service = true;
        user.first_name = name.strip_prefix(&format!("{group}_")).unwrap_or(&name).to_owned();
        let email = format!("{}@{group}.service.invalid", user.first_name);
        if name.len() > NAME_MAX {
            return Err(Error::invalid_argument(format!("\"{name}\" is longer than {NAME_MAX} characters")));
        }
        user.email = Some(email.to_ascii_lowercase());
        persist(|| async {
            let mut user = user.clone();
            let mut change = Change::default();
            let key = Key::shared(Kind::User, name.as_str());
            if app.store().read(&key).await?.is_some() {
                let message = format!("the service account \"{name}\" exists already");
                return Err(Error::new(Code::AlreadyExists, message).into());
            }
            apply(app, &actor, &mut change, &name, &mut user, &group, &one.context)?;
            users::join(app, &mut change.batch, &mut user, &name, &group).await?;
            let address = user.email.clone();
            change.batch.put(key.clone(), body(&user), Expect::Absent);
            change.batch.replace_facets(&key, FacetName::Email, address);
            let shown = (Value::Null, json!({ "group": group }));
            change.deed(&actor, Action::AddGroupServiceAccount, format!("user/{name}"), Some(&group), shown);
            change.commit(app).await
        })
        .await?;
        made.push(name);
    }
    let mut objects = Vec::new();
    for name in made {
        let record = find_account(&call.app, &call.paid, "Service account", &name).await?;
        let view = crate::objects::view_of(&record);
        let object = crate::objects::serve::full(&call.viewer(), view, &record, &call.arguments, &[], false).await?;
        objects.push(object);
    }
    Ok(Reply::data(objects))
}

/// `PATCH /groups/{id}/relationships/users`: roles and daily caps.
pub(crate) async fn update_users(call: Call) -> Result<Reply> {
    update(call, false).await
}

/// `PATCH /groups/{id}/relationships/service_accounts`.
pub(crate) async fn update_service_accounts(call: Call) -> Result<Reply> {
    update(call, true).await
}

async fn update(mut call: Call, service: bool) -> Result<Reply> {
    let group = call.arguments.path("id").to_owned();
    governed_group(&call.app, &call.paid, &group).await?;
    let members = named(&mut call, if service { "service_account" } else { "user" }).await?;
    let (app, actor) = (&call.app, Actor::of(&call.paid)?);
    for one in &members {
        let name = full_name(&group, &one.id, service);
        persist(|| async {
            let (mut user, version) = read_user(app, &name).await?;
            if user.group.as_deref() != Some(&*group) || user.service != service {
                return Err(Error::not_found("User", &shown(&name)).into());
            }
            let mut change = Change::default();
            apply(app, &actor, &mut change, &name, &mut user, &group, &one.context)?;
            change.batch.put(Key::shared(Kind::User, name.as_str()), body(&user), Expect::Version(version));
            change.commit(app).await
        })
        .await?;
    }
    Ok(Reply::value(&json!({})))
}

/// Applies `context_attributes`: roles and caps.
fn apply(
    app: &App,
    actor: &Actor,
    change: &mut Change,
    name: &str,
    user: &mut User,
    group: &str,
    context: &Map<String, Value>,
) -> Result<()> {
    const KNOWN: [&str; 4] = ["roles", "add_roles", "remove_roles", "quota_limits"];
    if let Some(unknown) = context.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        let message = format!("context_attributes has no \"{}\"; it has {}", shown(unknown), KNOWN.join(", "));
        return Err(Error::invalid_argument(message));
    }
    let list = |key: &str| context.get(key).map(|value| read_roles(key, value)).transpose();
    let (all, more, fewer) = (list("roles")?, list("add_roles")?, list("remove_roles")?);
    if [&all, &more, &fewer].into_iter().flatten().count() > 1 {
        return Err(Error::invalid_argument("write one of roles, add_roles and remove_roles for each member"));
    }
    let mut roles = all.unwrap_or_else(|| user.roles.clone());
    roles.extend(more.unwrap_or_default());
    for role in fewer.unwrap_or_default() {
        roles.remove(&role);
    }
    set_roles(app, actor, change, name, user, group, roles);
    if let Some(limits) = context.get("quota_limits") {
        let limits = limits.as_object().ok_or_else(|| Error::invalid_argument("quota_limits must be an object"))?;
        let before = json!({ "quota_limits": user.caps });
        for (quota, cap) in super::read_quotas(limits)? {
            users::set_cap(user, quota, cap)?;
        }
        let action = if user.service { Action::UpdateServiceAccount } else { Action::UpdateUser };
        let shown = (before, json!({ "quota_limits": user.caps }));
        change.deed(actor, action, format!("user/{name}"), Some(group), shown);
    }
    Ok(())
}

fn read_roles(key: &str, value: &Value) -> Result<BTreeSet<Role>> {
    let wrong = || Error::invalid_argument(format!("{key} must be a list of roles"));
    let words = value.as_array().ok_or_else(wrong)?;
    let parse = |word: &Value| -> Result<Role> {
        let word = word.as_str().ok_or_else(wrong)?;
        word.parse().map_err(|_| {
            let known: Vec<_> = Role::ALL.iter().map(|role| role.wire()).collect();
            Error::invalid_argument(format!("no such role: {}; there are {}", shown(word), known.join(", ")))
        })
    };
    words.iter().map(parse).collect()
}

/// Gives a member these roles and no others, and keeps the list of administrators in step.
fn set_roles(
    app: &App,
    actor: &Actor,
    change: &mut Change,
    name: &str,
    user: &mut User,
    group: &str,
    roles: BTreeSet<Role>,
) {
    if roles == user.roles {
        return;
    }
    let was = user.roles.contains(&Role::GroupAdmin);
    let is = roles.contains(&Role::GroupAdmin);
    let shown = (roles_json(&user.roles), roles_json(&roles));
    user.roles = roles;
    let action = match (was, is) {
        (false, true) => Action::AddGroupAdmin,
        (true, false) => Action::DeleteGroupAdmin,
        _ if user.service => Action::UpdateServiceAccount,
        _ => Action::UpdateUser,
    };
    if is && !was {
        administers(app, &mut change.batch, name, group);
    }
    if was && !is {
        let (from, to) = (Key::shared(Kind::User, name), Key::shared(Kind::Group, group));
        change.batch.unlink(from, Link::Administers, to);
    }
    change.deed(actor, action, format!("user/{name}"), Some(group), shown);
}
