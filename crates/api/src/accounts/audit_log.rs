//! shim
use crate::objects::Viewer;
use crate::route::{Call, Reply};
use assay_model::Result;
use assay_model::record::{Key, Record};
use assay_store::{Page, Range};
pub(crate) async fn page(_: &Viewer<'_>, _: &Record, _: &Range) -> Result<Page<Key>> {
    Ok(Page { items: Vec::new(), next: None, total: None })
}
pub(crate) async fn list(_: Call) -> Result<Reply> {
    Ok(Reply::data(true))
}
