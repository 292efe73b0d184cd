//! Foreign text made fit for a terminal: file names, server messages and rule names may hold escape sequences.

use std::borrow::Cow;

/// `text` with each control and direction-changing character written as `\u{…}`.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let escape = |character: char| -> Cow<'static, str> {
        if is_unsafe(character) { character.escape_unicode().to_string().into() } else { character.to_string().into() }
    };
    Cow::Owned(text.chars().map(escape).collect())
}

/// Controls move the cursor or change colours; Unicode's direction marks (UAX #9) make a name read backwards.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_escape_sequences_cannot_paint_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\nc"), "a\\u{1b}[31mb\\u{a}c");
        assert_eq!(plain("gpj\u{202e}.exe"), "gpj\\u{202e}.exe");
        assert!(matches!(plain("Käse 漢字.exe"), Cow::Borrowed(_)));
    }
}
