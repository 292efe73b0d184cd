//! YAML, by `saphyr-parser`'s events. Anchors are fine, values that are aliases are not followed.

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::{Count, Kind, Node, without_mark, wrong};
use crate::Error;
use crate::place::Format;

/// The trees of all documents of a stream.
pub(super) fn parse(text: &str, format: Format) -> Result<Vec<Node>, Error> {
    let (rest, shift) = without_mark(text);
    let offsets = Offsets::of(rest, shift);
    let mut reading = Reading { events: Parser::new_from_str(rest), text, format, offsets, count: Count::default() };
    let mut roots = Vec::new();
    loop {
        match reading.next()? {
            (Event::StreamEnd, _) => return Ok(roots),
            (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
            (event, span) => roots.push(reading.node(event, span, 0)?),
        }
    }
}

/// Where characters stand: the parser counts characters, we count bytes.
struct Offsets {
    shift: usize,
    /// One for each character, and the end; none where all are one byte long.
    of: Vec<u32>,
}

impl Offsets {
    fn of(text: &str, shift: usize) -> Self {
        let end = std::iter::once(text.len());
        let all = || text.char_indices().map(|(at, _)| at).chain(end);
        let of =
            if text.is_ascii() { Vec::new() } else { all().map(|at| u32::try_from(at).unwrap_or(u32::MAX)).collect() };
        Self { shift, of }
    }

    fn byte(&self, character: usize) -> usize {
        let byte = match self.of.as_slice() {
            [] => character,
            of => of.get(character).or(of.last()).map_or(character, |at| *at as usize),
        };
        byte.saturating_add(self.shift)
    }
}

struct Reading<'a> {
    events: Parser<'a, StrInput<'a>>,
    text: &'a str,
    format: Format,
    offsets: Offsets,
    count: Count,
}

impl<'a> Reading<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Error> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let at = self.offsets.byte(error.marker().index());
                Err(wrong(self.format, self.text, at, "it does not parse"))
            }
            None => Err(wrong(self.format, self.text, self.text.len(), "it ends too early")),
        }
    }

    /// The value that begins with this event.
    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Error> {
        self.count.one(depth)?;
        let raw = self.offsets.byte(span.start.index())..self.offsets.byte(span.end.index());
        match event {
            Event::Scalar(value, style, _, tag) => {
                let kind = match style {
                    // What is said to be of a type is that, whatever its letters.
                    _ if tag.is_some_and(|tag| tag.suffix != "str") => Kind::Other,
                    ScalarStyle::Plain if is_nothing(&value) => Kind::Other,
                    ScalarStyle::Plain => Kind::Plain,
                    ScalarStyle::SingleQuoted
                    | ScalarStyle::DoubleQuoted
                    | ScalarStyle::Literal
                    | ScalarStyle::Folded => Kind::Text,
                };
                Ok(Node::leaf(raw, value.into_owned(), kind))
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => return Ok(Node::List(items)),
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => {
                let mut entries = Vec::new();
                loop {
                    let key = match self.next()? {
                        (Event::MappingEnd, _) => return Ok(Node::Map(entries)),
                        (event, span) => self.node(event, span, depth + 1)?,
                    };
                    let (event, span) = self.next()?;
                    let value = self.node(event, span, depth + 1)?;
                    entries.push((key.text().unwrap_or_default().to_owned(), value));
                }
            }
            Event::Alias(_) => Ok(Node::leaf(raw, "", Kind::Other)),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => Err(wrong(self.format, self.text, raw.start, "something ends that did not begin")),
        }
    }
}

/// Whether a plain scalar is none: a value that is not there has no place of its own.
fn is_nothing(value: &str) -> bool {
    matches!(value, "" | "~" | "null" | "Null" | "NULL")
}
