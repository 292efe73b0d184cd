//! Reading and replacing. What comes out of a replacement is parsed again and held against what went in.

use std::collections::BTreeMap;
use std::ops::Range;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use zeroize::Zeroizing;

use crate::Error;
use crate::formats;
use crate::place::Place;
use crate::select::{Slot, Wrapping, select};
use crate::tree::{self, Kind, Node};

/// The longest value, bytes.
const LONGEST: usize = 512;

/// How much of a line is told before a value, characters.
const BEFORE: usize = 60;

/// What a place holds.
pub struct Held {
    /// The value, without blanks around it.
    pub value: Zeroizing<String>,
    /// Where it stands.
    pub spots: Vec<Spot>,
}

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The line, from 1.
    pub line: usize,
    /// What stands before it on its line, as far as it belongs to it.
    pub before: String,
}

/// What stands at a place; where it stands several times, all say the same.
pub fn read(document: &[u8], place: &Place) -> Result<Held, Error> {
    let text = text(document)?;
    let roots = formats::parse(text, place.format())?;
    let mut held: Option<Held> = None;
    for slot in slots(&roots, place)? {
        let value = said(&slot).ok_or_else(|| Error::Writing(place.to_string()))?;
        let held = held.get_or_insert_with(|| Held { value: value.clone(), spots: Vec::new() });
        if held.value != value {
            return Err(Error::Ambiguous(place.to_string()));
        }
        held.spots.push(spot(text, range(text, &slot, place)?.start));
    }
    held.ok_or_else(|| Error::Missing(place.to_string()))
}

/// The document with another value at that place. The same value gives the same document.
pub fn replace(document: &[u8], place: &Place, value: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    check_value(value)?;
    let held = read(document, place)?;
    if *held.value == value {
        return Ok(Zeroizing::new(document.to_vec()));
    }
    let text = text(document)?;
    let roots = formats::parse(text, place.format())?;
    let mut changes = BTreeMap::new();
    let mut expected = BTreeMap::new();
    for slot in slots(&roots, place)? {
        let (written, meant) = written(&slot, value);
        changes.insert(range(text, &slot, place)?.start, (range(text, &slot, place)?.end, written));
        expected.insert(slot.leaf.raw.start, meant);
    }
    let mut result = Zeroizing::new(Vec::with_capacity(document.len() + changes.len() * LONGEST * 2));
    let mut at = 0;
    for (start, (end, written)) in &changes {
        result.extend_from_slice(&document[at..*start]);
        result.extend_from_slice(written.as_bytes());
        at = *end;
    }
    result.extend_from_slice(&document[at..]);
    let after = self::text(&result).and_then(|text| formats::parse(text, place.format()));
    match after {
        Ok(after) if alike(&roots, &after, &expected) => Ok(result),
        _ => Err(Error::Unsafe(place.to_string())),
    }
}

fn check_value(value: &str) -> Result<(), Error> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let fine = !value.is_empty() && value.len() <= LONGEST && value.bytes().all(fits);
    if fine { Ok(()) } else { Err(Error::Value) }
}

fn text(document: &[u8]) -> Result<&str, Error> {
    if document.len() > tree::SIZE {
        return Err(Error::Size);
    }
    std::str::from_utf8(document).map_err(|_| Error::Encoding)
}

fn slots<'a>(roots: &'a [Node], place: &'a Place) -> Result<Vec<Slot<'a>>, Error> {
    let found = select(roots, place);
    match (found.slots.is_empty(), found.others) {
        (_, true) => Err(Error::NotText(place.to_string())),
        (true, false) => Err(Error::Missing(place.to_string())),
        (false, false) => Ok(found.slots),
    }
}

/// What a slot says, without its wrapping.
fn said(slot: &Slot<'_>) -> Option<Zeroizing<String>> {
    let text = slot.leaf.value.trim();
    match slot.wrapping {
        Wrapping::None => Some(Zeroizing::new(text.to_owned())),
        Wrapping::Named(name) => {
            text.strip_prefix(name)?.strip_prefix('=').map(|rest| Zeroizing::new(rest.trim().to_owned()))
        }
        Wrapping::Base64 => decoded(text).map(|text| Zeroizing::new(text.trim().to_owned())),
    }
}

fn decoded(text: &str) -> Option<Zeroizing<String>> {
    let bytes = Zeroizing::new(BASE64.decode(text).ok()?);
    std::str::from_utf8(&bytes).ok().map(|text| Zeroizing::new(text.to_owned()))
}

/// The bytes that are replaced: what the slot says, as it stands there once.
fn range(text: &str, slot: &Slot<'_>, place: &Place) -> Result<Range<usize>, Error> {
    let refused = || Error::Writing(place.to_string());
    let raw = text.get(slot.leaf.raw.clone()).ok_or_else(refused)?;
    let start = slot.leaf.raw.start;
    let whole = slot.leaf.value.trim();
    if whole.is_empty() {
        return match raw.as_bytes() {
            [] => Ok(start..start),
            [b'"', b'"'] | [b'\'', b'\''] => Ok(start + 1..start + 1),
            _ => Err(refused()),
        };
    }
    let mut places = raw.match_indices(whole);
    let (Some((at, _)), None) = (places.next(), places.next()) else { return Err(refused()) };
    let range = start + at..start + at + whole.len();
    match slot.wrapping {
        Wrapping::None | Wrapping::Base64 => Ok(range),
        Wrapping::Named(_) => {
            let value = said(slot).ok_or_else(refused)?;
            Ok(range.end - value.len()..range.end)
        }
    }
}

/// What is written in the place of the old value, and what the leaf means afterwards.
fn written(slot: &Slot<'_>, value: &str) -> (Zeroizing<String>, Zeroizing<String>) {
    let own = Zeroizing::new(value.to_owned());
    match slot.wrapping {
        Wrapping::None if slot.leaf.kind == Kind::Plain && looks_like_no_text(value) => {
            (Zeroizing::new(format!("\"{value}\"")), own)
        }
        Wrapping::None => (own.clone(), own),
        Wrapping::Named(name) => (own, Zeroizing::new(format!("{name}={value}"))),
        Wrapping::Base64 => {
            // `base64` is often fed by `echo`, with a line end: that stays.
            let old = decoded(slot.leaf.value.trim()).unwrap_or_default();
            let inner = Zeroizing::new(old.replacen(old.trim(), value, 1));
            let encoded = Zeroizing::new(BASE64.encode(inner.as_bytes()));
            (encoded.clone(), encoded)
        }
    }
}

/// Whether YAML would take a bare word for a number or for something else than text.
fn looks_like_no_text(word: &str) -> bool {
    const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let numeric = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'e' | b'E' | b'-' | b'_');
    let prefixed = ["0x", "0o", "0b"].iter().any(|prefix| word.starts_with(prefix));
    word.starts_with('-')
        || prefixed
        || word.bytes().all(numeric)
        || WORDS.contains(&word.to_ascii_lowercase().as_str())
}

/// Whether two documents say the same but for the leaves that `expected` names by where they stood.
fn alike(before: &[Node], after: &[Node], expected: &BTreeMap<usize, Zeroizing<String>>) -> bool {
    before.len() == after.len() && before.iter().zip(after).all(|(before, after)| same(before, after, expected))
}

fn same(before: &Node, after: &Node, expected: &BTreeMap<usize, Zeroizing<String>>) -> bool {
    match (before, after) {
        (Node::Leaf(before), Node::Leaf(after)) => match expected.get(&before.raw.start) {
            Some(meant) => after.kind != Kind::Other && after.value.trim() == meant.as_str(),
            None => before.value == after.value && before.kind == after.kind,
        },
        (Node::List(before), Node::List(after)) => alike(before, after, expected),
        (Node::Map(before), Node::Map(after)) => {
            before.len() == after.len()
                && before
                    .iter()
                    .zip(after)
                    .all(|(before, after)| before.0 == after.0 && same(&before.1, &after.1, expected))
        }
        _ => false,
    }
}

/// The line, and what of it belongs to the value: nothing of its neighbours, which may be secrets as well.
fn spot(text: &str, at: usize) -> Spot {
    let head = text.get(..at).unwrap_or_default();
    let own = head.rsplit(['\n', ',', '{', ';']).next().unwrap_or_default().trim_start();
    let cut = own.char_indices().rev().nth(BEFORE).map_or(0, |(at, _)| at);
    Spot { line: tree::line(text, at), before: own[cut..].to_owned() }
}
