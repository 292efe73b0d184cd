//! What the crate promises, as sentences.

use std::time::Duration;

use crate::{Compiled, OnMatch, ScanError, Scanner, Source, compile};

fn source(name: &str, text: &str) -> Source {
    Source { name: name.into(), origin: "tests".into(), text: text.into(), verdict: OnMatch::Suspicious }
}

fn compiled(text: &str) -> Compiled {
    compile(&[source("one", text)])
}

fn matches(compiled: &Compiled, bytes: &[u8]) -> Vec<String> {
    let found = Scanner::new(compiled).scan(bytes, Duration::from_secs(10)).expect("the scan ends");
    found.iter().map(|info| info.rule.clone()).collect()
}

/// The names of the disabled rules, `-` where an entry names none.
fn left_out(compiled: &Compiled) -> Vec<&str> {
    compiled.disabled().iter().map(|entry| entry.rule.as_deref().unwrap_or("-")).collect()
}

#[test]
fn one_bad_rule_among_three_disables_only_itself_and_is_listed() {
    let rules = compiled(
        "rule first { condition: true }\n\
         rule second { condition: nonsense }\n\
         rule third { condition: first }\n",
    );
    assert_eq!(matches(&rules, b"x"), ["first", "third"]);
    let [bad] = rules.disabled() else { panic!("{:?}", rules.disabled()) };
    assert_eq!((bad.rule.as_deref(), bad.line, bad.ruleset.as_str()), (Some("second"), 2, "one"));
    assert!(bad.error.contains("nonsense"), "{}", bad.error);
    assert_eq!(rules.count(), 2);
}

#[test]
fn a_syntax_error_in_the_middle_of_a_file_costs_only_its_own_rule() {
    for (broken, what) in [
        ("rule bad { condition: true", "a missing brace"),
        ("rule bad { strings: $a = \"never ends\n condition: $a }", "a string without an end"),
        ("rule bad { strings: $a = { 01 0G } condition: $a }", "a wrong hex digit"),
        ("rule bad { strings: $a = { 01 02 condition: $a }", "a hex pattern without an end"),
        ("rule bad { strings: $a = /ab(c/ condition: $a }", "a wrong regular expression"),
        ("rule bad { strings: $a = /never ends\n condition: $a }", "a regular expression without an end"),
        ("rule bad { condition: ((true) }", "a missing parenthesis"),
        ("rule bad { }", "no condition"),
        ("rule bad { meta: author = condition: true }", "a meta without a value"),
        ("rule bad : { condition: true }", "a colon without tags"),
        ("rule bad { condition: 99999999999999999999 == 1 }", "a number too large"),
    ] {
        for next in ["rule after { condition: true }", "global rule after { condition: true }"] {
            let rules = compiled(&format!("rule before {{ condition: true }}\n{broken}\n{next}\n"));
            let found: Vec<_> = matches(&rules, b"x").into_iter().filter(|name| name != "bad").collect();
            assert_eq!(found.len(), 2, "{what}: {found:?} {:?}", rules.disabled());
            assert_eq!(left_out(&rules), ["bad"], "{what}: {:?}", rules.disabled());
            assert!((2..=4).contains(&rules.disabled()[0].line), "{what}: {:?}", rules.disabled());
        }
    }
}

#[test]
fn a_rule_that_needs_one_behind_a_syntax_error_still_holds() {
    let rules = compiled(
        "rule bad { condition: true\nrule base { condition: true }\nrule needs { condition: base }\nrule worse { condition: bad }",
    );
    assert_eq!(matches(&rules, b"x"), ["base", "needs"]);
    assert_eq!(left_out(&rules), ["bad", "worse"]);
}

#[test]
fn a_brace_too_many_is_listed_and_costs_no_rule() {
    let rules = compiled("rule a { condition: true } }\nrule b { condition: true }");
    assert_eq!(matches(&rules, b"x"), ["a", "b"]);
    assert_eq!(left_out(&rules), ["-"]);
}

#[test]
fn text_between_rules_is_listed_and_costs_none() {
    let rules = compiled("rule before { condition: true }\nwhat is this\nrule after { condition: true }\n");
    assert_eq!(matches(&rules, b""), ["before", "after"]);
    assert_eq!(rules.disabled().len(), 1);
}

#[test]
fn a_module_that_was_not_imported_or_is_unknown_disables_the_rules_that_use_it() {
    let rules = compiled(
        "import \"nosuch\"\n\
         import \"pe\"\n\
         rule uses_nothing { condition: true }\n\
         rule uses_pe { condition: not pe.is_pe }\n\
         rule uses_math { condition: math.abs(-1) == 1 }\n\
         rule uses_nosuch { condition: nosuch.x == 1 }\n",
    );
    assert_eq!(matches(&rules, b"x"), ["uses_nothing", "uses_pe"]);
    let mut names = left_out(&rules);
    names.sort_unstable();
    assert_eq!(names, ["-", "uses_math", "uses_nosuch"]);
}

#[test]
fn imports_of_one_file_do_not_leak_into_the_next() {
    let rules = compile(&[
        source("one", "import \"pe\" rule a { condition: not pe.is_pe }"),
        source("two", "rule b { condition: not pe.is_pe }"),
    ]);
    assert_eq!(matches(&rules, b"x"), ["a"]);
    assert_eq!(left_out(&rules), ["b"]);
}

#[test]
fn includes_are_refused_and_the_other_rules_hold() {
    let rules = compiled("include \"/etc/hostname\"\nrule a { condition: true }\n");
    assert_eq!(matches(&rules, b"x"), ["a"]);
    assert_eq!(left_out(&rules), ["-"]);
    assert_eq!(rules.disabled()[0].line, 1);
}

#[test]
fn a_global_rule_gates_only_its_own_file() {
    let rules = compile(&[
        source("gated", "global rule gate { condition: filesize > 100 } rule behind { condition: true }"),
        source("free", "rule open { condition: true }"),
    ]);
    assert_eq!(matches(&rules, b"small"), ["open"]);
    assert_eq!(matches(&rules, &[0; 200]), ["gate", "behind", "open"]);
}

#[test]
fn private_rules_do_not_show_but_work() {
    let rules = compiled("private rule hidden { condition: true } rule shown { condition: hidden }");
    assert_eq!(matches(&rules, b""), ["shown"]);
    assert_eq!(rules.count(), 2);
}

#[test]
fn two_files_of_one_name_and_rules_of_one_name_in_two_files_live_side_by_side() {
    let rules = compile(&[
        source("same", "rule a { meta: author = \"x\" condition: true }"),
        source("same", "rule a { meta: author = \"y\" condition: true } rule a { condition: true }"),
    ]);
    let found = Scanner::new(&rules).scan(b"", Duration::from_secs(1)).expect("scanned");
    assert_eq!(found.iter().filter_map(|info| info.author.as_deref()).collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(left_out(&rules), ["a"]);
}

#[test]
fn the_meta_of_a_rule_says_author_description_and_verdict() {
    let rules = compiled(
        "rule by_word : tag1 tag2 { meta: author = \"A\" description = \"D\" verdict = \"Malicious\" score = 10 condition: true }\n\
         rule by_score { meta: score = 75 condition: true }\n\
         rule by_text_score { meta: score = \"39\" condition: true }\n\
         rule by_default { meta: verdict = \"what?\" condition: true }\n",
    );
    let found = Scanner::new(&rules).scan(b"", Duration::from_secs(1)).expect("scanned");
    let verdicts: Vec<_> = found.iter().map(|info| info.verdict).collect();
    assert_eq!(verdicts, [OnMatch::Malicious, OnMatch::Malicious, OnMatch::Informational, OnMatch::Suspicious]);
    let first = &found[0];
    assert_eq!((first.author.as_deref(), first.description.as_deref()), (Some("A"), Some("D")));
    assert_eq!(first.tags, ["tag1", "tag2"]);
    assert_eq!((first.ruleset.as_str(), first.source.as_str()), ("one", "tests"));
    assert_eq!(first.ruleset_id.len(), 10);
}

#[test]
fn a_rulesets_id_depends_on_origin_and_name_alone() {
    let id = |origin: &str, name: &str, text: &str| {
        let source = Source { origin: origin.into(), ..source(name, text) };
        compile(&[source]).rules().map(|info| info.ruleset_id.clone()).next().expect("one rule")
    };
    let one = id("a", "b", "rule x { condition: true }");
    assert_eq!(one, id("a", "b", "rule y { condition: false }"));
    assert_ne!(one, id("ab", "", "rule x { condition: true }"));
}

#[test]
fn a_scan_that_takes_too_long_is_an_error_of_its_own_and_the_scanner_goes_on() {
    let rules = compiled(
        "rule endless { condition: for all i in (0..100000000000) : ( for all j in (0..1000000000) : ( i + j >= 0 ) ) }",
    );
    let mut scanner = Scanner::new(&rules);
    for _ in 0..2 {
        let error = scanner.scan(b"x", Duration::ZERO).expect_err("cannot end");
        assert!(matches!(error, ScanError::Timeout(_)), "{error:?}");
    }
}

#[test]
fn a_scanner_remembers_nothing_of_the_sample_before() {
    let rules = compiled("rule a { strings: $a = \"needle\" condition: $a }");
    let mut scanner = Scanner::new(&rules);
    for (bytes, count) in [(&b"a needle"[..], 1), (b"hay", 0), (b"needleneedle", 1), (b"", 0)] {
        assert_eq!(scanner.scan(bytes, Duration::from_secs(5)).expect("scanned").len(), count);
    }
}

#[test]
fn the_console_module_prints_nothing_and_hinders_nothing() {
    let rules = compiled("import \"console\" rule a { condition: console.log(\"said\") }");
    assert_eq!(matches(&rules, b""), ["a"]);
}

#[test]
fn no_rules_at_all_are_fine() {
    assert_eq!(matches(&compile(&[]), b"x").len(), 0);
    assert_eq!(matches(&compiled(""), b"x").len(), 0);
}

#[test]
fn text_that_is_no_rules_at_all_is_listed() {
    for text in ["\u{0}\u{1}", "{{{{", "rule", "rule rule rule", "/* never ends", "é rule é {"] {
        assert!(!compiled(text).disabled().is_empty(), "{text:?}");
    }
}

#[test]
fn thousands_of_rules_with_some_bad_ones_compile_and_each_bad_one_is_named() {
    use std::fmt::Write as _;
    let mut text = String::from("import \"pe\"\n");
    for number in 0..2_000 {
        let condition = if number % 500 == 7 { "undefined_thing" } else { "any of them and not pe.is_pe" };
        writeln!(text, "rule r{number} {{ strings: $a = \"text number {number}\" $b = {{ 0{:x} 22 33 {:04x} }} condition: {condition} and any of them }}", number % 16, number)
            .expect("a string takes all");
    }
    let rules = compiled(&text);
    assert_eq!(rules.count(), 1_996);
    assert_eq!(left_out(&rules), ["r7", "r507", "r1007", "r1507"]);
    assert_eq!(matches(&rules, b"text number 1999"), ["r1", "r19", "r199", "r1999"]);
}

#[test]
fn the_engines_version_is_the_one_that_is_built_in() {
    let wanted = format!("yara-x = {{ version = \"={}\"", crate::ENGINE_VERSION);
    assert!(include_str!("../../../Cargo.toml").contains(&wanted));
}
