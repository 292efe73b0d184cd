//! What a list says of an entry, as the index keeps it: a letter for what kind of remark it is, the network that it is
//! about, a line feed, the text.

use super::lines::Remark;
use crate::index::draft::NAME_LIMIT;

/// A remark and what it is about; `about` is empty but for a network. Too long a text is cut.
pub(super) fn stored(remark: Option<&Remark>, about: &str) -> Vec<u8> {
    let (letter, text) = match remark {
        None => ('-', ""),
        Some(Remark::Note(text)) => ('n', text.as_str()),
        Some(Remark::Threat(text)) => ('t', text.as_str()),
        Some(Remark::Brand(text)) => ('b', text.as_str()),
    };
    let mut stored = format!("{letter}{about}\n{text}");
    stored.truncate(stored.floor_char_boundary(NAME_LIMIT));
    stored.into_bytes()
}

/// The inverse of [`stored`]: what it is about, and the remark.
pub(super) fn read(stored: &[u8]) -> Option<(&str, Option<Remark>)> {
    let text = std::str::from_utf8(stored).ok()?;
    let (about, text) = text.get(1..)?.split_once('\n')?;
    let remark = match stored.first()? {
        b'n' => Some(Remark::Note(text.to_owned())),
        b't' => Some(Remark::Threat(text.to_owned())),
        b'b' => Some(Remark::Brand(text.to_owned())),
        _ => None,
    };
    Some((about, remark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_comes_back_as_it_was_and_a_long_one_cut() {
        for remark in [Remark::Note("a\nb".into()), Remark::Threat("Mozi".into()), Remark::Brand(String::new())] {
            let kept = stored(Some(&remark), "192.0.2.0/24");
            assert_eq!(read(&kept), Some(("192.0.2.0/24", Some(remark))));
        }
        assert_eq!(read(&stored(None, "")), Some(("", None)));
        let long = stored(Some(&Remark::Note("é".repeat(300))), "");
        assert_eq!(long.len(), 254);
        assert!(read(&long).is_some());
    }
}
