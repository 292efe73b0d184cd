//! `GET /popular_threat_categories`: the words that the reference lists, its misspelling included: clients match on it.

use serde_json::Value;

use crate::route::Reply;

const CATEGORIES: &[&str] = &[
    "adware",
    "banker",
    "downloader",
    "dropper",
    "fakeav",
    "hacktool",
    "miner",
    "phising",
    "pua",
    "ransomware",
    "spyware",
    "trojan",
    "virus",
    "worm",
];

/// `GET /popular_threat_categories`.
pub(crate) fn get() -> Reply {
    Reply::data(CATEGORIES.iter().copied().map(Value::from).collect::<Vec<_>>())
}
