//! What the tests need from the machine, and how it is got: Debian's packages where root may install them.

use std::path::Path;

use anyhow::{Result, bail};

use crate::tools;

/// Something that must be on the machine.
pub(crate) struct Need {
    /// Short name, for messages and for those who ask whether it is missing.
    pub(crate) name: &'static str,
    /// Debian's package.
    package: &'static str,
    /// Which tests it is for.
    reason: &'static str,
    parts: &'static [&'static str],
    there: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need {
        name: "clamd",
        package: "clamav-daemon",
        reason: "the clamd engine is tested against a real daemon",
        parts: &["unit"],
        there: || {
            ["/usr/sbin/clamd", "/usr/local/sbin/clamd", "/usr/bin/clamd"].iter().any(|path| Path::new(path).exists())
        },
    },
    Need {
        name: "postgres",
        package: "postgresql",
        reason: "the shared store is tested against a real server",
        parts: &["unit", "compat", "kill"],
        there: || {
            let on_path = std::env::var_os("PATH").unwrap_or_default();
            let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
            let folders = std::env::split_paths(&on_path).chain(versions.map(|version| version.path().join("bin")));
            folders.into_iter().any(|folder| folder.join("initdb").exists())
        },
    },
    Need {
        name: "ip",
        package: "iproute2",
        reason: "what a server may call is tested in network namespaces",
        parts: &["compat"],
        there: || ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"].iter().any(|path| Path::new(path).exists()),
    },
    Need {
        name: "chromium",
        package: "chromium",
        reason: "pictures of pages are tested with a real browser",
        parts: &["compat"],
        there: || {
            let on_path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&on_path).any(|folder| folder.join("chromium").exists())
        },
    },
    Need {
        name: "python3 with venv",
        package: "python3-venv",
        reason: "the real clients are Python programs",
        parts: &["compat", "kill", "schema"],
        there: || tools::answers(tools::program("python3").args(["-c", "import venv, ensurepip"])),
    },
];

/// Installs what is missing for `parts` where it may; answers the names of what could not be had.
pub(crate) fn provide(parts: &[&str]) -> Result<Vec<&'static str>> {
    let wanted = || NEEDS.iter().filter(|need| need.parts.iter().any(|part| parts.contains(part)));
    let missing: Vec<&Need> = wanted().filter(|need| !(need.there)()).collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    if may_install() {
        install(&packages)?;
    }
    let still: Vec<&Need> = wanted().filter(|need| !(need.there)()).collect();
    for need in &still {
        eprintln!("test: MISSING {}: {}. On Debian: apt-get install {}", need.name, need.reason, need.package);
    }
    if !still.is_empty() && tools::in_ci() {
        bail!("in CI nothing may be missing");
    }
    if still.iter().any(|need| !need.parts.contains(&"unit")) {
        bail!("the real clients cannot run; `cargo xtask test --only unit` runs the rest");
    }
    Ok(still.iter().map(|need| need.name).collect())
}

fn may_install() -> bool {
    let root = tools::output(tools::program("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    root && Path::new("/usr/bin/apt-get").exists()
}

fn install(packages: &[&str]) -> Result<()> {
    let apt = || {
        let mut apt = tools::program("apt-get");
        apt.args(["-qq", "-o", "DPkg::Lock::Timeout=120"]).env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    tools::step("package lists", apt().arg("update"))?;
    tools::step("packages", apt().args(["install", "-y", "--no-install-recommends"]).args(packages))
}
