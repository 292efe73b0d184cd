//! XML, by `quick-xml`'s events. Entities are not resolved and nothing is fetched; several roots are fine.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Count, Kind, Node, without_mark, wrong};
use crate::Error;
use crate::place::Format;
use crate::tree::TEXT;

/// An element that is open.
struct Element {
    name: String,
    parts: Vec<(String, Node)>,
    /// Where its content begins.
    start: usize,
    has_elements: bool,
}

/// The tree of a document: an element is a map of its parts, `@name` an attribute, `#text` its text.
pub(super) fn parse(text: &str) -> Result<Node, Error> {
    let (rest, shift) = without_mark(text);
    let mut reader = Reader::from_str(rest);
    let mut count = Count::default();
    let mut open = vec![Element { name: String::new(), parts: Vec::new(), start: 0, has_elements: true }];
    loop {
        let before = position(&reader, shift);
        let event = reader.read_event().map_err(|_| {
            let at = usize::try_from(reader.error_position()).unwrap_or(0);
            wrong(Format::Xml, text, shift + at, "it is not well formed")
        })?;
        let after = position(&reader, shift);
        let depth = open.len();
        let top = open.last_mut().ok_or(Error::Limits)?;
        match event {
            Event::Eof => break,
            Event::Start(start) => {
                count.one(depth)?;
                top.has_elements = true;
                let parts = attributes(&start, text, &mut count, depth)?;
                open.push(Element { name: start.name().as_ref().to_owned(), parts, start: after, has_elements: false });
            }
            Event::Empty(start) => {
                count.one(depth)?;
                top.has_elements = true;
                let parts = attributes(&start, text, &mut count, depth)?;
                top.parts.push((start.name().as_ref().to_owned(), Node::Map(parts)));
            }
            Event::End(_) => {
                let Some(element) = open.pop() else { return Err(Error::Limits) };
                let parent =
                    open.last_mut().ok_or_else(|| wrong(Format::Xml, text, before, "an end without a beginning"))?;
                parent.parts.push((element.name.clone(), element.close()));
            }
            Event::Text(_) => top.say(text, before..after, &mut count, depth)?,
            Event::CData(_) => {
                let inner = before + "<![CDATA[".len()..after.saturating_sub("]]>".len());
                top.say(text, inner, &mut count, depth)?;
            }
            // What an entity stands for is not known here: the text around it is not the whole text.
            Event::GeneralRef(_) => {
                top.parts.push((TEXT.to_owned(), Node::leaf(before..after, "", Kind::Other)));
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(root), true) => Ok(Node::Map(root.parts)),
        _ => Err(wrong(Format::Xml, text, text.len(), "an element is not closed")),
    }
}

fn position(reader: &Reader<&[u8]>, shift: usize) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).saturating_add(shift)
}

impl Element {
    /// Takes a piece of text, unless it is only blanks.
    fn say(&mut self, text: &str, range: Range<usize>, count: &mut Count, depth: usize) -> Result<(), Error> {
        let said = text.get(range.clone()).ok_or(Error::Limits)?;
        if !said.trim().is_empty() {
            count.one(depth)?;
            self.parts.push((TEXT.to_owned(), Node::leaf(range, said, Kind::Text)));
        }
        Ok(())
    }

    /// The whole element; one without content has an empty text.
    fn close(mut self) -> Node {
        if !self.has_elements && !self.parts.iter().any(|(name, _)| name == TEXT) {
            self.parts.push((TEXT.to_owned(), Node::leaf(self.start..self.start, "", Kind::Text)));
        }
        Node::Map(self.parts)
    }
}

fn attributes(
    start: &BytesStart<'_>,
    text: &str,
    count: &mut Count,
    depth: usize,
) -> Result<Vec<(String, Node)>, Error> {
    let mut parts = Vec::new();
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|_| wrong(Format::Xml, text, 0, "an attribute is not well formed"))?;
        count.one(depth)?;
        let value: &str = &attribute.value;
        // The value is borrowed from the document: that is how it says where it stands.
        let at = value.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
        let is_there = text.get(at..at.saturating_add(value.len())) == Some(value);
        let (raw, kind) = if is_there { (at..at + value.len(), Kind::Text) } else { (0..0, Kind::Other) };
        parts.push((format!("@{}", attribute.key.as_ref()), Node::leaf(raw, value, kind)));
    }
    Ok(parts)
}
