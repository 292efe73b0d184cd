//! Facts as identification writes them, and what the heuristic makes of them.

use assay_model::facts::Facts;
use assay_model::verdict::Category;
use serde_json::{Value, json};

use super::{Static, judge};
use crate::engine::{Engine as _, Finding, Item, Sample};
use crate::suite;

fn facts(name: &str, info: Value) -> Facts {
    Facts { details: [(name.to_owned(), info)].into(), ..Facts::default() }
}

fn found(name: &str, info: Value) -> Finding {
    judge(&facts(name, info))
}

#[tokio::test]
async fn it_passes_the_suite() {
    suite::run(&Static).await;
}

#[test]
fn an_ordinary_program_has_nothing_against_it() {
    let info = json!({
        "entry_point": 4096,
        "sections": [
            {"name": ".text", "flags": "rx", "virtual_address": 4096, "virtual_size": 5000, "raw_size": 5120, "entropy": 6.3},
            {"name": ".rsrc", "flags": "r", "virtual_address": 12288, "virtual_size": 50, "raw_size": 512, "entropy": 7.9},
        ],
        "import_list": [{"library_name": "KERNEL32.dll", "imported_functions": ["ExitProcess"]}],
    });
    assert_eq!(found("pe_info", info).reasons, Vec::<String>::new());
}

#[test]
fn a_packed_program_with_writable_code_is_suspicious_and_says_why() {
    let info = json!({
        "entry_point": 4096,
        "sections": [
            {"name": "UPX1", "flags": "rwx", "virtual_address": 4096, "virtual_size": 5000, "raw_size": 5120, "entropy": 7.9},
        ],
        "import_list": [],
    });
    let finding = found("pe_info", info);
    assert_eq!(
        (finding.category, finding.result.as_deref()),
        (Category::Suspicious, Some("Heuristic.PE.WritableCode"))
    );
    assert_eq!(finding.reasons.len(), 3, "{:?}", finding.reasons);
}

#[test]
fn a_pdf_that_launches_on_opening_is_suspicious_and_one_with_a_form_is_not() {
    let finding = found("pdf_info", json!({"header": "%PDF-1.7", "openaction": 1, "num_launch_actions": 1}));
    assert_eq!(
        (finding.category, finding.result.as_deref()),
        (Category::Suspicious, Some("Heuristic.PDF.LaunchAction"))
    );
    let form = found("pdf_info", json!({"acroform": 1, "js": 1, "javascript": 1, "openaction": 1}));
    assert_eq!(form.category, Category::Undetected);
    assert_eq!(form.result, None);
}

#[test]
fn an_encrypted_archive_with_a_program_is_suspicious() {
    let info = json!({"type": "ZIP", "num_children": 1, "extensions": {"exe": 1}});
    let mut locked = facts("bundle_info", info);
    assert_eq!(judge(&locked).category, Category::Undetected);
    locked.tags.push("encrypted".into());
    assert_eq!(judge(&locked).result.as_deref(), Some("Heuristic.Archive.EncryptedProgram"));
}

#[test]
fn facts_of_any_shape_do_no_harm() {
    for name in ["pe_info", "elf_info", "pdf_info", "bundle_info"] {
        for info in [
            Value::Null,
            json!(7),
            json!([]),
            json!({}),
            json!({"sections": {}, "header": [1], "section_list": [null, 1, {}]}),
        ] {
            let finding = found(name, info);
            assert_ne!(finding.category, Category::Suspicious, "{name} {finding:?}");
        }
    }
}

#[test]
fn files_of_which_nothing_is_known_are_not_its_business() {
    let accepts = |facts: &Facts| Static.accepts(Item::File(&Sample::of(""), facts));
    assert!(!accepts(&Facts::default()));
    assert!(accepts(&facts("pdf_info", json!({}))));
}
