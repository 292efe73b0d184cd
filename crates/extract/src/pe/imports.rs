//! The import table: libraries, functions, and the imphash over both.

use std::collections::HashMap;
use std::sync::OnceLock;

use md5::{Digest as _, Md5};
use object::LittleEndian as LE;
use object::read::pe::{ImageNtHeaders, ImageThunkData, ImportTable, PeFile};
use serde_json::{Map, Value, json};

use super::LISTED;
use crate::bytes::text;
use crate::vhash::Recipe;

static ORDINALS: &str = include_str!("../../assets/pe/ordinals.tsv");
/// Bytes of names that are read in all, and what each function costs beside its name: names may overlap.
const NAMES: usize = 8 << 20;
const FUNCTION: usize = 64;

/// What a PE imports, as far as its table can be read.
pub(super) struct Imports {
    libraries: Vec<Library>,
}

struct Library {
    name: String,
    functions: Vec<Function>,
}

enum Function {
    Name(String),
    Ordinal(u16),
}

/// Reads the import table.
pub(super) fn of<Pe: ImageNtHeaders>(file: &PeFile<'_, Pe>) -> Imports {
    let mut libraries = Vec::new();
    if let Ok(Some(table)) = file.import_table() {
        // What stands before the damage is kept.
        let _ = read::<Pe>(&table, &mut libraries);
    }
    Imports { libraries }
}

fn read<Pe: ImageNtHeaders>(table: &ImportTable<'_>, libraries: &mut Vec<Library>) -> object::Result<()> {
    let mut descriptors = table.descriptors()?;
    let mut left = NAMES;
    while let Some(descriptor) = descriptors.next()? {
        let name = table.name(descriptor.name.get(LE))?;
        left = left.saturating_sub(name.len().saturating_add(FUNCTION));
        if left == 0 {
            break;
        }
        let mut library = Library { name: text(name), functions: Vec::new() };
        let (original, first) = (descriptor.original_first_thunk.get(LE), descriptor.first_thunk.get(LE));
        let listed = table.thunks(original).ok().filter(|_| original != 0);
        let thunks = listed.map_or_else(|| table.thunks(first), Ok);
        let read = thunks.and_then(|mut thunks| {
            while let Some(thunk) = thunks.next::<Pe>()? {
                let name = if thunk.is_ordinal() { [].as_slice() } else { table.hint_name(thunk.address())?.1 };
                left = left.saturating_sub(name.len().saturating_add(FUNCTION));
                if left == 0 {
                    break;
                }
                library.functions.push(if thunk.is_ordinal() {
                    Function::Ordinal(thunk.ordinal())
                } else {
                    Function::Name(text(name))
                });
            }
            Ok(())
        });
        libraries.push(library);
        read?;
    }
    Ok(())
}

impl Imports {
    /// Adds `import_list` and `imphash`.
    pub(super) fn tell(&self, info: &mut Map<String, Value>) {
        if self.libraries.is_empty() {
            return;
        }
        let rows = self.libraries.iter().take(LISTED).map(|library| {
            let functions = library.functions.iter().take(LISTED).map(|function| match function {
                Function::Name(name) => name.clone(),
                Function::Ordinal(ordinal) => {
                    known(&library.name, *ordinal).map_or_else(|| format!("ord{ordinal}"), str::to_owned)
                }
            });
            json!({ "library_name": library.name, "imported_functions": functions.collect::<Vec<_>>() })
        });
        info.insert("import_list".to_owned(), rows.collect());
        info.extend(self.imphash().map(|hash| ("imphash".to_owned(), json!(hash))));
    }

    /// MD5 of `library.function` in lower case, comma-separated, in the order of the table; as first described
    /// by Mandiant ("Tracking malware with import hashing", 2014) and computed by pefile.
    fn imphash(&self) -> Option<String> {
        let mut hash = Md5::new();
        let mut separator = "";
        for library in &self.libraries {
            let lower = library.name.to_lowercase();
            let stem = match lower.rsplit_once('.') {
                Some((stem, "dll" | "ocx" | "sys")) => stem,
                _ => &lower,
            };
            for function in &library.functions {
                let name = match function {
                    Function::Name(name) if name.is_empty() => continue,
                    Function::Name(name) => name.to_lowercase(),
                    Function::Ordinal(ordinal) => {
                        known(&lower, *ordinal).map_or_else(|| format!("ord{ordinal}"), str::to_lowercase)
                    }
                };
                for part in [separator, stem, ".", &name] {
                    hash.update(part.as_bytes());
                }
                separator = ",";
            }
        }
        (!separator.is_empty()).then(|| hex::encode(hash.finalize()))
    }

    /// Adds the libraries and how much is used of each to the structural hash.
    pub(super) fn shape(&self, recipe: &mut Recipe) {
        for library in self.libraries.iter().take(LISTED) {
            recipe.add(library.name.to_lowercase().as_bytes());
            recipe.add_size(u64::try_from(library.functions.len()).unwrap_or(u64::MAX));
        }
    }
}

/// The name of a function that these libraries export by ordinal.
fn known(library: &str, ordinal: u16) -> Option<&'static str> {
    static NAMES: OnceLock<HashMap<(&str, u16), &str>> = OnceLock::new();
    let library = match library.to_ascii_lowercase().as_str() {
        "ws2_32.dll" | "wsock32.dll" => "ws2_32",
        "oleaut32.dll" => "oleaut32",
        _ => return None,
    };
    let names = NAMES.get_or_init(|| {
        let rows = ORDINALS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let mut columns = line.split('\t');
            let (library, ordinal) = (columns.next()?, columns.next()?.parse().ok()?);
            Some(((library, ordinal), columns.next()?))
        });
        rows.collect()
    });
    names.get(&(library, ordinal)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(name: &str, functions: Vec<Function>) -> Library {
        Library { name: name.to_owned(), functions }
    }

    #[test]
    fn the_imphash_names_known_ordinals_and_drops_the_library_ending() {
        let imports = Imports {
            libraries: vec![
                library("KERNEL32.dll", vec![Function::Name("ExitProcess".to_owned())]),
                library("WS2_32.dll", vec![Function::Ordinal(115), Function::Ordinal(9999)]),
            ],
        };
        let expected = Md5::digest(b"kernel32.exitprocess,ws2_32.wsastartup,ws2_32.ord9999");
        assert_eq!(imports.imphash(), Some(hex::encode(expected)));
        assert_eq!(Imports { libraries: Vec::new() }.imphash(), None);
    }
}
