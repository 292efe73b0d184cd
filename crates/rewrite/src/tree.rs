//! A document as a tree of values that know where they stand. A map may hold a name several times, as XML does.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::Error;

/// The longest document, bytes.
pub(crate) const SIZE: usize = 4 << 20;
/// How deep values may be nested.
pub(crate) const DEPTH: usize = 64;
/// The most values of a document.
const VALUES: usize = 200_000;

/// One value.
#[derive(Debug)]
pub(crate) enum Node {
    /// A value without parts.
    Leaf(Leaf),
    /// Values by name, in order.
    Map(Vec<(String, Node)>),
    /// Values in order.
    List(Vec<Node>),
}

/// A value without parts.
#[derive(Debug)]
pub(crate) struct Leaf {
    /// Where it stands, with whatever quotation marks it has.
    pub(crate) raw: Range<usize>,
    /// What it says.
    pub(crate) value: Zeroizing<String>,
    /// How it is to be taken.
    pub(crate) kind: Kind,
}

/// How a value without parts is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text, whatever it looks like.
    Text,
    /// Text as long as it does not look like a number or a word that means something.
    Plain,
    /// A number, a date, a reference: nothing that a key can stand in.
    Other,
}

impl Node {
    /// A value without parts.
    pub(crate) fn leaf(raw: Range<usize>, value: impl Into<String>, kind: Kind) -> Self {
        Self::Leaf(Leaf { raw, value: Zeroizing::new(value.into()), kind })
    }

    /// The parts of a map.
    pub(crate) fn entries(&self) -> &[(String, Node)] {
        match self {
            Self::Map(entries) => entries,
            Self::Leaf(_) | Self::List(_) => &[],
        }
    }

    /// The values that a map has under a name.
    pub(crate) fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.entries().iter().filter(move |(own, _)| own == name).map(|(_, node)| node)
    }

    /// What the only text under a name says, without blanks around it.
    pub(crate) fn said<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.children(name).find_map(Self::text)
    }

    /// What it says itself; an element of XML says its text.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Leaf(leaf) => Some(leaf.value.trim()),
            Self::Map(_) => self.children(TEXT).find_map(Self::text),
            Self::List(_) => None,
        }
    }
}

/// The name under which the text of an element stands among its parts.
pub(crate) const TEXT: &str = "#text";

/// Counts values while a tree is made.
#[derive(Debug, Default)]
pub(crate) struct Count(usize);

impl Count {
    /// One more, at this depth.
    pub(crate) fn one(&mut self, depth: usize) -> Result<(), Error> {
        self.0 += 1;
        if self.0 > VALUES || depth > DEPTH { Err(Error::Limits) } else { Ok(()) }
    }
}

/// The line that a byte is on, from 1.
pub(crate) fn line(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or(text).matches('\n').count() + 1
}
