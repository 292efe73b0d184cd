//! TOML, by the `toml` crate's tables with spans.

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use super::{Count, Kind, Node, without_mark, wrong};
use crate::Error;
use crate::place::Format;

/// The tree of a document.
pub(super) fn parse(text: &str) -> Result<Node, Error> {
    let (rest, shift) = without_mark(text);
    let table = DeTable::parse(rest).map_err(|error| {
        // The parser's own words quote the line.
        wrong(Format::Toml, text, shift + error.span().map_or(0, |span| span.start), "it does not parse")
    })?;
    let mut count = Count::default();
    self::table(table.get_ref(), shift, 0, &mut count)
}

fn table(table: &DeTable<'_>, shift: usize, depth: usize, count: &mut Count) -> Result<Node, Error> {
    let entry = |(key, node): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key: &std::borrow::Cow<'_, str> = key.get_ref();
        Ok((key.to_string(), value(node, shift, depth + 1, count)?))
    };
    table.iter().map(entry).collect::<Result<_, Error>>().map(Node::Map)
}

fn value(node: &Spanned<DeValue<'_>>, shift: usize, depth: usize, count: &mut Count) -> Result<Node, Error> {
    count.one(depth)?;
    let span = node.span();
    let raw = span.start + shift..span.end + shift;
    match node.get_ref() {
        DeValue::String(text) => Ok(Node::leaf(raw, text.to_string(), Kind::Text)),
        DeValue::Integer(number) => Ok(Node::leaf(raw, number.as_str(), Kind::Other)),
        DeValue::Float(number) => Ok(Node::leaf(raw, number.as_str(), Kind::Other)),
        DeValue::Boolean(word) => Ok(Node::leaf(raw, word.to_string(), Kind::Other)),
        DeValue::Datetime(date) => Ok(Node::leaf(raw, date.to_string(), Kind::Other)),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| value(item, shift, depth + 1, count));
            items.collect::<Result<_, _>>().map(Node::List)
        }
        DeValue::Table(inner) => table(inner, shift, depth, count),
    }
}
