//! What others link to by its id: comments, votes, analyses, resolutions, certificates, collections. What is here is ours and
//! is not asked for elsewhere, also not for a caller who may not see it; nothing of it is merged.

use std::sync::Arc;

use assay_broker::Asker;
use assay_model::record::{Key, Record};
use assay_model::{Kind, Result};

use crate::gate::Paid;
use crate::route::{Call, Cost};

/// Whether both sides may have something to say of one object: reports do.
pub(super) const fn is_report(kind: Kind) -> bool {
    matches!(kind, Kind::File | Kind::Url | Kind::Domain | Kind::IpAddress)
}

/// Whether an object of that id is none of upstream's.
pub(super) async fn is_ours(call: &Call, kind: Kind, id: &str, located: &Result<Arc<Record>>) -> Result<bool> {
    if is_report(kind) {
        return Ok(false);
    }
    Ok(located.is_ok() || call.app.store().read(&Key::shared(kind, id)).await?.is_some())
}

/// What costs nothing here costs a request where it is asked upstream: nobody spends what the contract has for nothing.
pub(super) async fn pay(call: &Call, asker: &Asker) -> Result<()> {
    if call.route.cost == Cost::Free {
        Paid::on_ticket(call, &asker.account, 1).await?;
    }
    Ok(())
}

/// A file's analysis under the id that it has everywhere: clients strip the padding.
pub(super) fn padded(id: &str) -> String {
    let padding = if id.contains('-') { 0 } else { (4 - id.len() % 4) % 4 };
    format!("{id}{}", "=".repeat(padding))
}
