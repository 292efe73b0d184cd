//! Saved searches: searches that somebody kept. `{id}` is 32 hexadecimal digits. They are private where nothing else is
//! said, and shared inside the owner's group only.

use assay_model::privilege::Privilege;
use assay_model::record::Record;
use assay_model::{Kind, Link, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Added, ObjectType, Relationship, Source, Viewer};
use crate::authored::change::{drawn, unchecked};
use crate::authored::fields::{Field, Shape};
use crate::authored::filter::Place;
use crate::authored::sharing::{self, Sharing};
use crate::authored::{self, Authored, Work};

const TITLE: &str = "Saved search";

/// What can be written of it.
pub(crate) const ROW: Authored = Authored {
    kind: Kind::SavedSearch,
    title: TITLE,
    fields: &[
        Field::required("name", Shape::Line),
        Field::required("search_query", Shape::Prose(4 << 10)),
        Field::of("description", Shape::Prose(4 << 10)),
        Field::of("tags", Shape::Texts),
        Field::of("private", Shape::Truth),
    ],
    fresh: |attributes| {
        attributes.insert("tags".to_owned(), json!([]));
        attributes.insert("private".to_owned(), true.into());
        attributes.insert("origin".to_owned(), "Crowdsourced".into());
        attributes.insert("last_execution_date".to_owned(), 0.into());
    },
    check: unchecked,
    id: |app, _| drawn(app, 16),
    modified: "last_modification_date",
    owned: Link::OwnedSearch,
    listed: Link::ListedSearch,
    private: None,
    quota: None,
    hidden: None,
    members: &[],
    total: None,
    names: |_| Vec::new(),
    sharing: Sharing::OwnersGroup,
    shared: None,
    orders: &[
        ("creation_date", "creation_date"),
        ("last_modification_date", "last_modification_date"),
        ("name", "name"),
    ],
    filters: &[
        ("name", Place::Attribute(&["name"])),
        ("tag", Place::Attribute(&["tags"])),
        ("creation_date", Place::Date("creation_date")),
        ("last_modification_date", Place::Date("last_modification_date")),
        ("origin", Place::Attribute(&["origin"])),
        ("owner", Place::Owner),
        ("editor", Place::Editors),
        ("viewer", Place::Viewers),
        ("shared_with_me", Place::SharedWithCaller),
    ],
};

/// The type.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::SavedSearch,
    title: TITLE,
    id: "Id of the saved search",
    relationships: &[
        Relationship::forward("owner", Link::OwnedSearch, "Whose search it is").one(),
        Relationship::unobserved("editors", "user_or_group", "Users and groups that may change the search").from(
            Source::Read(|viewer, record, range| Box::pin(std::future::ready(sharing::editors(viewer, record, range)))),
        ),
        Relationship::unobserved(
            "viewers",
            "user_or_group",
            "Users and groups that may see the search while it is private",
        )
        .from(Source::Read(|viewer, record, range| {
            Box::pin(std::future::ready(sharing::viewers(viewer, record, range)))
        })),
    ],
    locate: |viewer, id| Box::pin(authored::locate(viewer, Kind::SavedSearch, TITLE, id)),
    attributes: |record, _| Ok(record.parse::<Work>()?.attributes),
    more: Some(role),
    more_in_lists: true,
    meta: None,
    links: None,
    schema: |generator| generator.subschema_for::<SavedSearchAttributes>(),
    check: crate::route::any,
    needs: Some(Privilege::SavedSearch),
    free: true,
};

/// The attributes of a saved search.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SavedSearchAttributes {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    search_query: String,
    private: bool,
    tags: Vec<String>,
    origin: String,
    creation_date: Timestamp,
    last_modification_date: Timestamp,
    /// 0 where it was never run.
    last_execution_date: Timestamp,
    /// What the caller is to it: owner, editor, viewer.
    role: String,
}

fn role<'a>(record: &'a Record, viewer: &'a Viewer<'a>, attributes: &'a mut Map<String, Value>) -> Added<'a> {
    Box::pin(async move {
        let work: Work = record.parse()?;
        let role = match authored::Standing::towards(viewer.paid, &work) {
            authored::Standing::Owner => "owner",
            authored::Standing::Editor => "editor",
            _ => "viewer",
        };
        attributes.insert("role".to_owned(), role.into());
        Ok(())
    })
}
