//! Packs the built-in rules into one compressed file. They are not embedded as text because a scanner, ours included,
//! would find in this very program what the rules look for.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

#[expect(clippy::disallowed_methods, reason = "a build script is told by its environment")]
fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=rules");
    let mut pack = BTreeMap::new();
    for entry in fs::read_dir("rules")? {
        let path = entry?.path();
        if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
            pack.insert(name.to_owned(), fs::read_to_string(&path)?);
        }
    }
    let folder = std::env::var_os("OUT_DIR").ok_or_else(|| std::io::Error::other("cargo sets OUT_DIR"))?;
    let file = File::create(Path::new(&folder).join("pack.json.gz"))?;
    let mut packed = GzEncoder::new(file, Compression::best());
    serde_json::to_writer(&mut packed, &pack)?;
    packed.finish().map(drop)
}
