//! shim
use crate::route::{Call, Reply};
use assay_model::Result;
pub(crate) async fn list(_: Call) -> Result<Reply> {
    Ok(Reply::data(true))
}
pub(crate) async fn create(_: Call) -> Result<Reply> {
    Ok(Reply::data(true))
}
pub(crate) async fn update(_: Call) -> Result<Reply> {
    Ok(Reply::data(true))
}
pub(crate) async fn delete(_: Call) -> Result<Reply> {
    Ok(Reply::data(true))
}
pub(crate) async fn replay(_: Call) -> Result<Reply> {
    Ok(Reply::data(true))
}
