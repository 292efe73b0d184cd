//! What holds for any input: no bytes make it panic, and where it replaces, only the value changes and can be put back.

use assay_rewrite::{Format, Place, read, replace};
use proptest::prelude::*;

const FORMATS: [(Format, &str); 9] = [
    (Format::Env, "VT_KEY"),
    (Format::Toml, "a.key"),
    (Format::Yaml, "a.key"),
    (Format::Json, "a.key"),
    (Format::Hocon, "a.key"),
    (Format::Ini, "a.key"),
    (Format::Xml, "a/key"),
    (Format::Kubernetes, "a/key"),
    (Format::Whole, ""),
];

fn format() -> impl Strategy<Value = (Format, &'static str)> {
    proptest::sample::select(FORMATS.as_slice())
}

/// Pieces that the formats are made of, put together at random.
fn soup() -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        "key",
        "VT_KEY",
        "=",
        ":",
        " ",
        "\n",
        "\r\n",
        "  ",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "<a>",
        "</a>",
        "<key>",
        "</key>",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "#",
        ";",
        "//",
        "/*",
        "*/",
        "- ",
        "---\n",
        "kind: Secret\n",
        "data:\n",
        "${",
        "|",
        ">",
        "&x ",
        "*x",
        "!!int ",
        "\\",
        ",",
        ".",
        "é",
        "\u{feff}",
        "\t",
        "12",
        "null",
        "&amp;",
        "\"\"\"",
        "export ",
        "KEYKEY",
        "\0",
        "?",
        "%YAML 1.2\n",
    ];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic((format, path) in format(), bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let place = Place::new(format, path).expect("a path");
        let _ = replace(&bytes, &place, "NEWVALUE");
    }

    #[test]
    fn what_looks_like_a_document_is_changed_in_one_place_and_back((format, path) in format(), document in soup(), new in "[0-9a-f]{8,64}") {
        let place = Place::new(format, path).expect("a path");
        let before = read(document.as_bytes(), &place);
        if let Ok(after) = replace(document.as_bytes(), &place, &new) {
            let before = before.expect("what can be replaced can be read");
            prop_assert_eq!(&*read(&after, &place).expect("read").value, &new);
            prop_assert_eq!(&*replace(&after, &place, &new).expect("again"), &*after);
            let fits = !before.value.is_empty() && before.value.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if fits && let Ok(back) = replace(&after, &place, &before.value) {
                prop_assert_eq!(&*read(&back, &place).expect("read").value, &*before.value);
            }
        }
    }

    #[test]
    fn any_text_is_a_path_or_none(text in any::<String>(), (format, _) in format()) {
        let _ = Place::new(format, &text);
    }

    #[test]
    fn a_key_in_a_document_of_any_neighbours_is_replaced_and_put_back_to_the_byte(
        names in proptest::collection::vec("[a-z]{1,8}", 0..6),
        values in proptest::collection::vec("[ -!#-&(-;=?-\\[\\]-~]{0,20}", 6),
        old in "[0-9a-f]{64}",
        new in "[0-9a-f]{64}",
    ) {
        use std::fmt::Write as _;
        let (mut env, mut toml, mut xml) = (String::new(), "[a]\n".to_owned(), "<a>\n".to_owned());
        let mut json = "{\"a\": {".to_owned();
        for (number, (name, value)) in names.iter().zip(&values).enumerate() {
            let value = value.replace('\\', "/").replace('$', "S");
            let _ = writeln!(env, "{name}_{number}=\"{value}\"");
            let _ = writeln!(toml, "{name}_{number} = '{value}' # {value}");
            let _ = writeln!(xml, " <{name}>{}</{name}>", value.replace(['<', '&', '>'], "."));
            let _ = writeln!(json, "\"{name}_{number}\": \"{value}\",");
        }
        let _ = writeln!(env, "VT_KEY={old}");
        let _ = writeln!(toml, "key = \"{old}\"");
        let _ = writeln!(xml, " <key>{old}</key>\n</a>");
        let _ = write!(json, "\"key\": \"{old}\"}}}}");
        for (format, path, document) in [
            (Format::Env, "VT_KEY", &env), (Format::Toml, "a.key", &toml), (Format::Xml, "a/key", &xml),
            (Format::Json, "a.key", &json), (Format::Hocon, "a.key", &json), (Format::Yaml, "a.key", &json),
        ] {
            let place = Place::new(format, path).expect("a path");
            let after = replace(document.as_bytes(), &place, &new).map_err(|error| TestCaseError::fail(format!("{format}: {error}\n{document}")))?;
            prop_assert_eq!(String::from_utf8_lossy(&after), document.replace(&old, &new));
            let back = replace(&after, &place, &old).expect("back");
            prop_assert_eq!(&*back, document.as_bytes());
        }
    }
}
