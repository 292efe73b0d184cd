//! Other programs, started from the root of the workspace; what they print goes to the terminal as it comes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// The command line asks for something that is not there.
#[derive(Debug)]
pub(crate) struct Misunderstood(pub(crate) String);

impl std::fmt::Display for Misunderstood {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; see --help", self.0)
    }
}

impl std::error::Error for Misunderstood {}

/// Where the workspace lies.
pub(crate) fn root() -> PathBuf {
    // Cargo says it at run time; a binary that was started by hand falls back to where it was built.
    let own = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    own.parent().map_or(own.clone(), Path::to_path_buf)
}

/// The folder of everything built: `target`, or what `CARGO_TARGET_DIR` says.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// Whether this run is CI's, where whatever is missing is a failure.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false")
}

/// The cargo that started us.
pub(crate) fn cargo() -> Command {
    program(std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from))
}

/// A program, to be started in the root of the workspace.
pub(crate) fn program(name: impl AsRef<Path>) -> Command {
    let mut command = Command::new(name.as_ref());
    command.current_dir(root());
    command
}

/// Whether the command can be started and ends well; prints nothing.
pub(crate) fn answers(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a command to its end and says how long it took. Fails when the command does.
pub(crate) fn step(title: &str, command: &mut Command) -> Result<()> {
    println!("\n── {title}: {}", line(command));
    let started = Instant::now();
    let status =
        command.status().with_context(|| format!("{title}: cannot start {}", command.get_program().display()))?;
    println!(
        "── {title}: {} after {:.0} s",
        if status.success() { "well" } else { "FAILED" },
        started.elapsed().as_secs_f64()
    );
    if !status.success() {
        bail!("{title} failed ({status})");
    }
    Ok(())
}

/// Runs a command and answers what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let done = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let done = done.with_context(|| format!("cannot start {}", command.get_program().display()))?;
    if !done.status.success() {
        bail!("{} failed ({})", line(command), done.status);
    }
    String::from_utf8(done.stdout).with_context(|| format!("{} printed something that is not text", line(command)))
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| {
        let word = word.to_string_lossy();
        let name = Path::new(&*word).file_name().filter(|_| Path::new(&*word).is_absolute());
        name.map_or_else(|| word.to_string(), |name| name.to_string_lossy().into_owned())
    });
    words.collect::<Vec<_>>().join(" ")
}
