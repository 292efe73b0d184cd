//! What a report says of a rule: from the rule's meta and tags and its source to [`RuleInfo`].

use sha2::{Digest, Sha256};
use yara_x::MetaValue;

use crate::source::{OnMatch, Source};

/// One rule, as reports and hunting show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleInfo {
    /// The rule's identifier.
    pub rule: String,
    /// The ruleset's name: [`Source::name`].
    pub ruleset: String,
    /// Ten hex digits that stay the same as long as origin and name of the ruleset do.
    pub ruleset_id: String,
    /// [`Source::origin`].
    pub source: String,
    /// Meta `author`.
    pub author: Option<String>,
    /// Meta `description`.
    pub description: Option<String>,
    /// The rule's tags, in its order.
    pub tags: Vec<String>,
    /// Meta `verdict`, else by meta `score`, else [`Source::verdict`].
    pub verdict: OnMatch,
    /// The rule's place among all rules, in the order of the sources; sorts the matches of a scan.
    pub order: usize,
}

impl RuleInfo {
    pub(crate) fn of(rule: &yara_x::Rule<'_, '_>, source: &Source, order: usize) -> Self {
        let mut info = Self {
            rule: rule.identifier().to_owned(),
            ruleset: source.name.clone(),
            ruleset_id: ruleset_id(source),
            source: source.origin.clone(),
            author: None,
            description: None,
            tags: rule.tags().map(|tag| tag.identifier().to_owned()).collect(),
            verdict: source.verdict,
            order,
        };
        let mut score = None;
        let mut word = None;
        for (key, value) in rule.metadata() {
            match key {
                "author" if info.author.is_none() => info.author = text(&value),
                "description" if info.description.is_none() => info.description = text(&value),
                "verdict" => word = text(&value).and_then(|word| OnMatch::from_word(&word)).or(word),
                "score" => score = number(&value).or(score),
                _ => {}
            }
        }
        info.verdict = word.or(score.map(OnMatch::from_score)).unwrap_or(source.verdict);
        info
    }
}

/// Ten hex digits over origin and name.
fn ruleset_id(source: &Source) -> String {
    let mut hasher = Sha256::new();
    hasher.update(source.origin.as_bytes());
    // Keeps ("ab", "c") and ("a", "bc") apart.
    hasher.update([0]);
    hasher.update(source.name.as_bytes());
    let mut id = hex::encode(hasher.finalize());
    id.truncate(10);
    id
}

fn text(value: &MetaValue<'_>) -> Option<String> {
    match value {
        MetaValue::String(text) => Some((*text).to_owned()),
        MetaValue::Bytes(bytes) => Some(bytes.to_string()),
        MetaValue::Integer(number) => Some(number.to_string()),
        MetaValue::Float(number) => Some(number.to_string()),
        MetaValue::Bool(_) => None,
    }
}

/// A score is often written as a number, and now and then as a number in quotes.
fn number(value: &MetaValue<'_>) -> Option<f64> {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "scores are 0 to 100; a larger one stays larger")]
        MetaValue::Integer(number) => Some(*number as f64),
        MetaValue::Float(number) => Some(*number),
        MetaValue::String(text) => text.trim().parse().ok(),
        MetaValue::Bool(_) | MetaValue::Bytes(_) => None,
    }
}
