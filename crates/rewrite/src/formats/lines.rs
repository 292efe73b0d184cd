//! Files of lines: `NAME=value` as dotenv, systemd, Docker and shells read them, and INI.

use super::without_mark;
use crate::Error;
use crate::tree::{Count, Kind, Node};

/// Lines `NAME=value`, perhaps behind `export`; whatever else there is, is passed over.
pub(super) fn env(text: &str) -> Result<Node, Error> {
    let mut entries = Vec::new();
    let mut count = Count::default();
    let (_, mut at) = without_mark(text);
    while at < text.len() {
        let end = line_end(text, at);
        let line = &text[at..end];
        let mut next = end + 1;
        if let Some((name, value)) = assignment(line, &['=']) {
            count.one(1)?;
            let name = name.strip_prefix("export ").map_or(name, str::trim_start);
            let start = at + value;
            let (raw, said) = quoted(text, start).unwrap_or_else(|| bare(text, start, end, &[" #", "\t#"]));
            next = line_end(text, raw.end.max(at)) + 1;
            entries.push((name.to_owned(), Node::leaf(raw, said, Kind::Text)));
        }
        at = next;
    }
    Ok(Node::Map(entries))
}

/// Sections of `key = value` or `key: value`; keys before the first section belong to none.
pub(super) fn ini(text: &str) -> Result<Node, Error> {
    let mut roots: Vec<(String, Node)> = Vec::new();
    let mut section: Option<(String, Vec<(String, Node)>)> = None;
    let mut count = Count::default();
    let (_, mut at) = without_mark(text);
    while at < text.len() {
        let end = line_end(text, at);
        let line = &text[at..end];
        let trimmed = line.trim();
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name.trim())
        {
            count.one(1)?;
            roots.extend(section.take().map(|(name, entries)| (name, Node::Map(entries))));
            section = Some((name.to_owned(), Vec::new()));
        } else if let Some((name, value)) = assignment(line, &['=', ':']) {
            count.one(2)?;
            let start = at + value;
            let on_line = |(raw, said): (std::ops::Range<usize>, String)| (raw.end <= end).then_some((raw, said));
            let found = quoted(text, start).and_then(on_line);
            let (raw, said) = found.unwrap_or_else(|| bare(text, start, end, &[" ;", "\t;", " #", "\t#"]));
            let entry = (name.to_owned(), Node::leaf(raw, said, Kind::Text));
            section.as_mut().map_or(&mut roots, |(_, entries)| entries).push(entry);
        }
        at = end + 1;
    }
    roots.extend(section.map(|(name, entries)| (name, Node::Map(entries))));
    Ok(Node::Map(roots))
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |length| at + length)
}

/// The name of an assignment and where in the line its value begins.
fn assignment<'a>(line: &'a str, signs: &[char]) -> Option<(&'a str, usize)> {
    if line.trim_start().starts_with(['#', ';', '[']) {
        return None;
    }
    let sign = line.find(signs)?;
    let name = line[..sign].trim();
    let rest = &line[sign + 1..];
    let value = sign + 1 + rest.len() - rest.trim_start_matches([' ', '\t']).len();
    (!name.is_empty()).then_some((name, value))
}

/// A value in quotation marks, which may go over several lines.
fn quoted(text: &str, start: usize) -> Option<(std::ops::Range<usize>, String)> {
    let rest = &text[start..];
    let mark = rest.chars().next().filter(|mark| matches!(mark, '"' | '\''))?;
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if character == '\\' && mark == '"' {
            escaped = true;
        } else if character == mark {
            return Some((start..start + at + 1, rest[1..at].to_owned()));
        }
    }
    None
}

/// A value without quotation marks, up to a comment.
fn bare(text: &str, start: usize, end: usize, comments: &[&str]) -> (std::ops::Range<usize>, String) {
    let rest = &text[start..end];
    let comment = comments.iter().filter_map(|sign| rest.find(sign)).min().unwrap_or(rest.len());
    let at_once = if rest.starts_with(['#', ';']) { 0 } else { comment };
    let value = rest[..at_once].trim_end();
    (start..start + value.len(), value.to_owned())
}
