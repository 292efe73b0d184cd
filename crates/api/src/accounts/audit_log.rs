//! The audit log as it is read: all of it by the staff, a group's by its administrators.

use assay_events::audit::{self, Filter};
use assay_model::record::Key;
use assay_model::{Kind, Result};
use assay_store::Range;

use super::rights::{governed_group, staff};
use crate::objects::{activity_log_entry, serve};
use crate::route::{Call, Reply};
use crate::{cursor, envelope};

/// `GET /activity_log_entries`: the whole log, newest first.
pub(crate) async fn list(call: Call) -> Result<Reply> {
    staff(&call.paid)?;
    page(&call, None).await
}

/// `GET /groups/{id}/activity_log_entries`: what was done in a group, newest first.
pub(crate) async fn of_group(call: Call) -> Result<Reply> {
    let group = call.arguments.path("id").to_owned();
    governed_group(&call.app, &call.paid, &group).await?;
    page(&call, Some(group)).await
}

async fn page(call: &Call, group: Option<String>) -> Result<Reply> {
    let text = call.arguments.query("filter").unwrap_or_default();
    let name = format!("{}/activity_log_entries?{text}", group.as_deref().unwrap_or_default());
    let filter = Filter { group, ..Filter::parse(text)? };
    let after = call.arguments.query("cursor").map(|text| cursor::read(&name, text)).transpose()?;
    let inline = serve::inline_names(&activity_log_entry::TYPE, &call.arguments)?;
    let range = Range::after(serve::limit(&call.arguments)?, after);
    let found = audit::find(call.app.store(), &filter, &range).await?;
    let keys: Vec<_> = found.items.iter().map(|one| Key::shared(Kind::ActivityLogEntry, one.id.as_str())).collect();
    let (viewer, mut items) = (call.viewer(), Vec::with_capacity(keys.len()));
    for record in call.app.store().read_many(&keys).await?.into_iter().flatten() {
        let view = &activity_log_entry::TYPE;
        items.push(serve::full(&viewer, view, &record, &call.arguments, &inline, false).await?);
    }
    let next = found.next.map(|position| cursor::write(&name, &position));
    Ok(Reply::value(&envelope::page(&call.base, &call.arguments, items, next, found.total)))
}
