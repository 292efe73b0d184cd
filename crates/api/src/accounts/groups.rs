//! Groups: `POST /groups`, `PATCH` and `DELETE`. In go attributes, out comes the group.

use assay_events::audit::Action;
use assay_model::account::{Allowance, Group, TierTerm, check_email, check_name};
use assay_model::event::EventName;
use assay_model::record::{Key, body};
use assay_model::{Code, Error, Kind, Link, Result, Timestamp};
use assay_store::{End, Expect, Range};
use serde_json::{Value, json};

use super::attributes::{Field, Written};
use super::deed::{Actor, Change, persist};
use super::rights::{Standpoint, governed_group, staff};
use crate::objects::{group, serve};
use crate::route::{Call, Reply};

/// What administrators may write.
const OWN: &[&str] = &[
    "organization",
    "organization_legal_name",
    "country",
    "country_iso",
    "domain_name",
    "industry",
    "contact_emails",
    "auto_add_users",
    "preferences",
    "allowed_networks",
];
/// What the staff may write beside that.
const STAFF: &[&str] = &["tier", "privileges", "quotas", "agreement_signed_date"];
/// Texts of the profile.
const PROFILE: &[&str] =
    &["organization", "organization_legal_name", "country", "country_iso", "domain_name", "industry"];

/// `GET /groups`: all groups, for the staff.
pub(crate) async fn list(call: Call) -> Result<Reply> {
    staff(&call.paid)?;
    serve::every(call, Kind::Group).await
}

/// `POST /groups`: makes a group.
pub(crate) async fn create(mut call: Call) -> Result<Reply> {
    staff(&call.paid)?;
    let mut written = Written::read(&mut call, &["group"]).await?;
    let name = written.id.take().ok_or_else(|| Error::invalid_argument("data.id, the group's name, is missing"))?;
    check_name(&name)?;
    let now = call.app.now();
    let mut stored = Group::new(written.text("tier")?.value().unwrap_or_else(|| "premium".to_owned()), now);
    edit(&mut stored, &mut written)?;
    edit_as_staff(&mut stored, &mut written, now)?;
    written.finish(&[OWN, STAFF].concat())?;
    super::check_tier(call.app.store(), &stored.tier.name).await?;
    let (app, actor, key) = (&call.app, Actor::of(&call.paid)?, Key::shared(Kind::Group, name.as_str()));
    persist(|| async {
        if app.store().read(&key).await?.is_some() {
            return Err(Error::new(Code::AlreadyExists, format!("the group \"{name}\" exists already")).into());
        }
        let mut change = Change::default();
        change.batch.put(key.clone(), body(&stored), Expect::Absent);
        let after = json!({ "tier": stored.tier.name });
        change.deed(&actor, Action::CreateTenant, format!("group/{name}"), Some(&name), (Value::Null, after));
        change.commit(app).await
    })
    .await?;
    answer(&call, &name).await
}

/// `PATCH /groups/{id}`.
pub(crate) async fn update(mut call: Call) -> Result<Reply> {
    let name = call.arguments.path("id").to_owned();
    governed_group(&call.app, &call.paid, &name).await?;
    let document = super::attributes::document(&mut call).await?;
    let (app, paid, actor) = (&call.app, &call.paid, Actor::of(&call.paid)?);
    persist(|| async {
        let mut written = Written::of(&document, &["group"])?;
        let (mut stored, version, standpoint) = governed_group(app, paid, &name).await?;
        let before = stored.clone();
        edit(&mut stored, &mut written)?;
        if standpoint == Standpoint::Staff {
            if let Some(tier) = written.text("tier")?.value() {
                super::check_tier(app.store(), &tier).await?;
                stored.tier = TierTerm::always(tier);
            }
            edit_as_staff(&mut stored, &mut written, app.now())?;
            written.finish(&[OWN, STAFF].concat())?;
        } else {
            written.finish(OWN)?;
        }
        let mut change = Change::default();
        change.batch.put(Key::shared(Kind::Group, name.as_str()), body(&stored), Expect::Version(version));
        let shown = super::difference(&before, &stored);
        change.deed(&actor, Action::UpdateGroup, format!("group/{name}"), Some(&name), shown);
        if before.tier != stored.tier {
            let data = json!({ "before": before.tier.name, "after": stored.tier.name });
            change.event(app, EventName::AccountTierChanged, &format!("group/{name}"), Some(&name), data);
        }
        change.commit(app).await
    })
    .await?;
    answer(&call, &name).await
}

fn edit(group: &mut Group, written: &mut Written) -> Result<()> {
    for &name in PROFILE {
        match written.text(name)? {
            Field::Set(text) => _ = group.profile.insert(name.to_owned(), text.into()),
            Field::Cleared => _ = group.profile.shift_remove(name),
            Field::Absent => {}
        }
    }
    match written.texts("contact_emails")? {
        Field::Set(addresses) => {
            let addresses = addresses.iter().map(|one| check_email(one)).collect::<Result<Vec<_>>>()?;
            group.profile.insert("contact_emails".to_owned(), addresses.into());
        }
        Field::Cleared => _ = group.profile.shift_remove("contact_emails"),
        Field::Absent => {}
    }
    if let Field::Set(patterns) = written.texts("auto_add_users")? {
        for pattern in &patterns {
            check_email(&pattern.replacen("*@", "any@", 1))?;
        }
        group.auto_add_users = patterns;
    }
    written.map("preferences")?.apply_or_default(&mut group.preferences);
    written.networks("allowed_networks")?.apply_or_default(&mut group.allowed_networks);
    Ok(())
}

fn edit_as_staff(group: &mut Group, written: &mut Written, now: Timestamp) -> Result<()> {
    if let Some(changes) = written.map("privileges")?.value() {
        super::edit_grants(&mut group.privileges, &changes, now)?;
    }
    if let Some(date) = written.number("agreement_signed_date")?.value() {
        group.profile.insert("agreement_signed_date".to_owned(), date.into());
    }
    for (quota, allowed) in super::users::quotas(written)? {
        match allowed {
            Some(allowed) => _ = group.allowances.insert(quota, Allowance { allowed, until: None }),
            None => _ = group.allowances.remove(&quota),
        }
    }
    Ok(())
}

/// `DELETE /groups/{id}`: for the staff, and only without members.
pub(crate) async fn delete(call: Call) -> Result<Reply> {
    staff(&call.paid)?;
    let name = call.arguments.path("id").to_owned();
    let (app, paid, actor) = (&call.app, &call.paid, Actor::of(&call.paid)?);
    let key = Key::shared(Kind::Group, name.as_str());
    persist(|| async {
        let (stored, version, _) = governed_group(app, paid, &name).await?;
        for link in [Link::Belongs, Link::Serves] {
            if app.store().linked(&key, link, End::Head, &Range::first(1)).await?.total != Some(0) {
                let message = format!("the group \"{name}\" has members; remove them first");
                return Err(Error::new(Code::AlreadyExists, message).into());
            }
        }
        let mut change = Change::default();
        // Writing it first makes a member that joins at this moment the one who is refused, or us.
        change.batch.put(key.clone(), body(&stored), Expect::Version(version));
        change.batch.delete(key.clone());
        let before = json!({ "tier": stored.tier.name });
        change.deed(&actor, Action::DeleteTenant, format!("group/{name}"), Some(&name), (before, Value::Null));
        change.commit(app).await
    })
    .await?;
    Ok(Reply::value(&json!({})))
}

/// The group as the caller sees it now.
async fn answer(call: &Call, name: &str) -> Result<Reply> {
    let record = (group::TYPE.locate)(&call.viewer(), name).await?;
    serve::whole(call, &group::TYPE, &record, &[]).await
}
