//! Each format in the writings that people use: what is replaced, what is kept to the byte, what is refused.

use assay_rewrite::{Error, Format, Place, read, replace};

const OLD: &str = "KEY-BEFORE";
const NEW: &str = "KEY-AFTER";

/// Replaces and asks that it be the same as replacing the text by hand; and that going back gives the very same bytes.
fn changes(format: Format, path: &str, document: &str) {
    let place = Place::new(format, path).expect(path);
    let held = read(document.as_bytes(), &place).unwrap_or_else(|error| panic!("{path} in {document}: {error}"));
    assert_eq!(*held.value, OLD, "{document}");
    let after = replace(document.as_bytes(), &place, NEW).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(String::from_utf8_lossy(&after), document.replace(OLD, NEW));
    assert_eq!(*replace(&after, &place, NEW).expect("again"), *after, "the second time changes nothing");
    assert_eq!(*replace(&after, &place, OLD).expect("back"), document.as_bytes());
}

fn refused(format: Format, path: &str, document: &str) -> Error {
    let place = Place::new(format, path).expect(path);
    let error = replace(document.as_bytes(), &place, NEW).expect_err(document);
    assert!(!error.to_string().contains(OLD), "{error}");
    error
}

#[test]
fn lines_of_shells_systemd_docker_and_dotenv() {
    for document in [
        "VT_KEY=KEY-BEFORE",
        "# VT_KEY=no\nA=1\nVT_KEY=KEY-BEFORE\nB=2\n",
        "export VT_KEY=\"KEY-BEFORE\" # the key\r\nB=2\r\n",
        "VT_KEY = 'KEY-BEFORE'\n",
        "PEM=\"-----BEGIN\nVT_KEY=other\n-----END\"\nVT_KEY=KEY-BEFORE # now\n",
        "\u{feff}VT_KEY=KEY-BEFORE\nVT_KEY=KEY-BEFORE\nno assignment\n",
        "if true; then\n  VT_KEY=KEY-BEFORE\nfi\nX='not closed\n",
    ] {
        changes(Format::Env, "VT_KEY", document);
    }
    assert_eq!(refused(Format::Env, "VT_KEY", "VT_KEYS=KEY-BEFORE\n"), Error::Missing("VT_KEY".to_owned()));
    assert!(matches!(refused(Format::Env, "K", "K=KEY-BEFORE\nK=other\n"), Error::Ambiguous(_)));
    let empty = replace(b"K=\nL=\"\"\n", &Place::new(Format::Env, "K").expect("a path"), NEW).expect("replaced");
    assert_eq!(*empty, b"K=KEY-AFTER\nL=\"\"\n");
}

#[test]
fn toml_in_all_its_quotation_marks() {
    for (path, document) in [
        ("apikey", "# vt-cli\napikey=\"KEY-BEFORE\"\nproxy = \"\"\n"),
        ("a.\"b.c\".key", "[a.\"b.c\"] # here\nn = 1\nkey   =   'KEY-BEFORE' # kept\n"),
        ("a.key", "a = { key = \"KEY-BEFORE\", d = 1979-05-27 }"),
        ("srv[name=vt].key", "[[srv]]\nname = \"x\"\nkey = \"no\"\n[[srv]]\nname = \"vt\"\nkey = \"KEY-BEFORE\"\n"),
        ("ä.key", "\"ö\" = \"ü\"\n[\"ä\"]\nkey = \"\"\"KEY-BEFORE\"\"\"\n"),
    ] {
        changes(Format::Toml, path, document);
    }
    assert!(matches!(refused(Format::Toml, "a", "a = 1\n"), Error::NotText(_)));
    assert!(matches!(refused(Format::Toml, "a", "a = KEY-BEFORE\n"), Error::Form { line: 1, .. }));
    assert!(matches!(refused(Format::Toml, "a", "a = \"KEY\\u002dBEFORE\"\n"), Error::Writing(_)));
}

#[test]
fn yaml_in_blocks_flows_and_streams() {
    for (path, document) in [
        ("vt.key", "# top\nvt:\n  key: KEY-BEFORE   # kept\n  on: yes\n"),
        ("vt.key", "vt: {key: 'KEY-BEFORE', other: [1, 2]}\n"),
        ("vt.key", "---\na: ä\n---\nvt:\n    key: \"KEY-BEFORE\"\n...\n"),
        (
            "services.scan.environment.VT_KEY",
            "services:\n  scan:\n    environment:\n      - ID=1\n      - VT_KEY=KEY-BEFORE\n",
        ),
        ("services.scan.environment.VT_KEY", "services:\n  scan:\n    environment:\n      VT_KEY: KEY-BEFORE\n"),
        ("services.scan.environment.VT_KEY", "services: {scan: {environment: [\"VT_KEY=KEY-BEFORE\"]}}\n"),
        ("l[1].key", "l:\n- key: no\n- key: KEY-BEFORE\n"),
        ("l[name=vt].key", "l:\n- name: vt\n  key: &k KEY-BEFORE\n- {name: x, key: no}\n"),
        ("vt.key", "vt:\r\n  key: |\r\n    KEY-BEFORE\r\n  b: 1\r\n"),
        ("vt.key", "üü: ää\nvt:\n  key: KEY-BEFORE\nz: ß\n"),
        ("vt.key", "\u{feff}vt:\n  key: KEY-BEFORE\n"),
    ] {
        changes(Format::Yaml, path, document);
    }
    assert!(matches!(refused(Format::Yaml, "k", "a: &x KEY-BEFORE\nk: *x\n"), Error::NotText(_)));
    assert!(matches!(refused(Format::Yaml, "k", "k:\n"), Error::NotText(_)));
    assert!(matches!(refused(Format::Yaml, "k", "k: [KEY-BEFORE\n"), Error::Form { .. }));
    assert!(matches!(refused(Format::Yaml, "k", "k: \"KEY-\\\n  BEFORE\"\n"), Error::Writing(_)));
}

#[test]
fn a_key_that_yaml_would_take_for_a_number_gets_quotation_marks() {
    let place = Place::new(Format::Yaml, "k").expect("a path");
    for (key, written) in
        [("12345e6789", "\"12345e6789\""), ("1234567890", "\"1234567890\""), ("12ab", "12ab"), ("0x12", "\"0x12\"")]
    {
        let after = replace(b"k: KEY-BEFORE # c\n", &place, key).expect("replaced");
        assert_eq!(String::from_utf8_lossy(&after), format!("k: {written} # c\n"));
        assert_eq!(*read(&after, &place).expect("read").value, key);
    }
}

#[test]
fn json_with_and_without_comments() {
    for (path, document) in [
        ("a.key", "{\"a\":{\"key\":\"KEY-BEFORE\"},\"b\":[1,2.5e3,true,null]}"),
        (
            "a[0].key",
            "{\n\t\"a\": [ { \"key\" : \"KEY-BEFORE\" } ], // kept\n\t/* and this */ \"z\": \"\\u00e4\\\"\"\n}\n",
        ),
        ("[1].key", "[{\"key\":\"no\"},{\"key\":\"KEY-BEFORE\"},]"),
        ("Env.VT_KEY", "{\"Env\": [\"A=b\", \"VT_KEY=KEY-BEFORE\"]}"),
    ] {
        changes(Format::Json, path, document);
    }
    for document in [
        "{\"k\" \"KEY-BEFORE\"}",
        "{\"k\": KEY-BEFORE}",
        "{k: \"KEY-BEFORE\"}",
        "{\"k\": \"KEY-BEFORE\"} x",
        "{\"k\": \"KEY-BEFORE",
        "",
    ] {
        assert!(matches!(refused(Format::Json, "k", document), Error::Form { .. }), "{document}");
    }
    assert!(matches!(refused(Format::Json, "k", "{\"k\": 12}"), Error::NotText(_)));
    assert!(matches!(refused(Format::Json, "k", &"[".repeat(100_000)), Error::Limits));
}

#[test]
fn hocon_as_it_is_written_by_hand() {
    for (path, document) in [
        (
            "analyzer.config.VirusTotal.key",
            "analyzer {\n  # here\n  config {\n    VirusTotal {\n      key = \"KEY-BEFORE\"\n    }\n  }\n}\n",
        ),
        (
            "analyzer.config.VirusTotal.key",
            "include \"other\"\nanalyzer.config.VirusTotal { key=KEY-BEFORE, n: 3 } // c\n",
        ),
        ("a.key", "play.secret = ${?SECRET}\nurls = [\"https://x\", ${y}\n 3]\na.key : KEY-BEFORE # c\n"),
        ("a.key", "a = {\n  key += \"KEY-BEFORE\"\n  t = \"\"\"multi\n line\"\"\"\n}\n"),
        ("\"a.b\".key", "\"a.b\" { key = \"KEY-BEFORE\" }\n"),
    ] {
        changes(Format::Hocon, path, document);
    }
    assert!(matches!(refused(Format::Hocon, "a", "a = ${KEY}KEY-BEFORE\n"), Error::NotText(_)));
}

#[test]
fn ini_with_sections_comments_and_indents() {
    for (path, document) in [
        ("virustotal.key", "; top\n[virustotal]\nkey = KEY-BEFORE ; kept\n[other]\nkey = no\n"),
        ("virustotal.key", "[virustotal]\r\n\tkey: KEY-BEFORE\r\n"),
        ("\"a.b\".key", "[a.b]\nkey=\"KEY-BEFORE\"\n"),
        ("key", "key=KEY-BEFORE\n[x]\nkey=no\n"),
    ] {
        changes(Format::Ini, path, document);
    }
    assert!(matches!(refused(Format::Ini, "a.b", "[a]\nc = KEY-BEFORE\n"), Error::Missing(_)));
}

#[test]
fn xml_with_several_roots_attributes_and_sections() {
    let wazuh = "<!-- top -->\n<ossec_config>\n  <integration>\n    <name>slack</name><api_key>no</api_key>\n  </integration>\n</ossec_config>\n\n\
                 <ossec_config>\n  <integration>\n    <name>virustotal</name>\n    <api_key>KEY-BEFORE</api_key> <!-- c -->\n  </integration>\n</ossec_config>\n";
    for (path, document) in [
        ("ossec_config/integration[name=virustotal]/api_key", wazuh),
        ("a/b/@key", "<?xml version=\"1.0\"?>\n<a><b  key = 'KEY-BEFORE' x=\"&lt;\"/></a>"),
        ("a/key", "<a><key>\n   KEY-BEFORE\n</key><empty/>&amp; text</a>"),
        ("a/key", "<!DOCTYPE a [<!ENTITY x \"y\">]><a>ä<key><![CDATA[KEY-BEFORE]]></key></a>"),
    ] {
        changes(Format::Xml, path, document);
    }
    let empty = replace(b"<a><k></k></a>", &Place::new(Format::Xml, "a/k").expect("a path"), NEW).expect("replaced");
    assert_eq!(*empty, b"<a><k>KEY-AFTER</k></a>");
    assert!(matches!(refused(Format::Xml, "a/k", "<a><k>KEY&x;BEFORE</k></a>"), Error::NotText(_)));
    assert!(matches!(refused(Format::Xml, "a/k", "<a><k>KEY-BEFORE</a>"), Error::Form { .. }));
    assert!(matches!(refused(Format::Xml, "a/k", "<a><k>KEY-BEFORE</k>"), Error::Form { .. }));
}

#[test]
fn secrets_of_kubernetes_in_base64_and_in_the_clear() {
    let encode = |text: &str| base64(text);
    let manifest = |key: &str, line: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\ndata:\n  key: no\n---\nkind: Secret\nmetadata:\n  name: vt # c\n\
                 data:\n  key: {}\n  other: AAAA\nstringData:\n  key: {key}\n---\nkind: Secret\nmetadata: {{name: line}}\ndata: {{key: {}}}\n",
            encode(key),
            encode(line)
        )
    };
    let before = manifest(OLD, "KEY-BEFORE\n");
    let place = Place::new(Format::Kubernetes, "vt/key").expect("a path");
    assert_eq!(*read(before.as_bytes(), &place).expect("read").value, OLD);
    let after = replace(before.as_bytes(), &place, NEW).expect("replaced");
    assert_eq!(String::from_utf8_lossy(&after), manifest(NEW, "KEY-BEFORE\n"));
    let all = Place::new(Format::Kubernetes, "key").expect("a path");
    let after = replace(before.as_bytes(), &all, NEW).expect("replaced");
    assert_eq!(String::from_utf8_lossy(&after), manifest(NEW, "KEY-AFTER\n"));
    let list =
        format!("kind: List\nitems:\n- kind: Secret\n  metadata: {{name: vt}}\n  data: {{key: {}}}\n", encode(OLD));
    assert_eq!(*read(list.as_bytes(), &place).expect("read").value, OLD);
}

fn base64(text: &str) -> String {
    use std::fmt::Write as _;
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize] as char;
            let _ = write!(out, "{}", if place > chunk.len() { '=' } else { digit });
        }
    }
    out
}

#[test]
fn a_file_that_is_the_key_keeps_its_line_end() {
    for document in ["KEY-BEFORE", "KEY-BEFORE\n", " KEY-BEFORE\r\n"] {
        changes(Format::Whole, "", document);
    }
    assert!(matches!(refused(Format::Env, "a", &"x".repeat(5 << 20)), Error::Size));
    let place = Place::new(Format::Whole, "").expect("a path");
    assert_eq!(replace(b"\xff", &place, NEW).expect_err("bytes"), Error::Encoding);
    assert_eq!(replace(b"KEY", &place, "a b").expect_err("a blank"), Error::Value);
}

#[test]
fn a_spot_tells_the_line_and_nothing_of_the_neighbours() {
    let place = Place::new(Format::Json, "k").expect("a path");
    let held = read(b"{\n\"password\": \"s3cret\", \"k\": \"KEY-BEFORE\"}", &place).expect("read");
    assert_eq!((held.spots[0].line, held.spots[0].before.as_str()), (2, "\"k\": \""));
}
