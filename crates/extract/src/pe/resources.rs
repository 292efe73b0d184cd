//! Resources: what kinds, in which languages, and each one's hash and type. The tree has three levels: type,
//! name, language.

use std::collections::BTreeMap;

use object::LittleEndian as LE;
use object::pe;
use object::read::pe::{ImageNtHeaders, PeFile, ResourceDirectory, ResourceDirectoryEntryData, ResourceNameOrId};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{Budget, LISTED};
use crate::entropy::Histogram;
use crate::{kind, sniff};

/// Entries of the tree that are looked at, on all levels: tables may be shared, so the tree can be far larger
/// than the file.
const LOOKED_AT: usize = 16_384;
/// Characters of a type's name.
const NAME: usize = 64;

/// Adds `resource_details`, `resource_langs` and `resource_types`, where there are resources.
pub(super) fn tell<Pe: ImageNtHeaders>(file: &PeFile<'_, Pe>, budget: &mut Budget, info: &mut Map<String, Value>) {
    let sections = file.section_table();
    let Ok(Some(directory)) = file.data_directories().resource_directory(file.data(), &sections) else { return };
    let mut found = Vec::new();
    // What stands before the damage is kept.
    let _ = collect(directory, &mut found);
    if found.is_empty() {
        return;
    }
    let (mut types, mut languages) = (BTreeMap::<&str, u64>::new(), BTreeMap::<&str, u64>::new());
    let mut details = Vec::new();
    for resource in &found {
        for (counts, key) in [(&mut types, resource.kind.as_str()), (&mut languages, resource.language.as_str())] {
            let count = counts.entry(key).or_default();
            *count = count.saturating_add(1);
        }
        if details.len() == LISTED {
            continue;
        }
        let mut row = json!({ "type": resource.kind, "lang": resource.language });
        let content = sections.pe_data_at(file.data(), resource.address);
        let size = usize::try_from(resource.size).ok();
        let content = content.zip(size).and_then(|(content, size)| content.get(..size));
        if let (Some(content), Some(row)) = (content, row.as_object_mut()) {
            measure(content, budget, row);
        }
        details.push(row);
    }
    info.insert("resource_types".to_owned(), json!(types));
    info.insert("resource_langs".to_owned(), json!(languages));
    info.insert("resource_details".to_owned(), Value::Array(details));
}

struct Resource {
    kind: String,
    language: String,
    address: u32,
    size: u32,
}

fn collect(directory: ResourceDirectory<'_>, found: &mut Vec<Resource>) -> object::Result<()> {
    let mut left = LOOKED_AT;
    let mut look = || {
        left = left.saturating_sub(1);
        left > 0
    };
    for kind in directory.root()?.entries {
        if !look() {
            break;
        }
        let name = type_name(&kind.name_or_id(), directory);
        let ResourceDirectoryEntryData::Table(names) = kind.data(directory)? else { continue };
        for resource in names.entries {
            if !look() {
                break;
            }
            let ResourceDirectoryEntryData::Table(languages) = resource.data(directory)? else { continue };
            for language in languages.entries {
                let ResourceDirectoryEntryData::Data(data) = language.data(directory)? else { continue };
                if !look() {
                    break;
                }
                found.push(Resource {
                    kind: name.clone(),
                    language: language_name(language.name_or_id().id().unwrap_or_default()),
                    address: data.offset_to_data.get(LE),
                    size: data.size.get(LE),
                });
            }
        }
    }
    Ok(())
}

fn measure(content: &[u8], budget: &mut Budget, row: &mut Map<String, Value>) {
    if !budget.allows(content) {
        return;
    }
    let histogram = Histogram::of(content);
    let filetype = sniff::sniff_head(content).map_or("Data", |tag| kind::by_tag(tag).description);
    row.insert("entropy".to_owned(), json!(histogram.entropy()));
    row.insert("chi2".to_owned(), json!(histogram.chi2()));
    row.insert("sha256".to_owned(), json!(hex::encode(Sha256::digest(content))));
    row.insert("filetype".to_owned(), json!(filetype));
}

fn type_name(name: &ResourceNameOrId, directory: ResourceDirectory<'_>) -> String {
    let id = match name {
        ResourceNameOrId::Name(name) => {
            let units = name.data(directory).unwrap_or_default().iter().take(NAME).map(|unit| unit.get(LE));
            return char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        }
        ResourceNameOrId::Id(id) => *id,
    };
    TYPES.iter().find(|(known, _)| *known == id).map_or_else(|| id.to_string(), |(_, name)| (*name).to_owned())
}

#[rustfmt::skip]
const TYPES: &[(u16, &str)] = &[
    (pe::RT_CURSOR, "RT_CURSOR"), (pe::RT_BITMAP, "RT_BITMAP"), (pe::RT_ICON, "RT_ICON"),
    (pe::RT_MENU, "RT_MENU"), (pe::RT_DIALOG, "RT_DIALOG"), (pe::RT_STRING, "RT_STRING"),
    (pe::RT_FONTDIR, "RT_FONTDIR"), (pe::RT_FONT, "RT_FONT"), (pe::RT_ACCELERATOR, "RT_ACCELERATOR"),
    (pe::RT_RCDATA, "RT_RCDATA"), (pe::RT_MESSAGETABLE, "RT_MESSAGETABLE"),
    (pe::RT_GROUP_CURSOR, "RT_GROUP_CURSOR"), (pe::RT_GROUP_ICON, "RT_GROUP_ICON"),
    (pe::RT_VERSION, "RT_VERSION"), (pe::RT_DLGINCLUDE, "RT_DLGINCLUDE"), (pe::RT_PLUGPLAY, "RT_PLUGPLAY"),
    (pe::RT_VXD, "RT_VXD"), (pe::RT_ANICURSOR, "RT_ANICURSOR"), (pe::RT_ANIICON, "RT_ANIICON"),
    (pe::RT_HTML, "RT_HTML"), (pe::RT_MANIFEST, "RT_MANIFEST"),
];

/// `ENGLISH US`, `GERMAN`, …: the primary language in the low ten bits, its variant above.
fn language_name(id: u16) -> String {
    let (primary, variant) = (id & 0x3ff, id >> 10);
    let Some((_, name)) = LANGUAGES.iter().find(|(known, _)| *known == primary) else { return format!("{id:#06x}") };
    let variant = VARIANTS.iter().find(|(language, known, _)| (*language, *known) == (primary, variant));
    variant.map_or_else(|| (*name).to_owned(), |(_, _, variant)| format!("{name} {variant}"))
}

/// Primary language identifiers (MS-LCID, 2.2).
#[rustfmt::skip]
const LANGUAGES: &[(u16, &str)] = &[
    (0x00, "NEUTRAL"), (0x01, "ARABIC"), (0x02, "BULGARIAN"), (0x03, "CATALAN"), (0x04, "CHINESE"),
    (0x05, "CZECH"), (0x06, "DANISH"), (0x07, "GERMAN"), (0x08, "GREEK"), (0x09, "ENGLISH"), (0x0a, "SPANISH"),
    (0x0b, "FINNISH"), (0x0c, "FRENCH"), (0x0d, "HEBREW"), (0x0e, "HUNGARIAN"), (0x0f, "ICELANDIC"),
    (0x10, "ITALIAN"), (0x11, "JAPANESE"), (0x12, "KOREAN"), (0x13, "DUTCH"), (0x14, "NORWEGIAN"),
    (0x15, "POLISH"), (0x16, "PORTUGUESE"), (0x18, "ROMANIAN"), (0x19, "RUSSIAN"), (0x1a, "CROATIAN"),
    (0x1b, "SLOVAK"), (0x1c, "ALBANIAN"), (0x1d, "SWEDISH"), (0x1e, "THAI"), (0x1f, "TURKISH"), (0x20, "URDU"),
    (0x21, "INDONESIAN"), (0x22, "UKRAINIAN"), (0x23, "BELARUSIAN"), (0x24, "SLOVENIAN"), (0x25, "ESTONIAN"),
    (0x26, "LATVIAN"), (0x27, "LITHUANIAN"), (0x29, "FARSI"), (0x2a, "VIETNAMESE"), (0x2b, "ARMENIAN"),
    (0x2c, "AZERI"), (0x2d, "BASQUE"), (0x2f, "MACEDONIAN"), (0x36, "AFRIKAANS"), (0x37, "GEORGIAN"),
    (0x39, "HINDI"), (0x3e, "MALAY"), (0x3f, "KAZAK"), (0x40, "KYRGYZ"), (0x41, "SWAHILI"), (0x43, "UZBEK"),
    (0x44, "TATAR"), (0x45, "BENGALI"), (0x50, "MONGOLIAN"), (0x56, "GALICIAN"), (0x7f, "INVARIANT"),
];

#[rustfmt::skip]
const VARIANTS: &[(u16, u16, &str)] = &[
    (0x00, 2, "SYS DEFAULT"), (0x04, 1, "TRADITIONAL"), (0x04, 2, "SIMPLIFIED"), (0x04, 3, "HONGKONG"),
    (0x04, 4, "SINGAPORE"), (0x07, 2, "SWISS"), (0x07, 3, "AUSTRIAN"), (0x09, 1, "US"), (0x09, 2, "UK"),
    (0x09, 3, "AUS"), (0x09, 4, "CAN"), (0x0a, 2, "MEXICAN"), (0x0a, 3, "MODERN"), (0x0c, 2, "BELGIAN"),
    (0x0c, 3, "CANADIAN"), (0x0c, 4, "SWISS"), (0x13, 2, "BELGIAN"), (0x16, 1, "BRAZILIAN"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_named_with_their_variant() {
        assert_eq!(language_name(0x0409), "ENGLISH US");
        assert_eq!(language_name(0x0407), "GERMAN");
        assert_eq!(language_name(0), "NEUTRAL");
        assert_eq!(language_name(0x0804), "CHINESE SIMPLIFIED");
    }
}
