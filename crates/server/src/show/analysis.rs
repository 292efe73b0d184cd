//! One analysis for eyes: how far it is, and what each engine said.

use super::report::engines;
use super::table::{self, Look};
use crate::client::Verdict;
use crate::client::object::{Analysis, Object};

/// The whole analysis.
pub(crate) fn render(analysis: &Object<Analysis>, look: Look) -> String {
    let attributes = &analysis.attributes;
    let mut facts = look.facts();
    facts.add("Analysis", table::text(&analysis.id));
    facts.add("Status", table::text(&attributes.status));
    if attributes.is_completed() {
        facts.add("Verdict", table::verdict(Verdict::of(&attributes.stats), &attributes.stats));
    }
    if let Some(date) = attributes.date {
        facts.add("Asked for", table::text(&table::date(date)));
    }
    if let Some(item) = &analysis.links.item {
        facts.add("Of", table::text(item));
    }
    if attributes.results.is_empty() {
        return facts.render();
    }
    format!("{}\n\n{}", facts.render(), engines(&attributes.results, look))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_queued_analysis_has_a_status_and_no_verdict() {
        let object = json!({"id": "NDQ=", "links": {"item": "http://host/api/v3/files/275a"},
            "attributes": {"status": "queued", "date": 0, "stats": {"malicious": 0}, "results": {}}});
        let analysis = Object::read(&object).expect("an analysis");
        insta::assert_snapshot!(render(&analysis, Look::Piped), @"
        Analysis   NDQ=
        Status     queued
        Asked for  1970-01-01 00:00:00 UTC
        Of         http://host/api/v3/files/275a
        ");
    }
}
