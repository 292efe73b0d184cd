//! Texts as PostgreSQL takes them: it has no NUL, and its indexes have no room for very long ones.

use std::borrow::Cow;
use std::sync::Arc;

use crate::facet::shortened;

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
    match shortened(value) {
        Cow::Borrowed(value) => kept(value),
        Cow::Owned(value) => Cow::Owned(kept(&value).into_owned()),
    }
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
}
