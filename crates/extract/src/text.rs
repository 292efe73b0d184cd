//! Text: whether bytes are text, in which encoding, and what the text is by its first words. The words for
//! encodings and line ends are those of file(1).

use std::fmt::Write as _;

use crate::bytes::head;

/// How much of a text is looked at, as in file(1).
const LOOKED_AT: usize = 1 << 20;
/// Where the words that tell a type are searched.
const OPENING: usize = 4096;
/// A line longer than this is very long, as in file(1).
const LONG_LINE: usize = 300;

/// Bytes that are text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Text {
    encoding: Encoding,
    ends: LineEnds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Ascii,
    Utf8,
    Utf8Bom,
    Utf16Le,
    Utf16Be,
    Iso8859,
    ExtendedAscii,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct LineEnds {
    lf: bool,
    cr: bool,
    crlf: bool,
    longest: usize,
}

impl Text {
    /// `None` for what is not text.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let looked_at = head(bytes, LOOKED_AT);
        let cut = looked_at.len() < bytes.len();
        if let [0xff, 0xfe, rest @ ..] = looked_at {
            return Self::wide(Encoding::Utf16Le, rest, u16::from_le_bytes);
        }
        if let [0xfe, 0xff, rest @ ..] = looked_at {
            return Self::wide(Encoding::Utf16Be, rest, u16::from_be_bytes);
        }
        let plain = looked_at.strip_prefix(b"\xef\xbb\xbf").unwrap_or(looked_at);
        let classes = classes(plain);
        let encoding = if classes & CONTROL != 0 {
            return None;
        } else if classes & (HIGH | EXTENDED) == 0 {
            if plain.len() < looked_at.len() { Encoding::Utf8Bom } else { Encoding::Ascii }
        } else if is_utf8(plain, cut) {
            if plain.len() < looked_at.len() { Encoding::Utf8Bom } else { Encoding::Utf8 }
        } else if classes & EXTENDED == 0 {
            Encoding::Iso8859
        } else {
            Encoding::ExtendedAscii
        };
        Some(Self { encoding, ends: LineEnds::of(plain) })
    }

    fn wide(encoding: Encoding, bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Self> {
        let (pairs, _) = bytes.as_chunks::<2>();
        let mut low = Vec::with_capacity(pairs.len());
        for &pair in pairs {
            let unit = unit(pair);
            let byte = u8::try_from(unit).unwrap_or(b'x');
            if class(byte) & CONTROL != 0 {
                return None;
            }
            low.push(byte);
        }
        (!low.is_empty()).then(|| Self { encoding, ends: LineEnds::of(&low) })
    }

    /// In the manner of file(1): `what` it is (`Python script`, …), the encoding, the lines.
    pub(crate) fn describe(&self, what: Option<&str>) -> String {
        let encoding = match self.encoding {
            Encoding::Ascii => "ASCII text",
            Encoding::Utf8 => "Unicode text, UTF-8 text",
            Encoding::Utf8Bom => "Unicode text, UTF-8 (with BOM) text",
            Encoding::Utf16Le => "Unicode text, UTF-16, little-endian text",
            Encoding::Utf16Be => "Unicode text, UTF-16, big-endian text",
            Encoding::Iso8859 => "ISO-8859 text",
            Encoding::ExtendedAscii => "Non-ISO extended-ASCII text",
        };
        let mut line = what.map_or_else(String::new, |what| format!("{what}, "));
        line.push_str(encoding);
        if what.is_some_and(|what| what.ends_with("script")) {
            line.push_str(" executable");
        }
        line.push_str(&self.ends.describe());
        line
    }
}

impl LineEnds {
    fn of(bytes: &[u8]) -> Self {
        let mut ends = Self::default();
        let mut start = 0;
        for place in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            ends.longest = ends.longest.max(place.saturating_sub(start));
            start = place.saturating_add(1);
            let after_cr = place.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b'\r');
            match (bytes.get(place), bytes.get(start)) {
                (Some(b'\n'), _) if !after_cr => ends.lf = true,
                (Some(b'\r'), Some(b'\n')) => ends.crlf = true,
                (Some(b'\r'), _) => ends.cr = true,
                _ => {}
            }
        }
        ends.longest = ends.longest.max(bytes.len().saturating_sub(start));
        ends
    }

    fn describe(&self) -> String {
        let mut line = String::new();
        if self.longest > LONG_LINE {
            let _ = write!(line, ", with very long lines ({})", self.longest);
        }
        let ends: Vec<&str> = [(self.crlf, "CRLF"), (self.cr, "CR"), (self.lf, "LF")]
            .into_iter()
            .filter_map(|(found, name)| found.then_some(name))
            .collect();
        if ends.is_empty() {
            line.push_str(", with no line terminators");
        } else if ends != ["LF"] {
            let _ = write!(line, ", with {} line terminators", ends.join(", "));
        }
        line
    }
}

const CONTROL: u8 = 1;
const HIGH: u8 = 2;
const EXTENDED: u8 = 4;

/// BEL to CR and ESC are text, other control characters are not.
const fn class(byte: u8) -> u8 {
    match byte {
        7..=13 | 27 | 32..=126 | 0x85 => 0,
        0xa0..=0xff => HIGH,
        0x80..=0x9f => EXTENDED,
        _ => CONTROL,
    }
}

fn classes(bytes: &[u8]) -> u8 {
    let mut seen = 0;
    for part in bytes.chunks(256) {
        seen |= part.iter().fold(0, |seen, &byte| seen | class(byte));
        if seen & CONTROL != 0 {
            break;
        }
    }
    seen
}

/// Whether this is UTF-8; a character `cut` in two at the end does not count.
fn is_utf8(bytes: &[u8], cut: bool) -> bool {
    std::str::from_utf8(bytes).map_or_else(|error| cut && error.error_len().is_none(), |_| true)
}

/// What a text is by its opening words: the `type_tag`, and how file(1) calls it. To add one: a row in a table
/// below.
pub(crate) fn opening(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let start = head(bytes, OPENING);
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    if let Some(interpreter) = interpreter(start) {
        return INTERPRETERS.iter().find(|(name, ..)| interpreter.starts_with(name)).map(|&(_, tag, what)| (tag, what));
    }
    let lower = start.to_ascii_lowercase();
    let found = OPENINGS.iter().find(|(words, ..)| lower.starts_with(words)).map(|&(_, tag, what)| (tag, what));
    match found {
        Some(("xml", _)) if memchr::memmem::find(&lower, b"<svg").is_some() => {
            Some(("svg", "SVG Scalable Vector Graphics image"))
        }
        Some(("xml", _)) if memchr::memmem::find(&lower, b"<html").is_some() => Some(("html", "XHTML document")),
        Some(("email", _)) if !is_email(&lower) => None,
        None if is_json(bytes) => Some(("json", "JSON")),
        found => found,
    }
}

/// The base name of the program that the first line names.
fn interpreter(start: &[u8]) -> Option<&[u8]> {
    let line = start.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let base =
        |word: &'_ [u8]| word.len().saturating_sub(word.rsplit(|&byte| byte == b'/').next().map_or(0, <[u8]>::len));
    let program = words.next()?;
    let name = program.get(base(program)..)?;
    if name == b"env" { words.find(|word| !word.starts_with(b"-") && !word.contains(&b'=')) } else { Some(name) }
}

/// By the beginning of the interpreter's name; longer names first.
#[rustfmt::skip]
const INTERPRETERS: &[(&[u8], &str, &str)] = &[
    (b"bash", "shell", "Bourne-Again shell script"),
    (b"dash", "shell", "POSIX shell script"),
    (b"sh", "shell", "POSIX shell script"),
    (b"ksh", "shell", "Korn shell script"),
    (b"zsh", "shell", "Paul Falstad's zsh script"),
    (b"python", "python", "Python script"),
    (b"perl", "perl", "Perl script"),
    (b"ruby", "ruby", "Ruby script"),
    (b"php", "php", "PHP script"),
    (b"node", "javascript", "Node.js script"),
    (b"pwsh", "powershell", "PowerShell script"),
    (b"lua", "lua", "Lua script"),
    (b"tclsh", "tcl", "Tcl script"),
    (b"wish", "tcl", "Tcl/Tk script"),
    (b"gawk", "awk", "GNU awk script"),
    (b"mawk", "awk", "awk script"),
    (b"awk", "awk", "awk script"),
    (b"make", "makefile", "makefile script"),
];

/// By the first words, in lower case.
#[rustfmt::skip]
const OPENINGS: &[(&[u8], &str, &str)] = &[
    (b"<?php", "php", "PHP script"),
    (b"<?xml", "xml", "XML 1.0 document"),
    (b"<!doctype html", "html", "HTML document"),
    (b"<html", "html", "HTML document"),
    (b"<head", "html", "HTML document"),
    (b"<script", "html", "HTML document"),
    (b"<svg", "svg", "SVG Scalable Vector Graphics image"),
    (b"[internetshortcut]", "url", "MS Windows 95 Internet shortcut text"),
    (b"windows registry editor version", "reg", "Windows Registry text"),
    (b"regedit4", "reg", "Windows Registry text"),
    (b"-----begin ", "pem", "PEM"),
    (b"@echo off", "dosbatch", "DOS batch file"),
    (b"diff --git ", "diff", "unified diff output"),
    (b"#include <", "c", "C source"),
    (b"#include \"", "c", "C source"),
    (b"received: ", "email", "SMTP mail"),
    (b"return-path: ", "email", "SMTP mail"),
    (b"delivered-to: ", "email", "SMTP mail"),
    (b"message-id: ", "email", "SMTP mail"),
    (b"mime-version: ", "email", "MIME entity"),
    (b"from: ", "email", "SMTP mail"),
    (b"to: ", "email", "SMTP mail"),
    (b"subject: ", "email", "SMTP mail"),
    (b"date: ", "email", "SMTP mail"),
    (b"x-", "email", "SMTP mail"),
];

/// One header line is not enough to call a text a mail.
fn is_email(lower: &[u8]) -> bool {
    let known: [&[u8]; 5] = [b"\nfrom: ", b"\nto: ", b"\nsubject: ", b"\nmessage-id: ", b"\nmime-version: "];
    known.iter().filter(|name| memchr::memmem::find(lower, name).is_some()).count() >= 2
}

/// Whether all of it parses; texts over 8 MiB are not asked.
fn is_json(bytes: &[u8]) -> bool {
    bytes.len() <= 8 << 20
        && matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
        && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

/// What the names a file goes by say of a text: the tag of the first whose ending is in the type table.
pub(crate) fn by_name(names: &[String]) -> Option<&'static crate::kind::FileKind> {
    names.iter().take(16).find_map(|name| {
        let (_, extension) = name.rsplit_once('.')?;
        let kind = crate::kind::by_extension(&extension.to_ascii_lowercase())?;
        kind.is_text().then_some(kind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(bytes: &[u8]) -> String {
        let what = opening(bytes).map(|(_, what)| what);
        Text::of(bytes).map_or_else(|| "data".to_owned(), |text| text.describe(what))
    }

    #[test]
    fn texts_are_described_as_file_describes_them() {
        assert_eq!(described(b"hello\n"), "ASCII text");
        assert_eq!(described(b"hello"), "ASCII text, with no line terminators");
        assert_eq!(described(b"a\r\nb\r\n"), "ASCII text, with CRLF line terminators");
        assert_eq!(described(b"a\r\nb\nc\rd"), "ASCII text, with CRLF, CR, LF line terminators");
        assert_eq!(described("grün\n".as_bytes()), "Unicode text, UTF-8 text");
        assert_eq!(described(b"gr\xfcn\n"), "ISO-8859 text");
        assert_eq!(described(b"\xff\xfeh\0i\0\n\0"), "Unicode text, UTF-16, little-endian text");
        assert_eq!(described(b"#!/bin/sh\nexit 0\n"), "POSIX shell script, ASCII text executable");
        assert_eq!(described(b"#!/usr/bin/env python3\n"), "Python script, ASCII text executable");
        assert_eq!(described(b"a\0b"), "data");
    }

    #[test]
    fn one_header_line_does_not_make_a_mail() {
        assert_eq!(opening(b"To: the reader\nhello\n"), None);
        let mail = b"Received: from a\nFrom: a@b\nSubject: c\n\nd\n";
        assert_eq!(opening(mail).map(|(tag, _)| tag), Some("email"));
    }

    #[test]
    fn json_is_what_parses_as_json() {
        assert_eq!(opening(b" {\"a\": [1]}\n").map(|(tag, _)| tag), Some("json"));
        assert_eq!(opening(b"{a: 1}\n"), None);
    }
}
