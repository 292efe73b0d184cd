//! Text to trees, a file a format. Each answers the roots of the document: one, or as many as YAML has documents.

use crate::place::Format;
use crate::tree::{self, Kind, Node};
use crate::{Error, tree::Count};

mod braces;
mod lines;
mod toml;
mod xml;
mod yaml;

/// The trees of a document.
pub(crate) fn parse(text: &str, format: Format) -> Result<Vec<Node>, Error> {
    match format {
        Format::Env => Ok(vec![lines::env(text)?]),
        Format::Ini => Ok(vec![lines::ini(text)?]),
        Format::Json => Ok(vec![braces::parse(text, braces::Dialect::Json)?]),
        Format::Hocon => Ok(vec![braces::parse(text, braces::Dialect::Hocon)?]),
        Format::Toml => Ok(vec![toml::parse(text)?]),
        Format::Xml => Ok(vec![xml::parse(text)?]),
        Format::Yaml | Format::Kubernetes => yaml::parse(text, format),
        Format::Whole => Ok(vec![Node::leaf(0..text.len(), text, Kind::Text)]),
    }
}

/// What a parser says, with the line; never more than its own words, since a document holds secrets.
fn wrong(format: Format, text: &str, at: usize, why: impl Into<String>) -> Error {
    Error::Form { format, line: tree::line(text, at), why: why.into() }
}

/// The byte order mark, which editors on Windows write, is no part of a document.
fn without_mark(text: &str) -> (&str, usize) {
    text.strip_prefix('\u{feff}').map_or((text, 0), |rest| (rest, text.len() - rest.len()))
}
