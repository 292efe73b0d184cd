//! Contracts with `VirusTotal`: for the operator alone. A key goes in here and never comes out.

use assay_broker::contract::{self, Contract, Named};
use assay_broker::evidence;
use assay_broker::manage::Wanted;
use assay_events::audit::Action;
use assay_model::record::body;
use assay_model::{Error, Kind, Result, Timestamp};
use assay_store::Expect;
use assay_upstream::UpstreamKey;
use serde_json::{Value, json};

use crate::accounts::attributes::{Written, document};
use crate::accounts::deed::{Actor, Change, persist};
use crate::accounts::rights::{shown, staff};
use crate::app::App;
use crate::objects::{serve, upstream};
use crate::route::{Call, Reply};

const DAY: i64 = 86_400;
/// How many days a report covers where nobody says.
const DAYS: i64 = 7;
/// And at the most: as long as figures are kept.
const DAYS_MAX: i64 = 93;

/// `GET /upstreams`.
pub(crate) async fn list(call: Call) -> Result<Reply> {
    staff(&call.paid)?;
    serve::every(call, Kind::Upstream).await
}

/// `POST /upstreams`: tries the key, and registers the contract unless this is a rehearsal.
pub(crate) async fn create(mut call: Call) -> Result<Reply> {
    staff(&call.paid)?;
    let mut written = Written::read(&mut call, &["upstream"]).await?;
    let name = written.id.take().ok_or_else(|| Error::invalid_argument("data.id, the contract's name, is missing"))?;
    let host = written.text("host")?;
    let wanted = Wanted {
        name: name.clone(),
        host: Written::required("host", host)?,
        group: written.text("group")?.value(),
        account: written.text("account")?.value(),
    };
    let key = key(&mut written)?;
    let rehearsal = written.truth("dry_run")?.value().unwrap_or(false);
    written.finish(&["host", "group", "account", "key", "dry_run"])?;
    let app = &call.app;
    known(app, Kind::Group, "Group", wanted.group.as_deref()).await?;
    known(app, Kind::User, "User", wanted.account.as_deref()).await?;
    let drawn = app.broker.draw_up(&wanted, &key).await?;
    if !rehearsal {
        write(app, &Actor::of(&call.paid)?, (&name, None), &drawn, Action::CreateUpstream).await?;
        count_now(app, &name).await;
    }
    Ok(answer(&call, &name, &drawn))
}

/// Registers the contract that the configuration names, where none of that name is there.
pub async fn register(app: &App, wanted: &Wanted, key: &UpstreamKey) -> Result<()> {
    if contract::read(app.store(), &wanted.name).await?.is_some() {
        return Ok(());
    }
    known(app, Kind::Group, "Group", wanted.group.as_deref()).await?;
    known(app, Kind::User, "User", wanted.account.as_deref()).await?;
    let drawn = app.broker.draw_up(wanted, key).await?;
    write(app, &Actor::server(), (&wanted.name, None), &drawn, Action::CreateUpstream).await?;
    count_now(app, &wanted.name).await;
    Ok(())
}

/// `DELETE /upstreams/{id}`: the contract is over, and what it has brought is removed.
pub(crate) async fn end(call: Call) -> Result<Reply> {
    staff(&call.paid)?;
    let named = read(&call).await?;
    let mut over = named.contract.clone();
    over.ended = true;
    over.keys.clear();
    change(&call, &named, &over, Action::EndUpstream).await?;
    let ended = read(&call).await?;
    let removed = call.app.broker.purge(&ended).await?;
    Ok(Reply::data(json!({ "removed_answers": removed })))
}

/// `POST /upstreams/{id}/keys`: a second key of the contract, tried and staged.
pub(crate) async fn stage(mut call: Call) -> Result<Reply> {
    staff(&call.paid)?;
    let document = document(&mut call).await?;
    let mut written = Written::of(&document, &["upstream_key"])?;
    let key = key(&mut written)?;
    let rehearsal = written.truth("dry_run")?.value().unwrap_or(false);
    written.finish(&["key", "dry_run"])?;
    let named = read(&call).await?;
    let staged = call.app.broker.stage(&named, &key).await?;
    if !rehearsal && staged != named.contract {
        change(&call, &named, &staged, Action::StageUpstreamKey).await?;
    }
    Ok(answer(&call, &named.name, &staged))
}

/// `POST /upstreams/{id}/activate`: the key that `key_id` names, else the staged one, is in use from the next call on, and
/// the one that was drains.
pub(crate) async fn activate(mut call: Call) -> Result<Reply> {
    staff(&call.paid)?;
    let mut written = Written::read(&mut call, &["upstream"]).await?;
    let id = written.text("key_id")?.value();
    written.finish(&["key_id"])?;
    let named = read(&call).await?;
    let turned = call.app.broker.activate(&named, id.as_deref())?;
    if turned != named.contract {
        change(&call, &named, &turned, Action::RotateUpstreamKey).await?;
    }
    Ok(answer(&call, &named.name, &turned))
}

/// `DELETE /upstreams/{id}/keys/{key}`: a key that is not in use, once no call with it can be under way.
pub(crate) async fn remove_key(call: Call) -> Result<Reply> {
    staff(&call.paid)?;
    let named = read(&call).await?;
    let less = call.app.broker.without_key(&named, call.arguments.path("key"))?;
    change(&call, &named, &less, Action::RemoveUpstreamKey).await?;
    Ok(answer(&call, &named.name, &less))
}

/// `POST /upstreams/{id}/reconcile`: reads upstream's own count now.
pub(crate) async fn reconcile(call: Call) -> Result<Reply> {
    staff(&call.paid)?;
    let named = read(&call).await?;
    call.app.broker.reconcile(&std::sync::Arc::new(named)).await?;
    let named = read(&call).await?;
    Ok(answer(&call, &named.name.clone(), &named.contract))
}

/// `GET /upstreams/{id}/report?days=N`: who asked for what, and what was saved.
pub(crate) async fn report(call: Call) -> Result<Reply> {
    staff(&call.paid)?;
    let named = read(&call).await?;
    let days = match call.arguments.query("days") {
        None => DAYS,
        Some(text) => text
            .parse()
            .ok()
            .filter(|days| (1..=DAYS_MAX).contains(days))
            .ok_or_else(|| Error::invalid_argument(format!("days must be a whole number from 1 to {DAYS_MAX}")))?,
    };
    // What is counted in memory counts too.
    call.app.broker.every_second().await?;
    let today = call.app.now().day();
    let report = evidence::report(call.app.store(), &named.name, Timestamp(today.0 - (days - 1) * DAY), today).await?;
    Ok(Reply::data(serde_json::to_value(report).unwrap_or_default()))
}

fn key(written: &mut Written) -> Result<UpstreamKey> {
    let key = written.text("key")?;
    Written::required("key", key).map(UpstreamKey::new)
}

/// Refuses a name that nothing has.
async fn known(app: &App, kind: Kind, title: &str, name: Option<&str>) -> Result<()> {
    let Some(name) = name else { return Ok(()) };
    let found = app.store().read(&assay_model::record::Key::shared(kind, name)).await?;
    found.map(drop).ok_or_else(|| Error::not_found(title, &shown(name)))
}

async fn read(call: &Call) -> Result<Named> {
    let name = call.arguments.path("id");
    let found = contract::read(call.app.store(), name).await?;
    found.ok_or_else(|| Error::not_found("Upstream", &shown(name)))
}

async fn change(call: &Call, named: &Named, after: &Contract, action: Action) -> Result<()> {
    write(&call.app, &Actor::of(&call.paid)?, (&named.name, Some(named)), after, action).await
}

/// Writes a contract with its entry in the audit log; every process has it within a second, this one at once.
async fn write(
    app: &App,
    actor: &Actor,
    (name, before): (&str, Option<&Named>),
    after: &Contract,
    action: Action,
) -> Result<()> {
    persist(|| async {
        let expect = before.map_or(Expect::Absent, |named| Expect::Version(named.version));
        if let Some(named) = before
            && contract::read(app.store(), name).await?.is_none_or(|now| now.version != named.version)
        {
            let message = "the contract was changed by somebody else in the meantime; look at it and try again";
            return Err(Error::new(assay_model::Code::AlreadyExists, message).into());
        }
        let mut change = Change::default();
        change.batch.put(contract::key(name), body(after), expect);
        let shown = (before.map_or(Value::Null, |named| upstream::audited(&named.contract)), upstream::audited(after));
        change.deed(actor, action, format!("upstream/{name}"), after.group.as_deref(), shown);
        change.commit(app).await
    })
    .await?;
    app.broker.refresh().await?;
    Ok(())
}

/// What upstream has counted so far is taken off the first day too. That it cannot be read at the moment is no reason to
/// refuse the contract: it is read again every minute.
async fn count_now(app: &App, name: &str) {
    let Ok(Some(named)) = app.broker.contract(name).await else { return };
    if let Err(refusal) = app.broker.reconcile(&named).await {
        tracing::warn!(contract = name, error = %refusal, "upstream's own count could not be read");
    }
}

/// A contract as it is shown.
fn answer(call: &Call, name: &str, contract: &Contract) -> Reply {
    let mut object = crate::envelope::descriptor(&call.base, Kind::Upstream, name);
    object.insert("attributes".to_owned(), upstream::shown(&call.app, contract).into());
    Reply::data(object)
}
