//! The text of a comment. In goes what a client wrote, out come its tags, mentions and words, and HTML in which nothing
//! that was written is live.

use std::collections::BTreeSet;

use assay_model::{Error, Result};

/// The longest text, bytes.
pub(crate) const TEXT_MAX: usize = 16 << 10;
/// How many tags a text may have.
const TAGS_MAX: usize = 64;
/// How many accounts it may mention.
const MENTIONS_MAX: usize = 32;
/// The longest tag or name that is looked at, characters.
const NAME_MAX: usize = 64;
/// How many of its words a text is found by, and how long they are, characters.
const WORDS_MAX: usize = 256;
const WORD: std::ops::RangeInclusive<usize> = 2..=40;

/// A text that was looked through.
#[derive(Debug)]
pub(crate) struct Remark {
    /// Its `#tags`, lower case, in their order.
    pub(crate) tags: Vec<String>,
    /// The names after `@`, in their order; whether there are such accounts is not known here.
    pub(crate) mentions: Vec<String>,
    /// As HTML.
    pub(crate) html: String,
}

/// Looks through a text.
pub(crate) fn read(text: &str) -> Result<Remark> {
    if text.trim().is_empty() {
        return Err(Error::invalid_argument("the attribute \"text\" is empty"));
    }
    let (tags, mentions) = (marked(text, '#', true), marked(text, '@', false));
    if tags.len() > TAGS_MAX || mentions.len() > MENTIONS_MAX {
        return Err(Error::invalid_argument(format!(
            "a comment has at most {TAGS_MAX} tags and mentions at most {MENTIONS_MAX} accounts"
        )));
    }
    Ok(Remark { tags, mentions, html: html(text) })
}

/// What stands behind a mark that begins a word.
fn marked(text: &str, mark: char, lower: bool) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut before = ' ';
    for (place, character) in text.char_indices() {
        // An address (`a@b.c`), an entity and a fragment of a URL are none.
        let begins = character == mark && !before.is_alphanumeric() && !"/&#@_-.".contains(before);
        before = character;
        if !begins {
            continue;
        }
        let rest = &text[place + mark.len_utf8()..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || "_-.".contains(c))).unwrap_or(rest.len());
        let name = rest[..end].trim_end_matches(['.', '-']);
        let name = if lower { name.to_lowercase() } else { name.to_owned() };
        if !name.is_empty() && name.chars().count() <= NAME_MAX && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// The words by which a text is found, lower case.
pub(crate) fn words(text: &str) -> BTreeSet<String> {
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|word| WORD.contains(&word.chars().count()));
    let mut words = BTreeSet::new();
    for part in parts {
        if words.len() == WORDS_MAX {
            break;
        }
        words.insert(part.to_lowercase());
    }
    words
}

/// The text with everything escaped that HTML could take for its own.
pub(crate) fn html(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\n' => html.push_str("<br />"),
            '\r' => {}
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_mentions_are_words_behind_a_mark() {
        let remark =
            read("#Emotet again, see #C2-panel. Thanks @ann @ann; mail a@b.c, http://x/#top &#35; ##").expect("a text");
        assert_eq!(remark.tags, ["emotet", "c2-panel"]);
        assert_eq!(remark.mentions, ["ann"]);
    }

    #[test]
    fn markup_is_never_live() {
        assert_eq!(
            html("<script>alert('1')</script>\n\"&\""),
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;<br />&quot;&amp;&quot;"
        );
    }

    #[test]
    fn what_is_empty_or_too_full_is_refused() {
        assert!(read(" \n").is_err());
        let many: Vec<_> = (0..=TAGS_MAX).map(|number| format!("#t{number}")).collect();
        assert!(read(&many.join(" ")).is_err());
    }

    #[test]
    fn words_are_lower_case_and_bounded() {
        assert!(words("The Dropper, x").iter().eq(["dropper", "the"]));
        let many: Vec<_> = (0..1_000).map(|number| format!("w{number}")).collect();
        assert_eq!(words(&many.join(" ")).len(), WORDS_MAX);
    }
}
