//! `generate`: what is printed from the code — docs/reference and config.example.toml — written, or compared.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::tools::{self, Misunderstood};

pub(crate) const ABOUT: &str = "Prints docs/reference and config.example.toml from the code";

pub(crate) const HELP: &str = "\
Usage: cargo xtask generate [--check]

Builds the binary and lets `assay reference` write openapi.json, endpoints.md, errors.md and config.md to docs/reference,
and config.example.toml to the root. None of them is edited by hand.

  --check   changes nothing; fails and names each file that is not what the code says";

/// Where the generated reference lies, from the root.
const REFERENCE: &str = "docs/reference";
/// The one generated file that lies in the root, where people look for it.
const EXAMPLE: &str = "config.example.toml";

/// Writes the files, or compares them.
pub(crate) fn run(options: &[String]) -> Result<()> {
    match options {
        [] => write(),
        [option] if option == "--check" => check(),
        _ => Err(Misunderstood(format!("generate does not know {options:?}")).into()),
    }
}

fn write() -> Result<()> {
    let printed = print()?;
    let folder = tools::root().join(REFERENCE);
    fs::create_dir_all(&folder)?;
    for (name, text) in &printed {
        let path = place(name);
        if fs::read(&path).ok().as_ref() != Some(text) {
            fs::write(&path, text).with_context(|| format!("cannot write {}", shown(name)))?;
            println!("generate: wrote {}", shown(name));
        }
    }
    for left in left_over(&printed)? {
        fs::remove_file(folder.join(&left))?;
        println!("generate: removed {REFERENCE}/{left}, which nothing prints");
    }
    Ok(())
}

fn check() -> Result<()> {
    let printed = print()?;
    let mut differing: Vec<String> = Vec::new();
    for (name, text) in &printed {
        match fs::read(place(name)) {
            Ok(kept) if kept == *text => {}
            Ok(kept) => differing.push(format!("{} differs from line {}", shown(name), first_difference(&kept, text))),
            Err(_) => differing.push(format!("{} is missing", shown(name))),
        }
    }
    differing.extend(left_over(&printed)?.into_iter().map(|name| format!("{REFERENCE}/{name} is printed by nothing")));
    if !differing.is_empty() {
        bail!("not current, run `cargo xtask generate`:\n  {}", differing.join("\n  "));
    }
    println!("generate: all is current");
    Ok(())
}

/// Every printed file by name and text.
fn print() -> Result<Vec<(String, Vec<u8>)>> {
    let assay = crate::test::build_binary()?;
    let folder = tools::target().join("reference");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let mut reference = tools::program(assay);
    reference.args(["reference", "--out"]).arg(&folder).arg("--example").arg(folder.join(EXAMPLE));
    tools::step("reference", &mut reference)?;
    let mut printed = Vec::new();
    for name in names(&folder)? {
        let text = fs::read(folder.join(&name))?;
        printed.push((name, text));
    }
    if printed.is_empty() {
        bail!("`assay reference` printed nothing");
    }
    Ok(printed)
}

/// Files of docs/reference that no run prints.
fn left_over(printed: &[(String, Vec<u8>)]) -> Result<Vec<String>> {
    let folder = tools::root().join(REFERENCE);
    let kept = if folder.exists() { names(&folder)? } else { BTreeSet::new() };
    Ok(kept.into_iter().filter(|name| !printed.iter().any(|(other, _)| other == name && other != EXAMPLE)).collect())
}

fn names(folder: &Path) -> Result<BTreeSet<String>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    entries.collect()
}

fn place(name: &str) -> PathBuf {
    if name == EXAMPLE { tools::root().join(name) } else { tools::root().join(REFERENCE).join(name) }
}

fn shown(name: &str) -> String {
    if name == EXAMPLE { name.to_owned() } else { format!("{REFERENCE}/{name}") }
}

fn first_difference(kept: &[u8], printed: &[u8]) -> usize {
    let (kept, printed) = (kept.split(|byte| *byte == b'\n'), printed.split(|byte| *byte == b'\n'));
    1 + kept.zip(printed).take_while(|(ours, theirs)| ours == theirs).count()
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(first_difference(b"a\nb\nc", b"a\nx\nc"), 2);
        assert_eq!(first_difference(b"a\n", b"a\nb\n"), 2);
    }
}
