//! What cargo says about the workspace: its members and what they ask for.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::tools;

/// A crate of the workspace and what its manifest asks for.
pub(super) struct Member {
    pub(super) name: String,
    pub(super) asks: Vec<Ask>,
}

/// One line of a manifest's dependencies.
pub(super) struct Ask {
    pub(super) name: String,
    /// Only tests need it.
    pub(super) for_tests: bool,
}

/// The members of the workspace.
pub(super) fn members() -> Result<Vec<Member>> {
    let printed = tools::output(tools::cargo().args(["metadata", "--locked", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&printed).context("cargo metadata prints JSON")?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists packages")?;
    packages.iter().map(member).collect()
}

fn member(package: &Value) -> Result<Member> {
    let name = package["name"].as_str().context("a package has a name")?.to_owned();
    let asks = package["dependencies"].as_array().context("a package has dependencies")?;
    let asks = asks.iter().map(|ask| {
        let name = ask["name"].as_str().context("a dependency has a name")?.to_owned();
        Ok(Ask { name, for_tests: ask["kind"] == "dev" })
    });
    Ok(Member { name, asks: asks.collect::<Result<_>>()? })
}
