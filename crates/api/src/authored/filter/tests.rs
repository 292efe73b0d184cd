//! Filters: what fits, what does not, what cannot be read.

use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp(1_768_478_400);
const FIELDS: &[(&str, Place)] = &[
    ("name", Place::Attribute(&["name"])),
    ("tag", Place::Attribute(&["tags"])),
    ("private", Place::Attribute(&["private"])),
    ("total", Place::Attribute(&["total"])),
    ("creation_date", Place::Date("creation_date")),
    ("owner", Place::Owner),
    ("file", Place::Node("file")),
];

/// Somebody who asks.
fn caller() -> Identity {
    Identity {
        account: "ann".into(),
        key_id: assay_model::apikey::KeyId::NONE,
        user: assay_model::account::User::new("public", NOW),
        standing: assay_model::access::Standing {
            privileges: assay_model::privilege::Privileges::default(),
            limits: assay_model::quota::Limits::PUBLIC,
            pool: None,
            class: assay_model::record::Class::Normal,
            networks: Vec::new(),
            until: None,
        },
        retirement: None,
        label: "".into(),
        restricted: false,
    }
}

fn fits(filter: &str) -> bool {
    let attributes = json!({ "name": "Emotet 2026", "tags": ["botnet", "mail"], "private": false, "total": 12,
                             "creation_date": NOW.0 - 3 * 86_400, "nodes": [{ "type": "file", "entity_id": "abc" }] });
    let Value::Object(attributes) = attributes else { panic!("an object") };
    let work = Work {
        attributes,
        owner: "ann".to_owned(),
        group: None,
        viewers: Vec::new(),
        editors: Vec::new(),
        counted_on: Vec::new(),
    };
    parse(filter, FIELDS, NOW).expect(filter).fits("id", &work, &caller())
}

#[test]
fn words_fields_and_operators_choose() {
    for filter in [
        "",
        "emotet",
        "\"emotet 2026\"",
        "name:emotet",
        "name:emo*2026",
        "tag:botnet",
        "tag:BOT*",
        "owner:ann",
        "file:abc",
        "private:false",
        "total:12",
        "total:10+",
        "total:12-",
        "total:10+ total:15-",
        "NOT trickbot",
        "trickbot OR emotet",
        "(trickbot OR emotet) AND tag:mail",
        "creation_date:7d+",
        "creation_date:2026-01-12",
        "creation_date:2026-01-01+",
    ] {
        assert!(fits(filter), "{filter}");
    }
    for filter in [
        "trickbot",
        "tag:bot",
        "owner:an",
        "file:ab",
        "private:true",
        "total:13+",
        "total:11-",
        "emotet NOT tag:mail",
        "creation_date:2d+",
        "creation_date:2026-01-11",
        "name:2026*emotet",
        "emotet trickbot",
    ] {
        assert!(!fits(filter), "{filter}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_the_reason() {
    let deep = "NOT ".repeat(100) + "x";
    let long = "x".repeat(2_000);
    for filter in ["(a", "a)", "a AND", "OR a", "\"a", "colour:red", "name:", "creation_date:soon", &deep, &long] {
        let error = parse(filter, FIELDS, NOW).expect_err(filter);
        assert_eq!(error.code, assay_model::Code::InvalidArgument, "{filter}");
    }
}

proptest::proptest! {
    #[test]
    fn no_filter_makes_it_panic(filter in "[a-z:\"()*+ \\-ANDORT0-9é]{0,60}") {
        if let Ok(filter) = parse(&filter, FIELDS, NOW) {
            let work = Work { attributes: serde_json::Map::new(), owner: String::new(), group: None, viewers: Vec::new(), editors: Vec::new(), counted_on: Vec::new() };
            filter.fits("x", &work, &caller());
        }
    }
}
