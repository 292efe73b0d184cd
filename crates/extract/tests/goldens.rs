//! Golden pairs: every `testdata/<case>.in` must be identified as `testdata/<case>.out` says. To accept a
//! change, put the printed text into the `.out` file. The samples are harmless and made by hand.

use std::fs;
use std::path::Path;

use assay_extract::{Identifier, Options};

#[test]
fn every_sample_is_identified_as_its_golden_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let identifier = Identifier::new(Options::default());
    let mut cases = 0;
    let mut different = Vec::new();
    for entry in fs::read_dir(&folder).expect("testdata is there") {
        let path = entry.expect("testdata can be listed").path();
        if path.extension().is_none_or(|extension| extension != "in") {
            continue;
        }
        cases += 1;
        let bytes = fs::read(&path).expect("a sample can be read");
        let facts = identifier.identify(&bytes, &[]);
        let found = serde_json::to_string_pretty(&facts).expect("facts are plain data") + "\n";
        let expected = fs::read_to_string(path.with_extension("out")).unwrap_or_default();
        if found != expected {
            different.push(format!("--- {} ---\n{found}", path.with_extension("out").display()));
        }
    }
    assert!(cases > 10, "{cases} samples only");
    assert!(different.is_empty(), "{}", different.join("\n"));
}
