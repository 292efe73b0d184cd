//! Where each rule of a file begins and ends, for files that the parser cannot read as a whole: text in, one
//! [`Item`] per rule, import or include out. It looks only for the words that can begin an item, outside
//! comments, strings and regular expressions, so that no mistake inside a rule can hide the next one.

use std::ops::Range;

/// A rule, import or include, with the text up to the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// Its place in the text.
    pub(crate) range: Range<usize>,
    /// The rule's name; none for imports and includes and where a name is missing.
    pub(crate) rule: Option<String>,
}

/// Splits a text into its items; what stands before the first belongs to none.
pub(crate) fn items(text: &str) -> Vec<Item> {
    let words = words(text);
    let mut items: Vec<Item> = Vec::new();
    let mut next = 0;
    while let Some(begin) = words.get(next) {
        // `private` is also a modifier of patterns; it begins a rule only together with `rule`.
        let modifiers =
            words[next..].iter().take_while(|word| matches!(&text[(*word).clone()], "private" | "global")).count();
        let word = words.get(next + modifiers).map(|word| &text[word.clone()]);
        let adjacent = adjacent(text, &words[next..=(next + modifiers).min(words.len() - 1)]);
        let begins = match word {
            Some("rule") => adjacent,
            Some("import" | "include") => modifiers == 0,
            _ => false,
        };
        if begins {
            if let Some(last) = items.last_mut() {
                last.range.end = begin.start;
            }
            let name = words.get(next + modifiers + 1).filter(|_| word == Some("rule"));
            items.push(Item { range: begin.start..text.len(), rule: name.map(|name| text[name.clone()].to_owned()) });
            next += modifiers + 1;
            // A name that is itself a keyword (`rule rule`) is a mistake; the next item begins with it.
        } else {
            next += 1;
        }
    }
    items
}

/// Whether nothing but white space and comments stands between these words: no brace, no pattern.
fn adjacent(text: &str, words: &[Range<usize>]) -> bool {
    words.windows(2).all(|pair| !text[pair[0].end..pair[1].start].contains(['{', '}', '=', '$', '"']))
}

/// The words outside comments, strings and regular expressions.
fn words(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let (mut words, mut at) = (Vec::new(), 0);
    while let Some(byte) = bytes.get(at) {
        let end = match byte {
            b'"' => quoted(bytes, at, b'"'),
            b'/' if bytes.get(at + 1) == Some(&b'/') => line_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'*') => comment_end(text, at),
            b'/' => quoted(bytes, at, b'/'),
            // The names of patterns may be spelled like keywords.
            b'$' | b'#' | b'@' | b'!' => word_end(bytes, at + 1),
            byte if is_word(*byte) => {
                let end = word_end(bytes, at);
                words.push(at..end);
                end
            }
            _ => at + 1,
        };
        at = end;
    }
    words
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn word_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| !is_word(*byte)).map_or(bytes.len(), |length| at + length)
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length)
}

/// A comment without an end hides all that follows, as it does in any reading of the language.
fn comment_end(text: &str, at: usize) -> usize {
    text[at + 2..].find("*/").map_or(text.len(), |length| at + 2 + length + 2)
}

/// The end of a string or regular expression. One without an end does not reach into the next line.
fn quoted(bytes: &[u8], at: usize, mark: u8) -> usize {
    let mut at = at + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'\n' => return at,
            byte if *byte == mark => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::items;

    fn names(text: &str) -> Vec<String> {
        items(text).into_iter().map(|item| item.rule.unwrap_or_else(|| "-".to_owned())).collect()
    }

    #[test]
    fn items_are_found_whatever_stands_inside_them() {
        let text = "import \"pe\"\n/* rule no1 {} */ // rule no2 {}\n\
            global private rule a : rule_tag { strings: $rule = \"rule no3 {\" private $b = /rule no4 \\/ {/ $c = { 01 /* rule no5 */ 02 } condition: #rule == 1 }\n\
            rule b{condition:true}private rule c {condition: a}";
        assert_eq!(names(text), ["-", "a", "b", "c"]);
    }

    #[test]
    fn a_string_without_an_end_does_not_hide_the_next_rule() {
        assert_eq!(names("rule a { strings: $a = \"open\n condition: $a }\nrule b {}"), ["a", "b"]);
        assert_eq!(names("rule a { strings: $a = /open\n condition: $a }\nrule b {}"), ["a", "b"]);
    }

    #[test]
    fn items_cover_the_text_from_the_first_on() {
        let text = "x rule a {} y global rule b {} import \"z\"";
        let items = items(text);
        assert_eq!(items[0].range.start, 2);
        assert!(items.windows(2).all(|pair| pair[0].range.end == pair[1].range.start));
        assert_eq!(items.last().map(|item| item.range.end), Some(text.len()));
    }
}
