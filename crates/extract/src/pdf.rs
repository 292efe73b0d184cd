//! `pdf_info`: how often the words occur that tell what a PDF can do, after D. Stevens' pdfid. Nothing is
//! decompressed or interpreted. In goes the file, out come counts, in one pass over its slashes and one over
//! each of five keywords.

use serde_json::{Map, Value, json};

use crate::bytes::head;
use crate::{Corrupt, Found, Sample, vhash};

/// Names that are counted, after their slash: the key in `pdf_info`, and the tag that one of them earns.
#[rustfmt::skip]
const NAMES: &[(&[u8], &str, Option<&str>)] = &[
    (b"Page", "num_pages", None),
    (b"Encrypt", "encrypted", Some("encrypted")),
    (b"ObjStm", "num_object_streams", None),
    (b"JS", "js", Some("js-embedded")),
    (b"JavaScript", "javascript", Some("js-embedded")),
    (b"AA", "autoaction", Some("autoaction")),
    (b"OpenAction", "openaction", Some("autoaction")),
    (b"AcroForm", "acroform", Some("acroform")),
    (b"JBIG2Decode", "jbig2_compression", None),
    (b"RichMedia", "flash", Some("flash-embedded")),
    (b"Launch", "num_launch_actions", Some("launch-action")),
    (b"EmbeddedFile", "embedded_file", Some("file-embedded")),
    (b"XFA", "xfa", Some("xfa")),
];

/// Words of the file's structure.
#[rustfmt::skip]
const WORDS: &[(&[u8], &str)] = &[
    (b"endobj", "num_endobj"),
    (b"endstream", "num_endstream"),
    (b"trailer", "trailer"),
    (b"startxref", "startxref"),
];

/// The longest name that is compared, escapes undone.
const LONGEST_NAME: usize = 16;

/// `pdf_info`, tags and the structural hash.
pub(crate) fn extract(sample: &Sample) -> Result<Found, Corrupt> {
    let bytes = sample.bytes;
    let start = memchr::memmem::find(head(bytes, 1024), b"%PDF-").ok_or(Corrupt)?;
    let header = bytes.get(start..).and_then(|rest| rest.split(|byte| matches!(byte, b'\r' | b'\n')).next());
    let mut info = Map::new();
    info.insert("header".to_owned(), json!(crate::bytes::text(head(header.unwrap_or_default(), 32))));
    let (names, colors) = count_names(bytes);
    let mut found = Found::default();
    for (&(_, key, tag), count) in NAMES.iter().zip(names) {
        info.insert(key.to_owned(), json!(count));
        found.tags.extend(tag.filter(|_| count > 0));
    }
    info.insert("suspicious_colors".to_owned(), json!(colors));
    for &(word, key) in WORDS {
        info.insert(key.to_owned(), json!(memchr::memmem::find_iter(bytes, word).count()));
    }
    let ended = |key: &str, info: &Map<String, Value>| info.get(key).and_then(Value::as_u64).unwrap_or_default();
    let objects = whole_words(bytes, b"obj");
    let streams = u64::try_from(memchr::memmem::find_iter(bytes, b"stream").count()).unwrap_or_default();
    let tables = u64::try_from(memchr::memmem::find_iter(bytes, b"xref").count()).unwrap_or_default();
    let open_streams = streams.saturating_sub(ended("num_endstream", &info));
    let own_tables = tables.saturating_sub(ended("startxref", &info));
    info.insert("num_obj".to_owned(), json!(objects));
    info.insert("num_stream".to_owned(), json!(open_streams));
    info.insert("xref".to_owned(), json!(own_tables));
    found.tags.dedup();
    found.vhash = Some(vhash::of_pdf(&info));
    found.details.push(("pdf_info", Value::Object(info)));
    Ok(found)
}

/// How often a word occurs that is no part of a longer one: `1 0 obj`, not `endobj`.
fn whole_words(bytes: &[u8], word: &[u8]) -> usize {
    memchr::memmem::find_iter(bytes, word)
        .filter(|&place| {
            let before = place.checked_sub(1).and_then(|place| bytes.get(place));
            let after = bytes.get(place.saturating_add(word.len()));
            !before.is_some_and(u8::is_ascii_alphanumeric) && !after.is_some_and(u8::is_ascii_alphanumeric)
        })
        .count()
}

/// Counts of [`NAMES`], and of `/Colors` above 2^24 (CVE-2009-3459).
fn count_names(bytes: &[u8]) -> ([u64; NAMES.len()], u64) {
    let mut counts = [0_u64; NAMES.len()];
    let mut colors = 0_u64;
    for slash in memchr::memchr_iter(b'/', bytes) {
        let Some(rest) = slash.checked_add(1).and_then(|start| bytes.get(start..)) else { break };
        if !rest.first().is_some_and(|byte| byte.is_ascii_uppercase() || *byte == b'#') {
            continue;
        }
        let mut name = [0; LONGEST_NAME];
        let (name, rest) = read_name(rest, &mut name);
        if let Some((_, count)) = NAMES.iter().zip(&mut counts).find(|((known, ..), _)| *known == name) {
            *count = count.saturating_add(1);
        } else if name == b"Colors" && number(rest) > 1 << 24 {
            colors = colors.saturating_add(1);
        }
    }
    (counts, colors)
}

/// The name up to its delimiter, `#41` undone (PDF 32000-1, 7.3.5), and what follows it.
fn read_name<'a, 'b>(bytes: &'a [u8], name: &'b mut [u8; LONGEST_NAME]) -> (&'b [u8], &'a [u8]) {
    let mut rest = bytes;
    let mut length = 0_usize;
    for place in name.iter_mut() {
        let (byte, after) = match rest {
            [b'#', high, low, after @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => ((high << 4) | low, after),
                _ => break,
            },
            [byte, after @ ..] if byte.is_ascii_alphanumeric() => (*byte, after),
            _ => break,
        };
        *place = byte;
        length = length.saturating_add(1);
        rest = after;
    }
    (name.get(..length).unwrap_or_default(), rest)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn number(bytes: &[u8]) -> u64 {
    let digits = head(bytes, 16).trim_ascii_start();
    digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0, |number: u64, digit| number.saturating_mul(10).saturating_add(u64::from(digit.saturating_sub(b'0'))))
}
