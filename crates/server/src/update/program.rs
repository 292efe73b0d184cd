//! Commands of the plan: started without a shell, with a time limit, their output kept back unless they fail.
//!
//! A command gets no key but on standard input, and only where it is a target. The key that this command asks the server with
//! is taken out of its environment.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::client::problem::Problem;

/// How much of what a command says is kept, bytes.
const KEPT: u64 = 16 << 10;
/// How many of its last lines are shown.
const LINES: usize = 8;
/// How long output may go on after the command ended: what it started may have kept the pipe.
const AFTER: Duration = Duration::from_millis(300);

/// Runs a command to its end. What it wrote to standard output is the answer.
pub(crate) async fn run(
    command: &[String],
    input: Option<&SecretString>,
    folder: &Path,
    patience: Duration,
    secrets: &[&SecretString],
) -> Result<Vec<u8>, Problem> {
    let name = command.join(" ");
    let mut child = start(command, input.is_some(), folder)
        .map_err(|error| Problem::local(format!("`{name}` cannot be started: {error}")))?;
    let group = child.id();
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // One that does not want to read it says so by how it ends.
            let _ = stdin.write_all(input.expose_secret().as_bytes()).await;
        }
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let outcome = {
        let ended = async {
            let ((), status) = tokio::join!(feed, child.wait());
            status
        };
        let listen = async { tokio::join!(listen(stdout, &mut out), listen(stderr, &mut err)) };
        tokio::pin!(ended, listen);
        let mut heard = false;
        let deadline = tokio::time::sleep(patience);
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                status = &mut ended => {
                    if !heard {
                        let _ = tokio::time::timeout(AFTER, &mut listen).await;
                    }
                    break Some(status);
                }
                _ = &mut listen, if !heard => heard = true,
                () = &mut deadline => break None,
            }
        }
    };
    let said = |text: &[u8]| tail(&super::secret::redacted(&String::from_utf8_lossy(text), secrets));
    let told = |what: String| {
        let output =
            [said(&out), said(&err)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
        let problem = Problem::local(format!("`{name}` {what}"));
        if output.is_empty() { problem } else { problem.mend(format!("It said: {output}")) }
    };
    match outcome {
        Some(Ok(status)) if status.success() => Ok(out),
        Some(Ok(status)) => Err(told(format!("failed: {status}"))),
        Some(Err(error)) => Err(told(format!("failed: {error}"))),
        None => {
            end(group, &mut child).await;
            Err(told(format!("did not end within {}", humantime::format_duration(patience))))
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the operator's plan names the commands; this is the client, not the server"
)]
fn start(command: &[String], reads: bool, folder: &Path) -> io::Result<Child> {
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env_remove("ASSAY_API_KEY")
        .stdin(if reads { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// Ends it with all that it started. The shell's own `kill` knows groups of processes, and is everywhere.
#[expect(clippy::disallowed_methods, reason = "ends what this file has started")]
async fn end(group: Option<u32>, child: &mut Child) {
    if let Some(group) = group {
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -s KILL -- \"-$1\"", "sh", &group.to_string()]);
        let _ = kill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().await;
    }
    let _ = child.kill().await;
}

/// Reads to the end, keeps the beginning.
async fn listen(stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut stream) = stream else { return };
    let _ = (&mut stream).take(KEPT).read_to_end(kept).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
}

/// The last lines, for people.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// Why a command cannot be started, as far as can be seen without starting it.
pub(super) fn missing(command: &[String], folder: &Path, search: Option<&std::ffi::OsStr>) -> Option<String> {
    let program = command.first()?;
    let executable = |path: &Path| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    let found = if program.contains('/') {
        executable(&folder.join(program))
    } else {
        search.is_some_and(|search| std::env::split_paths(search).any(|folder| executable(&folder.join(program))))
    };
    (!found).then(|| format!("there is no command {program}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str, input: Option<&SecretString>, patience: Duration) -> Result<String, Problem> {
        let command = ["sh", "-c", script].map(str::to_owned);
        let secrets: Vec<_> = input.into_iter().collect();
        let out = run(&command, input, Path::new("/"), patience, &secrets).await?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_command_reads_the_key_on_standard_input_and_nothing_behind_it() {
        let key = SecretString::from("s3cret");
        assert_eq!(shell("cat", Some(&key), LONG).await, Ok("s3cret".to_owned()));
        // One that does not read it is no error.
        assert_eq!(shell("exec true", Some(&key), LONG).await, Ok(String::new()));
    }

    #[tokio::test]
    async fn a_command_that_fails_is_told_with_its_last_words_without_the_key() {
        let key = SecretString::from("s3cret-of-all-secrets");
        let problem = shell("echo one; cat >&2; exit 3", Some(&key), LONG).await.expect_err("status 3").to_string();
        assert!(problem.contains("exit status: 3") && problem.contains("one\n(the key)"), "{problem}");
        assert!(!problem.contains("s3cret"), "{problem}");
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let mark = folder.path().join("mark");
        let script = format!("(sleep 2; touch {}) & wait", mark.display());
        let problem = shell(&script, None, Duration::from_millis(200)).await.expect_err("too long").to_string();
        assert!(problem.contains("did not end within 200ms"), "{problem}");
        tokio::time::sleep(Duration::from_millis(2200)).await;
        assert!(!mark.exists(), "what it started goes on");
    }

    #[tokio::test]
    async fn a_command_that_leaves_something_running_is_not_waited_for() {
        let before = std::time::Instant::now();
        assert!(shell("sleep 30 & echo started", None, LONG).await.is_ok());
        assert!(before.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_command_that_is_not_there_is_known_before_it_is_needed() {
        let search = std::ffi::OsStr::new("/usr/bin:/bin");
        let missing = |name: &str| missing(&[name.to_owned()], Path::new("/"), Some(search));
        assert_eq!(missing("sh"), None);
        assert_eq!(missing("/bin/sh"), None);
        assert!(missing("no-such-command").is_some() && missing("/etc/passwd").is_some());
    }
}
