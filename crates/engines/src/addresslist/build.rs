//! Turns a list of addresses into its index: text file in, index file out. Memory: 20 bytes a host or URL, 48 a network,
//! and the remarks.

use std::io;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use super::entry::Entry;
use super::keys::{self, KEY};
use super::lines::{Add, Outcome, Reader, Remark};
use super::networks::Networks;
use super::{FORM, remark};
use crate::index::draft::{Block, Blocks, Line, Names, entry, put, renamed, settle};
use crate::index::{NAMELESS, Notes, OFFSET, Offset};
use crate::stamp::Stamp;

/// More entries than this are left out, and said so: an index of them would pass 2 GiB.
const ENTRIES_LIMIT: u64 = 64 << 20;

/// How many blocks are read at once at the most, on whatever machine.
const READERS: usize = 8;

/// Reads `list` and puts its index in place as `target`, at once and whole. Each processor reads a block of lines of its
/// own, once the head of the list is known.
pub(super) fn build(list: &Path, stamp: &Stamp, target: &Path) -> io::Result<()> {
    let (mut draft, mut reader, mut blocks) = (Draft::default(), Reader::default(), Blocks::open(list)?);
    let side_by_side = thread::available_parallelism().map_or(1, NonZero::get).min(READERS);
    loop {
        let count = if reader.has_begun() { side_by_side } else { 1 };
        let round = blocks.by_ref().take(count).collect::<io::Result<Vec<_>>>()?;
        match &round[..] {
            [] => return draft.write(stamp, target),
            [block] => draft.absorb(Draft::of(block, |line, add| reader.read(line, add)), block.first()),
            several => {
                for (part, block) in all_at_once(several, &reader).into_iter().zip(several) {
                    draft.absorb(part, block.first());
                }
            }
        }
    }
}

/// Reads blocks, each in a thread of its own.
fn all_at_once(blocks: &[Block], reader: &Reader) -> Vec<Draft> {
    let read = |block| Draft::of(block, |line, add| reader.read_on(line, add));
    thread::scope(|scope| {
        let threads: Vec<_> = blocks.iter().map(|block| scope.spawn(move || read(block))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
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
    /// What a block of lines says, which `read` reads one by one.
    fn of(block: &Block, mut read: impl FnMut(&[u8], Add<'_>) -> Outcome) -> Self {
        let mut draft = Self::default();
        block.each_line(|number, line| {
            let Line::Text(text) = line else { return draft.notes.bad(number, b"too long") };
            let outcome = read(text, &mut |entry, remark| draft.add(&entry, remark.as_ref()));
            if outcome == Outcome::Bad {
                draft.notes.bad(number, text);
            }
        });
        draft
    }

    /// Adds what the lines from number `first` on say.
    fn absorb(&mut self, part: Self, first: u64) {
        self.notes.absorb(part.notes);
        if self.entries + part.entries > ENTRIES_LIMIT {
            return self.notes.bad(first, b"the list has too many entries; what follows is left out");
        }
        self.entries += part.entries;
        let places = self.names.absorb(&part.names);
        let moved = |name: Offset| places.get(&name).copied().unwrap_or(NAMELESS);
        self.hosts.extend(part.hosts.into_iter().map(|host| renamed(host, moved)));
        self.urls.extend(part.urls.into_iter().map(|url| renamed(url, moved)));
        self.networks.absorb(part.networks, moved);
    }

    fn add(&mut self, listed: &Entry, said: Option<&Remark>) {
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
