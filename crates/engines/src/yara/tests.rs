//! The engine over folders of rules, reloads, archives.

use std::fs;
use std::path::Path;
use std::time::Duration;

use assay_model::facts::Facts;
use assay_model::verdict::Category;
use assay_rules::OnMatch;

use super::Yara;
use crate::config::{Folder, YaraConfig};
use crate::engine::{Engine as _, EngineError, Finding, Item, Sample};
use crate::suite;

fn config(path: &Path) -> YaraConfig {
    let folder = Folder { path: path.to_owned(), source: "ours".into(), verdict: OnMatch::Malicious };
    YaraConfig { builtin: false, folder: vec![folder], ..YaraConfig::default() }
}

async fn judge(engine: &Yara, bytes: impl Into<bytes::Bytes>) -> Finding {
    engine.judge(Item::File(&Sample::of(bytes), &Facts::default())).await.expect("the rules come to an end")
}

fn rule(name: &str, text: &str) -> String {
    format!("rule {name} {{ strings: $a = \"{text}\" condition: $a }}\n")
}

/// The 68 bytes that must not stand in a file of ours.
fn eicar() -> Vec<u8> {
    let (head, tail) = ("X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*");
    [head, tail].concat().into_bytes()
}

/// A ZIP archive with one stored member.
pub(super) fn zipped(name: &str, content: &[u8]) -> Vec<u8> {
    let (size, crc) = (u32::try_from(content.len()).expect("small").to_le_bytes(), crc32(content).to_le_bytes());
    let length = u16::try_from(name.len()).expect("short").to_le_bytes();
    let common = [&[0, 0, 0, 0, 0, 0, 0, 0][..], &crc, &size, &size, &length].concat();
    let mut zip = [b"PK\x03\x04\x14\0", &common[..], &[0, 0], name.as_bytes(), content].concat();
    let start = u32::try_from(zip.len()).expect("small").to_le_bytes();
    let entry = [b"PK\x01\x02\x14\0\x14\0", &common[..], &[0; 12], &[0; 4], name.as_bytes()].concat();
    let entry_size = u32::try_from(entry.len()).expect("small").to_le_bytes();
    zip.extend(entry);
    zip.extend([b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &entry_size[..], &start, &[0, 0]].concat());
    zip
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1)))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_builtin_rules_all_hold_pass_the_suite_and_find_eicar() {
    let engine = Yara::open(&YaraConfig::default()).await.expect("opened");
    let status = engine.status();
    assert_eq!(status.disabled_rules, Vec::new());
    assert!(status.holds["rules"] >= 25, "{:?}", status.holds);
    suite::run(&engine).await;
    let finding = judge(&engine, eicar()).await;
    assert_eq!((finding.category, finding.result.as_deref()), (Category::Malicious, Some("EICAR_Test_File")));
    assert_eq!(finding.yara[0].rule.author.as_deref(), Some("Assay"));
    assert!(engine.edition().await.updated.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_an_archive_are_scanned_and_say_so() {
    let engine = Yara::open(&YaraConfig::default()).await.expect("opened");
    let finding = judge(&engine, zipped("inner.zip", &zipped("eicar.com", &eicar()))).await;
    assert_eq!((finding.category, finding.result.as_deref()), (Category::Malicious, Some("EICAR_Test_File")));
    assert!(finding.yara.iter().any(|found| found.in_subfile && found.rule.rule == "EICAR_Test_File"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_found_below_the_folder_and_one_bad_rule_costs_only_itself() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("deep")).expect("made");
    fs::write(folder.path().join("deep/one.yar"), rule("one", "needle1") + "rule broken { condition: no }")
        .expect("written");
    fs::write(folder.path().join("two.YARA"), rule("two", "needle2")).expect("written");
    fs::write(folder.path().join("not.txt"), rule("three", "needle3")).expect("written");
    let engine = Yara::open(&config(folder.path())).await.expect("opened");
    let finding = judge(&engine, "needle1 needle2 needle3").await;
    let names: Vec<_> =
        finding.yara.iter().map(|found| (found.rule.ruleset.as_str(), found.rule.rule.as_str())).collect();
    assert_eq!(names, [("one", "one"), ("two", "two")]);
    assert_eq!((finding.category, finding.result.as_deref()), (Category::Malicious, Some("one")));
    assert_eq!(finding.yara[0].rule.source, "ours");
    let status = engine.status();
    assert_eq!(status.disabled_rules.len(), 1);
    assert_eq!(status.disabled_rules[0].rule.as_deref(), Some("broken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_strongest_verdict_names_the_result_and_information_is_no_verdict() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let rules = "rule a_info { meta: verdict = \"informational\" condition: true }\n\
        rule b_odd { meta: verdict = \"suspicious\" condition: filesize > 1 }\n\
        rule c_bad { meta: verdict = \"malicious\" condition: filesize > 2 }\n";
    fs::write(folder.path().join("r.yar"), rules).expect("written");
    let engine = Yara::open(&config(folder.path())).await.expect("opened");
    for (bytes, category, result) in [
        ("x", Category::Undetected, None),
        ("xx", Category::Suspicious, Some("b_odd")),
        ("xxx", Category::Malicious, Some("c_bad")),
    ] {
        let finding = judge(&engine, bytes).await;
        assert_eq!((finding.category, finding.result.as_deref()), (category, result));
        assert_eq!(finding.yara.len(), bytes.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_rules_are_taken_in_use_and_a_lost_folder_leaves_the_old_ones() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("rules");
    fs::create_dir(&path).expect("made");
    fs::write(path.join("r.yar"), rule("old", "needle")).expect("written");
    let engine = Yara::open(&config(&path)).await.expect("opened");
    assert_eq!(judge(&engine, "needle").await.result.as_deref(), Some("old"));
    fs::write(path.join("r.yar"), rule("new", "needle")).expect("written");
    engine.refresh().await;
    assert_eq!(judge(&engine, "needle").await.result.as_deref(), Some("new"));
    fs::rename(&path, folder.path().join("away")).expect("moved");
    engine.refresh().await;
    assert_eq!(judge(&engine, "needle").await.result.as_deref(), Some("new"));
    assert!(engine.status().problems[0].contains("not reloaded"), "{:?}", engine.status());
    fs::create_dir(&path).expect("made");
    engine.refresh().await;
    assert_eq!(judge(&engine, "needle").await.result, None);
    assert_eq!(engine.status().problems, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_do_not_come_to_an_end_give_up_within_the_patience() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let endless = "rule endless { condition: for all i in (0..100000000000) : ( for all j in (0..1000000000) : ( i + j >= 0 ) ) }";
    fs::write(folder.path().join("r.yar"), endless).expect("written");
    let config = YaraConfig { patience: Duration::from_secs(4), ..config(folder.path()) };
    let engine = Yara::open(&config).await.expect("opened");
    let (sample, facts) = (Sample::of("x"), Facts::default());
    let asked = tokio::time::timeout(config.patience, engine.judge(Item::File(&sample, &facts)));
    let answer = asked.await.expect("an answer within the patience");
    assert!(matches!(answer, Err(EngineError::GaveUp(_))), "{answer:?}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_the_operators_mistake() {
    let Err(error) = Yara::open(&config(Path::new("no/such/folder"))).await else { panic!("opened") };
    assert!(error.to_string().contains("no/such/folder"), "{error}");
}
