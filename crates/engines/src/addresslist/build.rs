//! Turns a list of addresses into its index: text file in, index file out. Memory: 20 bytes a host or URL, 48 a network,
//! and the remarks.

use std::io;
use std::path::Path;

use super::entry::Entry;
use super::keys::{self, KEY};
use super::lines::{Outcome, Reader, Remark};
use super::networks::Networks;
use super::{FORM, remark};
use crate::index::draft::{Line, Names, each_line, entry, put, settle};
use crate::index::{NAMELESS, Notes, OFFSET};
use crate::stamp::Stamp;

/// More entries than this are left out, and said so: an index of them would pass 2 GiB.
const ENTRIES_LIMIT: u64 = 64 << 20;

/// Reads `list` and puts its index in place as `target`, at once and whole.
pub(super) fn build(list: &Path, stamp: &Stamp, target: &Path) -> io::Result<()> {
    let (mut draft, mut reader) = (Draft::default(), Reader::default());
    each_line(list, |number, line| {
        let Line::Text(text) = line else { return draft.notes.bad(number, b"too long") };
        let before = draft.entries;
        let outcome = reader.read(text, &mut |entry, remark| draft.add(&entry, remark.as_ref()));
        if outcome == Outcome::Bad {
            draft.notes.bad(number, text);
        } else if before < ENTRIES_LIMIT && draft.entries >= ENTRIES_LIMIT {
            draft.notes.bad(number, b"the list has too many entries; the rest is left out");
        }
    })?;
    draft.write(stamp, target)
}

/// What has been read so far.
#[derive(Default)]
struct Draft {
    hosts: Vec<[u8; KEY + OFFSET]>,
    urls: Vec<[u8; KEY + OFFSET]>,
    networks: Networks,
    entries: u64,
    names: Names,
    notes: Notes,
}

impl Draft {
    fn add(&mut self, listed: &Entry, said: Option<&Remark>) {
        if self.entries >= ENTRIES_LIMIT {
            return;
        }
        self.entries += 1;
        let mut name = |about: &str| match (said, about) {
            (None, "") => NAMELESS,
            _ => self.names.add(&remark::stored(said, about)),
        };
        match listed {
            Entry::Host(host) => self.hosts.push(entry(&keys::host(host.as_str()), name(""))),
            Entry::Url(url) => self.urls.push(entry(&keys::url(keys::address(url)), name(""))),
            Entry::Network(network) => self.networks.add(*network, name(&network.to_string())),
        }
    }

    fn write(mut self, stamp: &Stamp, target: &Path) -> io::Result<()> {
        settle(&mut self.hosts);
        settle(&mut self.urls);
        let networks = self.networks.settle();
        let holds = [("hosts", self.hosts.len() as u64), ("URLs", self.urls.len() as u64), ("networks", networks)];
        self.notes.holds =
            holds.into_iter().filter(|(_, count)| *count > 0).map(|(what, count)| (what.to_owned(), count)).collect();
        let (v4, v6) = self.networks.tables();
        let tables = [self.hosts.as_flattened(), self.urls.as_flattened(), v4.as_flattened(), v6.as_flattened()];
        put(target, &FORM, stamp, &tables, (&self.names, &self.notes))
    }
}
