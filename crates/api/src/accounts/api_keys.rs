//! Keys as resources: create, import, change, rotate, restore, revoke, and who uses them. In go ids and attributes, out
//! come keys; a new secret is in one answer, once, and kept nowhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use assay_events::audit::Action;
use assay_model::account::{ApiKey, KeyState, Retirement, User};
use assay_model::apikey::{self, Issued};
use assay_model::event::EventName;
use assay_model::record::{Edge, Facet, FacetName, Key, Space, body};
use assay_model::usage::Dimension;
use assay_model::{Code, Error, Kind, Link, Result, Timestamp};
use assay_store::{Expect, Range, Store};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::attributes::Written;
use super::deed::{Actor, Attempt, Change, persist};
use super::notices::Told;
use super::rights::{Standpoint, find_account, forbidden, may_hold_key, read_user, shown, unrestricted};
use crate::app::App;
use crate::gate::Paid;
use crate::objects::{api_key, serve};
use crate::route::{Call, Reply};

/// What of a key may be written.
const WRITABLE: &[&str] = &["label", "expiration_date", "allowed_networks", "privileges"];
/// How long a key must have been quiet where nobody says otherwise.
const QUIET: i64 = 3_600;
/// Over how many days the users of a key are shown.
const CLIENT_DAYS: i64 = 30;
const DAY: i64 = 86_400;
/// How many days ahead the end of a key is told.
const AHEAD: &[i64] = &[14, 7, 3, 1];
/// For how many days an end that nobody told of is still told.
const LOOK_BACK: i64 = 7;

/// The keys of an account, newest first, with their ids.
pub(crate) async fn of_account(app: &App, account: &str) -> Result<Vec<(String, ApiKey)>> {
    super::keys(app.store(), account).await
}

/// A key with its id, version and account, for whoever may manage it.
struct Managed {
    id: String,
    key: ApiKey,
    version: u64,
    user: User,
}

async fn managed(app: &App, paid: &Paid, id: &str) -> Result<Managed> {
    let not_found = || Error::not_found("Key", &shown(id));
    let record = app.store().read(&Key::shared(Kind::ApiKey, id)).await?.ok_or_else(not_found)?;
    let key: ApiKey = record.parse()?;
    let (user, _) = read_user(app, &key.account).await?;
    if !Standpoint::towards_account(paid, &key.account, &user).sees_all() {
        return Err(not_found());
    }
    Ok(Managed { id: id.to_owned(), key, version: record.version, user })
}

/// A key that makes itself more than it is would be no restriction: such a key may only be rotated, by itself.
fn may_manage<'a>(paid: &'a Paid, managed: &Managed) -> Result<&'a Arc<crate::identity::Identity>> {
    let identity = paid.account()?;
    if identity.restricted && identity.key_id.to_string() == managed.id {
        return Ok(identity);
    }
    unrestricted(paid)
}

/// `POST /users/{id}/api_keys`: makes a key, or imports one that was made elsewhere.
pub(crate) async fn create(mut call: Call) -> Result<Reply> {
    let record = find_account(&call.app, &call.paid, "User", call.arguments.path("id")).await?;
    let (account, user): (_, User) = (record.key.id.to_string(), record.parse()?);
    if !Standpoint::towards_account(&call.paid, &account, &user).sees_all() {
        return Err(forbidden("keys are made by the account itself, administrators of its group, and the operator"));
    }
    may_hold_key(&call.app, &call.paid, &account, &user).await?;
    unrestricted(&call.paid)?;
    let now = call.app.now();
    let mut written = Written::read(&mut call, &["api_key"]).await?;
    let mut key = ApiKey::new(String::new(), account.as_str(), now);
    edit(&mut key, &mut written, now)?;
    let imported = written.text("key")?.value().map(Zeroizing::new);
    written.finish(&[WRITABLE, &["key"]].concat())?;
    let (app, actor) = (&call.app, Actor::of(&call.paid)?);
    let (id, secret) = if let Some(text) = imported {
        let presented = apikey::read(&text).map_err(|mistake| Error::invalid_argument(mistake.to_string()))?;
        if !presented.is_foreign() {
            let message = "the key was issued by an Assay server: make a new one here instead of importing it";
            return Err(Error::invalid_argument(message));
        }
        key.tag = presented.tag(&app.pepper);
        key.imported = true;
        (presented.id(&app.pepper).to_string(), None)
    } else {
        let issued = Issued::generate(&*app.random);
        key.tag = issued.tag(&app.pepper);
        (issued.id().to_string(), Some(issued.reveal()))
    };
    let live = app.settings.keys.live;
    persist(|| async {
        let mut change = Change::default();
        check_room(app, &account, live, None).await?;
        if app.store().read(&Key::shared(Kind::ApiKey, id.as_str())).await?.is_some() {
            return Err(Error::new(Code::AlreadyExists, "this key was imported before").into());
        }
        put_new(&mut change, app, &id, &key).await?;
        let action = if key.imported { Action::ImportKey } else { Action::CreateKey };
        change.deed(&actor, action, format!("api_key/{id}"), user.group.as_deref(), (Value::Null, told(&key)));
        let data = json!({ "key_id": id, "label": key.label, "imported": key.imported });
        change.event(app, EventName::KeyCreated, &account, user.group.as_deref(), data);
        change.commit(app).await
    })
    .await?;
    answer(&call, &id, secret).await
}

/// Puts a new key; the account is written as well, so that two who make the last allowed key at once collide.
async fn put_new(change: &mut Change, app: &App, id: &str, key: &ApiKey) -> Attempt<()> {
    let (record, account) = (Key::shared(Kind::ApiKey, id), Key::shared(Kind::User, key.account.as_str()));
    let (user, version) = read_user(app, &key.account).await?;
    change.batch.put(account.clone(), body(&user), Expect::Version(version));
    change.batch.put(record.clone(), body(key), Expect::Absent);
    change.batch.link(Edge::new(record.clone(), Link::Opens, account, key.creation_date));
    index(change, &record, key);
    Ok(())
}

/// Makes a key findable by what has to be done about it.
fn index(change: &mut Change, record: &Key, key: &ApiKey) {
    let retiring = key.retirement.is_some() && key.revocation_date.is_none();
    change.batch.replace_facets(record, FacetName::Status, retiring.then(|| "retiring".to_owned()));
    let end = key.expiration_date.filter(|_| key.revocation_date.is_none());
    change.batch.replace_facets(record, FacetName::Ends, end.map(|end| end.day().0.to_string()));
}

/// Refuses one more live key than an account may have.
async fn check_room(app: &App, account: &str, live: usize, but: Option<&str>) -> Result<()> {
    let now = app.now();
    let keys = of_account(app, account).await?;
    let count = keys.iter().filter(|(id, key)| key.state(now).is_live() && Some(id.as_str()) != but).count();
    if count < live {
        return Ok(());
    }
    Err(Error::new(
        Code::AlreadyExists,
        format!(
            "the account has {count} live keys already, of {live}; revoke one first (assay key list, assay key revoke)"
        ),
    ))
}

fn edit(key: &mut ApiKey, written: &mut Written, now: Timestamp) -> Result<()> {
    written.text("label")?.apply_or_default(&mut key.label);
    written.future("expiration_date", now)?.apply(&mut key.expiration_date);
    written.networks("allowed_networks")?.apply_or_default(&mut key.allowed_networks);
    written.words("privileges")?.apply(&mut key.privileges);
    Ok(())
}

/// What the audit log keeps of a key.
fn told(key: &ApiKey) -> Value {
    let mut shown = serde_json::to_value(key).unwrap_or_default();
    if let Some(shown) = shown.as_object_mut() {
        shown.shift_remove("tag");
    }
    shown
}

/// `PATCH /api_keys/{id}`.
pub(crate) async fn update(mut call: Call) -> Result<Reply> {
    let id = call.arguments.path("id").to_owned();
    managed(&call.app, &call.paid, &id).await?;
    unrestricted(&call.paid)?;
    let document = super::attributes::document(&mut call).await?;
    change_key(&call, &id, Action::UpdateKey, None, |key, now| {
        let mut written = Written::of(&document, &["api_key"])?;
        edit(key, &mut written, now)?;
        written.finish(WRITABLE)
    })
    .await?;
    answer(&call, &id, None).await
}

/// Changes one key, with its entry in the audit log.
async fn change_key(
    call: &Call,
    id: &str,
    action: Action,
    event: Option<EventName>,
    edit: impl Fn(&mut ApiKey, Timestamp) -> Result<()>,
) -> Result<()> {
    let (app, actor) = (&call.app, Actor::of(&call.paid)?);
    persist(|| async {
        let Managed { mut key, version, user, .. } = managed(app, &call.paid, id).await?;
        let before = key.clone();
        edit(&mut key, app.now())?;
        if key == before {
            return Ok(());
        }
        let mut change = Change::default();
        write(&mut change, app, &actor, id, (&before, &key, version), &user, action);
        if let Some(event) = event {
            let data = json!({ "key_id": id, "label": key.label });
            change.event(app, event, &key.account, user.group.as_deref(), data);
        }
        change.commit(app).await
    })
    .await
}

fn write(
    change: &mut Change,
    _app: &App,
    actor: &Actor,
    id: &str,
    (before, after, version): (&ApiKey, &ApiKey, u64),
    user: &User,
    action: Action,
) {
    let record = Key::shared(Kind::ApiKey, id);
    change.batch.put(record.clone(), body(after), Expect::Version(version));
    index(change, &record, after);
    change.deed(actor, action, format!("api_key/{id}"), user.group.as_deref(), (told(before), told(after)));
}

/// `POST /api_keys/{id}/revoke`: refused from now on, everywhere.
pub(crate) async fn revoke(call: Call) -> Result<Reply> {
    let id = call.arguments.path("id").to_owned();
    may_manage(&call.paid, &managed(&call.app, &call.paid, &id).await?)?;
    change_key(&call, &id, Action::RevokeKey, Some(EventName::KeyRevoked), |key, now| {
        key.revocation_date.get_or_insert(now);
        Ok(())
    })
    .await?;
    answer(&call, &id, None).await
}

/// `DELETE /api_keys/{id}`: the same; what was a key is kept for the history.
pub(crate) async fn delete(call: Call) -> Result<Reply> {
    revoke(call).await.map(|_| Reply::value(&json!({})))
}

/// `POST /api_keys/{id}/exposed`: somebody found the key where others can read it. Told, and left to its owner to mend;
/// whoever holds the key itself may say so.
pub(crate) async fn exposed(mut call: Call) -> Result<Reply> {
    let id = call.arguments.path("id").to_owned();
    let found = managed(&call.app, &call.paid, &id).await?;
    let mut written = Written::read(&mut call, &["api_key"]).await?;
    let place = written.text("where")?.value().unwrap_or_default();
    written.finish(&["where"])?;
    let (app, actor) = (&call.app, Actor::of(&call.paid)?);
    persist(|| async {
        let (account, group) = (&found.key.account, found.user.group.as_deref());
        let mut change = Change::default();
        let shown = (Value::Null, json!({ "where": place }));
        change.deed(&actor, Action::ExposeKey, format!("api_key/{id}"), group, shown);
        let data = json!({ "key_id": id, "label": found.key.label, "where": place });
        change.event(app, EventName::KeyExposed, account, group, data);
        change.commit(app).await
    })
    .await?;
    answer(&call, &id, None).await
}

/// `POST /api_keys/{id}/rotate`: a successor with the same label, networks and privileges; the old key works on until
/// its deadline.
pub(crate) async fn rotate(mut call: Call) -> Result<Reply> {
    let id = call.arguments.path("id").to_owned();
    let found = managed(&call.app, &call.paid, &id).await?;
    may_manage(&call.paid, &found)?;
    may_hold_key(&call.app, &call.paid, &found.key.account, &found.user).await?;
    let mut written = Written::read(&mut call, &["api_key"]).await?;
    let rules = call.app.settings.keys.clone();
    let overlap = written.duration("overlap")?.value().unwrap_or(rules.overlap);
    let quiet = written.duration("retire_when_quiet")?.value();
    let label = written.text("label")?.value();
    let expiration = written.future("expiration_date", call.app.now())?.value();
    written.finish(&["overlap", "retire_when_quiet", "label", "expiration_date"])?;
    for (name, length) in [("overlap", Some(overlap)), ("retire_when_quiet", quiet)] {
        if length.is_some_and(|length| length > rules.overlap_max) {
            let most = humantime::format_duration(rules.overlap_max);
            return Err(Error::invalid_argument(format!("{name} is longer than {most}")));
        }
    }
    let (app, actor) = (&call.app, Actor::of(&call.paid)?);
    let issued = Issued::generate(&*app.random);
    let new_id = issued.id().to_string();
    persist(|| async {
        let now = app.now();
        let Managed { mut key, version, user, .. } = managed(app, &call.paid, &id).await?;
        let state = key.state(now);
        if state != KeyState::Active {
            let state = serde_json::to_value(state).unwrap_or_default();
            let state = state.as_str().unwrap_or_default();
            let message = format!("only an active key can be rotated; this one is {state}");
            return Err(Error::new(Code::AlreadyExists, message).into());
        }
        // At zero overlap the old key goes at once and makes room.
        let going = Some(id.as_str()).filter(|_| overlap.is_zero());
        check_room(app, &key.account, rules.live, going).await?;
        let before = key.clone();
        let mut successor = ApiKey {
            tag: issued.tag(&app.pepper),
            creation_date: now,
            imported: false,
            predecessor: Some(id.clone()),
            retirement: None,
            expiration_date: expiration.or(key.expiration_date),
            ..key.clone()
        };
        if let Some(label) = &label {
            successor.label.clone_from(label);
        }
        let end = Timestamp(now.0 + seconds(overlap));
        let deadline = key.expiration_date.map_or(end, |own| own.min(end));
        key.retirement = Some(Retirement {
            successor: new_id.clone(),
            since: now,
            deadline,
            when_quiet: quiet.map(|quiet| quiet.as_secs()),
        });
        let mut change = Change::default();
        put_new(&mut change, app, &new_id, &successor).await?;
        write(&mut change, app, &actor, &id, (&before, &key, version), &user, Action::RotateKey);
        let data = json!({ "key_id": id, "successor": new_id, "label": key.label, "sunset_date": deadline });
        change.event(app, EventName::KeyRotated, &key.account, user.group.as_deref(), data);
        change.commit(app).await
    })
    .await?;
    answer(&call, &new_id, Some(issued.reveal())).await
}

fn seconds(length: Duration) -> i64 {
    i64::try_from(length.as_secs()).unwrap_or(i64::MAX / 4)
}

/// `POST /api_keys/{id}/restore`: until its deadline a rotated key can be made active again; its successor is revoked.
pub(crate) async fn restore(call: Call) -> Result<Reply> {
    let id = call.arguments.path("id").to_owned();
    may_manage(&call.paid, &managed(&call.app, &call.paid, &id).await?)?;
    let (app, actor) = (&call.app, Actor::of(&call.paid)?);
    persist(|| async {
        let now = app.now();
        let Managed { mut key, version, user, .. } = managed(app, &call.paid, &id).await?;
        let before = key.clone();
        let state = key.state(now);
        let Some(retirement) = key.retirement.take().filter(|_| state == KeyState::Retiring) else {
            let message = "only a retiring key can be restored, until its deadline";
            return Err(Error::new(Code::AlreadyExists, message).into());
        };
        let mut change = Change::default();
        write(&mut change, app, &actor, &id, (&before, &key, version), &user, Action::RestoreKey);
        let successor = Key::shared(Kind::ApiKey, retirement.successor.as_str());
        if let Some(record) = app.store().read(&successor).await? {
            let known: ApiKey = record.parse()?;
            if known.state(now).is_live() {
                let after = ApiKey { revocation_date: Some(now), ..known.clone() };
                let what = (&known, &after, record.version);
                write(&mut change, app, &actor, &retirement.successor, what, &user, Action::RevokeKey);
                let data = json!({ "key_id": retirement.successor, "label": known.label, "restored": id });
                change.event(app, EventName::KeyRevoked, &key.account, user.group.as_deref(), data);
            }
        }
        change.commit(app).await
    })
    .await?;
    answer(&call, &id, None).await
}

/// `GET /api_keys/{id}/clients`: who used the key, by client and day.
pub(crate) async fn clients(call: Call) -> Result<Reply> {
    let id = call.arguments.path("id").to_owned();
    managed(&call.app, &call.paid, &id).await?;
    let now = call.app.now();
    let from = Timestamp(now.0 - CLIENT_DAYS * DAY).day();
    let figures = call.app.store().tallied(&format!("key:{id}"), Dimension::Client, from, now).await?;
    let mut clients: BTreeMap<Arc<str>, (u64, BTreeMap<String, u64>)> = BTreeMap::new();
    for (day, client, count) in figures {
        let (total, days) = clients.entry(client).or_default();
        *total += count;
        *days.entry(day.compact_date()).or_default() += count;
    }
    let mut clients: Vec<_> = clients.into_iter().collect();
    clients.sort_by_key(|(_, (total, _))| std::cmp::Reverse(*total));
    let show = |(client, (count, days))| json!({ "client": client, "count": count, "days": days });
    Ok(Reply::data(clients.into_iter().map(show).collect::<Vec<_>>()))
}

/// The key as the caller sees it now, with its secret where it was just made.
async fn answer(call: &Call, id: &str, secret: Option<Zeroizing<String>>) -> Result<Reply> {
    let record = (api_key::TYPE.locate)(&call.viewer(), id).await?;
    let mut data = serve::full(&call.viewer(), &api_key::TYPE, &record, &call.arguments, &[], true).await?;
    if let Some(secret) = secret {
        data["attributes"]["key"] = secret.as_str().into();
    }
    Ok(Reply::data(data))
}

/// Whether a rotated key may go: its successor was used, and it was quiet for a while itself.
pub(crate) async fn is_safe_to_revoke(store: &dyn Store, id: &str, key: &ApiKey, now: Timestamp) -> Result<bool> {
    let Some(retirement) = &key.retirement else { return Ok(false) };
    let quiet = retirement.when_quiet.map_or(QUIET, |quiet| i64::try_from(quiet).unwrap_or(i64::MAX));
    if super::last_use(store, &retirement.successor).await?.is_none() {
        return Ok(false);
    }
    let last = super::last_use(store, id).await?.map_or(retirement.since, |used| used.date.max(retirement.since));
    Ok(now.0 - last.0 >= quiet)
}

/// Retires keys whose owners asked for it once they are quiet; to be called now and then.
pub(crate) async fn retire_quiet(app: &App) -> Result<()> {
    let now = app.now();
    for id in found(app, &Facet::new(FacetName::Status, "retiring")).await? {
        persist(|| async {
            let Some(record) = app.store().read(&Key::shared(Kind::ApiKey, id.as_str())).await? else { return Ok(()) };
            let mut key: ApiKey = record.parse()?;
            let asked = key.retirement.as_ref().is_some_and(|retirement| retirement.when_quiet.is_some());
            if !asked || !key.state(now).is_live() || !is_safe_to_revoke(app.store(), &id, &key, now).await? {
                return Ok(());
            }
            let (user, _) = read_user(app, &key.account).await?;
            let before = key.clone();
            key.revocation_date = Some(now);
            let mut change = Change::default();
            let what = (&before, &key, record.version);
            write(&mut change, app, &Actor::server(), &id, what, &user, Action::RevokeKey);
            let data = json!({ "key_id": id, "label": key.label, "reason": "quiet" });
            change.event(app, EventName::KeyRevoked, &key.account, user.group.as_deref(), data);
            change.commit(app).await
        })
        .await?;
    }
    Ok(())
}

/// Tells of keys that end in 14, 7, 3 and 1 days, and of those that have ended; each once. Who was down when a day came
/// tells of it later, as far as it is still true; of an end, for a week.
pub(crate) async fn tell_of_ends(app: &App) -> Result<()> {
    let now = app.now();
    for days in -LOOK_BACK..=AHEAD[0] {
        let day = Timestamp(now.0 + days * DAY).day().0.to_string();
        for id in found(app, &Facet::new(FacetName::Ends, day)).await? {
            let Some(record) = app.store().read(&Key::shared(Kind::ApiKey, id.as_str())).await? else { continue };
            let key: ApiKey = record.parse()?;
            let Some(end) = key.expiration_date else { continue };
            let passed = AHEAD.iter().filter(|ahead| end.0 - now.0 <= **ahead * DAY).count();
            let (name, step) = match key.state(now) {
                KeyState::Expired => (EventName::KeyExpired, AHEAD.len() + 1),
                state if state.is_live() && passed > 0 => (EventName::KeyExpiring, passed),
                _ => continue,
            };
            let (user, _) = read_user(app, &key.account).await?;
            let data = json!({ "key_id": id, "label": key.label, "expiration_date": end });
            let told = Told { of: end.0, step: step as u64 };
            super::notices::once(app, (&end_notice(&id), told), name, &key.account, user.group.as_deref(), data)
                .await?;
        }
    }
    Ok(())
}

/// What is kept of what was told of a key's end.
pub(crate) fn end_notice(id: &str) -> String {
    format!("end/{id}")
}

/// The ids of the keys that have a facet.
async fn found(app: &App, facet: &Facet) -> Result<Vec<String>> {
    let (mut ids, mut range) = (Vec::new(), Range::first(500));
    loop {
        let page = app.store().find(&Space::Shared, Kind::ApiKey, facet, &range).await?;
        ids.extend(page.items.into_iter().map(|key| key.id.to_string()));
        match page.next {
            Some(next) => range = Range::after(500, Some(next)),
            None => return Ok(ids),
        }
    }
}
