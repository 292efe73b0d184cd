//! The lines of archives and compressed streams.

use std::fmt::Write as _;

use crate::bytes::{at, be16, le16, le32, tail, text};
use crate::{archive, calendar};

/// `Zip archive data, at least v2.0 to extract, compression method=deflate`.
pub(super) fn zip(bytes: &[u8]) -> Option<String> {
    if at(bytes, 0, b"PK\x05\x06") {
        return Some("Zip archive data (empty)".to_owned());
    }
    let version = le16(bytes, 4)? & 0xff;
    let (major, minor) = (version.checked_div(10)?, version.checked_rem(10)?);
    let method = match le16(bytes, 8)? {
        0 => "store",
        8 => "deflate",
        9 => "deflate64",
        12 => "bzip2",
        14 => "lzma",
        93 => "zstd",
        95 => "xz",
        99 => "AES Encrypted",
        _ => "unknown",
    };
    Some(format!("Zip archive data, at least v{major}.{minor} to extract, compression method={method}"))
}

/// `gzip compressed data, was "a", last modified: …, from Unix, original size modulo 2^32 7`.
pub(super) fn gzip(bytes: &[u8]) -> Option<String> {
    const SYSTEMS: &[(u8, &str)] = &[
        (0, "FAT filesystem (MS-DOS, OS/2, NT)"),
        (3, "Unix"),
        (7, "MacOS"),
        (10, "NTFS filesystem (NT)"),
        (11, "NTFS filesystem (NT)"),
    ];
    let mut line = "gzip compressed data".to_owned();
    if let Some(name) = archive::gzip_name(bytes) {
        let _ = write!(line, ", was \"{}\"", text(name));
    }
    let time = le32(bytes, 4)?;
    if time > 0 {
        let _ = write!(line, ", last modified: {}", calendar::asctime(time));
    }
    match bytes.get(8)? {
        2 => line.push_str(", max compression"),
        4 => line.push_str(", max speed"),
        _ => {}
    }
    let system = bytes.get(9)?;
    if let Some((_, name)) = SYSTEMS.iter().find(|(number, _)| number == system) {
        let _ = write!(line, ", from {name}");
    }
    let _ = write!(line, ", original size modulo 2^32 {}", le32(tail(bytes, 4), 0)?);
    Some(line)
}

/// By the magic of the first header.
pub(super) fn tar(bytes: &[u8]) -> String {
    if at(bytes, 257, b"ustar  \0") {
        "POSIX tar archive (GNU)"
    } else if at(bytes, 257, b"ustar\0") {
        "POSIX tar archive"
    } else {
        "tar archive"
    }
    .to_owned()
}

/// By the check that the stream's flags name.
pub(super) fn xz(bytes: &[u8]) -> String {
    let check = match be16(bytes, 6) {
        Some(0) => ", checksum NONE",
        Some(1) => ", checksum CRC32",
        Some(4) => ", checksum CRC64",
        Some(10) => ", checksum SHA-256",
        _ => "",
    };
    format!("XZ compressed data{check}")
}
