//! Webhooks: the operator's hear of everything, a group's of what happens in the group.

use assay_events::audit::Action;
use assay_events::webhook::{self, Wanted, WebhookStatus};
use assay_model::record::Key;
use assay_model::{Error, Kind, Result};
use assay_store::{Position, Range};
use serde_json::{Value, json};

use super::attributes::Written;
use super::deed::{Actor, Change, persist};
use super::rights::{forbidden, governed_group, hidden, shown, unrestricted};
use crate::app::App;
use crate::gate::Paid;
use crate::objects::{self, serve};
use crate::route::{Call, Reply};
use crate::{cursor, envelope};

const WRITABLE: &[&str] = &["url", "events", "label", "status"];

/// A webhook that the caller may see and change.
pub(crate) async fn governed(app: &App, paid: &Paid, id: &str) -> Result<webhook::Webhook> {
    let not_found = || Error::not_found("Webhook", &shown(id));
    let found = webhook::read(app.store(), id).await?.ok_or_else(not_found)?;
    let identity = paid.account()?;
    let allowed = match &found.group {
        Some(group) => identity.governs(group),
        None => identity.is_staff(),
    };
    if allowed { Ok(found) } else { Err(not_found()) }
}

/// `GET /webhooks`: all of them for the staff, the group's for its administrators.
pub(crate) async fn list(call: Call) -> Result<Reply> {
    let identity = call.paid.account()?;
    let group = match &identity.user.group {
        _ if identity.is_staff() => None,
        Some(group) if identity.user.administers(group) => Some(group.clone()),
        _ => return Err(forbidden("webhooks are for administrators of a group and the operator")),
    };
    let name = format!("webhooks/{}", group.as_deref().unwrap_or_default());
    let after = call.arguments.query("cursor").map(|text| cursor::read(&name, text)).transpose()?;
    let range = Range::after(serve::limit(&call.arguments)?, after);
    let found = webhook::list(call.app.store(), group.as_deref(), &range).await?;
    let keys: Vec<_> = found.items.iter().map(|(id, _)| Key::shared(Kind::Webhook, id.as_str())).collect();
    let items = shown_objects(&call, &keys).await?;
    Ok(answer_page(&call, &name, items, found.next, found.total))
}

/// `POST /webhooks`.
pub(crate) async fn create(mut call: Call) -> Result<Reply> {
    let identity = call.paid.account()?.clone();
    let own = identity.user.group.clone().filter(|group| identity.user.administers(group));
    if own.is_none() && !identity.is_staff() {
        return Err(forbidden("webhooks are made by administrators of a group and the operator"));
    }
    unrestricted(&call.paid)?;
    let mut written = Written::read(&mut call, &["webhook"]).await?;
    let url = written.text("url")?;
    let wanted = Wanted {
        url: Written::required("url", url)?,
        events: written.words("events")?.value().unwrap_or_default(),
        label: written.text("label")?.value().unwrap_or_default(),
        group: written.text("group")?.value().or(if identity.is_staff() { None } else { own }),
    };
    written.finish(&["url", "events", "label", "group"])?;
    if let Some(group) = &wanted.group {
        governed_group(&call.app, &call.paid, group).await?;
    }
    let (app, actor) = (&call.app, Actor::of(&call.paid)?);
    let (id, secret) = persist(|| async {
        let mut change = Change::default();
        let made = webhook::create(&app.courier, &mut change.batch, wanted.clone(), app.now()).await?;
        let shown = (Value::Null, made.webhook.audited());
        let target = format!("webhook/{}", made.id);
        change.deed(&actor, Action::CreateWebhook, target, wanted.group.as_deref(), shown);
        change.commit(app).await?;
        Ok((made.id, made.secret))
    })
    .await?;
    let mut object = shown_object(&call, Kind::Webhook, &id).await?;
    object["attributes"]["secret"] = secret.as_str().into();
    Ok(Reply::data(object))
}

/// `PATCH /webhooks/{id}`.
pub(crate) async fn update(mut call: Call) -> Result<Reply> {
    let id = call.arguments.path("id").to_owned();
    governed(&call.app, &call.paid, &id).await?;
    unrestricted(&call.paid)?;
    let mut written = Written::read(&mut call, &["webhook"]).await?;
    let wanted = webhook::Change {
        url: written.text("url")?.value(),
        events: written.words("events")?.value(),
        label: written.text("label")?.value(),
        status: match written.text("status")?.value().as_deref() {
            None => None,
            Some("active") => Some(WebhookStatus::Active),
            Some("disabled") => Some(WebhookStatus::Disabled),
            Some(_) => return Err(Error::invalid_argument("status is \"active\" or \"disabled\"")),
        },
    };
    written.finish(WRITABLE)?;
    let (app, actor) = (&call.app, Actor::of(&call.paid)?);
    persist(|| async {
        let mut change = Change::default();
        let (before, after) = webhook::update(&app.courier, &mut change.batch, &id, wanted.clone()).await?;
        let (target, shown) = (format!("webhook/{id}"), (before.audited(), after.audited()));
        change.deed(&actor, Action::UpdateWebhook, target, after.group.as_deref(), shown);
        change.commit(app).await
    })
    .await?;
    Ok(Reply::data(shown_object(&call, Kind::Webhook, &id).await?))
}

/// `DELETE /webhooks/{id}`.
pub(crate) async fn delete(call: Call) -> Result<Reply> {
    let id = call.arguments.path("id").to_owned();
    governed(&call.app, &call.paid, &id).await?;
    unrestricted(&call.paid)?;
    let (app, actor) = (&call.app, Actor::of(&call.paid)?);
    persist(|| async {
        let mut change = Change::default();
        let gone = webhook::delete(app.store(), &mut change.batch, &id).await?;
        let (target, shown) = (format!("webhook/{id}"), (gone.audited(), Value::Null));
        change.deed(&actor, Action::DeleteWebhook, target, gone.group.as_deref(), shown);
        change.commit(app).await
    })
    .await?;
    Ok(Reply::value(&json!({})))
}

/// `POST /webhook_deliveries/{id}/replay`.
pub(crate) async fn replay(call: Call) -> Result<Reply> {
    let id = call.arguments.path("id").to_owned();
    delivery(&call.app, &call.paid, &id).await?;
    unrestricted(&call.paid)?;
    let (app, actor) = (&call.app, Actor::of(&call.paid)?);
    persist(|| async {
        let mut change = Change::default();
        let again = webhook::replay(app.store(), &mut change.batch, &id, app.now()).await?;
        let (target, shown) = (format!("webhook_delivery/{id}"), (Value::Null, json!({ "event": again.event })));
        change.deed(&actor, Action::ReplayDelivery, target, again.group.as_deref(), shown);
        change.commit(app).await
    })
    .await?;
    Ok(Reply::data(shown_object(&call, Kind::WebhookDelivery, &id).await?))
}

/// A delivery to a webhook that the caller may see.
pub(crate) async fn delivery(app: &App, paid: &Paid, id: &str) -> Result<webhook::Delivery> {
    let not_found = || Error::not_found("Webhook delivery", &shown(id));
    let found = webhook::read_delivery(app.store(), id).await?.ok_or_else(not_found)?;
    governed(app, paid, &found.webhook).await.map_err(|error| hidden(error, not_found))?;
    Ok(found)
}

async fn shown_object(call: &Call, kind: Kind, id: &str) -> Result<Value> {
    let objects = shown_objects(call, &[Key::shared(kind, id)]).await?;
    objects.into_iter().next().ok_or_else(|| Error::not_found("Webhook", &shown(id)))
}

async fn shown_objects(call: &Call, keys: &[Key]) -> Result<Vec<Value>> {
    let (viewer, mut items) = (call.viewer(), Vec::with_capacity(keys.len()));
    for record in call.app.store().read_many(keys).await?.into_iter().flatten() {
        let view = objects::view_of(&record);
        items.push(serve::full(&viewer, view, &record, &call.arguments, &[], false).await?);
    }
    Ok(items)
}

fn answer_page(call: &Call, name: &str, items: Vec<Value>, next: Option<Position>, total: Option<u64>) -> Reply {
    let next = next.map(|position| cursor::write(name, &position));
    Reply::value(&envelope::page(&call.base, &call.arguments, items, next, total))
}
