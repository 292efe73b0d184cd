//! The Python environment of the real clients: target/compat-venv, built from the pinned requirements.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::tools;

/// Answers the environment's own `python`, after building it where it is missing, broken or out of date.
pub(crate) fn environment() -> Result<PathBuf> {
    let wanted = tools::root().join("tests").join("compat").join("requirements.txt");
    let wanted_text = fs::read(&wanted).with_context(|| format!("cannot read {}", wanted.display()))?;
    let folder = tools::target().join("compat-venv");
    let python = folder.join("bin").join("python");
    // Written last, so that a run that was stopped half way builds it again.
    let stamp = folder.join("built-from.txt");
    let current = fs::read(&stamp).is_ok_and(|built| built == wanted_text);
    if current && tools::answers(tools::program(&python).args(["-c", "import pytest, requests, schemathesis, vt"])) {
        return Ok(python);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    tools::step("environment", tools::program("python3").args(["-m", "venv"]).arg(&folder))?;
    let mut install = tools::program(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&wanted);
    tools::step("clients", &mut install)?;
    fs::write(stamp, wanted_text)?;
    Ok(python)
}
