//! Graphs: objects that somebody drew with what joins them. `{id}` is a `g` and 64 hexadecimal digits. Nodes and links are
//! kept as they were written; those nodes that are objects are found from the objects too.

use std::sync::Arc;

use assay_model::privilege::Privilege;
use assay_model::quota::Quota;
use assay_model::record::{Key, Record, body};
use assay_model::{Error, Kind, Link, Result, Timestamp};
use assay_store::{Batch, Expect, Page, Range};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Member, ObjectType, Relationship, Source, Viewer, serve};
use crate::accounts::deed::persist;
use crate::authored::change::drawn;
use crate::authored::fields::{Field, Shape};
use crate::authored::filter::Place;
use crate::authored::sharing::{self, Sharing};
use crate::authored::{self, Authored, Work};
use crate::community::named;
use crate::route::{Call, Reply};

const TITLE: &str = "Graph";
/// How many nodes and how many links a graph may have.
const PARTS_MAX: usize = 20_000;

/// What can be written of it.
pub(crate) const ROW: Authored = Authored {
    kind: Kind::Graph,
    title: TITLE,
    fields: &[
        Field::required("graph_data", Shape::Map),
        Field::of("private", Shape::Truth),
        Field::of("nodes", Shape::Objects(PARTS_MAX)),
        Field::of("links", Shape::Objects(PARTS_MAX)),
        Field::of("representation", Shape::Line),
        Field::of("position", Shape::Map),
    ],
    fresh: |attributes| {
        attributes.insert("private".to_owned(), false.into());
        attributes.insert("nodes".to_owned(), json!([]));
        attributes.insert("links".to_owned(), json!([]));
        attributes.insert("comments_count".to_owned(), 0.into());
        attributes.insert("views_count".to_owned(), 0.into());
    },
    check,
    id: |app, _| format!("g{}", drawn(app, 32)),
    modified: "last_modified_date",
    owned: Link::OwnedGraph,
    listed: Link::ListedGraph,
    private: Some(Privilege::Private),
    quota: None,
    hidden: Some(&[Quota::IntelligenceGraphsPrivate]),
    members: &[],
    total: None,
    names: |attributes| shown(attributes).into_iter().filter_map(|key| Some((link(key.kind)?, key))).collect(),
    sharing: Sharing::Anybody,
    shared: Some(Link::SharedGraph),
    orders: &[
        ("name", "name"),
        ("owner", "owner"),
        ("creation_date", "creation_date"),
        ("last_modified_date", "last_modified_date"),
        ("views_count", "views_count"),
        ("comments_count", "comments_count"),
    ],
    filters: &[
        ("id", Place::Id),
        ("name", Place::Attribute(&["graph_data", "description"])),
        ("owner", Place::Owner),
        ("group", Place::Group),
        ("visible_to_user", Place::Shared),
        ("visible_to_group", Place::Shared),
        ("private", Place::Attribute(&["private"])),
        ("creation_date", Place::Date("creation_date")),
        ("last_modified_date", Place::Date("last_modified_date")),
        ("total_nodes", Place::Size("nodes")),
        ("comments_count", Place::Attribute(&["comments_count"])),
        ("views_count", Place::Attribute(&["views_count"])),
        ("label", Place::Node("")),
        ("file", Place::Node("file")),
        ("domain", Place::Node("domain")),
        ("ip_address", Place::Node("ip_address")),
        ("url", Place::Node("url")),
        ("actor", Place::Node("actor")),
        ("victim", Place::Node("victim")),
        ("email", Place::Node("email")),
        ("department", Place::Node("department")),
    ],
};

/// From a graph to an object of a kind that it can show.
fn link(kind: Kind) -> Option<Link> {
    match kind {
        Kind::File => Some(Link::ShowsFile),
        Kind::Url => Some(Link::ShowsUrl),
        Kind::Domain => Some(Link::ShowsDomain),
        Kind::IpAddress => Some(Link::ShowsIp),
        _ => None,
    }
}

/// The type.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::Graph,
    title: TITLE,
    id: "Id of the graph",
    relationships: &[
        Relationship::comments(Link::CommentsOnGraph),
        Relationship::unobserved("editors", "user_or_group", "Users and groups that may change the graph").from(
            Source::Read(|viewer, record, range| Box::pin(std::future::ready(sharing::editors(viewer, record, range)))),
        ),
        Relationship::unobserved("group", "group", "The group of the graph's owner").one().from(Source::Computed(
            |record| Ok(record.parse::<Work>()?.group.map(|group| Key::shared(Kind::Group, group))),
        )),
        Relationship::unobserved("items", "item", "Objects that the graph shows")
            .from(Source::Read(|viewer, record, range| Box::pin(std::future::ready(items(viewer, record, range))))),
        Relationship::forward("owner", Link::OwnedGraph, "Whose graph it is").one(),
        Relationship::unobserved(
            "viewers",
            "user_or_group",
            "Users and groups that may see the graph while it is private",
        )
        .from(Source::Read(|viewer, record, range| {
            Box::pin(std::future::ready(sharing::viewers(viewer, record, range)))
        })),
    ],
    locate: |viewer, id| Box::pin(authored::locate(viewer, Kind::Graph, TITLE, id)),
    attributes,
    more: None,
    more_in_lists: false,
    meta: None,
    links: None,
    schema: |generator| generator.subschema_for::<GraphAttributes>(),
    check: crate::route::any,
    needs: None,
    free: false,
};

/// The attributes of a graph.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GraphAttributes {
    /// `description` is its title, `version` the program's that wrote it.
    graph_data: Map<String, Value>,
    private: bool,
    creation_date: Timestamp,
    last_modified_date: Timestamp,
    comments_count: u64,
    views_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    representation: Option<String>,
    /// As they were written.
    nodes: Vec<Map<String, Value>>,
    /// As they were written.
    links: Vec<Map<String, Value>>,
}

fn attributes(record: &Record, _: &Viewer<'_>) -> Result<Map<String, Value>> {
    Ok(record.parse::<Work>()?.attributes)
}

/// `GET /graphs/{id}`: whoever looks is counted.
pub(crate) async fn get(call: Call) -> Result<Reply> {
    let inline = serve::inline_names(&TYPE, &call.arguments)?;
    let id = call.arguments.path("id");
    let record = persist(|| async {
        let record = (TYPE.locate)(&call.viewer(), id).await?;
        let mut work: Work = record.parse()?;
        work.add("views_count", 1);
        let mut batch = Batch::new();
        batch.soon().put(record.key.clone(), body(&work), Expect::Version(record.version));
        call.app.store().commit(batch).await?;
        let version = record.version + 1;
        Ok(Arc::new(Record { key: record.key.clone(), version, body: body(&work) }))
    })
    .await?;
    serve::whole(&call, &TYPE, &record, &inline).await
}

/// Nodes say what they are, links what they join; the rest is the client's.
fn check(attributes: &Map<String, Value>) -> Result<()> {
    let title = attributes.get("graph_data").and_then(|data| data.get("description"));
    if !title.is_some_and(Value::is_string) {
        return Err(Error::invalid_argument("graph_data.description, the graph's title, must be a text"));
    }
    for (list, names) in [("nodes", ["entity_id", "type"]), ("links", ["source", "target"])] {
        let parts = attributes.get(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (place, part) in parts.iter().enumerate() {
            if let Some(name) = names.iter().find(|name| !part.get(**name).is_some_and(Value::is_string)) {
                return Err(Error::invalid_argument(format!("{list}[{place}].{name} must be a text")));
            }
        }
    }
    Ok(())
}

/// The objects among the nodes, each once.
fn shown(attributes: &Map<String, Value>) -> Vec<Key> {
    let nodes = attributes.get("nodes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut seen = std::collections::HashSet::new();
    let text = |node: &Value, name: &str| node.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let keys = nodes.iter().filter_map(|node| {
        named::known_form(
            text(node, "type").parse().ok().filter(|kind| link(*kind).is_some())?,
            &text(node, "entity_id"),
        )
    });
    keys.map(|named| named.key).filter(|key| seen.insert(key.clone())).collect()
}

fn items(_: &Viewer<'_>, record: &Record, range: &Range) -> Result<Page<Member>> {
    Ok(sharing::cut(shown(&record.parse::<Work>()?.attributes), range))
}
