//! Secrets on the command line are refused before anything else happens: every process of the machine can read it, and the
//! shell keeps it.

use std::ffi::OsString;

/// Commands that take names and ids, none of which looks like a key. Others take hashes and paths, which do.
const GUARDED: &[&str] = &[
    "user",
    "group",
    "service-account",
    "key",
    "tier",
    "request",
    "quota",
    "usage",
    "webhook",
    "doctor",
    "store",
    "upstream",
];

/// Flags by which other programs take keys.
const FLAGS: &[&str] = &["--key", "--secret", "--token", "--password"];

/// Why the command line is refused, if it is; `arguments` begin with the program's name. Does not repeat the secret.
pub(crate) fn refusal(arguments: &[OsString]) -> Option<String> {
    let texts: Vec<_> = arguments.iter().skip(1).map(|argument| argument.to_string_lossy()).collect();
    if !texts.first().is_some_and(|command| GUARDED.contains(&command.as_ref())) {
        return None;
    }
    // What is looked through may be named after hashes.
    let finds = texts.iter().position(|text| text == "find");
    for (at, text) in texts.iter().enumerate() {
        let flag = text.split_once('=').map_or(text.as_ref(), |(flag, _)| flag);
        let is_a_path = texts[0] == "key" && finds.is_some_and(|find| at > find);
        if FLAGS.contains(&flag) || (!is_a_path && holds_a_key(text)) {
            return Some(format!(
                "a secret is not taken from the command line, where other users of this machine and your shell's history can \
                 read it (treat the one you typed as known to them). {}",
                mend(&texts)
            ));
        }
    }
    None
}

fn mend(texts: &[std::borrow::Cow<'_, str>]) -> &'static str {
    match texts.first().map(AsRef::as_ref) {
        Some("key") if texts.iter().any(|text| text == "import") => {
            "Give it on standard input or with --from-file: `assay key import --account NAME < FILE`."
        }
        Some("key") => "Name a key by its id, the 12 digits after a55a, which `assay key list --account NAME` shows.",
        Some("upstream") => {
            "Give the key on standard input or with --key-file: `assay upstream add NAME --key-stdin < FILE`."
        }
        Some("store") => "Give the database's password with --password-file FILE or in ASSAY_STORE_PASSWORD.",
        _ => "Put it into ASSAY_API_KEY, or into a file for --api-key-file.",
    }
}

/// 64 hexadecimal digits and no more, in whatever wrapping.
fn holds_a_key(text: &str) -> bool {
    text.split(|character: char| !character.is_ascii_alphanumeric())
        .any(|word| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> Option<String> {
        let arguments: Vec<OsString> = std::iter::once("assay").chain(line.split(' ')).map(OsString::from).collect();
        refusal(&arguments)
    }

    #[test]
    fn a_key_among_the_arguments_is_refused_with_the_mend_and_not_repeated() {
        let key = "a55a".to_owned() + &"0f".repeat(30);
        for (line, mend) in [
            (format!("key import --account siem {key}"), "standard input"),
            (format!("key revoke {key}"), "12 digits"),
            (format!("user show {}", key.to_uppercase()), "ASSAY_API_KEY"),
            (format!("doctor --server https://host/?apikey={key}"), "ASSAY_API_KEY"),
            ("usage --key s3cret".to_owned(), "ASSAY_API_KEY"),
            ("key import --key=s3cret".to_owned(), "standard input"),
            ("store copy --password s3cret a b".to_owned(), "--password-file"),
        ] {
            let said = refused(&line).expect(&line);
            assert!(said.contains(mend) && !said.contains(&key) && !said.contains("s3cret"), "{said}");
        }
    }

    #[test]
    fn hashes_and_paths_are_no_keys() {
        let hash = "0f".repeat(32);
        for line in [
            format!("audit verify log --expect {hash}"),
            format!("file {hash}"),
            format!("key find blobs/{hash}"),
            format!("scan user/{hash}"),
            "user list".to_owned(),
        ] {
            assert_eq!(refused(&line), None, "{line}");
        }
    }
}
