//! A report that exists on both sides. What only one side has is there as it has it; what both have is ours, but for the
//! engines: theirs keep their names and ours say that they are ours where a name is on both sides. `meta.assay` says of each
//! attribute and each engine where it is from.

use serde_json::{Map, Value, json};

const RESULTS: &str = "last_analysis_results";
const STATS: &str = "last_analysis_stats";
/// After the name of an engine of ours that upstream has too.
const OURS: &str = " (local)";

/// Adds what is known here to upstream's object.
pub(super) fn into(object: &mut Value, mut own: Map<String, Value>, about: &mut Map<String, Value>) {
    let theirs = match &mut object["attributes"] {
        Value::Object(attributes) => std::mem::take(attributes),
        _ => Map::new(),
    };
    let mut merged = Map::new();
    let mut origins = Map::new();
    let mut engines = Map::new();
    for (name, value) in theirs {
        match (name.as_str(), own.shift_remove(&name)) {
            (RESULTS, Some(ours)) => {
                merged.insert(name.clone(), results(value, ours, &mut engines));
                origins.insert(name, "merged".into());
            }
            // Counted anew below: the sum of both sides.
            (STATS, Some(_)) => {
                merged.insert(name.clone(), value);
                origins.insert(name, "merged".into());
            }
            (_, Some(ours)) => {
                merged.insert(name.clone(), ours);
                origins.insert(name, "local".into());
            }
            (_, None) => {
                merged.insert(name.clone(), value);
                origins.insert(name, "upstream".into());
            }
        }
    }
    for (name, value) in own {
        origins.insert(name.clone(), "local".into());
        merged.insert(name, value);
    }
    if !engines.is_empty() {
        let stats = counted(&merged[RESULTS]);
        merged.insert(STATS.to_owned(), stats);
        about.insert("engines".to_owned(), engines.into());
    }
    object["attributes"] = merged.into();
    about.insert("origin".to_owned(), "merged".into());
    about.insert("attributes".to_owned(), origins.into());
}

fn results(theirs: Value, ours: Value, origins: &mut Map<String, Value>) -> Value {
    let mut all = match theirs {
        Value::Object(theirs) => theirs,
        _ => Map::new(),
    };
    for name in all.keys() {
        origins.insert(name.clone(), "upstream".into());
    }
    let Value::Object(ours) = ours else { return all.into() };
    for (name, mut result) in ours {
        let shown = if all.contains_key(&name) { format!("{name}{OURS}") } else { name };
        if let Some(named) = result.get_mut("engine_name") {
            *named = shown.as_str().into();
        }
        origins.insert(shown.clone(), "local".into());
        all.insert(shown, result);
    }
    all.into()
}

fn counted(results: &Value) -> Value {
    let mut stats = json!({ "malicious": 0, "suspicious": 0, "undetected": 0, "harmless": 0, "timeout": 0,
                            "confirmed-timeout": 0, "failure": 0, "type-unsupported": 0 });
    for result in results.as_object().into_iter().flat_map(|results| results.values()) {
        let category = result["category"].as_str().unwrap_or_default();
        if let Some(count) = stats.get(category).and_then(Value::as_u64) {
            stats[category] = (count + 1).into();
        }
    }
    stats
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_keep_their_names_and_every_attribute_its_origin() {
        let engine = |name: &str, category: &str| json!({ "engine_name": name, "category": category });
        let mut object = json!({ "attributes": {
            "size": 7, "names": ["theirs"], "popular_threat_classification": {},
            "last_analysis_stats": { "malicious": 1, "undetected": 1 },
            "last_analysis_results": { "ClamAV": engine("ClamAV", "malicious"), "Other": engine("Other", "undetected") },
        } });
        let own = json!({
            "size": 7, "names": ["ours"], "tlsh": "T1",
            "last_analysis_stats": { "malicious": 1, "undetected": 1 },
            "last_analysis_results": { "ClamAV": engine("ClamAV", "undetected"), "YARA": engine("YARA", "malicious") },
        });
        let Value::Object(own) = own else { panic!("an object") };
        let mut about = Map::new();
        into(&mut object, own, &mut about);
        let attributes = &object["attributes"];
        assert_eq!(attributes["names"], json!(["ours"]));
        assert_eq!(attributes["last_analysis_results"]["ClamAV"]["category"], "malicious");
        assert_eq!(attributes["last_analysis_results"]["ClamAV (local)"]["engine_name"], "ClamAV (local)");
        assert_eq!(
            (&attributes["last_analysis_stats"]["malicious"], &attributes["last_analysis_stats"]["undetected"]),
            (&json!(2), &json!(2))
        );
        assert_eq!(
            about["engines"],
            json!({ "ClamAV": "upstream", "Other": "upstream", "ClamAV (local)": "local", "YARA": "local" })
        );
        assert_eq!(about["attributes"]["tlsh"], "local");
        assert_eq!(about["attributes"]["popular_threat_classification"], "upstream");
        assert_eq!(about["attributes"]["last_analysis_results"], "merged");
        assert_eq!(about["origin"], "merged");
    }
}
