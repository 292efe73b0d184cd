//! Pictures of pages. The bytes are at the address in `link`, which is made for whoever looks and good for an hour.

use assay_model::privilege::Privilege;
use assay_model::screenshot::{Screenshot, StoredScreenshot};
use assay_model::{Error, Kind, Result};
use axum::http::{HeaderValue, header};

use super::{ObjectType, by_id, object_of};
use crate::route::{Call, Reply, ReplyBody};
use crate::routes::PREFIX;
use crate::ticket::{self, For};

const TITLE: &str = "Screenshot";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    id: "Id of the picture",
    needs: Some(Privilege::Private),
    ..ObjectType::plain(
        Kind::Screenshot,
        TITLE,
        |viewer, id| Box::pin(by_id(viewer, Kind::Screenshot, TITLE, id)),
        |record, viewer| {
            let StoredScreenshot { date, sandbox_name, png } = record.parse()?;
            let ticket = ticket::issue(viewer.app, For::Picture, &png);
            let link = format!("{}{PREFIX}/pictures/{ticket}", viewer.base);
            Ok(object_of(&Screenshot { date, link, sandbox_name }))
        },
        schemars::SchemaGenerator::subschema_for::<Screenshot>,
    )
};

/// `GET /pictures/{ticket}`.
pub(crate) async fn picture(call: Call) -> Result<Reply> {
    let png = ticket::redeem(&call.app, For::Picture, call.arguments.path("ticket"))?;
    let bytes = call.app.pipeline.blobs.open(&png).await?;
    let bytes = bytes.ok_or_else(|| Error::not_found(TITLE, &png.to_string()))?;
    let headers = vec![(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))];
    Ok(Reply { body: ReplyBody::Picture(bytes), headers, status: 200, refund: false })
}
