//! Persons and organizations in an answer: entities with a jCard (RFC 7095).

use serde_json::Value;

use super::{country, list, tidy};

/// How far entities are followed into entities.
const DEPTH: u8 = 3;

/// What is said of one.
#[derive(Debug, Default)]
pub(super) struct Contact {
    pub(super) name: Option<String>,
    pub(super) organization: Option<String>,
    /// ISO code.
    pub(super) country: Option<String>,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
}

/// The first entity that has a role, directly or inside another one.
pub(super) fn with_role<'a>(answer: &'a Value, role: &str) -> Option<&'a Value> {
    inside(answer, role, DEPTH)
}

fn inside<'a>(answer: &'a Value, role: &str, depth: u8) -> Option<&'a Value> {
    let below = depth.checked_sub(1)?;
    let has_it = |entity: &&Value| list(entity, "roles").any(|one| one.as_str() == Some(role));
    let direct = list(answer, "entities").find(has_it);
    direct.or_else(|| list(answer, "entities").find_map(|entity| inside(entity, role, below)))
}

/// Reads the jCard of an entity: `["vcard", [[name, parameters, type, value…]…]]`.
pub(super) fn read(entity: &Value) -> Contact {
    let mut contact = Contact::default();
    let rows = entity.get("vcardArray").and_then(|card| card.get(1)).and_then(Value::as_array);
    for row in rows.into_iter().flatten().take(super::LISTED) {
        let (Some(name), Some(value)) = (row.get(0).and_then(Value::as_str), row.get(3)) else { continue };
        let place = match name {
            "fn" => &mut contact.name,
            "org" => &mut contact.organization,
            "email" => &mut contact.email,
            "tel" => &mut contact.phone,
            "adr" => {
                contact.country = contact.country.take().or_else(|| of_address(row, value));
                continue;
            }
            _ => continue,
        };
        if place.is_none() {
            *place = words(value).map(|text| text.trim_start_matches("tel:").to_owned());
        }
    }
    contact
}

/// A text, or the first of several.
fn words(value: &Value) -> Option<String> {
    let text = value.as_str().or_else(|| value.get(0)?.as_str())?;
    Some(tidy(text)).filter(|text| !text.is_empty())
}

/// The country of an address: its parameter `cc` (RFC 8605), or its last part.
fn of_address(row: &Value, value: &Value) -> Option<String> {
    let code = row.get(1).and_then(|parameters| parameters.get("cc")).or_else(|| value.get(6));
    country(code?.as_str()?.trim())
}
