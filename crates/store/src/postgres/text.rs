//! Texts as PostgreSQL takes them: it has no NUL, and its indexes have no room for very long ones.

use std::borrow::Cow;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// Longer values of facets are kept as their beginning and their SHA-256; facets are only ever looked up whole.
const LONGEST: usize = 1000;
const BEGINNING: usize = 200;

/// A text without NUL. The order of texts stays what it is, and no two texts become the same one.
pub(super) fn kept(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte > 1) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('\u{1}', "\u{1}\u{2}").replace('\0', "\u{1}\u{1}"))
}

/// The inverse of [`kept`].
pub(super) fn told(kept: &str) -> Arc<str> {
    if !kept.contains('\u{1}') {
        return kept.into();
    }
    kept.replace("\u{1}\u{1}", "\0").replace("\u{1}\u{2}", "\u{1}").into()
}

/// A facet's value that fits into an index.
pub(super) fn facet(value: &str) -> Cow<'_, str> {
    if value.len() <= LONGEST {
        return kept(value);
    }
    let digest = hex::encode(Sha256::digest(value));
    let beginning = &value[..value.floor_char_boundary(BEGINNING)];
    Cow::Owned(format!("{}…{digest}", kept(beginning)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_nul_come_back_in_their_order() {
        let mut texts =
            ["", "\0", "\0\0", "\0\u{1}", "\u{1}", "\u{1}\0", "\u{1}\u{1}", "\u{1}\u{2}", "\u{2}", "a", "a\0"];
        texts.sort_unstable();
        let kept: Vec<_> = texts.iter().map(|text| kept(text)).collect();
        assert!(kept.is_sorted_by(|one, next| one < next) && kept.iter().all(|text| !text.contains('\0')));
        assert!(texts.iter().zip(&kept).all(|(text, kept)| told(kept) == (*text).into()));
    }

    #[test]
    fn long_values_are_shortened_and_stay_different() {
        let (one, other) = ("é".repeat(5000) + "a", "é".repeat(5000) + "b");
        assert!(facet(&one).len() < LONGEST && facet(&one) != facet(&other));
        assert_eq!(facet(&facet(&one)), facet(&one));
        assert_eq!(facet("Trojan.A"), "Trojan.A");
    }
}
