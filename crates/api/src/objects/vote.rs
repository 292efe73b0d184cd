//! Votes.

use assay_model::record::Record;
use assay_model::{Kind, Result, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{ObjectType, Viewer, by_id};
use crate::community::votes::{Opinion, Vote};

const TITLE: &str = "Vote";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::Vote,
    title: TITLE,
    id: "Id of the vote",
    relationships: &[],
    locate: |viewer, id| Box::pin(by_id(viewer, Kind::Vote, TITLE, id)),
    attributes,
    more: None,
    more_in_lists: false,
    meta: None,
    links: None,
    schema: |generator| generator.subschema_for::<VoteAttributes>(),
    check: crate::route::any,
    needs: None,
    free: false,
};

/// The attributes of a vote.
#[derive(Debug, Serialize, JsonSchema)]
pub struct VoteAttributes {
    date: Timestamp,
    verdict: Opinion,
    /// What it adds to the reputation.
    value: i64,
}

fn attributes(record: &Record, _: &Viewer<'_>) -> Result<Map<String, Value>> {
    let Vote { date, verdict, value, .. } = record.parse()?;
    Ok(super::object_of(&VoteAttributes { date, verdict, value }))
}
