//! `elf_info`: header, sections, segments, dynamic symbols and needed libraries, in readelf's words. Headers
//! and tables are read by the `object` crate; a damaged table ends the list that it feeds.

pub(crate) mod words;

use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader as _, SectionHeader as _, SectionTable, Sym as _};
use object::{Endianness, SectionIndex};
use serde_json::{Map, Value, json};

use crate::bytes::{head, text};
use crate::{Corrupt, Found, Sample, vhash};

/// Lists in `elf_info` end here.
const LISTED: usize = 256;
/// Where `EI_CLASS` stands.
const CLASS: usize = 4;
/// Bytes of a name that are looked at.
const NAME: usize = 256;
/// Symbols that are looked at for the lists.
const SYMBOLS: usize = 65_536;

/// `elf_info`, tags and the structural hash.
pub(crate) fn extract(sample: &Sample) -> Result<Found, Corrupt> {
    let bytes = sample.bytes;
    match bytes.get(CLASS) {
        Some(&elf::ELFCLASS32) => parsed::<FileHeader32<Endianness>>(bytes),
        Some(&elf::ELFCLASS64) => parsed::<FileHeader64<Endianness>>(bytes),
        _ => Err(Corrupt),
    }
}

/// A file whose headers could be read.
struct Elf<'a, H: FileHeader<Endian = Endianness>> {
    bytes: &'a [u8],
    header: &'a H,
    endian: Endianness,
    sections: SectionTable<'a, H>,
    /// Of the first sections.
    names: Vec<String>,
    segments: &'a [H::ProgramHeader],
}

fn parsed<H: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Result<Found, Corrupt> {
    let header = H::parse(bytes).map_err(|_| Corrupt)?;
    let endian = header.endian().map_err(|_| Corrupt)?;
    let sections = header.sections(endian, bytes).map_err(|_| Corrupt)?;
    let segments = header.program_headers(endian, bytes).map_err(|_| Corrupt)?;
    let strings =
        strings(&sections, header.section_strings_index(endian, bytes).unwrap_or(SectionIndex(0)), endian, bytes);
    let names = sections.iter().take(LISTED).map(|section| string(strings, section.sh_name(endian))).collect();
    let file = Elf { bytes, header, endian, sections, names, segments };
    let libraries = file.libraries();
    let mut info = Map::new();
    info.insert("header".to_owned(), file.header());
    info.insert("section_list".to_owned(), file.section_list());
    info.insert("segment_list".to_owned(), file.segment_list());
    for (key, list) in file.symbols() {
        if !list.is_empty() {
            info.insert(key.to_owned(), Value::Array(list));
        }
    }
    if !libraries.is_empty() {
        info.insert("shared_libraries".to_owned(), json!(libraries));
    }
    let mut found = Found { vhash: Some(file.structure(&libraries)), ..Found::default() };
    let is_upx = memchr::memmem::find(head(bytes, 4096), b"UPX!").is_some();
    if is_upx {
        info.insert("packers".to_owned(), json!(["upx"]));
    }
    let interpreted = file.segments.iter().any(|segment| segment.p_type(endian) == elf::PT_INTERP);
    let tags = [
        (file.header.is_type_64(), "64bits"),
        (file.header.e_type(endian) == elf::ET_DYN && !interpreted, "shared-lib"),
        (is_upx, "upx"),
    ];
    found.tags.extend(tags.into_iter().filter_map(|(set, tag)| set.then_some(tag)));
    found.details.push(("elf_info", Value::Object(info)));
    Ok(found)
}

/// A string table, nothing where it cannot be read.
fn strings<'a, H: FileHeader<Endian = Endianness>>(
    sections: &SectionTable<'a, H>,
    index: SectionIndex,
    endian: Endianness,
    bytes: &'a [u8],
) -> &'a [u8] {
    sections.section(index).and_then(|section| section.data(endian, bytes)).unwrap_or_default()
}

/// A name in a string table, without searching all of the table for its end.
fn string(strings: &[u8], offset: u32) -> String {
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    text(head(strings.get(start..).unwrap_or_default(), NAME))
}

impl<H: FileHeader<Endian = Endianness>> Elf<'_, H> {
    fn header(&self) -> Value {
        let (header, endian) = (self.header, self.endian);
        let ident = header.e_ident();
        let order = if header.is_big_endian() { "big" } else { "little" };
        json!({
            "class": if header.is_type_64() { "ELF64" } else { "ELF32" },
            "data": format!("2's complement, {order} endian"),
            "type": words::name(words::TYPES, header.e_type(endian)),
            "machine": words::name(words::MACHINES, header.e_machine(endian)),
            "hdr_version": if ident.version == elf::EV_CURRENT { "1 (current)".to_owned() } else { ident.version.to_string() },
            "obj_version": format!("{:#x}", header.e_version(endian)),
            "os_abi": words::name(words::SYSTEMS, ident.os_abi),
            "abi_version": ident.abi_version,
            "entrypoint": header.e_entry(endian).into(),
            "num_prog_headers": self.segments.len(),
            "num_section_headers": self.sections.len(),
        })
    }

    fn section_list(&self) -> Value {
        let endian = self.endian;
        let rows = self.sections.iter().zip(&self.names).map(|(section, name)| {
            json!({
                "name": name,
                "section_type": words::name(words::SECTIONS, section.sh_type(endian)),
                "virtual_address": section.sh_addr(endian).into(),
                "physical_offset": section.sh_offset(endian).into(),
                "size": section.sh_size(endian).into(),
                "flags": words::section_flags(section.sh_flags(endian).into()),
            })
        });
        rows.collect()
    }

    /// Each segment with the sections that lie in it.
    fn segment_list(&self) -> Value {
        let endian = self.endian;
        let rows = self.segments.iter().take(LISTED).map(|segment| {
            let start: u64 = segment.p_offset(endian).into();
            let end = start.saturating_add(segment.p_filesz(endian).into());
            let inside = self.sections.iter().zip(&self.names).filter(|(section, _)| {
                let from: u64 = section.sh_offset(endian).into();
                let to = from.saturating_add(section.sh_size(endian).into());
                let empty = matches!(section.sh_type(endian), elf::SHT_NULL | elf::SHT_NOBITS);
                !empty && from >= start && from < end && to <= end
            });
            let names: Vec<&String> = inside.map(|(_, name)| name).collect();
            json!({ "segment_type": words::name(words::SEGMENTS, segment.p_type(endian)), "resources": names })
        });
        rows.collect()
    }

    /// Dynamic symbols: undefined ones are imports, defined global ones exports.
    fn symbols(&self) -> [(&'static str, Vec<Value>); 2] {
        let (mut imports, mut exports) = (Vec::new(), Vec::new());
        if let Ok(table) = self.sections.symbols(self.endian, self.bytes, elf::SHT_DYNSYM) {
            let strings = strings(&self.sections, table.string_section(), self.endian, self.bytes);
            for symbol in table.iter().skip(1).take(SYMBOLS) {
                let undefined = symbol.st_shndx(self.endian) == elf::SHN_UNDEF;
                let list = if undefined { &mut imports } else { &mut exports };
                if list.len() == LISTED || symbol.st_bind() == elf::STB_LOCAL {
                    continue;
                }
                let name = string(strings, symbol.st_name(self.endian));
                list.push(json!({ "name": name, "type": words::name(words::SYMBOLS, symbol.st_type()) }));
            }
        }
        [("import_list", imports), ("export_list", exports)]
    }

    fn libraries(&self) -> Vec<String> {
        let Ok(table) = self.sections.dynamic_table(self.endian, self.bytes) else { return Vec::new() };
        let needed = table.iter().filter(|entry| entry.tag == elf::DT_NEEDED).take(LISTED);
        needed.filter_map(|entry| table.string(entry).ok().map(text)).collect()
    }

    /// The structural hash; see `vhash`.
    fn structure(&self, libraries: &[String]) -> String {
        let mut recipe = vhash::Recipe::of("elf");
        recipe.add(&[u8::from(self.header.is_type_64()), u8::from(self.header.is_big_endian())]);
        recipe.add(&self.header.e_type(self.endian).to_le_bytes());
        recipe.add(&self.header.e_machine(self.endian).to_le_bytes());
        for (section, name) in self.sections.iter().zip(&self.names) {
            recipe.add(name.as_bytes());
            recipe.add(&section.sh_type(self.endian).to_le_bytes());
            recipe.add_size(section.sh_size(self.endian).into());
        }
        for library in libraries {
            recipe.add(library.as_bytes());
        }
        recipe.finish()
    }
}
