//! `bundle_info`: what an archive holds, from its directory and headers. Of the members of a ZIP only the
//! first bytes are unpacked, and only of the first 64, to tell their types.

use std::collections::BTreeMap;
use std::io::Read;

use serde_json::{Value, json};

use crate::bytes::{head, le32, len64, slice, tail};
use crate::zipdir::{Directory, Entry};
use crate::{Corrupt, Found, Sample, archive, calendar, kind, sniff, vhash};

/// The types that are ZIP archives.
pub(crate) const ZIPS: &[&str] = &["zip", "jar", "android", "docx", "xlsx", "pptx", "odt", "ods", "odp", "epub", "xpi"];

/// How many members are opened, and how far, to tell their types.
const OPENED: u32 = 64;
const OPENED_BYTES: u64 = 1024;
/// Distinct extensions and types that are listed.
const LISTED: usize = 256;
/// Members that are looked at, as elsewhere in archives.
const COUNTED: usize = 1_000_000;

/// What has been seen of an archive's members.
#[derive(Default)]
struct Summary {
    members: u64,
    bytes: u64,
    extensions: BTreeMap<String, u64>,
    types: BTreeMap<&'static str, u64>,
    earliest: Option<String>,
    latest: Option<String>,
    encrypted: bool,
}

impl Summary {
    fn add(&mut self, name: &[u8], size: u64, date: Option<String>) {
        self.members = self.members.saturating_add(1);
        self.bytes = self.bytes.saturating_add(size);
        let base = name.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
        let mut parts = base.rsplitn(2, |&byte| byte == b'.');
        if let (Some(extension), Some(_)) = (parts.next(), parts.next()) {
            let extension = crate::bytes::text(head(extension, 16)).to_lowercase();
            if self.extensions.len() < LISTED || self.extensions.contains_key(&extension) {
                let count = self.extensions.entry(extension).or_default();
                *count = count.saturating_add(1);
            }
        }
        if let Some(date) = date {
            if self.earliest.as_ref().is_none_or(|earliest| date < *earliest) {
                self.earliest = Some(date.clone());
            }
            if self.latest.as_ref().is_none_or(|latest| date > *latest) {
                self.latest = Some(date);
            }
        }
    }

    fn add_type(&mut self, first_bytes: &[u8]) {
        let tag = sniff::sniff_head(first_bytes).unwrap_or("unknown");
        let count = self.types.entry(kind::by_tag(tag).description).or_default();
        *count = count.saturating_add(1);
    }

    fn found(self, kind: &str) -> Found {
        let mut info = json!({
            "type": kind,
            "num_children": self.members,
            "uncompressed_size": self.bytes,
            "extensions": self.extensions,
            "file_types": self.types,
        });
        for (key, date) in [("lowest_datetime", self.earliest), ("highest_datetime", self.latest)] {
            if let (Some(date), Some(info)) = (date, info.as_object_mut()) {
                info.insert(key.to_owned(), Value::String(date));
            }
        }
        let mut found = Found { details: vec![("bundle_info", info)], ..Found::default() };
        found.tags.extend(self.encrypted.then_some("encrypted"));
        let contained = [("Win32 EXE", "contains-pe"), ("Win32 DLL", "contains-pe"), ("ELF", "contains-elf")];
        found.tags.extend(contained.into_iter().filter(|(name, _)| self.types.contains_key(name)).map(|(_, tag)| tag));
        found
    }
}

/// ZIP, and what is built on it.
pub(crate) fn zip(sample: &Sample) -> Result<Found, Corrupt> {
    let directory = Directory::find(sample.bytes).ok_or(Corrupt)?;
    let mut summary = Summary::default();
    let mut listed = 0_u64;
    let mut opened = 0_u32;
    let mut macros = false;
    for entry in directory.entries().take(COUNTED) {
        listed = listed.saturating_add(1);
        summary.encrypted |= entry.encrypted();
        macros |= entry.name.ends_with(b"vbaProject.bin");
        if entry.is_directory() {
            continue;
        }
        summary.add(entry.name, entry.size, calendar::dos(entry.date, entry.time));
        if !entry.encrypted() && opened < OPENED {
            opened = opened.saturating_add(1);
            summary.add_type(&beginning(&entry, &directory));
        }
    }
    if listed < directory.declared {
        return Err(Corrupt);
    }
    let office = matches!(sample.kind.tag, "docx" | "xlsx" | "pptx");
    let mut found = summary.found("ZIP");
    found.tags.extend((office && macros).then_some("macros"));
    found.vhash = Some(vhash::of_zip(sample.kind.tag, &directory));
    Ok(found)
}

/// The first bytes of a member; none where it cannot be unpacked.
fn beginning(entry: &Entry<'_>, directory: &Directory<'_>) -> Vec<u8> {
    let mut start = Vec::new();
    if let Some(source) = archive::plain(entry, directory) {
        // What could be read before the damage is enough to tell the type.
        let _ = source.take(OPENED_BYTES).read_to_end(&mut start);
    }
    start
}

/// tar: the headers alone tell all but the types.
pub(crate) fn tar(sample: &Sample) -> Result<Found, Corrupt> {
    let mut summary = Summary::default();
    let mut archive = tar::Archive::new(std::io::Cursor::new(sample.bytes));
    let entries = archive.entries_with_seek().map_err(|_| Corrupt)?;
    for entry in entries.take(COUNTED) {
        let entry = entry.map_err(|_| Corrupt)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let date = entry.header().mtime().ok().and_then(|time| u32::try_from(time).ok()).map(calendar::iso);
        summary.add(&entry.path_bytes(), entry.size(), date);
        let place = usize::try_from(entry.raw_file_position()).ok();
        let size = usize::try_from(entry.size().min(OPENED_BYTES)).ok();
        if let Some(start) = place.zip(size).and_then(|(place, size)| slice(sample.bytes, place, size)) {
            summary.add_type(start);
        }
    }
    Ok(summary.found("TAR"))
}

/// gzip: one member, whose name and size stand in the header and the trailer (RFC 1952).
pub(crate) fn gzip(sample: &Sample) -> Result<Found, Corrupt> {
    let bytes = sample.bytes;
    let size = le32(tail(bytes, 4), 0).ok_or(Corrupt)?;
    let time = le32(bytes, 4).filter(|&time| time > 0).map(calendar::iso);
    let mut start = Vec::new();
    let read = flate2::bufread::GzDecoder::new(bytes).take(OPENED_BYTES).read_to_end(&mut start);
    if read.is_err() && len64(&start) < OPENED_BYTES {
        return Err(Corrupt);
    }
    let mut summary = Summary::default();
    summary.add(archive::gzip_name(bytes).unwrap_or_default(), u64::from(size), time);
    summary.add_type(&start);
    Ok(summary.found("GZIP"))
}
