//! What decides a type: magic bytes before opening words, these before the model, the model before names.

use assay_extract::{Identifier, Magika, Options};

fn identifier(magika: Magika) -> Identifier {
    Identifier::new(Options { magika })
}

#[test]
fn the_eicar_test_file_is_called_so() {
    // In two halves: the whole must not stand in any file of the project.
    let test_file = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}", "$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat();
    let facts = identifier(Magika::Never).identify(test_file.as_bytes(), &[]);
    assert_eq!((facts.magic.as_str(), facts.type_tag.as_str()), ("EICAR virus test files", "text"));
}

#[test]
fn a_name_tells_the_kind_of_a_text_only() {
    let names = ["a.ps1".to_owned()];
    let tag = |bytes: &[u8]| identifier(Magika::Never).identify(bytes, &names).type_tag;
    assert_eq!(tag(b"some words\n"), "powershell");
    assert_eq!(tag(b"#!/bin/sh\n"), "shell");
    assert_eq!(tag(b"\x01\x02\x03\x04"), "unknown");
}

#[test]
fn the_model_is_asked_where_the_options_say() {
    let png = include_bytes!("../testdata/png.in");
    let python = include_bytes!("../testdata/python.in");
    let asked = |magika| [png.as_slice(), python].map(|bytes| identifier(magika).identify(bytes, &[]).magika.is_some());
    assert_eq!(asked(Magika::Never), [false, false]);
    assert_eq!(asked(Magika::Undecided), [false, true]);
    assert!(asked(Magika::Always)[1]);
}

#[test]
fn the_same_bytes_give_the_same_facts() {
    let exe = include_bytes!("../testdata/exe.in");
    let identifier = identifier(Magika::default());
    assert_eq!(identifier.identify(exe, &[]), identifier.identify(exe, &["a.dll".to_owned()]));
}
