//! The table of `assay scan`: a row a file or URL, and a line that sums up.

use super::table::{self, Look};
use crate::client::scanned::Sort;
use crate::client::verdict::Ending;
use crate::client::{Scanned, Verdict};

/// How much of a SHA-256 tells files apart for an eye.
const SHORT: usize = 12;

/// All rows and the sum.
pub(crate) fn render(files: &[Scanned], look: Look) -> String {
    let has = |sort: Sort| files.iter().any(|file| file.sort == sort);
    let what = match (has(Sort::File), has(Sort::Url)) {
        (true, true) => "File or URL",
        (false, true) => "URL",
        _ => "File",
    };
    let mut table = look.table([what, "Verdict", "Found", "Size", "SHA-256"]);
    for file in files {
        let verdict = match (&file.error, file.verdict) {
            (Some(_), _) => table::error("error"),
            (None, Some(verdict)) => table::verdict(verdict, &file.stats),
            (None, None) => table::faint(&file.status),
        };
        let found = match &file.error {
            Some(error) => table::error(error),
            None => table::text(&findings(file)),
        };
        let sha256 = file.sha256.as_deref().map_or("", |hash| hash.get(..SHORT).unwrap_or(hash));
        table.add_row([
            table::text(&file.path),
            verdict,
            found,
            table::number(file.size.map(table::size).unwrap_or_default()),
            table::faint(sha256),
        ]);
    }
    format!("{table}\n{}", sum(files))
}

/// What the engines call it, each name once, in the engines' order.
fn findings(file: &Scanned) -> String {
    let mut names: Vec<&str> = Vec::new();
    for engine in file.results.values().filter(|engine| engine.found()) {
        if !names.contains(&engine.label()) {
            names.push(engine.label());
        }
    }
    names.join(", ")
}

/// `2 files and 1 URL: 1 malicious, 2 undetected`, gravest first.
fn sum(files: &[Scanned]) -> String {
    let number = |verdict| files.iter().filter(|file| file.error.is_none() && file.verdict == Some(verdict)).count();
    let errors = files.iter().filter(|file| file.error.is_some()).count();
    let unfinished = files.iter().filter(|file| file.error.is_none() && file.verdict.is_none()).count();
    let parts = [
        (errors, if errors == 1 { "error" } else { "errors" }),
        (number(Verdict::Malicious), "malicious"),
        (number(Verdict::Suspicious), "suspicious"),
        (number(Verdict::Undetected), "undetected"),
        (number(Verdict::Harmless), "harmless"),
        (number(Verdict::Unknown), "without an opinion"),
        (unfinished, "not waited for"),
    ];
    let parts: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    format!("{}: {}", nouns(files), parts.join(", "))
}

/// `2 files and 1 URL`
fn nouns(files: &[Scanned]) -> String {
    let count = |sort: Sort, one: &str, many: &str| match files.iter().filter(|file| file.sort == sort).count() {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    };
    let parts = [count(Sort::File, "file", "files"), count(Sort::Url, "URL", "URLs")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

/// How `assay scan` ends after these.
pub(crate) fn ending(files: &[Scanned]) -> Ending {
    let mut ending = Ending { failed: files.iter().any(|file| file.error.is_some()), ..Ending::default() };
    files.iter().filter_map(|file| file.verdict).for_each(|verdict| ending.saw(verdict));
    ending
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::client::object::Object;

    fn scanned(path: &str, analysis: &serde_json::Value) -> Scanned {
        let mut scanned = Scanned::of_file(path.to_owned());
        (scanned.size, scanned.sha256) = (Some(68), Some("275a021bbfb6489e54d471899f7db9d1".to_owned()));
        let object = json!({"id": "x", "attributes": analysis});
        scanned.judged(Object::read(&object).expect("an analysis"));
        scanned
    }

    fn files() -> Vec<Scanned> {
        let malicious = json!({"status": "completed", "stats": {"malicious": 2, "undetected": 2}, "results": {
            "ClamAV": {"category": "malicious", "result": "Eicar-Test"},
            "YARA": {"category": "malicious", "result": "EICAR"},
            "ZZ": {"category": "malicious", "result": "EICAR"},
            "Static": {"category": "undetected", "result": null}}});
        let clean = json!({"status": "completed", "stats": {"undetected": 4}});
        let failed = Scanned::of_file("gone\u{1b}[2J".to_owned()).failed("cannot be read: No such file".to_owned());
        vec![scanned("eicar.com", &malicious), scanned("notes.txt", &clean), failed]
    }

    #[test]
    fn a_row_gives_verdict_findings_and_a_short_hash_and_the_sum_names_errors_first() {
        insta::assert_snapshot!(render(&files(), Look::Piped), @r"
        ╭───────────────┬────────────────┬──────────────────────────────┬──────┬──────────────╮
        │ File          ┆ Verdict        ┆ Found                        ┆ Size ┆ SHA-256      │
        ╞═══════════════╪════════════════╪══════════════════════════════╪══════╪══════════════╡
        │ eicar.com     ┆ malicious 2/4  ┆ Eicar-Test, EICAR            ┆ 68 B ┆ 275a021bbfb6 │
        │ notes.txt     ┆ undetected 0/4 ┆                              ┆ 68 B ┆ 275a021bbfb6 │
        │ gone\u{1b}[2J ┆ error          ┆ cannot be read: No such file ┆      ┆              │
        ╰───────────────┴────────────────┴──────────────────────────────┴──────┴──────────────╯
        3 files: 1 error, 1 malicious, 1 undetected
        ");
    }

    #[test]
    fn urls_stand_beside_files() {
        let mut url = Scanned::of_url("https://evil.example/a".to_owned());
        let phishing = json!({"status": "completed", "stats": {"suspicious": 1}, "results": {
            "Assay Lexical": {"category": "suspicious", "result": "phishing"}}});
        url.judged(Object::read(&json!({"id": "x", "attributes": phishing})).expect("an analysis"));
        assert_eq!(serde_json::to_value(&url).expect("JSON")["type"], "url");
        let shown = render(&[files().swap_remove(1), url.clone()], Look::Piped);
        assert!(
            shown.contains("File or URL") && shown.ends_with("1 file and 1 URL: 1 suspicious, 1 undetected"),
            "{shown}"
        );
        assert!(render(&[url.clone(), url], Look::Piped).ends_with("2 URLs: 2 suspicious"));
    }

    #[test]
    fn an_error_wins_over_a_malicious_file_in_the_exit_status() {
        let files = files();
        assert_eq!(ending(&files).status(), 2);
        assert_eq!(ending(&files[..2]).status(), 1);
        assert_eq!(ending(&files[1..2]).status(), 0);
        assert_eq!(ending(&[]).status(), 0);
    }

    #[test]
    fn what_was_not_waited_for_has_its_status_and_no_verdict() {
        let queued = scanned("a", &json!({"status": "queued", "stats": {"malicious": 0}}));
        let json = serde_json::to_value(&queued).expect("JSON");
        assert_eq!((&json["status"], &json["verdict"]), (&json!("queued"), &json!(null)));
        assert!(json.get("error").is_none(), "{json}");
        let shown = render(&[queued], Look::Piped);
        assert!(shown.contains("queued") && shown.ends_with("1 file: 1 not waited for"), "{shown}");
    }
}
