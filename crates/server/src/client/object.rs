//! The parts of the server's objects that people are shown. Whatever is missing or unknown is tolerated: the server
//! may be newer than this client, or `VirusTotal` itself.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::problem::{Kind, Problem};
use super::verdict::Stats;

/// What each engine said, by engine.
pub(crate) type Results = BTreeMap<String, Engine>;

/// An object, or a descriptor, which is one without attributes.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Object<A> {
    /// Its identifier.
    pub(crate) id: String,
    /// Where it is.
    #[serde(default)]
    pub(crate) links: Links,
    /// What is known of it.
    #[serde(default)]
    pub(crate) attributes: A,
}

impl<A: DeserializeOwned + Default> Object<A> {
    /// Reads the `data` of an answer.
    pub(crate) fn read(data: &Value) -> Result<Self, Problem> {
        Self::deserialize(data)
            .map_err(|error| Problem::new(Kind::Foreign, format!("the server's answer is not understood: {error}")))
    }
}

/// Addresses of an object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Links {
    /// The object itself.
    #[serde(rename = "self", default, skip_serializing_if = "Option::is_none")]
    pub(crate) own: Option<String>,
    /// What an analysis is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) item: Option<String>,
}

/// What one engine said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Engine {
    /// In `VirusTotal`'s categories.
    pub(crate) category: String,
    /// Its name for what it found.
    pub(crate) result: Option<String>,
    /// Its version.
    #[serde(rename = "engine_version")]
    pub(crate) version: Option<String>,
    /// When its knowledge last changed, `YYYYMMDD`.
    #[serde(rename = "engine_update")]
    pub(crate) updated: Option<String>,
    /// Everything else, kept for JSON.
    #[serde(flatten)]
    pub(crate) rest: BTreeMap<String, Value>,
}

impl Engine {
    /// Whether it found something.
    pub(crate) fn found(&self) -> bool {
        matches!(self.category.as_str(), "malicious" | "suspicious")
    }

    /// Its name for what it found, else its category.
    pub(crate) fn label(&self) -> &str {
        self.result.as_deref().unwrap_or(&self.category)
    }
}

/// Attributes of an analysis.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Analysis {
    /// When it was asked for, Unix seconds.
    pub(crate) date: Option<i64>,
    /// `queued`, `in-progress` or `completed`.
    pub(crate) status: String,
    /// How many engines said what.
    pub(crate) stats: Stats,
    /// What they said.
    pub(crate) results: Results,
}

impl Analysis {
    /// Whether its results are final.
    pub(crate) fn is_completed(&self) -> bool {
        self.status == "completed"
    }
}

/// Attributes of a file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct File {
    pub(crate) md5: Option<String>,
    pub(crate) sha1: Option<String>,
    pub(crate) sha256: Option<String>,
    pub(crate) ssdeep: Option<String>,
    pub(crate) tlsh: Option<String>,
    pub(crate) size: Option<u64>,
    pub(crate) magic: Option<String>,
    pub(crate) type_tag: Option<String>,
    pub(crate) type_description: Option<String>,
    pub(crate) names: Vec<String>,
    pub(crate) meaningful_name: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) times_submitted: Option<u64>,
    pub(crate) first_submission_date: Option<i64>,
    pub(crate) last_submission_date: Option<i64>,
    pub(crate) last_analysis_date: Option<i64>,
    pub(crate) last_analysis_stats: Stats,
    pub(crate) last_analysis_results: Results,
    pub(crate) crowdsourced_yara_results: Vec<Rule>,
}

/// Attributes of a URL, a domain or an IP address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Indicator {
    pub(crate) url: Option<String>,
    pub(crate) last_final_url: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) last_http_response_code: Option<u16>,
    pub(crate) last_http_response_content_length: Option<u64>,
    pub(crate) last_http_response_content_sha256: Option<String>,
    pub(crate) last_fetch_outcome: Option<String>,
    pub(crate) registrar: Option<String>,
    pub(crate) creation_date: Option<i64>,
    pub(crate) network: Option<String>,
    pub(crate) asn: Option<u32>,
    pub(crate) as_owner: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) crowdsourced_context: Vec<Context>,
    pub(crate) first_submission_date: Option<i64>,
    pub(crate) last_submission_date: Option<i64>,
    pub(crate) last_analysis_date: Option<i64>,
    pub(crate) last_analysis_stats: Stats,
    pub(crate) last_analysis_results: Results,
}

/// What somebody says of an address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Context {
    pub(crate) title: String,
    pub(crate) details: String,
}

/// A YARA rule that matched.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Rule {
    #[serde(rename = "rule_name")]
    pub(crate) name: String,
    #[serde(rename = "ruleset_name")]
    pub(crate) ruleset: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) author: Option<String>,
    pub(crate) description: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_with_unknown_and_missing_attributes_is_read() {
        let data = json!({"type": "analysis", "id": "x", "new": 1, "attributes": {"status": "completed",
            "stats": {"malicious": 1, "brand-new": 2},
            "results": {"E": {"category": "malicious", "result": "EICAR", "method": "oracle", "engine_name": "E"}}}});
        let analysis = Object::<Analysis>::read(&data).expect("read");
        assert!(analysis.attributes.is_completed());
        let engine = &analysis.attributes.results["E"];
        assert_eq!((engine.label(), engine.found()), ("EICAR", true));
        assert_eq!(serde_json::to_value(engine).expect("JSON")["method"], "oracle");
        assert!(Object::<File>::read(&json!({"type": "file", "id": "y"})).is_ok());
        assert!(Object::<File>::read(&json!("no object")).is_err());
    }
}
