//! Tactics and techniques of MITRE ATT&CK, out of the operator's bundle. They are kept in memory, not in the store.

use std::future::ready;
use std::sync::Arc;

use assay_model::attack::{Tactic, Technique};
use assay_model::privilege::Privilege;
use assay_model::record::{Key, Record};
use assay_model::{Error, Kind, Link, Result};
use assay_store::{Page, Range};

use super::{Member, ObjectType, Relationship, Source, Viewer, stored_attributes};
use crate::authored::sharing::cut;

const TACTIC: &str = "Tactic";
const TECHNIQUE: &str = "Technique";

/// Tactics.
pub const TACTICS: ObjectType = ObjectType {
    kind: Kind::AttackTactic,
    title: TACTIC,
    id: "Id of the tactic, such as TA0005",
    relationships: &[Relationship::unobserved("attack_techniques", "attack_technique", "Techniques of the tactic")
        .from(Source::Read(|viewer, record, range| Box::pin(ready(Ok(techniques_of(viewer, record, range))))))],
    locate: |viewer, id| Box::pin(ready(locate(viewer, Kind::AttackTactic, TACTIC, id))),
    attributes: |record, _| stored_attributes(record),
    more: None,
    more_in_lists: false,
    meta: None,
    links: None,
    schema: |generator| generator.subschema_for::<Tactic>(),
    check: crate::route::any,
    needs: None,
    free: false,
};

/// Techniques.
pub const TECHNIQUES: ObjectType = ObjectType {
    kind: Kind::AttackTechnique,
    title: TECHNIQUE,
    id: "Id of the technique, such as T1059 or T1059.001",
    relationships: &[
        Relationship::unobserved("attack_tactics", "attack_tactic", "Tactics that the technique serves")
            .from(Source::Read(|viewer, record, range| Box::pin(ready(Ok(tactics_of(viewer, record, range)))))),
        Relationship::unobserved("parent_technique", "attack_technique", "The technique that it is a part of")
            .one()
            .from(Source::Read(|viewer, record, range| Box::pin(ready(Ok(parent_of(viewer, record, range)))))),
        Relationship::unobserved("revoking_technique", "attack_technique", "The technique that has taken its place")
            .one()
            .from(Source::Read(|viewer, record, range| Box::pin(ready(Ok(revoking(viewer, record, range)))))),
        Relationship::unobserved("subtechniques", "attack_technique", "Its parts")
            .from(Source::Read(|viewer, record, range| Box::pin(ready(Ok(parts_of(viewer, record, range)))))),
        Relationship::reverse("collections", Link::GathersTechnique, "Collections about the technique"),
        Relationship::unobserved("threat_actors", "threat_actor", "Threat actors that use it")
            .needs(Privilege::Private),
    ],
    locate: |viewer, id| Box::pin(ready(locate(viewer, Kind::AttackTechnique, TECHNIQUE, id))),
    schema: |generator| generator.subschema_for::<Technique>(),
    ..TACTICS
};

fn locate(viewer: &Viewer<'_>, kind: Kind, title: &str, id: &str) -> Result<Arc<Record>> {
    viewer.app.settings.matrix.record(kind, id).ok_or_else(|| Error::not_found(title, id))
}

fn page<'a>(kind: Kind, ids: impl IntoIterator<Item = &'a String>, range: &Range) -> Page<Member> {
    cut(ids.into_iter().map(|id| Key::shared(kind, id.as_str())).collect(), range)
}

fn technique<'a>(record: &Record, viewer: &'a Viewer<'_>) -> Option<&'a Technique> {
    viewer.app.settings.matrix.technique(&record.key.id)
}

fn techniques_of(viewer: &Viewer<'_>, record: &Record, range: &Range) -> Page<Member> {
    let tactic = viewer.app.settings.matrix.tactic(&record.key.id);
    page(Kind::AttackTechnique, tactic.into_iter().flat_map(|tactic| &tactic.techniques), range)
}

fn tactics_of(viewer: &Viewer<'_>, record: &Record, range: &Range) -> Page<Member> {
    page(Kind::AttackTactic, technique(record, viewer).into_iter().flat_map(|one| &one.tactics), range)
}

fn parent_of(viewer: &Viewer<'_>, record: &Record, range: &Range) -> Page<Member> {
    page(Kind::AttackTechnique, technique(record, viewer).and_then(|one| one.parent.as_ref()), range)
}

fn revoking(viewer: &Viewer<'_>, record: &Record, range: &Range) -> Page<Member> {
    page(Kind::AttackTechnique, technique(record, viewer).and_then(|one| one.revoking.as_ref()), range)
}

fn parts_of(viewer: &Viewer<'_>, record: &Record, range: &Range) -> Page<Member> {
    page(Kind::AttackTechnique, technique(record, viewer).into_iter().flat_map(|one| &one.subtechniques), range)
}
