//! `POST /{collection}`, `PATCH` and `DELETE /{collection}/{id}`. In go attributes and members, out comes the object.

use std::sync::Arc;

use assay_model::access::Standing as Rights;
use assay_model::quota::Quota;
use assay_model::record::{Edge, Key, body};
use assay_model::{Code, Error, Kind, Result};
use assay_store::{Batch, Expect};
use serde_json::{Value, json};

use super::members::{self, Wanted};
use super::{Authored, Standing, Work, fields, governed};
use crate::accounts::attributes::{Written, document_of};
use crate::accounts::deed::persist;
use crate::app::App;
use crate::gate::lacks_privilege;
use crate::identity::Account;
use crate::meter::{Bill, Payer, Receipt};
use crate::objects::serve;
use crate::route::{Call, Reply};

/// The largest document: ten thousand items, or as many nodes of a graph.
const DOCUMENT_MAX: usize = 4 << 20;

/// `POST /{collection}`.
pub(crate) async fn create(mut call: Call) -> Result<Reply> {
    let row = Authored::of_call(&call)?;
    let document = document_of(&mut call, DOCUMENT_MAX).await?;
    let written = Written::of(&document, &[row.kind.wire()])?;
    let wanted = Wanted::of(&call, row, &written).await?;
    let now = call.app.now();
    let mut attributes = serde_json::Map::new();
    (row.fresh)(&mut attributes);
    fields::apply(row.fields, written, &mut attributes)?;
    (row.check)(&attributes)?;
    attributes.entry("creation_date").or_insert(now.0.into());
    attributes.insert(row.modified.to_owned(), now.0.into());
    let identity = super::caller(&call)?;
    let mut fresh = Work {
        attributes,
        owner: identity.account.to_string(),
        group: identity.user.group.clone(),
        viewers: Vec::new(),
        editors: Vec::new(),
        counted_on: Vec::new(),
    };
    let app = &call.app;
    let receipts = charge_for_new(&call, row, &mut fresh).await?;
    let made = persist(|| async {
        let mut work = fresh.clone();
        let key = Key::shared(row.kind, (row.id)(app, &work.attributes));
        if app.store().read(&key).await?.is_some() {
            let message = format!("{} \"{}\" exists already", row.title, key.id);
            return Err(Error::new(Code::AlreadyExists, message).into());
        }
        let mut batch = Batch::new();
        let mut join = |link, to| _ = batch.link(Edge::new(key.clone(), link, to, now));
        join(row.owned, Key::shared(Kind::User, work.owner.as_str()));
        join(row.listed, row.topic());
        for (link, to) in (row.names)(&work.attributes) {
            join(link, to);
        }
        members::add(app, row, &key, &mut work, &wanted, &mut batch).await?;
        batch.put(key.clone(), body(&work), Expect::Absent);
        app.store().commit(batch).await?;
        Ok(key)
    })
    .await;
    if made.is_err() {
        give_back(app, &receipts).await;
    }
    answer(&call, row, &made?.id).await
}

/// Refuses to hide an object where that needs a privilege that the caller lacks.
fn may_hide(call: &Call, row: &Authored) -> Result<()> {
    match row.private {
        Some(privilege) if !call.paid.has(privilege) => Err(lacks_privilege(super::caller(call)?, privilege)),
        _ => Ok(()),
    }
}

/// Takes one from what an account may have of something that is counted.
async fn charge(app: &App, account: &Arc<str>, of: &Rights, quotas: &'static [Quota]) -> Result<Arc<Receipt>> {
    let own = Payer { name: account, limits: &of.limits };
    let pool = of.pool.as_ref().map(|pool| Payer { name: &pool.ledger, limits: &pool.limits });
    let payers: Vec<_> = std::iter::once(own).chain(pool).collect();
    app.meter.charge(&payers, Bill::one_of(quotas)).await
}

/// Charges whoever makes an object: for making it, and for its being private, where that is counted.
async fn charge_for_new(call: &Call, row: &Authored, fresh: &mut Work) -> Result<Vec<Arc<Receipt>>> {
    let (app, identity) = (&call.app, super::caller(call)?);
    let mut receipts = Vec::new();
    if fresh.is_private() {
        may_hide(call, row)?;
        if let Some(quotas) = row.hidden {
            let receipt = charge(app, &identity.account, &identity.standing, quotas).await?;
            fresh.counted_on = receipt.payers();
            receipts.push(receipt);
        }
    }
    if let Some(quotas) = row.quota {
        match charge(app, &identity.account, &identity.standing, quotas).await {
            Ok(receipt) => receipts.push(receipt),
            Err(error) => {
                give_back(app, &receipts).await;
                return Err(error);
            }
        }
    }
    Ok(receipts)
}

async fn give_back(app: &App, receipts: &[Arc<Receipt>]) {
    for receipt in receipts {
        app.meter.refund(receipt).await;
    }
}

/// What is private no more, or gone, counts no more. It was charged before it was written and is given back after: a
/// process that dies in between leaves one too many counted, never one too few.
async fn uncount(app: &App, row: &Authored, counted_on: &[String]) -> Result<()> {
    for quota in row.hidden.unwrap_or_default() {
        app.meter.give_up(counted_on, *quota).await?;
    }
    Ok(())
}

/// Charges the owner for an object that a change makes private, where that is counted.
async fn charge_for_hiding(call: &Call, row: &Authored, document: &Value) -> Result<Option<Arc<Receipt>>> {
    let hides = document.pointer("/data/attributes/private") == Some(&Value::Bool(true));
    let Some(quotas) = row.hidden.filter(|_| hides) else { return Ok(None) };
    let (work, ..) = governed(call, Standing::Editor).await?;
    if work.is_private() {
        return Ok(None);
    }
    may_hide(call, row)?;
    // An owner that is gone pays nothing.
    let Some(owner) = Account::read(&call.app, &work.owner).await? else { return Ok(None) };
    let rights = Rights::of(&owner.holder(), None, call.app.now());
    charge(&call.app, &work.owner.as_str().into(), &rights, quotas).await.map(Some)
}

/// `PATCH /{collection}/{id}`. Members are added, never removed.
pub(crate) async fn update(mut call: Call) -> Result<Reply> {
    let row = Authored::of_call(&call)?;
    governed(&call, Standing::Editor).await?;
    let document = document_of(&mut call, DOCUMENT_MAX).await?;
    let wanted = Wanted::of(&call, row, &Written::of(&document, &[row.kind.wire()])?).await?;
    let receipt = charge_for_hiding(&call, row, &document).await?;
    let app = &call.app;
    let changed = persist(|| async {
        let (mut work, key, version) = governed(&call, Standing::Editor).await?;
        let written = Written::of(&document, &[row.kind.wire()])?;
        if written.id.as_deref().is_some_and(|id| !id.is_empty() && *id != *key.id && id != call.arguments.path("id")) {
            return Err(Error::invalid_argument("data.id is not the id of the path").into());
        }
        let before = work.clone();
        fields::apply(row.fields, written, &mut work.attributes)?;
        (row.check)(&work.attributes)?;
        let was_counted_on = match (before.is_private(), work.is_private()) {
            (false, true) => {
                may_hide(&call, row)?;
                let payers = receipt.as_ref().map_or_else(Vec::new, |receipt| receipt.payers());
                std::mem::replace(&mut work.counted_on, payers)
            }
            (true, false) => std::mem::take(&mut work.counted_on),
            _ => Vec::new(),
        };
        let hidden = work.is_private() && !before.is_private();
        let now = app.now();
        let mut batch = Batch::new();
        let (old, new) = ((row.names)(&before.attributes), (row.names)(&work.attributes));
        let (was, is): (std::collections::HashSet<_>, std::collections::HashSet<_>) =
            (old.iter().collect(), new.iter().collect());
        for (link, to) in was.difference(&is) {
            batch.unlink(key.clone(), *link, to.clone());
        }
        for (link, to) in is.difference(&was) {
            batch.link(Edge::new(key.clone(), *link, to.clone(), now));
        }
        members::add(app, row, &key, &mut work, &wanted, &mut batch).await?;
        work.attributes.insert(row.modified.to_owned(), now.0.into());
        batch.put(key.clone(), body(&work), Expect::Version(version));
        app.store().commit(batch).await?;
        Ok((key, hidden, was_counted_on))
    })
    .await;
    // What was paid for hiding what was hidden already, or not hidden after all.
    if let (Err(_) | Ok((_, false, _)), Some(receipt)) = (&changed, &receipt) {
        app.meter.refund(receipt).await;
    }
    let (key, _, was_counted_on) = changed?;
    uncount(app, row, &was_counted_on).await?;
    answer(&call, row, &key.id).await
}

/// `DELETE /{collection}/{id}`: for its owner and the operator. What was said about it cannot be seen from then on.
pub(crate) async fn delete(call: Call) -> Result<Reply> {
    let row = Authored::of_call(&call)?;
    let counted_on = persist(|| async {
        let (work, key, version) = governed(&call, Standing::Owner).await?;
        let mut batch = Batch::new();
        // Written first, so that whoever changes it at this moment is refused, or we.
        batch.put(key.clone(), body(&work), Expect::Version(version));
        batch.delete(key);
        call.app.store().commit(batch).await?;
        Ok(work.counted_on)
    })
    .await?;
    uncount(&call.app, row, &counted_on).await?;
    Ok(Reply::value(&json!({})))
}

/// `GET /graphs/{id}/screenshot`: no graph is drawn here, so there is a picture of none.
pub(crate) async fn screenshot(call: Call) -> Result<Reply> {
    let (_, key, _) = governed(&call, Standing::Viewer).await?;
    Err(Error::not_found("Screenshot of graph", &key.id))
}

/// The object as the caller sees it now.
pub(crate) async fn answer(call: &Call, row: &Authored, id: &str) -> Result<Reply> {
    let object = row.object()?;
    let record = (object.locate)(&call.viewer(), id).await?;
    serve::whole(call, object, &record, &[]).await
}

/// Hexadecimal digits of so many bytes that nobody has drawn before.
pub(crate) fn drawn(app: &crate::app::App, bytes: usize) -> String {
    let mut drawn = vec![0; bytes];
    app.random.fill(&mut drawn);
    hex::encode(drawn)
}

/// Nothing has to hold.
#[expect(clippy::unnecessary_wraps, reason = "it stands where other checks can fail")]
pub(crate) fn unchecked(_: &serde_json::Map<String, Value>) -> Result<()> {
    Ok(())
}
