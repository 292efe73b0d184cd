//! Submissions: somebody brought a file or a URL.

use assay_model::privilege::Privilege;
use assay_model::record::{Key, Record};
use assay_model::{Kind, Result};

use super::{ObjectType, Relationship, Source, by_id};

const TITLE: &str = "Submission";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::Submission,
    title: TITLE,
    id: "`f-<sha256>-<unix seconds>` of a file, `u-<sha256>-<unix seconds>` of a URL",
    relationships: &[Relationship::unobserved("item", "object", "The file or URL that was submitted")
        .one()
        .from(Source::Computed(item))],
    locate: |viewer, id| Box::pin(by_id(viewer, Kind::Submission, TITLE, id)),
    attributes: |record, _| record.parse(),
    more: None,
    more_in_lists: false,
    meta: None,
    links: None,
    schema: |generator| generator.subschema_for::<assay_model::analysis::Submission>(),
    check: crate::route::any,
    needs: Some(Privilege::Private),
    free: false,
};

/// The id says what was submitted.
#[expect(clippy::unnecessary_wraps, reason = "it stands where other relationships can fail")]
fn item(record: &Record) -> Result<Option<Key>> {
    let mut parts = record.key.id.split('-');
    let kind = match parts.next() {
        Some("u") => Kind::Url,
        _ => Kind::File,
    };
    Ok(parts.next().map(|id| Key::shared(kind, id)))
}
