//! `assay reference`: the reference documentation of this very binary, printed from its tables.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;

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
        ("openapi.json", format!("{}\n", laid_out(&assay_api::openapi::document(), 0))),
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

/// JSON with a line for each member of the outer levels, as deep as an operation of a path lies: a change shows as the
/// operation that it is of, and the document stays a third of what it is with a line for everything.
fn laid_out(value: &Value, depth: usize) -> String {
    const OUTER: usize = 3;
    match value {
        Value::Object(members) if depth < OUTER && !members.is_empty() => {
            let margin = "  ".repeat(depth);
            let line = |(name, member): (&String, &Value)| {
                format!("{margin}  {}: {}", Value::from(name.as_str()), laid_out(member, depth + 1))
            };
            format!("{{\n{}\n{margin}}}", members.iter().map(line).collect::<Vec<_>>().join(",\n"))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outer_levels_have_lines_and_inner_ones_none() {
        let document = serde_json::json!({"paths": {"/x": {"get": {"tags": []}}}, "tags": [], "info": {}});
        let text = laid_out(&document, 0);
        assert!(text.contains("\n    \"/x\": {\n      \"get\": {\"tags\":[]}\n    }\n"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
    }
}
