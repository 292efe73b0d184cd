//! One file's report for eyes: what it is, what the engines said, which rules matched.

use comfy_table::Table;

use super::table::{self, Facts, Look};
use crate::client::Verdict;
use crate::client::object::{File, Object, Results, Rule};

/// How many names are shown.
const NAMES: usize = 5;

/// The whole report.
pub(crate) fn render(file: &Object<File>, look: Look) -> String {
    let mut parts = vec![facts(&file.id, &file.attributes, look).render()];
    if !file.attributes.last_analysis_results.is_empty() {
        parts.push(engines(&file.attributes.last_analysis_results, look).to_string());
    }
    if !file.attributes.crowdsourced_yara_results.is_empty() {
        parts.push(rules(&file.attributes.crowdsourced_yara_results, look).to_string());
    }
    parts.join("\n\n")
}

/// What it is: a line a fact; facts without data are left out.
fn facts(id: &str, file: &File, look: Look) -> Facts {
    let mut facts = look.facts();
    let stats = &file.last_analysis_stats;
    facts.add("Verdict", table::verdict(Verdict::of(stats), stats));
    let date = |seconds: Option<i64>| seconds.map(|seconds| table::date(seconds).into_owned());
    let rows = [
        ("Name", file.meaningful_name.clone()),
        ("Other names", other_names(file)),
        ("Type", file_type(file)),
        ("Magic", file.magic.clone()),
        ("Size", file.size.map(size)),
        ("SHA-256", Some(file.sha256.clone().unwrap_or_else(|| id.to_owned()))),
        ("SHA-1", file.sha1.clone()),
        ("MD5", file.md5.clone()),
        ("ssdeep", file.ssdeep.clone()),
        ("TLSH", file.tlsh.clone()),
        ("Tags", (!file.tags.is_empty()).then(|| file.tags.join(", "))),
        ("First submitted", date(file.first_submission_date)),
        ("Last submitted", date(file.last_submission_date)),
        ("Submitted", file.times_submitted.map(times)),
        ("Last analysed", date(file.last_analysis_date)),
    ];
    for (name, value) in rows {
        if let Some(value) = value {
            facts.add(name, table::text(&value));
        }
    }
    facts
}

fn size(bytes: u64) -> String {
    let rounded = table::size(bytes);
    if bytes < 1024 { rounded } else { format!("{rounded} ({bytes} bytes)") }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn file_type(file: &File) -> Option<String> {
    match (&file.type_description, &file.type_tag) {
        (Some(description), Some(tag)) => Some(format!("{description} ({tag})")),
        (description, tag) => description.clone().or_else(|| tag.clone()),
    }
}

/// The names beside the best one, up to a few.
fn other_names(file: &File) -> Option<String> {
    let others: Vec<_> =
        file.names.iter().filter(|name| Some(*name) != file.meaningful_name.as_ref()).map(String::as_str).collect();
    let more = others.len().saturating_sub(NAMES);
    let shown = others.get(..NAMES).unwrap_or(&others).join(", ");
    match more {
        _ if others.is_empty() => None,
        0 => Some(shown),
        more => Some(format!("{shown} and {more} more")),
    }
}

/// A row an engine; those that found something first.
pub(crate) fn engines(results: &Results, look: Look) -> Table {
    let mut table = look.table(["Engine", "Category", "Found", "Version", "Updated"]);
    let mut rows: Vec<_> = results.iter().collect();
    rows.sort_by_key(|(_, engine)| !engine.found());
    for (name, engine) in rows {
        table.add_row([
            table::text(name),
            table::category(engine),
            table::text(engine.result.as_deref().unwrap_or_default()),
            table::text(engine.version.as_deref().unwrap_or_default()),
            table::text(engine.updated.as_deref().unwrap_or_default()),
        ]);
    }
    table
}

/// A row a rule.
fn rules(rules: &[Rule], look: Look) -> Table {
    let mut table = look.table(["YARA rule", "Ruleset", "Author", "Source", "Description"]);
    let optional = |text: &Option<String>| table::text(text.as_deref().unwrap_or_default());
    for rule in rules {
        table.add_row([
            table::text(&rule.name),
            optional(&rule.ruleset),
            optional(&rule.author),
            optional(&rule.source),
            optional(&rule.description),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_shows_facts_engines_and_rules() {
        let object = json!({"id": "275a", "type": "file", "attributes": {
            "sha256": "275a", "md5": "44d8", "size": 68, "type_tag": "text", "type_description": "Text",
            "meaningful_name": "eicar.com", "names": ["eicar.com", "a", "b"], "tags": ["eicar"],
            "times_submitted": 2, "first_submission_date": 1_763_891_221,
            "last_analysis_stats": {"malicious": 1, "undetected": 1},
            "last_analysis_results": {
                "Static": {"category": "undetected", "result": null, "engine_version": "0.1.0", "engine_update": "20261120"},
                "YARA": {"category": "malicious", "result": "EICAR", "engine_version": "1.22.1", "engine_update": null}},
            "crowdsourced_yara_results": [
                {"rule_name": "eicar", "ruleset_name": "test", "source": "Assay", "author": "A", "match_date": 1}]}});
        let file = Object::read(&object).expect("a file");
        insta::assert_snapshot!(render(&file, Look::Piped), @"
        Verdict          malicious 1/2
        Name             eicar.com
        Other names      a, b
        Type             Text (text)
        Size             68 B
        SHA-256          275a
        MD5              44d8
        Tags             eicar
        First submitted  2025-11-23 09:47:01 UTC
        Submitted        2 times

        ╭────────┬────────────┬───────┬─────────┬──────────╮
        │ Engine ┆ Category   ┆ Found ┆ Version ┆ Updated  │
        ╞════════╪════════════╪═══════╪═════════╪══════════╡
        │ YARA   ┆ malicious  ┆ EICAR ┆ 1.22.1  ┆          │
        │ Static ┆ undetected ┆       ┆ 0.1.0   ┆ 20261120 │
        ╰────────┴────────────┴───────┴─────────┴──────────╯

        ╭───────────┬─────────┬────────┬────────┬─────────────╮
        │ YARA rule ┆ Ruleset ┆ Author ┆ Source ┆ Description │
        ╞═══════════╪═════════╪════════╪════════╪═════════════╡
        │ eicar     ┆ test    ┆ A      ┆ Assay  ┆             │
        ╰───────────┴─────────┴────────┴────────┴─────────────╯
        ");
    }

    #[test]
    fn many_names_are_cut_short() {
        let names = (0..9).map(|number| number.to_string()).collect();
        let file = File { names, meaningful_name: Some("0".to_owned()), ..File::default() };
        assert_eq!(other_names(&file).as_deref(), Some("1, 2, 3, 4, 5 and 3 more"));
    }
}
