//! `pe_info`: headers, sections, imports, exports, resources, debug records, Rich header and overlay of Windows
//! executables. Headers and tables are read by the `object` crate; hashing of sections and resources has a
//! budget in proportion to the file, because their ranges may overlap.

mod debug;
mod exports;
mod imports;
mod resources;

use md5::{Digest as _, Md5};
use object::LittleEndian as LE;
use object::pe;
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, PeFile};
use serde_json::{Map, Value, json};

use crate::bytes::{slice32, text};
use crate::entropy::Histogram;
use crate::{Corrupt, Found, Sample, kind, sniff, vhash};

/// Lists in `pe_info` end here.
const LISTED: usize = 256;

/// `pe_info`, tags, time stamp and the structural hash.
pub(crate) fn extract(sample: &Sample) -> Result<Found, Corrupt> {
    match object::read::pe::optional_header_magic(sample.bytes) {
        Ok(pe::IMAGE_NT_OPTIONAL_HDR32_MAGIC) => parsed::<pe::ImageNtHeaders32>(sample.bytes),
        Ok(pe::IMAGE_NT_OPTIONAL_HDR64_MAGIC) => parsed::<pe::ImageNtHeaders64>(sample.bytes),
        _ => Err(Corrupt),
    }
}

fn parsed<Pe: ImageNtHeaders>(bytes: &[u8]) -> Result<Found, Corrupt> {
    let file = PeFile::<Pe>::parse(bytes).map_err(|_| Corrupt)?;
    let header = file.nt_headers().file_header();
    let optional = file.nt_headers().optional_header();
    let mut budget = Budget::of(bytes);
    let sections = sections(&file, &mut budget);
    let imports = imports::of(&file);
    let timestamp = header.time_date_stamp.get(LE);
    let mut info = Map::new();
    info.insert("machine_type".to_owned(), json!(header.machine.get(LE)));
    info.insert("timestamp".to_owned(), json!(timestamp));
    info.insert("entry_point".to_owned(), json!(optional.address_of_entry_point()));
    info.insert("sections".to_owned(), Value::Array(sections.rows));
    imports.tell(&mut info);
    exports::tell(&file, &mut info);
    resources::tell(&file, &mut budget, &mut info);
    debug::tell(&file, &mut info);
    rich(&file, &mut info);
    let overlay = overlay(bytes, sections.end, &mut budget);
    let mut found = Found { creation_date: (timestamp > 0).then_some(i64::from(timestamp)), ..Found::default() };
    tags(&file, &mut found);
    found.tags.extend(overlay.is_some().then_some("overlay"));
    found.tags.extend(sections.packer);
    found.tags.extend(sections.truncated.then_some("corrupt"));
    info.extend(overlay.map(|overlay| ("overlay".to_owned(), overlay)));
    found.vhash = Some(structure(&file, &imports));
    found.details.push(("pe_info", Value::Object(info)));
    Ok(found)
}

fn tags<Pe: ImageNtHeaders>(file: &PeFile<'_, Pe>, found: &mut Found) {
    let characteristics = file.nt_headers().file_header().characteristics.get(LE);
    let filled = |index: usize| file.data_directory(index).is_some_and(|entry| entry.size.get(LE) > 0);
    let native = file.nt_headers().optional_header().subsystem() == pe::IMAGE_SUBSYSTEM_NATIVE;
    let tags = [
        (file.nt_headers().is_type_64(), "64bits"),
        (characteristics & pe::IMAGE_FILE_DLL != 0, "dll"),
        (filled(pe::IMAGE_DIRECTORY_ENTRY_SECURITY), "signed"),
        (filled(pe::IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR), "assembly"),
        (native, "native"),
    ];
    found.tags.extend(tags.into_iter().filter_map(|(set, tag)| set.then_some(tag)));
}

/// How many bytes may still be hashed: twice the file.
struct Budget(usize);

impl Budget {
    fn of(bytes: &[u8]) -> Self {
        Self(bytes.len().saturating_mul(2))
    }

    /// Whether `bytes` may be hashed; takes them from the budget.
    fn allows(&mut self, bytes: &[u8]) -> bool {
        match self.0.checked_sub(bytes.len()) {
            Some(left) => {
                self.0 = left;
                true
            }
            None => false,
        }
    }
}

struct Sections {
    rows: Vec<Value>,
    /// Where the last section ends in the file.
    end: usize,
    /// Whether a section reaches past the end of the file.
    truncated: bool,
    packer: Option<&'static str>,
}

fn sections<Pe: ImageNtHeaders>(file: &PeFile<'_, Pe>, budget: &mut Budget) -> Sections {
    // The loader reads whole sectors of 512 bytes, unless the file asks for a finer alignment.
    let sectors = file.nt_headers().optional_header().file_alignment() >= 0x200;
    let mut found = Sections { rows: Vec::new(), end: 0, truncated: false, packer: None };
    for section in file.section_table().iter() {
        let name = text(&section.name);
        let (start, size) = (section.pointer_to_raw_data.get(LE), section.size_of_raw_data.get(LE));
        if start > 0 && size > 0 {
            let end = usize::try_from(start.saturating_add(size)).unwrap_or(usize::MAX);
            found.truncated |= end > file.data().len();
            found.end = found.end.max(end);
        }
        if name.starts_with("UPX") {
            found.packer = Some("upx");
        }
        if found.rows.len() == LISTED {
            continue;
        }
        let mut row = json!({
            "name": name,
            "virtual_address": section.virtual_address.get(LE),
            "virtual_size": section.virtual_size.get(LE),
            "raw_size": size,
            "flags": flags(section.characteristics.get(LE)),
        });
        let start = if sectors { start & !0x1ff } else { start };
        let content = if size == 0 { Some([].as_slice()) } else { slice32(file.data(), start, size) };
        if let (Some(content), Some(row)) = (content, row.as_object_mut()) {
            measure(content, budget, row);
        }
        found.rows.push(row);
    }
    found
}

/// Adds `entropy`, `chi2` and `md5`.
fn measure(content: &[u8], budget: &mut Budget, row: &mut Map<String, Value>) {
    if budget.allows(content) {
        let histogram = Histogram::of(content);
        row.insert("entropy".to_owned(), json!(histogram.entropy()));
        row.insert("chi2".to_owned(), json!(histogram.chi2()));
        row.insert("md5".to_owned(), json!(hex::encode(Md5::digest(content))));
    }
}

/// `r`, `w`, `x`, as far as the section is.
fn flags(characteristics: u32) -> String {
    let letters = [(pe::IMAGE_SCN_MEM_READ, 'r'), (pe::IMAGE_SCN_MEM_WRITE, 'w'), (pe::IMAGE_SCN_MEM_EXECUTE, 'x')];
    letters.into_iter().filter(|(bit, _)| characteristics & bit != 0).map(|(_, letter)| letter).collect()
}

/// MD5 of the Rich header in the clear: from `DanS` up to `Rich`.
fn rich<Pe: ImageNtHeaders>(file: &PeFile<'_, Pe>, info: &mut Map<String, Value>) {
    let Some(rich) = file.rich_header_info() else { return };
    let Some(length) = rich.length.checked_sub(8) else { return };
    let Some(masked) = crate::bytes::slice(file.data(), rich.offset, length) else { return };
    let clear: Vec<u8> =
        masked.iter().zip(rich.xor_key.to_le_bytes().into_iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    info.insert("rich_pe_header_hash".to_owned(), json!(hex::encode(Md5::digest(clear))));
}

/// What follows the last section; a signature counts, as it does elsewhere.
fn overlay(bytes: &[u8], end: usize, budget: &mut Budget) -> Option<Value> {
    let content = bytes.get(end..).filter(|content| end > 0 && !content.is_empty())?;
    let filetype = sniff::sniff(content).map_or("Data", |tag| kind::by_tag(tag).description);
    let mut overlay = json!({ "offset": end, "size": content.len(), "filetype": filetype });
    measure(content, budget, overlay.as_object_mut()?);
    Some(overlay)
}

/// The structural hash; see `vhash`.
fn structure<Pe: ImageNtHeaders>(file: &PeFile<'_, Pe>, imports: &imports::Imports) -> String {
    let header = file.nt_headers().file_header();
    let mut recipe = vhash::Recipe::of("pe");
    recipe.add(&header.machine.get(LE).to_le_bytes());
    recipe.add(&file.nt_headers().optional_header().subsystem().to_le_bytes());
    recipe.add(&(header.characteristics.get(LE) & pe::IMAGE_FILE_DLL).to_le_bytes());
    for section in file.section_table().iter().take(LISTED) {
        recipe.add(&section.name);
        recipe.add(&section.characteristics.get(LE).to_le_bytes());
        recipe.add_size(u64::from(section.size_of_raw_data.get(LE)));
    }
    imports.shape(&mut recipe);
    recipe.finish()
}
