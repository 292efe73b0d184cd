//! The names that a PE exports.

use object::read::pe::{ImageNtHeaders, PeFile};
use serde_json::{Map, Value};

use super::LISTED;
use crate::bytes::text;

/// Adds `exports`, where there are any.
pub(super) fn tell<Pe: ImageNtHeaders>(file: &PeFile<'_, Pe>, info: &mut Map<String, Value>) {
    let Ok(Some(table)) = file.export_table() else { return };
    let names = table.name_iter().take(LISTED);
    let names: Vec<Value> =
        names.filter_map(|(pointer, _)| Some(Value::String(text(table.name_from_pointer(pointer).ok()?)))).collect();
    if !names.is_empty() {
        info.insert("exports".to_owned(), Value::Array(names));
    }
}
