//! Objects of the API for eyes and for programs, whatever their type: a row each with the columns that a command wants,
//! or all that is known of one.

use assay_model::Timestamp;
use assay_model::quota::UNLIMITED;
use comfy_table::{Cell, ColumnConstraint, Width};
use serde_json::{Map, Value as Json};

use super::table::{self, Look};
use crate::client::plain::plain;

/// `2026-11-23` with a blank on either side.
const DAY_WIDTH: u16 = 12;

/// A column: its heading, and the attribute under it. `id` is the object's own; a dot goes into a map; of `a|b` the
/// first that is there counts; `#a` is how many there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column(pub(crate) &'static str, pub(crate) &'static str);

/// An id that leaves no room for anything beside it on a narrow terminal, and how wide one is that is not.
const LONG_ID: usize = 40;
const WIDE: usize = 130;

/// A row an object. A column that says nothing of any of them is left out; ids stay whole on the narrowest terminal.
pub(crate) fn rows(objects: &[Json], columns: &[Column], look: Look) -> String {
    let is_long = |object: &Json| object.get("id").and_then(Json::as_str).is_some_and(|id| id.len() > LONG_ID);
    if look.width().is_some_and(|width| width < WIDE) && objects.iter().any(is_long) {
        return blocks(objects, columns);
    }
    let speaks =
        |Column(_, name): &&Column| objects.is_empty() || objects.iter().any(|object| !is_empty(value(object, name)));
    let columns: Vec<&Column> = columns.iter().filter(speaks).collect();
    let mut shown = look.table(columns.iter().map(|Column(heading, _)| *heading));
    for object in objects {
        shown.add_row(columns.iter().map(|Column(_, name)| cell(name, value(object, name))));
    }
    for (place, Column(_, name)) in columns.iter().enumerate() {
        let constraint = match *name {
            "id" => ColumnConstraint::ContentWidth,
            // A date wraps between day and time.
            name if is_date(name) => ColumnConstraint::LowerBoundary(Width::Fixed(DAY_WIDTH)),
            _ => continue,
        };
        if let Some(column) = shown.column_mut(place) {
            column.set_constraint(constraint);
        }
    }
    shown.to_string()
}

/// An object after the other: its id on a line of its own, the other columns on the next.
fn blocks(objects: &[Json], columns: &[Column]) -> String {
    let block = |object: &Json| {
        let id = object.get("id").and_then(Json::as_str).unwrap_or_default();
        let columns = columns.iter().filter(|Column(_, name)| *name != "id");
        let parts = columns.filter_map(|Column(heading, name)| {
            let value = value(object, name).filter(|value| !is_empty(Some(value)))?;
            let shown = match value {
                Json::Array(items) if name.starts_with('#') => items.len().to_string(),
                value => said(name, value),
            };
            Some(format!("{heading}: {}", plain(&shown)))
        });
        format!("{}\n  {}", plain(id), parts.collect::<Vec<_>>().join(" · "))
    };
    objects.iter().map(block).collect::<Vec<_>>().join("\n")
}

fn is_empty(value: Option<&Json>) -> bool {
    match value {
        None | Some(Json::Null) => true,
        Some(Json::String(text)) => text.is_empty(),
        Some(Json::Array(items)) => items.is_empty(),
        Some(_) => false,
    }
}

/// Everything that is known of an object, a line each; what is empty is left out.
pub(crate) fn card(object: &Json, look: Look) -> String {
    let mut facts = look.facts();
    for (name, value) in flat(object) {
        match &value {
            // Maps of maps: privileges, quotas.
            Json::Object(inner) if inner.values().any(Json::is_object) => {
                for (key, value) in gathered(inner) {
                    facts.add(&name, table::text(&format!("{key}: {value}")));
                }
            }
            Json::Object(inner) if inner.is_empty() => {}
            value if is_empty(Some(value)) => {}
            value => facts.add(&name, table::text(&said(&name, value))),
        }
    }
    facts.render()
}

/// Entries of a map in words. Privileges that are granted alike are told together, quotas of which there is nothing are
/// left out.
fn gathered(map: &Map<String, Json>) -> Vec<(String, String)> {
    let mut lines: Vec<(String, String)> = Vec::new();
    for (name, value) in map {
        let grant = value.as_object().and_then(grant);
        let same = grant.as_ref().and_then(|grant| lines.iter_mut().find(|(said, _)| said == grant));
        match (grant, same) {
            (Some(_), Some((_, names))) => {
                names.push_str(", ");
                names.push_str(name);
            }
            (Some(grant), None) => lines.push((grant, name.clone())),
            (None, _) if is_unlimited_and_unused(value) => {}
            (None, _) => lines.push((name.clone(), said(name, value))),
        }
    }
    lines
}

/// Whether a counter says nothing: nothing was used, and nothing or everything is allowed.
pub(crate) fn is_unlimited_and_unused(counter: &Json) -> bool {
    let amount = |name: &str| counter.get(name).and_then(Json::as_u64);
    let limits = |allowed: u64| allowed > 0 && allowed < UNLIMITED;
    amount("used") == Some(0) && amount("allowed").is_some_and(|allowed| !limits(allowed))
}

/// The object without its envelope: `id`, `type` and its attributes side by side, as programs like to read it.
pub(crate) fn flat(object: &Json) -> Map<String, Json> {
    let mut all = Map::new();
    for name in ["id", "type"] {
        if let Some(value) = object.get(name) {
            all.insert(name.to_owned(), value.clone());
        }
    }
    for name in ["attributes", "context_attributes"] {
        for (name, value) in object.get(name).and_then(Json::as_object).into_iter().flatten() {
            all.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    all
}

/// The value under a name of [`Column`].
pub(crate) fn value<'a>(object: &'a Json, name: &str) -> Option<&'a Json> {
    if matches!(name, "id" | "type") {
        return object.get(name);
    }
    if let Some(found) = name.split_once('|').map(|(one, other)| value(object, one).or_else(|| value(object, other))) {
        return found;
    }
    let path = name.trim_start_matches('#').replace('.', "/");
    ["attributes", "context_attributes"].iter().find_map(|part| object.pointer(&format!("/{part}/{path}")))
}

fn cell(name: &str, value: Option<&Json>) -> Cell {
    match value {
        Some(Json::Array(items)) if name.starts_with('#') => table::number(items.len()),
        Some(Json::Number(number)) if !is_date(name) => table::number(said(name, &Json::Number(number.clone()))),
        value => table::text(&value.map_or_else(String::new, |value| said(name, value))),
    }
}

/// A value in words.
pub(crate) fn said(name: &str, value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Bool(true) => "yes".to_owned(),
        Json::Bool(false) => "no".to_owned(),
        Json::Number(number) => match number.as_i64().filter(|_| is_date(name)) {
            Some(seconds) => Timestamp(seconds).text(),
            None if is_limit(name) => number.as_u64().map_or_else(|| number.to_string(), table::limit),
            None => number.to_string(),
        },
        Json::Array(items) => items.iter().map(|item| said("", item)).collect::<Vec<_>>().join(", "),
        Json::Object(map) => counter(map).or_else(|| grant(map)).unwrap_or_else(|| {
            map.iter().map(|(name, value)| format!("{name} {}", said(name, value))).collect::<Vec<_>>().join(", ")
        }),
    }
}

/// `{"allowed": 500, "used": 3}` as `3 of 500`.
fn counter(map: &Map<String, Json>) -> Option<String> {
    let (used, allowed) = (map.get("used")?.as_u64()?, map.get("allowed")?.as_u64()?);
    Some(format!("{used} of {}", table::limit(allowed)))
}

/// `{"granted": true, "expiration_date": 0, "inherited_from": "soc"}` as `granted, from soc`.
fn grant(map: &Map<String, Json>) -> Option<String> {
    if !map.get("granted")?.as_bool()? {
        return Some("not granted".to_owned());
    }
    let until = map.get("expiration_date").and_then(Json::as_i64).filter(|end| *end > 0);
    let until = until.map_or_else(String::new, |end| format!(" until {}", Timestamp(end).text()));
    let from =
        map.get("inherited_from").and_then(Json::as_str).map_or_else(String::new, |from| format!(", from {from}"));
    Some(format!("granted{until}{from}"))
}

/// Of a limit the sentinel means that there is none.
fn is_limit(name: &str) -> bool {
    name.starts_with("limits.") || matches!(name, "minute" | "day" | "month") || name.ends_with("allowed")
}

/// Dates are numbers that only their name tells from others.
fn is_date(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last == "date" || last.ends_with("_date") || matches!(last, "user_since" | "last_login" | "until")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn user() -> Json {
        json!({"type": "user", "id": "ann", "attributes": {"tier": "premium", "user_since": 1_763_891_221, "has_2fa": false,
            "allowed_networks": ["10.0.0.0/8", "::1/128"], "preferences": {},
            "privileges": {
                "livehunt": {"granted": true, "expiration_date": 1_763_891_221, "inherited_from": "soc"},
                "cases": {"granted": false},
                "retrohunt": {"granted": true, "expiration_date": 1_763_891_221, "inherited_from": "soc"}},
            "profile_phrase": "", "auto_add_users": [], "quotas": {"private_scans_monthly": {"allowed": 0, "used": 0},
                "api_requests_daily": {"allowed": 500, "used": 3}, "api_requests_monthly": {"allowed": 1_000_000_000, "used": 3}}},
            "context_attributes": {"role": "admin"}})
    }

    #[test]
    fn a_row_has_the_columns_that_are_asked_for() {
        let columns = [
            Column("name", "id"),
            Column("tier", "tier"),
            Column("since", "user_since"),
            Column("role", "role"),
            Column("today", "quotas.api_requests_daily"),
            Column("nothing", "nothing"),
        ];
        insta::assert_snapshot!(rows(&[user()], &columns, Look::Piped), @r"
        ╭──────┬─────────┬─────────────────────┬───────┬──────────╮
        │ name ┆ tier    ┆ since               ┆ role  ┆ today    │
        ╞══════╪═════════╪═════════════════════╪═══════╪══════════╡
        │ ann  ┆ premium ┆ 2025-11-23 09:47:01 ┆ admin ┆ 3 of 500 │
        ╰──────┴─────────┴─────────────────────┴───────┴──────────╯
        ");
    }

    #[test]
    fn long_ids_stand_on_lines_of_their_own() {
        let columns =
            [Column("Id", "id"), Column("Name", "name"), Column("Files", "files_count"), Column("Tags", "tags")];
        let object = json!({"id": "a".repeat(64), "attributes": {"name": "Bank\u{1b}", "files_count": 3, "tags": []}});
        assert_eq!(blocks(&[object], &columns), format!("{}\n  Name: Bank\\u{{1b}} · Files: 3", "a".repeat(64)));
    }

    #[test]
    fn a_card_has_everything() {
        insta::assert_snapshot!(card(&user(), Look::Piped), @r"
        id                ann
        type              user
        tier              premium
        user_since        2025-11-23 09:47:01
        has_2fa           no
        allowed_networks  10.0.0.0/8, ::1/128
        privileges        granted until 2025-11-23 09:47:01, from soc: livehunt, retrohunt
        privileges        not granted: cases
        quotas            api_requests_daily: 3 of 500
        quotas            api_requests_monthly: 3 of unlimited
        role              admin
        ");
    }

    #[test]
    fn a_limit_that_is_none_is_told_in_words() {
        assert_eq!(said("limits.day", &json!(1_000_000_000)), "unlimited");
        assert_eq!(said("quota_limits.api_requests_daily.allowed", &json!(7)), "7");
        assert_eq!(said("amount", &json!(1_000_000_000)), "1000000000");
    }

    #[test]
    fn programs_read_attributes_beside_the_id() {
        let flat = Json::Object(flat(&user()));
        assert_eq!((&flat["id"], &flat["tier"], &flat["role"]), (&json!("ann"), &json!("premium"), &json!("admin")));
    }
}
