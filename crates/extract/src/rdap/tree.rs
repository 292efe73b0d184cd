//! An answer as the attribute `rdap` has it: names in snake case, contacts as objects.

use serde_json::{Map, Value, json};

/// A longer tree is not kept.
const KEPT: usize = 64 << 10;

/// The tree; none where it is too long.
pub(super) fn of(answer: &Value) -> Option<Value> {
    let tree = renamed(answer);
    let length = serde_json::to_vec(&tree).ok()?.len();
    (length <= KEPT).then_some(tree)
}

fn renamed(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut object = Map::new();
            for (name, value) in members {
                let value = match name.as_str() {
                    "vcardArray" => card(value),
                    "hreflang" => as_list(value),
                    _ => renamed(value),
                };
                object.insert(snake(name), value);
            }
            Value::Object(object)
        }
        Value::Array(items) => items.iter().map(renamed).collect(),
        other => other.clone(),
    }
}

/// `[name, parameters, type, value…]` as objects.
fn card(value: &Value) -> Value {
    let rows = value.get(1).and_then(Value::as_array);
    let row = |row: &Value| {
        let values = row.as_array()?.get(3..)?.iter().flat_map(texts).collect::<Vec<_>>();
        let parameters: Map<String, Value> =
            row.get(1)?.as_object()?.iter().map(|(name, value)| (name.clone(), as_list(value))).collect();
        Some(json!({ "name": row.get(0)?, "type": row.get(2)?, "values": values, "parameters": parameters }))
    };
    rows.into_iter().flatten().filter_map(row).collect()
}

/// The texts in a value, however they are nested.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

fn as_list(value: &Value) -> Value {
    if value.is_array() { value.clone() } else { json!([value]) }
}

fn snake(name: &str) -> String {
    if name == "hreflang" {
        return "href_lang".to_owned();
    }
    let mut snake = String::new();
    let mut before = '_';
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !before.is_ascii_uppercase() && before != '_' {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
        before = letter;
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_snake_case() {
        for (name, becomes) in [
            ("objectClassName", "object_class_name"),
            ("secureDNS", "secure_dns"),
            ("cidr0_cidrs", "cidr0_cidrs"),
            ("v4prefix", "v4prefix"),
            ("rdapConformance", "rdap_conformance"),
            ("hreflang", "href_lang"),
        ] {
            assert_eq!(snake(name), becomes);
        }
    }

    #[test]
    fn contacts_become_objects() {
        let answer = json!({ "vcardArray": ["vcard", [
            ["version", {}, "text", "4.0"],
            ["adr", { "cc": "US" }, "text", ["", "", "1 Main St", "Town", "ST", "1", ""]],
            "nonsense",
        ]] });
        let expected = json!({ "vcard_array": [
            { "name": "version", "type": "text", "values": ["4.0"], "parameters": {} },
            { "name": "adr", "type": "text", "values": ["", "", "1 Main St", "Town", "ST", "1", ""], "parameters": { "cc": ["US"] } },
        ] });
        assert_eq!(of(&answer), Some(expected));
    }

    #[test]
    fn a_tree_that_is_too_long_is_not_kept() {
        assert_eq!(of(&json!({ "remarks": "x".repeat(KEPT) })), None);
    }
}
