//! `GET /metadata`: what this server knows to do. Clients build their commands of it, so it lists what is served and
//! nothing else; the types that clients look up are always there.

use assay_model::privilege::Privilege;
use serde_json::{Map, Value, json};

use crate::objects::OBJECTS;
use crate::route::{Access, Call, Reply};
use crate::routes;

/// Types that vt-cli looks up by name; empty where this server has no such objects.
const LOOKED_UP: &[&str] =
    &["file", "url", "domain", "ip_address", "collection", "monitor_item", "monitor_hash", "threat_profile", "comment"];

/// See the module.
pub(crate) fn get(call: &Call) -> Reply {
    let engines: Map<String, Value> =
        call.app.pipeline.panel.names().into_iter().map(|name| (name, json!({}))).collect();
    let privileges: Vec<_> = Privilege::ALL.iter().map(|privilege| privilege.wire()).collect();
    let mut relationships: Map<String, Value> = LOOKED_UP.iter().map(|&name| (name.to_owned(), json!([]))).collect();
    for object in OBJECTS {
        let list = object
            .relationships
            .iter()
            .map(|relationship| json!({ "name": relationship.name, "description": relationship.description }));
        relationships.insert(object.kind.wire().to_owned(), list.collect::<Vec<_>>().into());
    }
    let costs: Map<String, Value> = routes::table(&call.app.settings)
        .into_iter()
        .filter(|route| route.access != Access::Open)
        .map(|route| (format!("{} {}", route.method, route.path), route.cost.requests().into()))
        .collect();
    Reply::data(json!({
        "engines": engines,
        "privileges": privileges,
        "relationships": relationships,
        "costs": costs,
    }))
}
