//! The key as text, before it is sent: where it came from, what stands around it, whether it can be a key. In goes a
//! [`KeySource`], out comes the key as it should be, where it can be made out.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use assay_model::apikey::{self, KeyId, Mistake};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::finding::{Chart, Step};
use crate::client::key::{KeySource, THREE_WAYS};

/// No file with a key is longer.
const MOST: u64 = 64 << 10;

/// What a person does whose key is not whole.
const COPY_AGAIN: &str = "Copy it again, whole. If its text is lost, make another: `assay key create --account NAME` or \
    `assay key rotate ID`.";

/// A key that may be sent.
pub(super) struct Fit {
    /// As it should be.
    pub(super) key: SecretString,
    /// Its id, where it is an Assay server's.
    pub(super) id: Option<KeyId>,
}

/// Looks at the key. None where there is none that could be right.
pub(super) fn examine(source: &KeySource, chart: &mut Chart) -> Option<Fit> {
    let (raw, place) = match source {
        KeySource::Nowhere => {
            chart.problem(Step::Key, "there is no key; what needs one was not checked", THREE_WAYS);
            return None;
        }
        KeySource::Given(key) => {
            let raw = Zeroizing::new(key.expose_secret().to_owned());
            tell_of_ends(&raw, chart);
            (raw, "ASSAY_API_KEY".to_owned())
        }
        KeySource::File(path) => (of_file(path, chart)?, path.display().to_string()),
    };
    let text = unwrapped(&raw, chart);
    // Whatever is wrong with it, it is somebody's key.
    chart.keep_secret(&SecretString::from(text.as_str()));
    judge(&text, &place, chart)
}

/// The line of the file that holds the key, and what is wrong with the file.
fn of_file(path: &Path, chart: &mut Chart) -> Option<Zeroizing<String>> {
    let shown = path.display();
    let mut bytes = Zeroizing::new(Vec::new());
    let read = fs::File::open(path).and_then(|file| {
        let about = file.metadata()?;
        file.take(MOST).read_to_end(&mut bytes)?;
        Ok(about)
    });
    let about = match read {
        Ok(about) => about,
        Err(error) => {
            chart.problem(Step::Key, format!("the key file {shown} cannot be read: {error}"), THREE_WAYS);
            return None;
        }
    };
    let mode = about.permissions().mode() & 0o777;
    let mend = format!("chmod 600 {shown}. If others use this machine, rotate the key.");
    if about.is_file() && mode & 0o004 != 0 {
        chart.warning(Step::Key, format!("every user of this machine can read {shown} (mode {mode:o})"), mend);
    } else if about.is_file() && mode & 0o002 != 0 {
        chart.warning(Step::Key, format!("every user of this machine can write {shown} (mode {mode:o})"), mend);
    } else if about.is_file() && mode & 0o060 != 0 {
        chart.note(Step::Key, format!("the group of {shown} can read or write it (mode {mode:o})"));
    }
    let text = decoded(&bytes, chart)?;
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let Some(line) = lines.next().map(|line| Zeroizing::new(line.to_owned())) else {
        chart.problem(Step::Key, format!("the key file {shown} is empty"), THREE_WAYS);
        return None;
    };
    if lines.next().is_some() {
        chart.note(Step::Key, format!("{shown} has more lines; the first that is not blank counts"));
    }
    if text.contains('\r') {
        chart.warning(
            Step::Key,
            format!("the lines of {shown} end in CR and LF, as Windows writes them"),
            "Write it with LF alone (`sed -i 's/\\r$//' FILE`): most clients send the CR along or refuse it.",
        );
    }
    Some(line)
}

/// Bytes as text; Windows writes UTF-16 and marks of byte order.
fn decoded(bytes: &[u8], chart: &mut Chart) -> Option<Zeroizing<String>> {
    let mend = "Save it as plain text (UTF-8 without a mark).";
    let wide = |to: fn([u8; 2]) -> u16| {
        let units = bytes[2..].chunks_exact(2).map(|pair| to([pair[0], pair[1]]));
        Zeroizing::new(char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect::<String>())
    };
    let utf16 = match bytes {
        [0xff, 0xfe, ..] => Some(wide(u16::from_le_bytes)),
        [0xfe, 0xff, ..] => Some(wide(u16::from_be_bytes)),
        _ => None,
    };
    if let Some(text) = utf16 {
        chart.problem(Step::Key, "the key file is in UTF-16, which no client reads", mend);
        return Some(text);
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        chart.problem(Step::Key, "the key file is no text", mend);
        return None;
    };
    Some(Zeroizing::new(match text.strip_prefix('\u{feff}') {
        Some(rest) => {
            chart.warning(Step::Key, "the key file begins with a mark of byte order (BOM)", mend);
            rest.to_owned()
        }
        None => text.to_owned(),
    }))
}

/// What stands around a key in the environment is sent along by most clients.
fn tell_of_ends(raw: &str, chart: &mut Chart) {
    let what = if raw.ends_with("\r\n") || raw.ends_with('\r') {
        "the key has a carriage return at its end"
    } else if raw.ends_with('\n') {
        "the key has a line end after it"
    } else if raw.trim() != raw {
        "the key has a blank before or after it"
    } else {
        return;
    };
    let mend = "Set it without: `export ASSAY_API_KEY=\"$(tr -d '[:space:]' < FILE)\"`. Most clients send what stands around \
                it along.";
    chart.warning(Step::Key, what, mend);
}

/// Without what people and configuration files put around a key.
fn unwrapped(raw: &str, chart: &mut Chart) -> Zeroizing<String> {
    let mut text = raw.trim();
    if text.chars().any(is_invisible) {
        chart.warning(Step::Key, "there are invisible characters in the key", COPY_AGAIN);
    }
    let mut seen = Vec::new();
    loop {
        let before = text;
        for prefix in ["export ", "x-apikey:", "bearer ", "apikey "] {
            if text.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix)) {
                text = text[prefix.len()..].trim_start();
                seen.push("what belongs before it in a header or a script");
            }
        }
        if let Some((name, rest)) = text.split_once(['=', ':']) {
            let is_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'' | ' ');
            if !name.is_empty() && name.len() < 64 && name.chars().all(is_a_name) {
                text = rest.trim_start();
                seen.push("the name of a setting before it");
            }
        }
        let bare = text.trim_matches(['"', '\'', '`', '<', '>', ',', ';']).trim();
        if bare.len() != text.len() {
            text = bare;
            seen.push("quotation marks or brackets around it");
        }
        if text == before {
            break;
        }
    }
    seen.dedup();
    if !seen.is_empty() {
        chart.warning(
            Step::Key,
            format!("the key has {}", seen.join(", and ")),
            "Give the 64 characters alone: not every program takes the rest away (`docker run --env-file` does not).",
        );
    }
    Zeroizing::new(text.chars().filter(|character| !is_invisible(*character)).collect())
}

fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' | '\u{a0}')
}

/// Whether it can be a key.
fn judge(text: &str, place: &str, chart: &mut Chart) -> Option<Fit> {
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    let fit = |id| Some(Fit { key: SecretString::from(lower.as_str()), id });
    let read = apikey::read(&lower);
    if read.is_ok() && *lower != text {
        chart.warning(
            Step::Key,
            "the key has upper-case letters; keys are lower case",
            "Write it in lower case: servers compare it letter by letter.",
        );
    }
    match read {
        Ok(key) if key.is_foreign() => {
            chart.fine(
                Step::Key,
                format!("64 hexadecimal digits without Assay's mark: VirusTotal's, or imported (from {place})"),
            );
            fit(None)
        }
        Ok(_) => {
            // Marker, id, secret, checksum.
            let id: Option<KeyId> = lower[4..16].parse().ok();
            let shown = id.map_or_else(String::new, |id| format!(", id {id}"));
            chart.fine(Step::Key, format!("an Assay key{shown}, its checksum is right (from {place})"));
            fit(id)
        }
        Err(Mistake::Checksum) => {
            chart.problem(
                Step::Key,
                format!(
                    "the key's checksum does not match: a typo, or parts of two keys (from {place}); it was not sent"
                ),
                COPY_AGAIN,
            );
            None
        }
        Err(_) => {
            let (message, mend) = unfit(text);
            chart.problem(Step::Key, format!("{message} (from {place}); it was not sent"), mend);
            None
        }
    }
}

/// What is wrong with something that has not the form of a key.
fn unfit(text: &str) -> (String, &'static str) {
    let count = text.chars().count();
    let digits = text.chars().filter(char::is_ascii_hexdigit).count();
    let looks_like_words = ["your", "key", "xxx", "changeme", "...", "…", "${", "{{", "secret"];
    if digits != count && looks_like_words.iter().any(|word| text.to_lowercase().contains(word)) {
        let message = "what stands in the key's place is a placeholder, not a key";
        return (message.to_owned(), "Put the key there; in a template, see why the variable was not filled in.");
    }
    if count != 64 {
        let whole = if digits == count { "" } else { ", not all of them hexadecimal digits" };
        let mend = if count > 64 {
            "Is it two keys in one, or more than the key? Give the 64 characters alone."
        } else {
            COPY_AGAIN
        };
        return (format!("the key has {count} of 64 characters{whole}"), mend);
    }
    (format!("the key has {} characters that are not hexadecimal digits", count - digits), COPY_AGAIN)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use assay_model::apikey::Issued;
    use assay_model::random::Counting;

    use super::super::finding::{Finding, Grade};
    use super::*;

    fn key() -> String {
        Issued::generate(&Counting::default()).reveal().to_string()
    }

    fn look(source: &KeySource) -> (Option<String>, Vec<Finding>) {
        let mut chart = Chart::new(Box::new(|_| ()));
        let fit = examine(source, &mut chart).map(|fit| fit.key.expose_secret().to_owned());
        (fit, chart.into_findings())
    }

    fn given(text: &str) -> (Option<String>, Vec<Finding>) {
        look(&KeySource::Given(SecretString::from(text)))
    }

    fn says(findings: &[Finding], part: &str) -> bool {
        findings.iter().any(|finding| finding.message.contains(part))
    }

    #[test]
    fn what_stands_around_a_key_is_named_and_the_key_is_made_out() {
        let key = key();
        for (text, said) in [
            (key.clone(), "id "),
            (format!(" {key}"), "blank"),
            (format!("{key}\n"), "line end"),
            (format!("{key}\r\n"), "carriage return"),
            (format!("\"{key}\""), "quotation marks"),
            (format!("<{key}>"), "brackets"),
            (format!("x-apikey: {key}"), "header"),
            (format!("Bearer {key}"), "header"),
            (format!("export VT_API_KEY='{key}'"), "setting"),
            (format!("apikey=\"{key}\""), "setting"),
            (key.to_uppercase(), "upper-case"),
            (format!("{}\u{200b}{}", &key[..8], &key[8..]), "invisible"),
        ] {
            let (fit, findings) = given(&text);
            assert_eq!(fit.as_deref(), Some(key.as_str()), "{said}");
            assert!(says(&findings, said), "{said}: {findings:?}");
            assert!(!says(&findings, &key[16..56]), "{findings:?}");
            let grade = findings.iter().map(|finding| finding.grade).max();
            assert_eq!(grade, Some(if text == key { Grade::Fine } else { Grade::Warning }), "{said}");
        }
    }

    #[test]
    fn what_cannot_be_a_key_is_not_sent() {
        let key = key();
        let typo = format!("{}{}", &key[..63], if key.ends_with('0') { '1' } else { '0' });
        for (text, said) in [
            (typo, "checksum"),
            (key[..62].to_owned(), "62 of 64"),
            (format!("{key}{key}"), "128 of 64"),
            ("<your API key>".to_owned(), "placeholder"),
            ("${VT_API_KEY}".to_owned(), "placeholder"),
            (format!("{}z", &"0".repeat(63)), "1 characters that are not"),
        ] {
            let (fit, findings) = given(&text);
            assert_eq!(fit, None, "{said}");
            assert!(says(&findings, said), "{said}: {findings:?}");
            assert!(!says(&findings, &key[16..56]), "{findings:?}");
        }
        assert!(says(&look(&KeySource::Nowhere).1, "no key"));
    }

    #[test]
    fn a_key_without_the_mark_may_be_sent() {
        let (fit, findings) = given(&"0a".repeat(32));
        assert_eq!(fit, Some("0a".repeat(32)));
        assert!(says(&findings, "VirusTotal's, or imported"), "{findings:?}");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let (key, path) = (key(), folder.path().join("key"));
        let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(key.bytes().flat_map(|byte| [byte, 0])).collect();
        let bom = [b"\xef\xbb\xbf", key.as_bytes()].concat();
        for (bytes, mode, said) in [
            (format!("{key}\n").into_bytes(), 0o600, "id "),
            (format!("{key}\n").into_bytes(), 0o644, "every user of this machine can read"),
            (format!("{key}\n").into_bytes(), 0o640, "the group of"),
            (format!("{key}\r\n").into_bytes(), 0o600, "CR and LF"),
            (format!("\n{key}\nmore\n").into_bytes(), 0o600, "more lines"),
            (bom, 0o600, "BOM"),
            (utf16, 0o600, "UTF-16"),
        ] {
            fs::write(&path, bytes).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
            let (fit, findings) = look(&KeySource::File(path.clone()));
            assert_eq!(fit.as_deref(), Some(key.as_str()), "{said}");
            assert!(says(&findings, said), "{said}: {findings:?}");
        }
        for (bytes, said) in [(&b"\n \n"[..], "is empty"), (&b"\x80\x81"[..], "no text")] {
            fs::write(&path, bytes).expect("written");
            assert!(says(&look(&KeySource::File(path.clone())).1, said));
        }
        assert!(says(&look(&KeySource::File(PathBuf::from("/no/such/file"))).1, "cannot be read"));
    }
}
