//! `assay reference`: the reference documentation of this very binary, printed from its tables.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use crate::config::document;

/// What `--help` ends with.
const NOTES: &str = "  assay reference --out /tmp/assay --example /tmp/assay/config.toml";

/// Write the reference documentation and openapi.json.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(crate) struct Arguments {
    /// The folder to write to
    #[arg(long, value_name = "DIR", default_value = "docs/reference")]
    out: PathBuf,
    /// Where the example configuration goes
    #[arg(long, value_name = "FILE", default_value = "config.example.toml")]
    example: PathBuf,
}

/// Runs it.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    fs::create_dir_all(&arguments.out)?;
    let files = [
        ("openapi.json", format!("{:#}\n", assay_api::openapi::document())),
        ("endpoints.md", assay_api::reference::endpoints()),
        ("errors.md", assay_api::reference::errors()),
        ("coverage.md", assay_api::coverage::page()),
        ("config.md", document::markdown()),
    ];
    for (name, text) in files {
        let path = arguments.out.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let example = &arguments.example;
    fs::write(example, document::example()).with_context(|| format!("cannot write {}", example.display()))?;
    Ok(ExitCode::SUCCESS)
}
