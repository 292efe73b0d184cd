//! The debug directory: its entries, and the PDB path of `CodeView` records.

use object::LittleEndian as LE;
use object::pe::IMAGE_DIRECTORY_ENTRY_DEBUG;
use object::read::pe::{ImageNtHeaders, PeFile};
use serde_json::{Map, Value, json};

use crate::bytes::{array, at, le16, le32, slice32, text};
use crate::calendar;

/// Bytes of one entry.
const ENTRY: usize = 28;
const ENTRIES: usize = 32;
const TYPES: [&str; 21] = [
    "IMAGE_DEBUG_TYPE_UNKNOWN",
    "IMAGE_DEBUG_TYPE_COFF",
    "IMAGE_DEBUG_TYPE_CODEVIEW",
    "IMAGE_DEBUG_TYPE_FPO",
    "IMAGE_DEBUG_TYPE_MISC",
    "IMAGE_DEBUG_TYPE_EXCEPTION",
    "IMAGE_DEBUG_TYPE_FIXUP",
    "IMAGE_DEBUG_TYPE_OMAP_TO_SRC",
    "IMAGE_DEBUG_TYPE_OMAP_FROM_SRC",
    "IMAGE_DEBUG_TYPE_BORLAND",
    "IMAGE_DEBUG_TYPE_RESERVED10",
    "IMAGE_DEBUG_TYPE_CLSID",
    "IMAGE_DEBUG_TYPE_VC_FEATURE",
    "IMAGE_DEBUG_TYPE_POGO",
    "IMAGE_DEBUG_TYPE_ILTCG",
    "IMAGE_DEBUG_TYPE_MPX",
    "IMAGE_DEBUG_TYPE_REPRO",
    "IMAGE_DEBUG_TYPE_UNKNOWN",
    "IMAGE_DEBUG_TYPE_UNKNOWN",
    "IMAGE_DEBUG_TYPE_UNKNOWN",
    "IMAGE_DEBUG_TYPE_EX_DLLCHARACTERISTICS",
];

/// Adds `debug`, where there are any entries.
pub(super) fn tell<Pe: ImageNtHeaders>(file: &PeFile<'_, Pe>, info: &mut Map<String, Value>) {
    let Some(directory) = file.data_directory(IMAGE_DIRECTORY_ENTRY_DEBUG) else { return };
    let Ok(entries) = directory.data(file.data(), &file.section_table()) else { return };
    let size = usize::try_from(directory.size.get(LE)).unwrap_or(usize::MAX);
    let rows = crate::bytes::head(entries, size).chunks_exact(ENTRY).take(ENTRIES);
    let rows: Vec<Value> = rows.filter_map(|entry| row(entry, file.data())).collect();
    if !rows.is_empty() {
        info.insert("debug".to_owned(), Value::Array(rows));
    }
}

fn row(entry: &[u8], file: &[u8]) -> Option<Value> {
    let (kind, size, offset) = (le32(entry, 12)?, le32(entry, 16)?, le32(entry, 24)?);
    let name = usize::try_from(kind).ok().and_then(|kind| TYPES.get(kind)).unwrap_or(&"IMAGE_DEBUG_TYPE_UNKNOWN");
    let mut row = json!({
        "type": kind,
        "type_str": name,
        "offset": offset,
        "size": size,
        "timestamp": calendar::asctime(le32(entry, 4)?),
    });
    let record = slice32(file, offset, size).and_then(codeview);
    if let (Some(codeview), Some(row)) = (record, row.as_object_mut()) {
        row.insert("codeview".to_owned(), codeview);
    }
    Some(row)
}

fn codeview(record: &[u8]) -> Option<Value> {
    if at(record, 0, b"RSDS") {
        let rest: [u8; 8] = array(record, 12)?;
        let guid = format!(
            "{:08x}-{:04x}-{:04x}-{}-{}",
            le32(record, 4)?,
            le16(record, 8)?,
            le16(record, 10)?,
            hex::encode(rest.first_chunk::<2>()?),
            hex::encode(rest.last_chunk::<6>()?)
        );
        let age = le32(record, 20)?;
        return Some(json!({ "signature": "RSDS", "guid": guid, "age": age, "name": text(record.get(24..)?) }));
    }
    at(record, 0, b"NB10").then_some(())?;
    let (offset, timestamp, age) = (le32(record, 4)?, le32(record, 8)?, le32(record, 12)?);
    Some(json!({
        "signature": "NB10",
        "offset": offset,
        "timestamp": timestamp,
        "age": age,
        "name": text(record.get(16..)?),
    }))
}
