//! `GET /files/upload_url` and the address that it answers: one upload of up to 650 MB, within an hour. The address is
//! the ticket; it needs no key, and it works once.

use assay_model::record::{Key, body};
use assay_model::{Error, Kind, Result, Timestamp};
use assay_store::{Batch, Expect, Range, Store, StoreError};
use serde::{Deserialize, Serialize};

use super::upload;
use crate::app::LARGE_UPLOAD;
use crate::gate::Paid;
use crate::route::{Call, Reply};

/// How long an address lives, seconds.
const LIFE: i64 = 3600;

/// What is kept of an address until it is used or over.
#[derive(Serialize, Deserialize)]
struct Ticket {
    account: String,
    expires: Timestamp,
}

/// `GET /files/upload_url`.
pub(crate) async fn get(call: Call) -> Result<Reply> {
    let mut token = [0; 24];
    call.app.random.fill(&mut token);
    let token = hex::encode(token);
    let account = call.paid.account()?.account.to_string();
    let ticket = Ticket { account, expires: Timestamp(call.app.now().0 + LIFE) };
    let mut batch = Batch::new();
    batch.put(Key::shared(Kind::Upload, token.as_str()), body(&ticket), Expect::Absent);
    call.app.store().commit(batch).await?;
    Ok(Reply::data(format!("{}/api/v3/files/upload/{token}", call.base)))
}

/// `POST /files/upload/{token}`.
pub(crate) async fn post(call: Call) -> Result<Reply> {
    let token = call.arguments.path("token");
    let gone = || Error::not_found("Upload address", "it was used, is over, or never was; ask for a new one");
    let key = Key::shared(Kind::Upload, token);
    let record = call.app.store().read(&key).await?.ok_or_else(gone)?;
    let ticket: Ticket = record.parse()?;
    if ticket.expires < call.app.now() {
        return Err(gone());
    }
    let paid = Paid::on_ticket(&call, &ticket.account, call.route.cost.requests()).await?;
    // Used from here on: of two who come with one ticket, one writes this version.
    let mut batch = Batch::new();
    let used = Ticket { expires: Timestamp(0), ..ticket };
    batch.put(key.clone(), body(&used), Expect::Version(record.version));
    match call.app.store().commit(batch).await {
        Ok(_) => {}
        Err(StoreError::Conflict) => return Err(gone()),
        Err(error) => return Err(error.into()),
    }
    let outcome =
        upload::take(&call.app, &call.headers, call.body.into_inner(), &used.account, paid.class(), LARGE_UPLOAD).await;
    if !matches!(&outcome, Ok(ingested) if !ingested.new) {
        call.tab.give_back(&call.app).await;
    }
    Ok(upload::reply(&call.base, &outcome?))
}

/// Removes the addresses that were used or are over.
pub async fn sweep(store: &dyn Store, now: Timestamp) -> Result<()> {
    let mut range = Range::first(100);
    loop {
        let page = store.list(&assay_model::record::Space::Shared, Kind::Upload, &range).await?;
        let mut batch = Batch::new();
        for record in store.read_many(&page.items).await?.into_iter().flatten() {
            if record.parse::<Ticket>()?.expires < now {
                batch.delete(record.key.clone());
            }
        }
        store.commit(batch).await?;
        match page.next {
            Some(next) => range = Range::after(100, Some(next)),
            None => return Ok(()),
        }
    }
}
