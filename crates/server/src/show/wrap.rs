//! Sentences as wide as the terminal.

/// Breaks lines between words, so that none is longer than `width`; what follows a break is indented by so much. Without a
/// width, and where there is no room beside the indentation, nothing is broken.
pub(crate) fn wrapped(text: &str, width: Option<usize>, indent: usize) -> String {
    /// Fewer characters a line are no line.
    const LEAST: usize = 20;
    let Some(width) = width.filter(|width| *width >= indent + LEAST) else { return text.to_owned() };
    text.lines().map(|line| broken(line, width, indent)).collect::<Vec<_>>().join("\n")
}

fn broken(line: &str, width: usize, indent: usize) -> String {
    let (mut all, mut filled) = (String::with_capacity(line.len()), 0);
    for word in line.split_inclusive(' ') {
        let length = word.trim_end().chars().count();
        if filled > indent && filled + length > width {
            all.truncate(all.trim_end().len());
            all.push('\n');
            all.extend(std::iter::repeat_n(' ', indent));
            filled = indent;
        }
        all.push_str(word);
        filled += word.chars().count();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_indented() {
        let text = "problem  name  the name is not known, spell it";
        assert_eq!(wrapped(text, Some(35), 15), "problem  name  the name is not\n               known, spell it");
        assert_eq!(wrapped("one two\nthree", Some(80), 0), "one two\nthree");
    }

    #[test]
    fn what_cannot_be_broken_stays_whole() {
        let hash = "0".repeat(64);
        assert_eq!(wrapped(&format!("File {hash} not found"), Some(40), 0), format!("File\n{hash}\nnot found"));
        assert_eq!(wrapped("a b c", None, 0), "a b c");
        assert_eq!(wrapped("a b c", Some(10), 8), "a b c");
    }
}
