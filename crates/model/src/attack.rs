//! MITRE ATT&CK out of a STIX 2.x bundle. In goes the text of the bundle as MITRE publishes it, out come tactics and
//! techniques with what joins them; everything else of the bundle is passed over.
//!
//! Source: <https://github.com/mitre/cti/blob/master/USAGE.md>, STIX 2.1 section 3.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Timestamp;

/// The largest bundle, bytes; the enterprise matrix has about 45 MB.
pub const BUNDLE_MAX: u64 = 256 << 20;
/// How many tactics and techniques a bundle may have, of each.
const OBJECTS_MAX: usize = 20_000;
/// Fields of STIX that `info` shows.
const INFO: &[&str] = &[
    "x_mitre_detection",
    "x_mitre_platforms",
    "x_mitre_data_sources",
    "x_mitre_is_subtechnique",
    "x_mitre_system_requirements",
    "x_mitre_tactic_type",
    "x_mitre_permissions_required",
    "x_mitre_effective_permissions",
    "x_mitre_defense_bypassed",
    "x_mitre_remote_support",
    "x_mitre_impact_type",
    "x_mitre_version",
    "x_mitre_contributors",
    "x_mitre_deprecated",
    "x_mitre_old_attack_id",
    "x_mitre_network_requirements",
];

/// What a bundle says, by id (`TA0005`, `T1059.001`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attack {
    /// The tactics.
    pub tactics: BTreeMap<String, Tactic>,
    /// The techniques.
    pub techniques: BTreeMap<String, Technique>,
}

/// A tactic: why something is done.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Tactic {
    /// Its name.
    pub name: String,
    /// What it is, Markdown.
    pub description: String,
    /// Its page at MITRE.
    pub link: String,
    /// Its id in the bundle.
    pub stix_id: String,
    /// When it was written.
    pub creation_date: Timestamp,
    /// When it was last changed.
    pub last_modification_date: Timestamp,
    /// The ids of its techniques.
    #[serde(skip)]
    pub techniques: Vec<String>,
}

/// A technique: how something is done.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Technique {
    /// Its name.
    pub name: String,
    /// What it is, Markdown.
    pub description: String,
    /// Its page at MITRE.
    pub link: String,
    /// Its id in the bundle.
    pub stix_id: String,
    /// When it was written.
    pub creation_date: Timestamp,
    /// When it was last changed.
    pub last_modification_date: Timestamp,
    /// Whether another one has taken its place.
    pub revoked: bool,
    /// Further fields of the bundle (`x_mitre_…`).
    pub info: Map<String, Value>,
    /// The ids of its tactics.
    #[serde(skip)]
    pub tactics: Vec<String>,
    /// The id of the technique that it is a part of.
    #[serde(skip)]
    pub parent: Option<String>,
    /// The ids of its parts.
    #[serde(skip)]
    pub subtechniques: Vec<String>,
    /// The id of the technique that has taken its place.
    #[serde(skip)]
    pub revoking: Option<String>,
}

/// Why a bundle could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is no STIX bundle.
    #[error("it is no STIX bundle in JSON")]
    Malformed(#[from] serde_json::Error),
    /// It has no tactic and no technique.
    #[error("it has no ATT&CK tactics and techniques")]
    Empty,
    /// It has more than a matrix has.
    #[error("it has more than {OBJECTS_MAX} tactics or techniques")]
    TooLarge,
}

#[derive(Deserialize)]
struct Bundle {
    objects: Vec<Stix>,
}

/// An object of a bundle; fields of other kinds than ours are passed over.
#[derive(Deserialize)]
struct Stix {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    created: String,
    #[serde(default)]
    modified: String,
    #[serde(default)]
    revoked: bool,
    #[serde(default)]
    external_references: Vec<ExternalReference>,
    #[serde(default)]
    kill_chain_phases: Vec<Phase>,
    #[serde(default)]
    x_mitre_shortname: String,
    #[serde(default)]
    relationship_type: String,
    #[serde(default)]
    source_ref: String,
    #[serde(default)]
    target_ref: String,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Deserialize)]
struct ExternalReference {
    #[serde(default)]
    source_name: String,
    #[serde(default)]
    external_id: String,
    #[serde(default)]
    url: String,
}

#[derive(Deserialize)]
struct Phase {
    #[serde(default)]
    phase_name: String,
}

impl Attack {
    /// Reads a bundle.
    pub fn parse(text: &[u8]) -> Result<Self, BundleError> {
        let bundle: Bundle = serde_json::from_slice(text)?;
        let (mut attack, mut names) = (Self::default(), Names::default());
        for object in bundle.objects.iter().filter(|object| object.kind == "x-mitre-tactic") {
            attack.add_tactic(object, &mut names);
        }
        for object in bundle.objects.iter().filter(|object| object.kind == "attack-pattern") {
            attack.add_technique(object, &mut names);
        }
        for object in bundle.objects.iter().filter(|object| object.kind == "relationship") {
            attack.relate(object, &names);
        }
        if attack.tactics.len().max(attack.techniques.len()) > OBJECTS_MAX {
            return Err(BundleError::TooLarge);
        }
        if attack.tactics.is_empty() && attack.techniques.is_empty() {
            return Err(BundleError::Empty);
        }
        attack.sort();
        Ok(attack)
    }

    fn add_tactic(&mut self, object: &Stix, names: &mut Names) {
        let Some((id, link)) = object.external() else { return };
        names.tactics.insert(object.x_mitre_shortname.clone(), id.clone());
        let tactic = Tactic {
            name: object.name.clone(),
            description: object.description.clone(),
            link,
            stix_id: object.id.clone(),
            creation_date: moment(&object.created),
            last_modification_date: moment(&object.modified),
            techniques: Vec::new(),
        };
        self.tactics.insert(id, tactic);
    }

    fn add_technique(&mut self, object: &Stix, names: &mut Names) {
        let Some((id, link)) = object.external() else { return };
        // A revoked technique may have the id of the one that took its place.
        if object.revoked && self.techniques.contains_key(&id) {
            return;
        }
        names.techniques.insert(object.id.clone(), id.clone());
        let phases = object.kill_chain_phases.iter();
        let tactics: Vec<_> = phases.filter_map(|phase| names.tactics.get(&phase.phase_name).cloned()).collect();
        for tactic in &tactics {
            if let Some(tactic) = self.tactics.get_mut(tactic) {
                tactic.techniques.push(id.clone());
            }
        }
        let info =
            INFO.iter().filter_map(|name| Some(((*name).to_owned(), object.others.get(*name)?.clone()))).collect();
        let technique = Technique {
            name: object.name.clone(),
            description: object.description.clone(),
            link,
            stix_id: object.id.clone(),
            creation_date: moment(&object.created),
            last_modification_date: moment(&object.modified),
            revoked: object.revoked,
            info,
            tactics,
            parent: None,
            subtechniques: Vec::new(),
            revoking: None,
        };
        self.techniques.insert(id, technique);
    }

    fn relate(&mut self, object: &Stix, names: &Names) {
        let find = |reference: &String| names.techniques.get(reference).cloned();
        let (Some(source), Some(target)) = (find(&object.source_ref), find(&object.target_ref)) else { return };
        match object.relationship_type.as_str() {
            "subtechnique-of" => {
                if let Some(parent) = self.techniques.get_mut(&target) {
                    parent.subtechniques.push(source.clone());
                }
                if let Some(part) = self.techniques.get_mut(&source) {
                    part.parent = Some(target);
                }
            }
            "revoked-by" => {
                if let Some(revoked) = self.techniques.get_mut(&source) {
                    revoked.revoking = Some(target);
                }
            }
            _ => {}
        }
    }

    fn sort(&mut self) {
        let sort = |ids: &mut Vec<String>| {
            ids.sort();
            ids.dedup();
        };
        self.tactics.values_mut().for_each(|tactic| sort(&mut tactic.techniques));
        self.techniques.values_mut().for_each(|technique| sort(&mut technique.subtechniques));
    }
}

/// Ids by what a bundle refers to them with.
#[derive(Default)]
struct Names {
    /// By short name.
    tactics: HashMap<String, String>,
    /// By STIX id.
    techniques: HashMap<String, String>,
}

impl Stix {
    /// The id and the page at MITRE.
    fn external(&self) -> Option<(String, String)> {
        let of_mitre = |reference: &&ExternalReference| reference.source_name.starts_with("mitre-");
        let reference = self.external_references.iter().find(of_mitre)?;
        (!reference.external_id.is_empty()).then(|| (reference.external_id.clone(), reference.url.clone()))
    }
}

/// A date of STIX, RFC 3339 in UTC, to the second; the epoch where it is none.
fn moment(text: &str) -> Timestamp {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u8>().ok();
    let read = || {
        let day = Timestamp::from_day(&text.get(..10)?.replace('-', ""))?;
        let (hours, minutes, seconds) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        Some(Timestamp(day.0 + i64::from(hours) * 3_600 + i64::from(minutes) * 60 + i64::from(seconds)))
    };
    read().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXCERPT: &[u8] = include_bytes!("../testdata/attack-excerpt.json");

    #[test]
    fn tactics_and_techniques_are_found_from_each_other() {
        let attack = Attack::parse(EXCERPT).expect("a bundle");
        let tactic = &attack.tactics["TA0002"];
        assert_eq!(
            (tactic.name.as_str(), tactic.techniques.as_slice()),
            ("Execution", &["T1059".to_owned(), "T1059.001".to_owned()][..])
        );
        assert_eq!(tactic.creation_date, Timestamp(1_539_735_742));
        let part = &attack.techniques["T1059.001"];
        assert_eq!((part.parent.as_deref(), part.tactics.as_slice()), (Some("T1059"), &["TA0002".to_owned()][..]));
        assert_eq!(part.info["x_mitre_is_subtechnique"], true);
        assert_eq!(attack.techniques["T1059"].subtechniques, ["T1059.001"]);
        let revoked = &attack.techniques["T1086"];
        assert!(revoked.revoked);
        assert_eq!(revoked.revoking.as_deref(), Some("T1059.001"));
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        for text in ["", "[]", "{\"objects\": 1}", "{\"objects\": [{\"type\": \"tool\", \"id\": \"tool--1\"}]}"] {
            assert!(Attack::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
