//! One URL, domain or IP address for eyes: what it is, what the engines said; and lists of what it is related to.

use serde_json::Value;

use super::objects::{self, Column};
use super::report::engines;
use super::table::{self, Facts, Look};
use crate::client::Verdict;
use crate::client::object::{Indicator, Object};

/// The whole report.
pub(crate) fn render(object: &Object<Indicator>, look: Look) -> String {
    let known = facts(object, look).render();
    let results = &object.attributes.last_analysis_results;
    if results.is_empty() { known } else { format!("{known}\n\n{}", engines(results, look)) }
}

/// A line a fact; facts without data are left out.
fn facts(object: &Object<Indicator>, look: Look) -> Facts {
    let (mut facts, known) = (look.facts(), &object.attributes);
    let stats = &known.last_analysis_stats;
    facts.add("Verdict", table::verdict(Verdict::of(stats), stats));
    let date = |seconds: Option<i64>| seconds.map(|seconds| table::date(seconds).into_owned());
    let answer = known.last_http_response_code.map(|code| match known.last_http_response_content_length {
        Some(length) => format!("HTTP {code}, {}", table::size(length)),
        None => format!("HTTP {code}"),
    });
    let owner = match (known.asn, &known.as_owner) {
        (Some(asn), Some(owner)) => Some(format!("AS{asn} {owner}")),
        (Some(asn), None) => Some(format!("AS{asn}")),
        (None, owner) => owner.clone(),
    };
    let rows = [
        ("Name", Some(known.url.clone().unwrap_or_else(|| object.id.clone()))),
        ("Leads to", known.last_final_url.clone().filter(|url| Some(url) != known.url.as_ref())),
        ("Title", known.title.clone()),
        ("Answer", answer),
        ("Fetch", known.last_fetch_outcome.clone().filter(|outcome| outcome != "ok")),
        ("Content", known.last_http_response_content_sha256.clone()),
        ("Registrar", known.registrar.clone()),
        ("Registered", date(known.creation_date)),
        ("Network", known.network.clone()),
        ("Owner", owner),
        ("Country", known.country.clone()),
        ("Tags", (!known.tags.is_empty()).then(|| known.tags.join(", "))),
        ("First submitted", date(known.first_submission_date)),
        ("Last submitted", date(known.last_submission_date)),
        ("Last analysed", date(known.last_analysis_date)),
    ];
    for (name, value) in rows {
        if let Some(value) = value {
            facts.add(name, table::text(&value));
        }
    }
    for context in &known.crowdsourced_context {
        facts.add("Why", table::text(&format!("{}: {}", context.title, context.details)));
    }
    facts
}

/// What it is related to, a row each.
pub(crate) fn list(related: &[Value], look: Look) -> String {
    const COLUMNS: &[Column] = &[
        Column("Type", "type"),
        Column("ID", "id"),
        Column("URL", "url"),
        Column("Name", "meaningful_name"),
        Column("Host", "host_name"),
        Column("Address", "ip_address"),
        Column("Malicious", "last_analysis_stats.malicious"),
        Column("Date", "date|last_analysis_date"),
        Column("Picture", "link"),
    ];
    let related: Vec<_> = related.iter().filter(|object| !object.is_null()).cloned().collect();
    if related.is_empty() { "none are known".to_owned() } else { objects::rows(&related, COLUMNS, look) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_shows_what_is_known_and_nothing_else() {
        let object = json!({"id": "9f86", "type": "url", "attributes": {
            "url": "http://x.example/", "last_final_url": "http://y.example/", "title": "Log in", "tags": ["ip"],
            "last_http_response_code": 200, "last_http_response_content_length": 12, "last_fetch_outcome": "ok",
            "crowdsourced_context": [{"title": "List: phishing", "details": "seen at work", "severity": "high"}],
            "last_analysis_stats": {"malicious": 1, "harmless": 1},
            "last_analysis_results": {"List": {"category": "malicious", "result": "phishing", "method": "blacklist"}}}});
        let shown = render(&Object::read(&object).expect("a URL"), Look::Piped);
        assert!(shown.contains("List: phishing: seen at work"), "{shown}");
        for part in ["malicious 1/2", "http://x.example/", "http://y.example/", "Log in", "HTTP 200, 12 B", "phishing"]
        {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains("Country") && !shown.contains("Fetch"), "{shown}");
    }

    #[test]
    fn a_list_has_a_row_each_and_says_when_it_is_empty() {
        let shown = list(
            &[json!({"type": "resolution", "id": "1.2.3.4x.example", "attributes": {
            "host_name": "x.example", "ip_address": "1.2.3.4", "date": 0}})],
            Look::Piped,
        );
        assert!(shown.contains("1.2.3.4x.example") && shown.contains("x.example"), "{shown}");
        assert_eq!(list(&[Value::Null], Look::Piped), "none are known");
    }
}
