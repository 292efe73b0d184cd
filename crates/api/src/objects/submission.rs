//! Submissions: somebody brought a file.

use assay_model::privilege::Privilege;
use assay_model::{Kind, Link};

use super::{ObjectType, Relationship, by_id};

const TITLE: &str = "Submission";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::Submission,
    title: TITLE,
    id: "`f-<sha256>-<unix seconds>`",
    relationships: &[Relationship::forward("item", Link::Submitted, "The file that was submitted").one()],
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
