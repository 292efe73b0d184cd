//! The engine over lists in a temporary folder.

use std::fs;

use assay_model::facts::Facts;
use assay_model::verdict::Category;
use assay_model::{Digests, Md5, Sha1, Sha256};

use super::{Hashlist, find};
use crate::config::HashlistConfig;
use crate::engine::{Engine as _, Finding, Item, Sample};
use crate::lists::Lists;
use crate::suite;

async fn open(lists: &Lists, bad: &[&str], good: &[&str]) -> Hashlist {
    let paths = |names: &[&str]| names.iter().map(|name| lists.path(name)).collect();
    let config = HashlistConfig { bad: paths(bad), good: paths(good) };
    Hashlist::open(&config, &lists.path("cache")).await.expect("the lists are read")
}

async fn judge(engine: &Hashlist, text: &str) -> Finding {
    let sample = Sample::of(text.to_owned());
    engine.judge(Item::File(&sample, &Facts::default())).await.expect("a hash list always answers")
}

fn of(text: &str) -> Digests {
    Digests::of(text.as_bytes())
}

#[tokio::test]
async fn it_passes_the_suite_and_knows_the_bad_by_any_hash_and_the_good() {
    let bad = format!(
        "sha256,name\n# a comment\n{}\n{},\"Trojan, named\"\n{}\n",
        of("by md5").md5,
        of("by sha1").sha1,
        of("by sha256").sha256
    );
    let good = format!("{}\n{}\n", of("good").md5, of("by md5").sha256);
    let lists = Lists::new(&[("bad.csv", &bad), ("fine.txt", &good)]);
    let engine = open(&lists, &["bad.csv"], &["fine.txt"]).await;
    suite::run(&engine).await;
    for (text, category, result) in [
        ("by md5", Category::Malicious, Some("Hashlist.bad")),
        ("by sha1", Category::Malicious, Some("Trojan, named")),
        ("by sha256", Category::Malicious, Some("Hashlist.bad")),
        ("good", Category::Harmless, None),
        ("unknown", Category::Undetected, None),
    ] {
        let finding = judge(&engine, text).await;
        assert_eq!((finding.category, finding.result.as_deref()), (category, result), "{text}");
    }
    assert_eq!(engine.status().holds, [("known-bad hashes".to_owned(), 3), ("known-good hashes".to_owned(), 2)].into());
    assert_eq!(engine.status().problems, Vec::<String>::new());
}

#[tokio::test]
async fn bad_lines_are_counted_and_the_first_twenty_are_shown() {
    let text = format!("{}\n{}{}", "not a hash\n".repeat(30), "y".repeat(200_000), format_args!("\n{}\n", of("x").md5));
    let lists = Lists::new(&[("l.txt", &text)]);
    let engine = open(&lists, &["l.txt"], &[]).await;
    assert_eq!(judge(&engine, "x").await.category, Category::Malicious);
    let problems = engine.status().problems;
    assert_eq!(problems.len(), 21, "{problems:?}");
    assert!(problems[0].ends_with("l.txt: 31 lines are no hash"), "{}", problems[0]);
    assert!(problems[1].ends_with("line 1: not a hash"), "{}", problems[1]);
}

#[tokio::test]
async fn a_changed_list_is_taken_in_use_and_a_lost_one_stays_as_it_was() {
    let lists = Lists::new(&[("l.txt", &of("old").md5.to_string())]);
    let engine = open(&lists, &["l.txt"], &[]).await;
    lists.write("l.txt", &format!("{}\n{}", of("new").sha256, of("newer").md5));
    engine.refresh().await;
    assert_eq!(judge(&engine, "old").await.category, Category::Undetected);
    assert_eq!(judge(&engine, "new").await.category, Category::Malicious);
    fs::remove_file(lists.path("l.txt")).expect("it is there");
    engine.refresh().await;
    assert_eq!(judge(&engine, "new").await.category, Category::Malicious);
    assert!(engine.status().problems[0].contains("was not reloaded"), "{:?}", engine.status());
    lists.write("l.txt", "");
    engine.refresh().await;
    assert_eq!(judge(&engine, "new").await.category, Category::Undetected);
    assert_eq!(engine.status().problems, Vec::<String>::new());
}

#[tokio::test]
async fn a_ready_index_is_used_again_a_damaged_one_is_made_anew_and_an_old_one_is_swept() {
    let lists = Lists::new(&[("a.txt", &of("a").md5.to_string()), ("b.txt", &of("b").md5.to_string())]);
    drop(open(&lists, &["a.txt", "b.txt"], &[]).await);
    let indexes = || {
        fs::read_dir(lists.path("cache"))
            .expect("it is there")
            .map(|entry| entry.expect("readable").path())
            .collect::<Vec<_>>()
    };
    assert_eq!(indexes().len(), 2);
    drop(open(&lists, &["a.txt"], &[]).await);
    let [index] = &indexes()[..] else { panic!("{:?}", indexes()) };
    let made = fs::metadata(index).expect("it is there").modified().expect("it has a date");
    drop(open(&lists, &["a.txt"], &[]).await);
    assert_eq!(fs::metadata(index).expect("it is there").modified().expect("it has a date"), made);
    let whole = fs::read(index).expect("readable");
    for damaged in [
        &whole[..whole.len() - 1],
        &whole[..50],
        b"",
        b"garbage that is longer than the header of an index, which has ninety-six bytes, as one can see here",
    ] {
        fs::write(index, damaged).expect("written");
        let engine = open(&lists, &["a.txt"], &[]).await;
        assert_eq!(judge(&engine, "a").await.category, Category::Malicious);
    }
}

#[tokio::test]
async fn every_entry_of_a_list_is_found_and_nothing_between_them() {
    let lines = (0..5000).map(|number| format!("{},n{number}", of(&number.to_string()).sha1));
    // Entries that begin alike, as no real hashes do, must not confuse the search.
    let alike = (0..3000).map(|number| format!("00000000000000000000000000000000000000000000000000000000{number:08x}"));
    let text = lines.chain(alike).collect::<Vec<_>>().join("\n");
    let lists = Lists::new(&[("l.txt", &text)]);
    let engine = open(&lists, &["l.txt"], &[]).await;
    for number in 0..5000 {
        let finding = judge(&engine, &number.to_string()).await;
        assert_eq!(finding.result, Some(format!("n{number}")));
    }
    assert_eq!(judge(&engine, "5000").await.category, Category::Undetected);
    let index = &engine.lists()[0].index;
    for number in [0_u16, 1, 1500, 2999, 3000, u16::MAX] {
        let mut hash = [0; 32];
        hash[30..].copy_from_slice(&number.to_be_bytes());
        let digests = Digests { md5: Md5::new([0; 16]), sha1: Sha1::new([0; 20]), sha256: Sha256::new(hash), size: 0 };
        assert_eq!(find(index, &digests).is_some(), number < 3000, "{number}");
    }
}

#[tokio::test]
async fn of_two_lines_with_one_hash_the_one_with_a_name_counts() {
    let hash = of("x").sha256;
    let lists = Lists::new(&[("l.txt", &format!("{hash}\n{hash},named\n{hash}\n"))]);
    let engine = open(&lists, &["l.txt"], &[]).await;
    assert_eq!(judge(&engine, "x").await.result.as_deref(), Some("named"));
    assert_eq!(engine.status().holds["known-bad hashes"], 1);
}

#[tokio::test]
async fn a_list_that_is_not_there_is_the_operators_mistake() {
    let lists = Lists::new(&[]);
    let config = HashlistConfig { bad: vec![lists.path("none")], good: Vec::new() };
    let Err(error) = Hashlist::open(&config, &lists.path("")).await else { panic!("opened") };
    assert!(error.to_string().contains("none"), "{error}");
}
