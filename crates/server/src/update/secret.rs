//! Texts that must not be shown: their fingerprints, their masks, and foreign output without them.

use assay_model::{Sha256, apikey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Digest as _;

/// What tells bytes from others and does not tell what they are. Of a key this is safe to keep: keys are 160 random bits and
/// more.
pub(super) fn fingerprint(bytes: &[u8]) -> Sha256 {
    Sha256::new(sha2::Sha256::digest(bytes).into())
}

/// The same of a secret.
pub(super) fn fingerprint_of(secret: &SecretString) -> Sha256 {
    fingerprint(secret.expose_secret().as_bytes())
}

/// As much of a key as may be shown: of ours the marker and the id, of others the first four characters.
pub(super) fn mask(text: &str) -> String {
    match own_id(text) {
        Some(id) => format!("a55a{id}…"),
        None if text.is_empty() => "(nothing)".to_owned(),
        None if text.len() < 32 => "…".to_owned(),
        None => format!("{}…", text.chars().take(4).collect::<String>()),
    }
}

/// The id of a key that an Assay server made, which is a part of it.
pub(super) fn own_id(text: &str) -> Option<&str> {
    apikey::read(text).ok().filter(|key| !key.is_foreign()).and_then(|_| text.get(4..16))
}

/// Output of a command without these secrets and without anything else in the form of a key.
pub(super) fn redacted(output: &str, secrets: &[&SecretString]) -> String {
    let mut shown = output.to_owned();
    for secret in secrets {
        let secret = secret.expose_secret();
        if !secret.is_empty() {
            shown = shown.replace(secret, "(the key)").replace(&BASE64.encode(secret), "(the key)");
        }
    }
    without_keys(&shown)
}

/// Runs of 64 hexadecimal digits and more are cut short.
fn without_keys(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for word in text.split_inclusive(|character: char| !character.is_ascii_hexdigit()) {
        let digits = word.trim_end_matches(|character: char| !character.is_ascii_hexdigit());
        if digits.len() >= 64 {
            shown.push_str(&mask(digits));
            shown.push_str(&word[digits.len()..]);
        } else {
            shown.push_str(word);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use assay_model::apikey::Issued;
    use assay_model::random::Counting;

    use super::*;

    #[test]
    fn of_a_key_nothing_is_shown_but_its_id_or_its_first_characters() {
        let issued = Issued::generate(&Counting::default());
        assert_eq!(mask(&issued.reveal()), format!("a55a{}…", issued.id()));
        assert_eq!(mask(&"0123456789abcdef".repeat(4)), "0123…");
        assert_eq!((mask("short"), mask("")), ("…".to_owned(), "(nothing)".to_owned()));
    }

    #[test]
    fn output_is_shown_without_the_key_in_any_writing_and_without_other_keys() {
        let (key, other) = ("0123456789abcdef".repeat(4), "fedcba9876543210".repeat(4));
        let secret = SecretString::from(key.as_str());
        let said = format!("got {key}\nBASE64 {}\nalso {other}, fine", BASE64.encode(&key));
        let shown = redacted(&said, &[&secret]);
        assert_eq!(shown, "got (the key)\nBASE64 (the key)\nalso fedc…, fine");
    }
}
