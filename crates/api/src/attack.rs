//! MITRE ATT&CK as objects: the operator's bundle, turned into records once, when the server starts.

use std::collections::HashMap;
use std::sync::Arc;

use assay_model::Kind;
use assay_model::attack::{Attack, Tactic, Technique};
use assay_model::record::{Key, Record, body};
use serde_json::json;

/// Tactics and techniques by id. Empty where the operator gave no bundle.
#[derive(Debug, Default)]
pub struct Matrix {
    attack: Attack,
    tactics: HashMap<String, Arc<Record>>,
    techniques: HashMap<String, Arc<Record>>,
}

impl Matrix {
    /// Of a bundle.
    pub fn new(attack: Attack) -> Self {
        let record = |kind: Kind, id: &str, body| Arc::new(Record { key: Key::shared(kind, id), version: 1, body });
        let tactics = attack.tactics.iter();
        let tactics =
            tactics.map(|(id, one)| (id.clone(), record(Kind::AttackTactic, id, body(&json!({ "attributes": one })))));
        let techniques = attack.techniques.iter();
        let techniques = techniques
            .map(|(id, one)| (id.clone(), record(Kind::AttackTechnique, id, body(&json!({ "attributes": one })))));
        Self { tactics: tactics.collect(), techniques: techniques.collect(), attack }
    }

    /// The record of a tactic or a technique.
    pub(crate) fn record(&self, kind: Kind, id: &str) -> Option<Arc<Record>> {
        let records = if kind == Kind::AttackTactic { &self.tactics } else { &self.techniques };
        records.get(id).or_else(|| records.get(&id.to_uppercase())).cloned()
    }

    /// A tactic.
    pub(crate) fn tactic(&self, id: &str) -> Option<&Tactic> {
        self.attack.tactics.get(id)
    }

    /// A technique.
    pub(crate) fn technique(&self, id: &str) -> Option<&Technique> {
        self.attack.techniques.get(id)
    }
}
