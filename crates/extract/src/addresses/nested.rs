//! What is packed inside a file: the members of archives (documents of office programs are such) and the streams of PDFs,
//! unpacked within one budget.

use std::io::Read as _;
use std::ops::ControlFlow;

use memchr::memmem;

use super::{Limits, Search, veiled};
use crate::archive;
use crate::bytes::head;

/// How deep archives may be nested: a document in an archive is looked into.
const DEPTH: u32 = 3;
/// Members of all archives together.
const MEMBERS: u64 = 2000;
/// Bytes of one member.
const MEMBER_BYTES: u64 = 4 << 20;
/// Unpacked to packed.
const RATIO: u64 = 1000;

/// Streams of one PDF.
const STREAMS: usize = 2000;
/// Bytes of one stream that is written in ASCII85, before it is unpacked.
const PACKED: usize = 1 << 20;
/// How far before a stream its filter is said.
const DICTIONARY: usize = 512;

/// Looks through what is packed in `bytes`.
pub(super) fn look(search: &mut Search, bytes: &[u8], limits: &Limits) {
    if archive::is_archive(bytes) {
        members(search, bytes, limits);
    } else if memmem::find(head(bytes, 1024), b"%PDF-").is_some() {
        streams(search, bytes, limits);
    }
}

fn members(search: &mut Search, bytes: &[u8], limits: &Limits) {
    let bounds = archive::Limits {
        depth: DEPTH,
        members: MEMBERS,
        member_bytes: MEMBER_BYTES.min(limits.unpacked),
        total_bytes: limits.unpacked,
        ratio: RATIO,
    };
    let walk = archive::walk(bytes, None, &bounds, &mut |member| {
        search.look(member.bytes);
        veiled::look(search, member.bytes);
        if search.found.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    search.found.cut |= walk.cut.is_some_and(|cut| cut != archive::Cut::Damaged);
}

/// The streams that are packed with deflate, as nearly all are that hold anything to read.
fn streams(search: &mut Search, bytes: &[u8], limits: &Limits) {
    let mut left = limits.unpacked;
    for place in memmem::find_iter(bytes, b"stream").take(2 * STREAMS) {
        let before = bytes.get(place.saturating_sub(DICTIONARY)..place).unwrap_or_default();
        let dictionary = memmem::rfind(before, b"obj").and_then(|start| before.get(start..)).unwrap_or(before);
        if before.ends_with(b"end") || memmem::find(dictionary, b"FlateDecode").is_none() || is_picture(dictionary) {
            continue;
        }
        let rest = bytes.get(place.saturating_add(b"stream".len())..).unwrap_or_default();
        let packed = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).unwrap_or(rest);
        let is_text = memmem::find(dictionary, b"ASCII85Decode").is_some();
        let unwrapped = if is_text { of_ascii85(packed) } else { Vec::new() };
        let packed = if is_text { &*unwrapped } else { packed };
        let mut content = Vec::new();
        // A damaged stream is looked at as far as it goes.
        let _ = flate2::bufread::ZlibDecoder::new(packed).take(MEMBER_BYTES.min(left)).read_to_end(&mut content);
        left = left.saturating_sub(u64::try_from(content.len()).unwrap_or(u64::MAX));
        search.look(&content);
        veiled::look(search, &content);
        if left == 0 {
            search.found.cut = true;
            return;
        }
        if search.found.is_full() {
            return;
        }
    }
}

/// Whether a stream's dictionary says that it is a picture or a font, which name nothing.
fn is_picture(dictionary: &[u8]) -> bool {
    [&b"/Image"[..], b"/FontFile", b"/Length1", b"/Type1C", b"/CIDFontType0C", b"/ICCBased"]
        .iter()
        .any(|word| memmem::find(dictionary, word).is_some())
}

/// Five letters for four bytes, up to `~` (ISO 32000, 7.4.3).
fn of_ascii85(letters: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut group, mut count) = (0_u32, 0_usize);
    for letter in letters.iter().filter(|letter| !letter.is_ascii_whitespace()) {
        match letter {
            b'z' if count == 0 => bytes.extend([0; 4]),
            b'!'..=b'u' => {
                group = group.wrapping_mul(85).wrapping_add(u32::from(letter.wrapping_sub(b'!')));
                count = count.saturating_add(1);
            }
            _ => break,
        }
        if count == 5 {
            bytes.extend(group.to_be_bytes());
            (group, count) = (0, 0);
        }
        if bytes.len() >= PACKED {
            break;
        }
    }
    if count > 1 {
        let group = (count..5).fold(group, |group, _| group.wrapping_mul(85).wrapping_add(84));
        bytes.extend(group.to_be_bytes().iter().take(count.saturating_sub(1)));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::of_ascii85;

    #[test]
    fn ascii85_is_read_up_to_its_mark() {
        assert_eq!(of_ascii85(b"87cUR\r\nD]i,\"Ebo80~>rest"), b"Hello World!");
        assert_eq!(of_ascii85(b"z!!~>"), [0, 0, 0, 0, 0]);
        assert_eq!(of_ascii85(b"~>"), b"");
    }
}
