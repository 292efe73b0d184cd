//! Tiers: named sets of privileges and limits. Two ship; an operator changes them and makes more.

use assay_events::audit::Action;
use assay_model::account::{Tier, check_name};
use assay_model::quota::Limits;
use assay_model::record::{Class, Key, body};
use assay_model::{Code, Error, Kind, Result};
use assay_store::Expect;
use serde_json::{Map, Value, json};

use super::attributes::{Field, Written, document};
use super::deed::{Actor, Change, persist};
use super::rights::{shown, staff};
use crate::objects::{serve, tier};
use crate::route::{Call, Reply};

const WRITABLE: &[&str] = &["privileges", "limits", "quotas", "class"];

/// `GET /tiers`.
pub(crate) async fn list(call: Call) -> Result<Reply> {
    serve::every(call, Kind::Tier).await
}

/// `POST /tiers`.
pub(crate) async fn create(mut call: Call) -> Result<Reply> {
    staff(&call.paid)?;
    let mut written = Written::read(&mut call, &["tier"]).await?;
    let name = written.id.take().ok_or_else(|| Error::invalid_argument("data.id, the tier's name, is missing"))?;
    check_name(&name)?;
    let mut made = Tier {
        privileges: std::collections::BTreeSet::new(),
        limits: Limits::PUBLIC,
        class: Class::Bulk,
        changed: true,
    };
    edit(&mut made, &mut written)?;
    written.finish(WRITABLE)?;
    let (app, actor, key) = (&call.app, Actor::of(&call.paid)?, Key::shared(Kind::Tier, name.as_str()));
    persist(|| async {
        if app.store().read(&key).await?.is_some() {
            return Err(Error::new(Code::AlreadyExists, format!("the tier \"{name}\" exists already")).into());
        }
        let mut change = Change::default();
        change.batch.put(key.clone(), body(&made), Expect::Absent);
        let after = serde_json::to_value(&made).unwrap_or_default();
        change.deed(&actor, Action::CreateTier, format!("tier/{name}"), None, (Value::Null, after));
        change.commit(app).await
    })
    .await?;
    answer(&call, &name).await
}

/// `PATCH /tiers/{id}`: holds on the next request of all its accounts.
pub(crate) async fn update(mut call: Call) -> Result<Reply> {
    staff(&call.paid)?;
    let name = call.arguments.path("id").to_owned();
    let document = document(&mut call).await?;
    let (app, actor, key) = (&call.app, Actor::of(&call.paid)?, Key::shared(Kind::Tier, name.as_str()));
    if name == super::OPERATOR {
        return Err(super::rights::forbidden("the operator's tier is the installation's own and stays as it is"));
    }
    persist(|| async {
        let record = app.store().read(&key).await?.ok_or_else(|| Error::not_found("Tier", &shown(&name)))?;
        let before: Tier = record.parse()?;
        let mut after = before.clone();
        let mut written = Written::of(&document, &["tier"])?;
        edit(&mut after, &mut written)?;
        written.finish(WRITABLE)?;
        after.changed = true;
        let mut change = Change::default();
        change.batch.put(key.clone(), body(&after), Expect::Version(record.version));
        let shown = super::difference(&before, &after);
        change.deed(&actor, Action::UpdateTier, format!("tier/{name}"), None, shown);
        change.commit(app).await
    })
    .await?;
    answer(&call, &name).await
}

/// `DELETE /tiers/{id}`: only one that nobody has. A shipped one comes back with the next start of the server.
pub(crate) async fn delete(call: Call) -> Result<Reply> {
    staff(&call.paid)?;
    let name = call.arguments.path("id").to_owned();
    let (app, actor, key) = (&call.app, Actor::of(&call.paid)?, Key::shared(Kind::Tier, name.as_str()));
    if super::SHIPPED.contains(&name.as_str()) {
        return Err(Error::new(Code::AlreadyExists, format!("the tier \"{name}\" ships with the server and stays")));
    }
    persist(|| async {
        let record = app.store().read(&key).await?.ok_or_else(|| Error::not_found("Tier", &shown(&name)))?;
        if let Some(holder) = super::holder_of(app.store(), &name).await? {
            let message = format!("the tier \"{name}\" is in use, by {holder} for one");
            return Err(Error::new(Code::AlreadyExists, message).into());
        }
        let mut change = Change::default();
        change.batch.put(key.clone(), record.body.clone(), Expect::Version(record.version));
        change.batch.delete(key.clone());
        let before = serde_json::from_slice(&record.body).unwrap_or_default();
        change.deed(&actor, Action::DeleteTier, format!("tier/{name}"), None, (before, Value::Null));
        change.commit(app).await
    })
    .await?;
    Ok(Reply::value(&json!({})))
}

fn edit(tier: &mut Tier, written: &mut Written) -> Result<()> {
    written.words("privileges")?.apply_or_default(&mut tier.privileges);
    if let Some(class) = written.text("class")?.value() {
        tier.class = super::parse_class(&class)?;
    }
    if let Some(limits) = written.map("limits")?.value() {
        edit_limits(&mut tier.limits, &limits)?;
    }
    if let Field::Set(quotas) = written.map("quotas")? {
        for (quota, allowed) in super::read_quotas(&quotas)? {
            match allowed {
                Some(allowed) => tier.limits.set(quota, allowed),
                None => _ = tier.limits.others.remove(&quota),
            }
        }
    }
    Ok(())
}

fn edit_limits(limits: &mut Limits, written: &Map<String, Value>) -> Result<()> {
    for (name, value) in written {
        let place = match name.as_str() {
            "minute" => &mut limits.minute,
            "day" => &mut limits.day,
            "month" => &mut limits.month,
            _ => return Err(Error::invalid_argument("limits has minute, day and month")),
        };
        *place = value.as_u64().ok_or_else(|| Error::invalid_argument("a limit is a whole number from 0"))?;
    }
    Ok(())
}

async fn answer(call: &Call, name: &str) -> Result<Reply> {
    let record = (tier::TYPE.locate)(&call.viewer(), name).await?;
    serve::whole(call, &tier::TYPE, &record, &[]).await
}
