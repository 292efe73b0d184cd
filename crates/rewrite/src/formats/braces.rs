//! JSON with comments, and HOCON: the language of braces. JSON is read strictly but for comments and commas at the end.

use std::ops::Range;

use super::{Count, Kind, Node, without_mark, wrong};
use crate::Error;
use crate::place::Format;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Names and texts in quotation marks, commas and colons.
    Json,
    /// Bare words, `=`, names with dots, line ends as commas.
    Hocon,
}

/// The tree of a document.
pub(super) fn parse(text: &str, dialect: Dialect) -> Result<Node, Error> {
    let (_, at) = without_mark(text);
    let mut reading = Reading { text, at, dialect, count: Count::default() };
    reading.blanks(true)?;
    let node = match (reading.peek(), dialect) {
        (Some(b'{' | b'['), _) | (_, Dialect::Json) => reading.value(0)?,
        (_, Dialect::Hocon) => reading.entries(None, 0)?,
    };
    reading.blanks(true)?;
    if reading.at < text.len() {
        return Err(reading.wrong("something stands behind the end"));
    }
    Ok(node)
}

struct Reading<'a> {
    text: &'a str,
    at: usize,
    dialect: Dialect,
    count: Count,
}

impl Reading<'_> {
    fn wrong(&self, why: &'static str) -> Error {
        let format = match self.dialect {
            Dialect::Json => Format::Json,
            Dialect::Hocon => Format::Hocon,
        };
        wrong(format, self.text, self.at, why)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn is_hocon(&self) -> bool {
        self.dialect == Dialect::Hocon
    }

    /// Passes over blanks and comments; over line ends only where they mean nothing.
    fn blanks(&mut self, with_lines: bool) -> Result<(), Error> {
        loop {
            match self.peek() {
                Some(b'\n') if !with_lines => return Ok(()),
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(b'#') if self.is_hocon() => self.pass_line(),
                Some(b'/') if self.rest().starts_with("//") => self.pass_line(),
                Some(b'/') if self.rest().starts_with("/*") => {
                    let length = self.rest().find("*/").ok_or_else(|| self.wrong("a comment is not closed"))?;
                    self.at += length + 2;
                }
                _ => return Ok(()),
            }
        }
    }

    fn pass_line(&mut self) {
        self.at += self.rest().find('\n').unwrap_or(self.rest().len());
    }

    fn value(&mut self, depth: usize) -> Result<Node, Error> {
        self.count.one(depth)?;
        match self.peek() {
            Some(b'{') => {
                self.at += 1;
                self.entries(Some(b'}'), depth)
            }
            Some(b'[') => self.list(depth),
            Some(b'"') if !self.is_hocon() => self.quoted().map(|(raw, said)| Node::leaf(raw, said, Kind::Text)),
            Some(_) if self.is_hocon() => self.words(),
            Some(_) => self.literal(),
            None => Err(self.wrong("a value is missing")),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Node, Error> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blanks(true)?;
            if self.peek() == Some(b']') {
                self.at += 1;
                return Ok(Node::List(items));
            }
            items.push(self.value(depth + 1)?);
            self.separator(b']')?;
        }
    }

    /// Names and values up to `end`, or up to the end of the document.
    fn entries(&mut self, end: Option<u8>, depth: usize) -> Result<Node, Error> {
        let mut entries = Vec::new();
        loop {
            self.blanks(true)?;
            if self.peek() == end {
                self.at += usize::from(end.is_some());
                return Ok(Node::Map(entries));
            }
            if self.is_hocon() && self.include() {
                continue;
            }
            let names = self.names()?;
            self.blanks(true)?;
            match self.peek() {
                Some(b':') => self.at += 1,
                Some(b'=') if self.is_hocon() => self.at += 1,
                Some(b'+') if self.is_hocon() && self.rest().starts_with("+=") => self.at += 2,
                Some(b'{') if self.is_hocon() => {}
                _ => return Err(self.wrong("a colon is missing behind a name")),
            }
            self.blanks(true)?;
            let mut node = self.value(depth + names.len())?;
            let mut names = names.into_iter().rev();
            let outermost = loop {
                let Some(name) = names.next() else { return Err(self.wrong("a name is missing")) };
                if names.len() == 0 {
                    break name;
                }
                self.count.one(depth)?;
                node = Node::Map(vec![(name, node)]);
            };
            entries.push((outermost, node));
            self.separator(end.unwrap_or(0))?;
        }
    }

    /// A comma, in HOCON a line end as well, or the end that is to come.
    fn separator(&mut self, end: u8) -> Result<(), Error> {
        self.blanks(!self.is_hocon())?;
        match self.peek() {
            Some(b',' | b'\n') => self.at += 1,
            Some(byte) if byte == end => {}
            None if end == 0 => {}
            _ => return Err(self.wrong("a comma is missing")),
        }
        self.blanks(true)?;
        if self.is_hocon() && self.peek() == Some(b',') {
            self.at += 1;
        }
        Ok(())
    }

    /// A line of HOCON that takes in another file, which is not looked at.
    fn include(&mut self) -> bool {
        let is_one = self.rest().strip_prefix("include").is_some_and(|rest| {
            let rest = rest.trim_start_matches([' ', '\t']);
            ["\"", "file(", "url(", "classpath(", "required("].iter().any(|start| rest.starts_with(start))
        });
        if is_one {
            self.pass_line();
        }
        is_one
    }

    /// A name; in HOCON several, with dots between them.
    fn names(&mut self) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        loop {
            if self.peek() == Some(b'"') {
                names.push(self.quoted()?.1);
            } else if self.is_hocon() {
                let stops = |c: char| c.is_whitespace() || "$\"{}[]:=,+#`^?!@*&\\.".contains(c);
                let length = self.rest().find(stops).unwrap_or(self.rest().len());
                names.push(self.rest()[..length].to_owned());
                self.at += length;
                if length == 0 {
                    return Err(self.wrong("a name is missing"));
                }
            } else {
                return Err(self.wrong("a name in quotation marks is missing"));
            }
            if !(self.is_hocon() && self.peek() == Some(b'.')) {
                return Ok(names);
            }
            if names.len() >= crate::tree::DEPTH {
                return Err(Error::Limits);
            }
            self.at += 1;
        }
    }

    /// A text in quotation marks: its place with them, and what it says; one with escapes says what it is written as.
    fn quoted(&mut self) -> Result<(Range<usize>, String), Error> {
        let start = self.at;
        let mut escaped = false;
        for (at, byte) in self.rest().bytes().enumerate().skip(1) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'\n' => break,
                b'"' => {
                    self.at = start + at + 1;
                    let inner = self.text.get(start + 1..start + at).unwrap_or_default();
                    return Ok((start..self.at, inner.to_owned()));
                }
                _ => {}
            }
        }
        Err(self.wrong("a quotation mark is not closed"))
    }

    /// `true`, `null`, a number.
    fn literal(&mut self) -> Result<Node, Error> {
        let length =
            self.rest().find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).unwrap_or(self.rest().len());
        let start = self.at;
        let word = self.rest()[..length].to_owned();
        let is_one = matches!(word.as_str(), "true" | "false" | "null") || word.parse::<f64>().is_ok();
        if !is_one {
            return Err(self.wrong("this is no value"));
        }
        self.at += length;
        Ok(Node::leaf(start..self.at, word, Kind::Other))
    }

    /// A value of HOCON on one line: a text in quotation marks, bare words, or both with references, which is no text of its
    /// own.
    fn words(&mut self) -> Result<Node, Error> {
        let start = self.at;
        let (mut parts, mut mixed, mut said) = (0, false, String::new());
        loop {
            match self.peek() {
                None | Some(b'\n' | b',' | b'}' | b']' | b'#') => break,
                Some(b'/') if self.rest().starts_with("//") => break,
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'"') if self.rest().starts_with("\"\"\"") => {
                    let length = self.rest()[3..].find("\"\"\"").ok_or_else(|| self.wrong("a text is not closed"))?;
                    self.at += length + 6;
                    (mixed, parts) = (true, parts + 1);
                }
                Some(b'"') => {
                    said = self.quoted()?.1;
                    parts += 1;
                }
                Some(b'$') if self.rest().starts_with("${") => {
                    self.at += self.rest().find('}').ok_or_else(|| self.wrong("a reference is not closed"))? + 1;
                    (mixed, parts) = (true, parts + 1);
                }
                Some(b'{' | b'[') => return Err(self.wrong("values that are put together are not understood")),
                Some(_) => {
                    let stops = |c: char| c.is_whitespace() || ",{}[]#\"$".contains(c);
                    let length = self.rest().find(stops).unwrap_or(self.rest().len());
                    let comment = self.rest().find("//").unwrap_or(usize::MAX);
                    let length = length.min(comment).max(1);
                    self.rest().get(..length).unwrap_or_default().clone_into(&mut said);
                    self.at += self.rest().chars().next().map_or(1, char::len_utf8).max(length);
                    parts += 1;
                }
            }
        }
        let end = start + self.text.get(start..self.at).unwrap_or_default().trim_end().len();
        let kind = if mixed || parts != 1 { Kind::Other } else { Kind::Text };
        Ok(Node::leaf(start..end, said, kind))
    }
}
