//! `GET /collections/{id}/mitre_tree`: the techniques of a collection under their tactics. Techniques that somebody put into
//! the collection are `operational`; those that its files were seen to use will be `seen_in_iocs`.

use std::collections::BTreeMap;

use assay_model::{Link, Result};
use assay_store::{End, Range};
use serde_json::{Value, json};

use super::members::ITEMS_MAX;
use super::{Standing, governed};
use crate::route::{Call, Reply};

/// `GET /collections/{id}/mitre_tree`.
pub(crate) async fn get(call: Call) -> Result<Reply> {
    let (_, key, _) = governed(&call, Standing::Viewer).await?;
    let (store, matrix) = (call.app.store(), &call.app.settings.matrix);
    let edges = store.linked(&key, Link::GathersTechnique, End::Tail, &Range::first(ITEMS_MAX)).await?.items;
    let mut tactics: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for edge in edges {
        let id = &edge.to.id;
        let Some(technique) = matrix.technique(id) else { continue };
        let shown = json!({ "id": &**id, "name": technique.name, "description": technique.description,
                            "link": technique.link, "source": ["operational"],
                            "context_attribute": { "timestamp": edge.at } });
        for tactic in &technique.tactics {
            tactics.entry(tactic).or_default().push(shown.clone());
        }
    }
    let tactics: Vec<_> = tactics
        .into_iter()
        .filter_map(|(id, techniques)| {
            let tactic = matrix.tactic(id)?;
            Some(json!({ "id": id, "name": tactic.name, "description": tactic.description, "link": tactic.link,
                         "techniques": techniques }))
        })
        .collect();
    Ok(Reply::data(json!({ "tactics": tactics })))
}
