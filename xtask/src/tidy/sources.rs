//! Rules over the files that git tracks or would track.
//!
//! Words that no file may contain are put together at run time, so that this file does not contain them either.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::Findings;
use crate::tools;

const MOST_LINES: usize = 600;
const MANY_LINES: usize = 500;
const MOST_BYTES: u64 = 4 << 20;

/// Adds what breaks the rules; answers how many files were read.
pub(super) fn check(findings: &mut Findings) -> Result<usize> {
    let listed =
        tools::output(tools::program("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))?;
    let root = tools::root();
    let mut read = 0;
    for name in listed.split('\0').filter(|name| !name.is_empty()) {
        let path = root.join(name);
        // A file that was removed but not yet committed is still listed; a link points at a file that is listed itself.
        let Ok(about) = fs::symlink_metadata(&path) else { continue };
        if !about.is_file() {
            continue;
        }
        read += 1;
        if about.len() > MOST_BYTES {
            findings.error(format!("{name}: {} bytes; nothing over 4 MiB is kept here", about.len()));
        }
        judge(name, &fs::read(&path)?, findings);
    }
    Ok(read)
}

fn judge(name: &str, bytes: &[u8], findings: &mut Findings) {
    if contains(bytes, eicar().as_bytes()) {
        findings.error(format!("{name}: holds the EICAR test string whole; put it together at run time"));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if extension == "rs" && !text.starts_with("//!") {
        findings.error(format!("{name}: does not open with //!, saying what it is for"));
    }
    if matches!(extension, "rs" | "py") {
        let lines = text.lines().count();
        if lines > MOST_LINES {
            findings.error(format!("{name}: {lines} lines; split it by meaning (at most {MOST_LINES})"));
        } else if lines > MANY_LINES {
            findings.warning(format!("{name}: {lines} lines; time to split it by meaning"));
        }
    }
    for (number, line) in text.lines().enumerate() {
        for what in wrong_in(name, extension, line) {
            findings.error(format!("{name}:{}: {what}", number + 1));
        }
    }
}

fn wrong_in(name: &str, extension: &str, line: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if extension == "rs" {
        let unfinished =
            [["to", "do!("], ["unimple", "mented!("], ["db", "g!("], ["#[ig", "nore"]].map(|halves| halves.concat());
        wrong.extend(unfinished.into_iter().filter(|word| line.contains(word)).map(|word| format!("contains {word}")));
    }
    if extension == "py" {
        let left_out = [["mark.sk", "ip"], ["mark.xf", "ail"]].map(|halves| halves.concat());
        wrong.extend(left_out.into_iter().filter(|word| line.contains(word)).map(|word| format!("contains {word}")));
    }
    let folders = [["/wo", "rk/"], ["/fa", "rm/"]].map(|halves| halves.concat());
    wrong.extend(
        folders
            .into_iter()
            .filter(|word| begins_a_path(line, word))
            .map(|word| format!("names {word}, a path of one machine")),
    );
    // The lock file names its registry by nature.
    if name != "Cargo.lock" {
        let hosts = [
            ["crates", ".io"],
            ["py", "pi.org"],
            ["python", "hosted.org"],
            ["deb.deb", "ian.org"],
            ["registry.npm", "js.org"],
            ["proxy.go", "lang.org"],
        ];
        let hosts = hosts.map(|halves| halves.concat());
        wrong.extend(
            hosts.into_iter().filter(|word| line.contains(word)).map(|word| format!("names {word}, a registry's host")),
        );
    }
    wrong
}

/// Whether `folder` stands in `line` as the start of a path rather than in the middle of one.
fn begins_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|before| !before.is_alphanumeric() && !matches!(before, '_' | '-' | '.' | '}' | ')' | '*'))
    })
}

fn contains(bytes: &[u8], sought: &[u8]) -> bool {
    bytes.windows(sought.len()).any(|window| window == sought)
}

fn eicar() -> String {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$", "EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!$H+H*"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, text: &str) -> usize {
        let mut findings = Findings::default();
        judge(name, text.as_bytes(), &mut findings);
        findings.errors.len()
    }

    #[test]
    fn a_rust_file_opens_with_what_it_is_for() {
        assert_eq!(found("src/a.rs", "//! A file.\nfn a() {}\n"), 0);
        assert_eq!(found("src/a.rs", "fn a() {}\n"), 1);
        assert_eq!(found("README.md", "# Assay\n"), 0);
    }

    #[test]
    fn unfinished_work_and_tests_that_do_not_run_are_found() {
        let unfinished = ["//! A.\nfn a() { ", "to", "do!() }\n"].concat();
        assert_eq!(found("a.rs", &unfinished), 1);
        let ignored = ["//! A.\n#[ig", "nore = \"slow\"]\n"].concat();
        assert_eq!(found("a.rs", &ignored), 1);
    }

    #[test]
    fn paths_of_one_machine_are_found_but_not_the_middle_of_a_path() {
        let path = ["see /wo", "rk/main\n"].concat();
        assert_eq!(found("notes.md", &path), 1);
        let middle = ["see .github/wo", "rk/flows\n"].concat();
        assert_eq!(found("notes.md", &middle), 0);
    }

    #[test]
    fn hosts_of_registries_are_found_but_in_the_lock_file() {
        let host = ["https://crates", ".io/\n"].concat();
        assert_eq!(found("notes.md", &host), 1);
        assert_eq!(found("Cargo.lock", &host), 0);
    }

    #[test]
    fn the_eicar_string_is_found_whole_in_any_file() {
        assert_eq!(eicar().len(), 68);
        assert_eq!(found("sample.bin", &format!("..{}..", eicar())), 1);
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(found("a.rs", &format!("//! A.\n{}", "\n".repeat(MOST_LINES))), 1);
        assert_eq!(found("a.md", &"\n".repeat(2 * MOST_LINES)), 0);
    }
}
