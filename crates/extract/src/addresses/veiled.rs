//! What does not stand in a file as it is: URLs in base64 and in hexadecimal, objects of RTF documents, and the macros of
//! office documents, which are packed. In go bytes, what they hide is given to the search.

use memchr::memmem::{self, Finder};

use super::Search;
use crate::bytes::{head, le16};

/// `http` in base64, at each place in a group of three bytes, of single bytes and of UTF-16LE; how far behind the beginning
/// of its group of four letters it stands.
const BASE64: &[(&str, usize)] =
    &[("aHR0c", 0), ("h0dH", 2), ("odHRw", 3), ("aAB0AHQAc", 0), ("gAdAB0AHAA", 2), ("oAHQAdABw", 3)];
/// `http` in hexadecimal, of single bytes and of UTF-16LE.
const HEXADECIMAL: &[&str] = &["68747470", "6800740074007000"];
/// How a module of macros begins: a byte of flags, then `Attribute` in letters (MS-OVBA 2.3.4.3).
const MODULE: &[u8] = b"\0Attribut";

/// Places of one sort that are looked at.
const PLACES: usize = 500;
/// What is read of one place.
const TEXT: usize = 4096;
/// What is read of one object of an RTF document, and of one module of macros.
const OBJECT: usize = 1 << 20;
/// Bytes of a chunk of a module, unpacked (MS-OVBA 2.4.1.1.3).
const CHUNK: usize = 4096;

/// What is looked for.
pub(super) struct Veils {
    base64: Vec<(Finder<'static>, usize)>,
    hexadecimal: Vec<Finder<'static>>,
    module: Finder<'static>,
}

impl Veils {
    pub(super) fn new() -> Self {
        Self {
            base64: BASE64.iter().map(|(letters, shift)| (Finder::new(*letters), *shift)).collect(),
            hexadecimal: HEXADECIMAL.iter().map(|digits| Finder::new(*digits)).collect(),
            module: Finder::new(MODULE),
        }
    }

    /// All texts that are hidden in `bytes`.
    fn texts(&self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let from = |start: usize| bytes.get(start..).unwrap_or_default();
        let mut texts = Vec::new();
        for (finder, shift) in &self.base64 {
            let starts = finder.find_iter(bytes).take(PLACES).filter_map(|place| place.checked_sub(*shift));
            texts.extend(starts.map(|start| of_base64(from(start))));
        }
        for finder in &self.hexadecimal {
            texts.extend(finder.find_iter(bytes).take(PLACES).map(|start| of_hexadecimal(from(start), TEXT)));
        }
        // The signature and the head of the first chunk stand before the flags.
        let modules = self.module.find_iter(bytes).take(PLACES).filter_map(|place| place.checked_sub(3));
        texts.extend(modules.filter(|start| bytes.get(*start) == Some(&1)).map(|start| of_module(from(start))));
        if head(bytes, 5) == b"{\\rtf" {
            let word = b"\\objdata";
            let objects = memmem::find_iter(bytes, word).take(PLACES).map(|place| place.saturating_add(word.len()));
            texts.extend(objects.map(|start| of_hexadecimal(from(start), OBJECT)));
        }
        texts
    }
}

/// Looks through what is hidden in `bytes`.
pub(super) fn look(search: &mut Search, bytes: &[u8]) {
    for text in search.veils.texts(bytes) {
        search.look(&text);
    }
}

/// Base64 of either alphabet up to its end; line ends in it are passed over.
fn of_base64(letters: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let (mut group, mut count) = (0_u32, 0_u8);
    for letter in letters.iter().filter(|letter| !matches!(letter, b'\r' | b'\n')) {
        let Some(value) = value(*letter) else { break };
        group = group.wrapping_shl(6) | u32::from(value);
        count = count.wrapping_add(1);
        if count == 4 {
            let [_, bytes @ ..] = group.to_be_bytes();
            text.extend(bytes);
            (group, count) = (0, 0);
        }
        if text.len() >= TEXT {
            return text;
        }
    }
    let [_, first, second, _] = group.wrapping_shl(u32::from(4_u8.saturating_sub(count)).wrapping_mul(6)).to_be_bytes();
    text.extend([first, second].into_iter().take(usize::from(count.saturating_sub(1))));
    text
}

/// The six bits of a letter of base64.
fn value(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter.wrapping_sub(b'A')),
        b'a'..=b'z' => Some(letter.wrapping_sub(b'a').wrapping_add(26)),
        b'0'..=b'9' => Some(letter.wrapping_sub(b'0').wrapping_add(52)),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// Hexadecimal digits up to what is none; blanks and line ends in them are passed over, as RTF has them.
fn of_hexadecimal(digits: &[u8], most: usize) -> Vec<u8> {
    let mut text = Vec::new();
    let mut before = None;
    for digit in digits.iter().filter(|digit| !digit.is_ascii_whitespace()) {
        let Some(value) = char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok()) else { break };
        match before.take() {
            None => before = Some(value),
            Some(high) => text.push(high.wrapping_shl(4) | value),
        }
        if text.len() >= most {
            break;
        }
    }
    text
}

/// A module of macros, unpacked as far as it is whole (MS-OVBA 2.4.1.3).
fn of_module(container: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut rest = container.get(1..).unwrap_or_default();
    while let Some(header) = le16(rest, 0) {
        let is_chunk = header & 0x7000 == 0x3000;
        if !is_chunk || text.len() >= OBJECT {
            break;
        }
        let size = usize::from(header & 0x0fff).saturating_add(3);
        let chunk = rest.get(2..size.min(rest.len())).unwrap_or_default();
        if header & 0x8000 == 0 {
            text.extend_from_slice(head(chunk, CHUNK));
        } else {
            unpack(chunk, &mut text);
        }
        rest = rest.get(size..).unwrap_or_default();
    }
    text
}

/// Adds the text of a packed chunk: bytes as they are, and copies of what stands before.
fn unpack(chunk: &[u8], text: &mut Vec<u8>) {
    let begun = text.len();
    let mut bytes = chunk.iter().copied();
    while let Some(flags) = bytes.next() {
        for bit in 0..8 {
            let written = text.len().saturating_sub(begun);
            if flags.wrapping_shr(bit) & 1 == 0 {
                let Some(byte) = bytes.next().filter(|_| written < CHUNK) else { return };
                text.push(byte);
                continue;
            }
            let (Some(low), Some(high)) = (bytes.next(), bytes.next()) else { return };
            let token = u16::from_le_bytes([low, high]);
            // The further the text has come, the more of the token's bits say how far back.
            let bits = usize::BITS.wrapping_sub(written.saturating_sub(1).leading_zeros()).clamp(4, 12);
            let length = usize::from(token & u16::MAX.wrapping_shr(bits)).saturating_add(3);
            let back = usize::from(token.wrapping_shr(16_u32.wrapping_sub(bits))).saturating_add(1);
            for _ in 0..length.min(CHUNK.saturating_sub(written)) {
                let from = text.len().checked_sub(back).filter(|from| *from >= begun);
                let Some(byte) = from.and_then(|from| text.get(from)).copied() else { return };
                text.push(byte);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_module_is_the_text_of_the_specification() {
        // MS-OVBA 3.2.2, "Normal Compression Example".
        let packed = "012fb000236161616263646582660070616768696a013808616b6c00306d6e6f7006710270041072737475761077\
                      78797a003c";
        let container = hex::decode(packed).expect("hexadecimal");
        assert_eq!(of_module(&container), b"#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa");
        for end in 0..container.len() {
            of_module(&container[..end]);
        }
    }

    #[test]
    fn base64_ends_where_its_letters_end() {
        assert_eq!(of_base64(b"aHR0cDovL2EuYi9j\"x"), b"http://a.b/c");
        assert_eq!(of_base64(b"aHR0cDovL2E\r\nuYi9jZA=="), b"http://a.b/cd");
        assert_eq!(of_base64(b"aHR0cDovL2EuYi9jZGU="), b"http://a.b/cde");
        assert_eq!(of_base64(b""), b"");
    }
}
