//! One line of a hash list: text in, a hash and perhaps a name out.

use assay_model::FileHash;

use crate::index::draft::NAME_LIMIT;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A hash, and the name that goes with it.
    Entry(FileHash, Option<&'a str>),
    /// Empty, or a comment.
    Nothing,
    /// Looks like the first line of a CSV file.
    Header,
    /// None of these.
    Bad,
}

/// Reads a line: `hash`, `hash,name` (also `;`, tab or blanks between), each perhaps in quotes.
pub(super) fn line(bytes: &[u8]) -> Line<'_> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Line::Bad };
    // Windows' editors begin a file with a byte order mark.
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() || text.starts_with(['#', ';']) || text.starts_with("//") {
        return Line::Nothing;
    }
    let (first, rest) = text.split_once([',', ';', '\t', ' ']).unwrap_or((text, ""));
    let first = unquoted(first);
    if let Ok(hash) = first.parse() {
        return Line::Entry(hash, name(rest));
    }
    let word = first.to_ascii_lowercase();
    if ["hash", "md5", "sha1", "sha-1", "sha256", "sha-256"].iter().any(|header| word.contains(header)) {
        return Line::Header;
    }
    Line::Bad
}

/// The second column. A quoted one may hold commas.
fn name(rest: &str) -> Option<&str> {
    let rest = rest.trim();
    let name = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split([',', ';', '\t']).next(),
    };
    let name = name.map(str::trim).filter(|name| !name.is_empty())?;
    Some(&name[..name.floor_char_boundary(NAME_LIMIT)])
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches('"').trim_matches('\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

    fn read(text: &str) -> Result<Option<String>, Line<'_>> {
        match line(text.as_bytes()) {
            Line::Entry(hash, name) => {
                assert!(matches!(hash, FileHash::Md5(md5) if md5.to_string() == MD5), "{text}");
                Ok(name.map(str::to_owned))
            }
            other => Err(other),
        }
    }

    #[test]
    fn a_hash_stands_alone_or_with_a_name_quoted_or_not() {
        for text in [
            MD5.to_owned(),
            format!("  {}\r\n", MD5.to_uppercase()),
            format!("\"{MD5}\""),
            format!("{MD5},"),
            format!("\u{feff}{MD5}"),
        ] {
            assert_eq!(read(&text), Ok(None), "{text}");
        }
        for text in [
            format!("{MD5},A b"),
            format!("\"{MD5}\",\"A b\",x"),
            format!("{MD5}  A b"),
            format!("{MD5};A b;c"),
            format!("{MD5}\tA b"),
        ] {
            assert_eq!(read(&text), Ok(Some("A b".into())), "{text}");
        }
        assert_eq!(read(&format!("{MD5},\"a,b\"")), Ok(Some("a,b".into())));
    }

    #[test]
    fn other_lines_are_comments_headers_or_bad() {
        for text in ["", "  ", "# x", "; x", "// x"] {
            assert_eq!(line(text.as_bytes()), Line::Nothing, "{text}");
        }
        for text in ["sha256,name", "\"SHA256 hash\",\"signature\"", "md5"] {
            assert_eq!(line(text.as_bytes()), Line::Header, "{text}");
        }
        for text in ["name", "d41d8cd98f00b204e9800998ecf8427", "zz1d8cd98f00b204e9800998ecf8427e"] {
            assert_eq!(line(text.as_bytes()), Line::Bad, "{text}");
        }
        assert_eq!(line(b"\xff\xfe"), Line::Bad);
    }

    #[test]
    fn a_long_name_is_cut_at_a_character() {
        let long = format!("{MD5},{}", "é".repeat(300));
        assert_eq!(read(&long).map(|name| name.map(|name| name.len())), Ok(Some(254)));
    }
}
