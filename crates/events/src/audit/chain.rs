//! The chain: each entry carries the hash of the one before, so that nothing can be changed, moved or left out unseen.
//!
//! The hash of an entry is the SHA-256, in hexadecimal, of
//!
//! ```text
//! <previous_hash> LF <canonical JSON>
//! ```
//!
//! where `previous_hash` is 64 hexadecimal digits (all zero for entry 1), and the canonical JSON is an object of exactly
//! the members `action actor after before date group ip key_id sequence target`, `null` where the entry has none: UTF-8,
//! no blanks, names sorted by code point, numbers whole, and of all characters only `"`, `\` and those below U+0020
//! escaped (`\b \t \n \f \r`, else `\u00xx`). In Python:
//!
//! ```python
//! names = ["action", "actor", "after", "before", "date", "group", "ip", "key_id", "sequence", "target"]
//! text = json.dumps({n: e.get(n) for n in names}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
//! assert e["hash"] == hashlib.sha256((e["previous_hash"] + "\n" + text).encode()).hexdigest()
//! ```
//!
//! What the chain cannot show is that somebody who can write the whole store wrote all of it anew, up to its end. Who
//! must be safe from that keeps the newest hash elsewhere from time to time.

use std::net::IpAddr;

use assay_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Action;

/// The hash before the first entry.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One deed as it is kept, and as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What was done.
    pub action: Action,
    /// When; never before the entry before.
    pub date: Timestamp,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// The account that did it.
    pub actor: String,
    /// The key that it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// On what: kind and id, `user/alice`.
    pub target: String,
    /// The group that it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What was there before.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub before: Value,
    /// What is there since.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub after: Value,
    /// Its place, from 1.
    pub sequence: u64,
    /// The hash of the entry before, or [`GENESIS`].
    pub previous_hash: String,
    /// Its own.
    pub hash: String,
}

impl Entry {
    /// The hash that an entry of this content has.
    pub fn expected_hash(&self) -> String {
        let content = json!({
            "action": self.action, "actor": self.actor, "after": self.after, "before": self.before, "date": self.date,
            "group": self.group, "ip": self.ip, "key_id": self.key_id, "sequence": self.sequence, "target": self.target,
        });
        let mut text = format!("{}\n", self.previous_hash);
        write_canonical(&content, &mut text);
        hex::encode(Sha256::digest(text))
    }
}

/// Where the chain ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The place of the newest entry.
    pub sequence: u64,
    /// Its date.
    pub date: Timestamp,
    /// Its hash.
    pub hash: String,
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                out.push(if place == 0 { '[' } else { ',' });
                write_canonical(item, out);
            }
            out.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            for (place, (name, member)) in members.iter().enumerate() {
                out.push(if place == 0 { '{' } else { ',' });
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write_canonical(member, out);
            }
            out.push_str(if members.is_empty() { "{}" } else { "}" });
        }
        plain => out.push_str(&plain.to_string()),
    }
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Its content or its hash is not what was written.
    Changed,
    /// It is not there.
    Missing,
    /// It stands in another place.
    Reordered,
    /// It and everything after it, up to the known end, is not there.
    Cut,
    /// It stands beyond the known end.
    Added,
}

impl Fault {
    /// For the reader of a verdict.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Changed => "was changed",
            Self::Missing => "is missing",
            Self::Reordered => "stands in another place",
            Self::Cut => "and all after it are cut off",
            Self::Added => "was added behind the end of the chain",
        }
    }
}

/// What came of a walk along the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was changed.
    Whole {
        /// How many entries there are.
        entries: u64,
        /// The hash of the newest, to be kept elsewhere.
        hash: String,
    },
    /// Something was.
    Broken {
        /// The place of the first entry that is not as it was written.
        sequence: u64,
        /// What is wrong with it.
        fault: Fault,
    },
}

/// A walk along the chain, oldest entry first.
#[derive(Debug, Clone)]
pub struct Walk {
    seen: u64,
    hash: String,
}

impl Default for Walk {
    fn default() -> Self {
        Self { seen: 0, hash: GENESIS.to_owned() }
    }
}

impl Walk {
    /// Looks at the next entry. An error is the verdict over the whole chain.
    pub fn step(&mut self, entry: &Entry) -> Result<(), Verdict> {
        let sequence = self.seen + 1;
        let broken = |sequence, fault| Err(Verdict::Broken { sequence, fault });
        if entry.sequence != sequence {
            return broken(sequence, if entry.sequence > sequence { Fault::Missing } else { Fault::Reordered });
        }
        if entry.expected_hash() != entry.hash {
            return broken(sequence, Fault::Changed);
        }
        if entry.previous_hash != self.hash {
            // This one is in itself as it was written, so the one before was written anew, hash and all.
            return broken(self.seen.max(1), Fault::Changed);
        }
        self.seen = sequence;
        self.hash.clone_from(&entry.hash);
        Ok(())
    }

    /// Ends the walk at the known end of the chain, or where no end is known, here.
    pub fn finish(self, head: Option<&Head>) -> Verdict {
        let broken = |sequence, fault| Verdict::Broken { sequence, fault };
        match head {
            Some(head) if head.sequence > self.seen => broken(self.seen + 1, Fault::Cut),
            Some(head) if head.sequence < self.seen => broken(head.sequence + 1, Fault::Added),
            Some(head) if head.hash != self.hash => broken(self.seen.max(1), Fault::Changed),
            _ => Verdict::Whole { entries: self.seen, hash: self.hash },
        }
    }
}

/// Walks along entries, oldest first, from the first one; up to the end of the chain where it is known.
pub fn verify(entries: &[Entry], head: Option<&Head>) -> Verdict {
    let mut walk = Walk::default();
    for (place, entry) in entries.iter().enumerate() {
        match walk.step(entry) {
            Ok(()) => {}
            Err(Verdict::Broken { sequence, fault: Fault::Missing })
                if entries[place..].iter().any(|later| later.sequence == sequence) =>
            {
                return Verdict::Broken { sequence, fault: Fault::Reordered };
            }
            Err(verdict) => return verdict,
        }
    }
    walk.finish(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(mut entry: Entry) -> Entry {
        entry.hash = entry.expected_hash();
        entry
    }

    fn entry(sequence: u64, previous_hash: &str) -> Entry {
        seal(Entry {
            action: Action::CreateKey,
            date: Timestamp(1_767_225_600),
            ip: Some([192, 0, 2, 7].into()),
            actor: "alice".to_owned(),
            key_id: Some("0123456789ab".to_owned()),
            target: "user/böb".to_owned(),
            group: None,
            before: Value::Null,
            after: json!({ "label": "a\"b\\\n\u{1f}\u{7f}", "limit": 18_446_744_073_709_551_615_u64, "all": [], "of": {}, "Z": [1, -2, true] }),
            sequence,
            previous_hash: previous_hash.to_owned(),
            hash: String::new(),
        })
    }

    fn chain(length: u64) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for sequence in 1..=length {
            let previous = entries.last().map_or(GENESIS.to_owned(), |before| before.hash.clone());
            entries.push(entry(sequence, &previous));
        }
        entries
    }

    fn head(entries: &[Entry]) -> Head {
        let last = entries.last().expect("an entry");
        Head { sequence: last.sequence, date: last.date, hash: last.hash.clone() }
    }

    fn broken(sequence: u64, fault: Fault) -> Verdict {
        Verdict::Broken { sequence, fault }
    }

    #[test]
    fn the_hash_is_the_one_that_another_program_computes_from_what_the_api_shows() {
        // By the Python lines of the module's documentation, over the JSON of `entry(1, GENESIS)`.
        assert_eq!(entry(1, GENESIS).hash, "44f2c972ef11463d3cc810e71f6d516bb5aae86156e67ec930b34ecae13b8b5f");
    }

    #[test]
    fn a_chain_as_it_was_written_is_whole() {
        let entries = chain(5);
        let hash = entries[4].hash.clone();
        assert_eq!(verify(&entries, Some(&head(&entries))), Verdict::Whole { entries: 5, hash });
        assert_eq!(verify(&[], None), Verdict::Whole { entries: 0, hash: GENESIS.to_owned() });
    }

    #[test]
    fn a_changed_entry_is_named() {
        let entries = chain(5);
        let head = head(&entries);
        for place in 0..5 {
            let mut changed = entries.clone();
            changed[place].actor = "mallory".to_owned();
            assert_eq!(verify(&changed, Some(&head)), broken(place as u64 + 1, Fault::Changed));
            // With its hash made anew, the entry after it, or the head, tells.
            changed[place] = seal(changed[place].clone());
            assert_eq!(verify(&changed, Some(&head)), broken(place as u64 + 1, Fault::Changed));
        }
    }

    #[test]
    fn a_missing_entry_is_named() {
        let entries = chain(5);
        for place in 0..4 {
            let mut cut = entries.clone();
            cut.remove(place);
            assert_eq!(verify(&cut, Some(&head(&entries))), broken(place as u64 + 1, Fault::Missing));
        }
    }

    #[test]
    fn entries_in_another_order_are_named() {
        let entries = chain(5);
        for place in 0..4 {
            let mut swapped = entries.clone();
            swapped.swap(place, place + 1);
            assert_eq!(verify(&swapped, None), broken(place as u64 + 1, Fault::Reordered));
        }
        let twice = [entries[0].clone(), entries[0].clone()];
        assert_eq!(verify(&twice, None), broken(2, Fault::Reordered));
    }

    #[test]
    fn a_chain_that_is_cut_at_its_end_or_goes_on_behind_it_is_found_by_its_head() {
        let entries = chain(5);
        assert_eq!(verify(&entries[..3], Some(&head(&entries))), broken(4, Fault::Cut));
        assert_eq!(verify(&[], Some(&head(&entries))), broken(1, Fault::Cut));
        assert_eq!(verify(&entries, Some(&head(&entries[..3]))), broken(4, Fault::Added));
    }
}
