//! The names that a PE exports.

use object::read::pe::{ImageNtHeaders, PeFile};
use serde_json::{Map, Value};

use super::LISTED;
use crate::bytes::text;

/// Bytes of names that are read in all: names may overlap.
const NAMES: usize = 8 << 20;

/// Adds `exports`, where there are any.
pub(super) fn tell<Pe: ImageNtHeaders>(file: &PeFile<'_, Pe>, info: &mut Map<String, Value>) {
    let Ok(Some(table)) = file.export_table() else { return };
    let mut left = NAMES;
    let mut names = Vec::new();
    for (pointer, _) in table.name_iter().take(LISTED) {
        let Ok(name) = table.name_from_pointer(pointer) else { continue };
        left = left.saturating_sub(name.len());
        if left == 0 {
            break;
        }
        names.push(Value::String(text(name)));
    }
    if !names.is_empty() {
        info.insert("exports".to_owned(), Value::Array(names));
    }
}
