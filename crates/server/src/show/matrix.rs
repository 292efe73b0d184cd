//! Files by engines: a row a report, a column an engine, the verdict last.

use std::collections::BTreeSet;

use comfy_table::Cell;

use super::table::{self, Look};
use crate::client::Verdict;
use crate::client::object::{File, Object};

/// The reports of some files under the names that they go by here.
pub(crate) fn render(files: &[(String, Object<File>)], look: Look) -> String {
    let engines: BTreeSet<&str> =
        files.iter().flat_map(|(_, file)| file.attributes.last_analysis_results.keys()).map(String::as_str).collect();
    let header = ["File", "Type", "Size"].into_iter().chain(engines.iter().copied()).chain(["Verdict"]);
    let mut table = look.table(header);
    for (name, file) in files {
        let file = &file.attributes;
        let stats = &file.last_analysis_stats;
        let mut row: Vec<Cell> = vec![
            table::text(name),
            table::text(file.type_description.as_deref().unwrap_or("unknown")),
            table::number(file.size.map(table::size).unwrap_or_default()),
        ];
        row.extend(engines.iter().map(|engine| table::opinion(file.last_analysis_results.get(*engine))));
        row.push(table::verdict(Verdict::of(stats), stats));
        table.add_row(row);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_engine_of_any_report_has_its_column() {
        let file = |name: &str, stats, results| {
            let attributes = json!({"size": 68, "type_description": "Text", "last_analysis_stats": stats,
                "last_analysis_results": results});
            (name.to_owned(), Object::read(&json!({"id": name, "attributes": attributes})).expect("a file"))
        };
        let files = [
            file(
                "eicar.com",
                json!({"malicious": 1, "type-unsupported": 1}),
                json!({"Assay YARA": {"category": "malicious", "result": "EICAR"}, "Assay Static": {"category": "type-unsupported"}}),
            ),
            file("notes.txt", json!({"undetected": 1}), json!({"Assay YARA": {"category": "undetected"}})),
        ];
        insta::assert_snapshot!(render(&files, Look::Piped), @"
        ╭───────────┬──────┬──────┬──────────────┬────────────┬────────────────╮
        │ File      ┆ Type ┆ Size ┆ Assay Static ┆ Assay YARA ┆ Verdict        │
        ╞═══════════╪══════╪══════╪══════════════╪════════════╪════════════════╡
        │ eicar.com ┆ Text ┆ 68 B ┆ n/a          ┆ EICAR      ┆ malicious 1/1  │
        │ notes.txt ┆ Text ┆ 68 B ┆              ┆ –          ┆ undetected 0/1 │
        ╰───────────┴──────┴──────┴──────────────┴────────────┴────────────────╯
        ");
    }
}
