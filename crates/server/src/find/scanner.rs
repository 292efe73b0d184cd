//! Bytes to hits, in one pass over a window that slides: memory does not grow with the file or with its lines.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::context;
use super::form::{self, LENGTH, LONGEST, SIGNS, What, Writing};

/// Bytes that are read at a time.
const CHUNK: usize = 256 << 10;
/// Bytes that stay in the window before what is looked at: what stands before a hit, and the run that it is part of.
const BEHIND: usize = 512;
/// Bytes that must be in the window after what is looked at.
const AHEAD: usize = LONGEST + context::AFTER + 8;
/// How far a file is looked into to see whether it is text.
const PROBE: usize = 8 << 10;
/// Hits of one file; a file of hashes with everything asked for has millions.
const MOST: usize = 10_000;

/// One for each of [`SIGNS`]. Each runs by itself: that is faster than all in one automaton that tells overlaps.
static FINDERS: LazyLock<Vec<Finder<'static>>> =
    LazyLock::new(|| SIGNS.iter().map(|sign| Finder::new(sign.bytes)).collect());

/// What is looked for beside our own keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sought {
    /// 64 hexadecimal digits where a key would stand.
    Likely,
    /// Any 64 hexadecimal digits.
    Everything,
}

/// One key in a stream.
#[derive(Debug)]
pub(crate) struct Hit {
    /// Its line, from 1.
    pub(crate) line: u64,
    /// The byte of the line that it begins at, from 1.
    pub(crate) column: u64,
    /// What it is.
    pub(crate) what: What,
    /// How it is written.
    pub(crate) writing: Writing,
    /// The key in lower case.
    pub(crate) secret: SecretString,
}

/// What a stream came to.
#[derive(Debug, Default)]
pub(crate) struct Scanned {
    /// The keys, in order.
    pub(crate) hits: Vec<Hit>,
    /// How many bytes were read.
    pub(crate) bytes: u64,
    /// There are more than are told.
    pub(crate) more: bool,
}

/// Reads to the end.
pub(crate) fn scan(mut source: impl Read, sought: Sought, mut read: impl FnMut(u64)) -> io::Result<Scanned> {
    let mut window = Window::new(sought);
    loop {
        let count = window.fill(&mut source)?;
        read(count as u64);
        let last = count == 0;
        window.look(last);
        if last || window.scanned.more {
            return Ok(window.scanned);
        }
        window.slide();
    }
}

/// The part of the stream that is in memory.
struct Window {
    sought: Sought,
    buffer: Zeroizing<Vec<u8>>,
    /// Where in the buffer that part begins that was not looked at yet.
    next: usize,
    /// Up to where in the buffer lines were counted.
    counted: usize,
    line: u64,
    /// The column of `counted`, from 0.
    column: u64,
    is_text: Option<bool>,
    scanned: Scanned,
}

impl Window {
    fn new(sought: Sought) -> Self {
        Self {
            sought,
            buffer: Zeroizing::new(Vec::with_capacity(CHUNK + BEHIND + AHEAD)),
            next: 0,
            counted: 0,
            line: 1,
            column: 0,
            is_text: None,
            scanned: Scanned::default(),
        }
    }

    /// Reads on until a chunk is full or the stream is over, so that short reads of a pipe do not count.
    fn fill(&mut self, source: &mut impl Read) -> io::Result<usize> {
        let before = self.buffer.len();
        source.by_ref().take(CHUNK as u64).read_to_end(&mut self.buffer)?;
        let count = self.buffer.len() - before;
        self.scanned.bytes += count as u64;
        if self.is_text.is_none() {
            let probe = &self.buffer[..self.buffer.len().min(PROBE)];
            self.is_text = Some(memchr::memchr(0, probe).is_none());
        }
        Ok(count)
    }

    /// Looks at everything that has enough after it.
    fn look(&mut self, last: bool) {
        let end = if last { self.buffer.len() } else { self.buffer.len().saturating_sub(AHEAD).max(self.next) };
        let mut places = self.ours(end);
        if self.is_text == Some(true) || self.sought == Sought::Everything {
            self.possible(end, &mut places);
        }
        places.sort_by_key(|place| place.at);
        for place in places {
            if self.scanned.hits.len() == MOST {
                self.scanned.more = true;
                break;
            }
            self.count_to(place.at);
            let secret = SecretString::from(place.text.as_str());
            let (line, column) = (self.line, self.column + 1);
            self.scanned.hits.push(Hit { line, column, what: place.what, writing: place.writing, secret });
        }
        self.count_to(end);
        self.next = end;
    }

    /// Forgets what nothing asks for any more.
    fn slide(&mut self) {
        let gone = self.next.saturating_sub(BEHIND);
        self.buffer.drain(..gone);
        self.next -= gone;
        self.counted -= gone;
    }

    fn count_to(&mut self, at: usize) {
        let passed = &self.buffer[self.counted..at];
        let mut last = None;
        for end in memchr::memchr_iter(b'\n', passed) {
            self.line += 1;
            last = Some(end);
        }
        self.column = match last {
            Some(end) => (passed.len() - end - 1) as u64,
            None => self.column + passed.len() as u64,
        };
        self.counted = at;
    }

    /// Our own keys, in whatever writing, that begin between `next` and `end`.
    fn ours(&self, end: usize) -> Vec<Place> {
        let mut places = Vec::new();
        for (sign, finder) in SIGNS.iter().zip(FINDERS.iter()) {
            // In Base64 the sign stands some bytes after the beginning of its group.
            let mut from = self.next;
            while let Some(found) = self.buffer.get(from..).and_then(|rest| finder.find(rest)) {
                let Some(at) = (from + found).checked_sub(sign.before) else {
                    from += found + 1;
                    continue;
                };
                if at >= end {
                    break;
                }
                from += found + 1;
                if let Some((id, text)) = form::ours(&self.buffer[at..], sign).filter(|_| at >= self.next) {
                    places.push(Place { at, what: What::Assay(id), writing: sign.writing, text });
                }
            }
        }
        places
    }

    /// What is shaped like a key and stands like one.
    fn possible(&self, end: usize, places: &mut Vec<Place>) {
        let taken: Vec<usize> = places.iter().map(|place| place.at).collect();
        let mut add = |at: usize, length: usize, text: Zeroizing<String>, writing| {
            let (before, after) = (&self.buffer[..at], &self.buffer[at + length..]);
            let likely = context::speaks_of_a_key(before, after) && form::looks_random(&text);
            if !taken.contains(&at) && (likely || self.sought == Sought::Everything) {
                places.push(Place { at, what: What::Possible, writing, text });
            }
        };
        for run in self.runs(end, LENGTH, form::is_hex) {
            let neighbours = [run.start.checked_sub(1), Some(run.end)];
            let stands_alone =
                neighbours.into_iter().flatten().all(|at| !self.buffer.get(at).is_some_and(u8::is_ascii_alphanumeric));
            if run.len() == LENGTH && stands_alone {
                let digits = String::from_utf8_lossy(&self.buffer[run.clone()]).to_ascii_lowercase();
                add(run.start, LENGTH, Zeroizing::new(digits), Writing::Plain);
            }
        }
        for run in self.runs(end, form::IN_BASE64, form::is_base64) {
            if let Some(text) = form::in_base64(&self.buffer[run.clone()]) {
                add(run.start, run.len(), text, Writing::Base64);
            }
        }
    }

    /// The longest stretches of at least `least` bytes of a class that begin between `next` and `end`. A stretch that
    /// reaches out of the window is longer than any key, and only its length counts.
    fn runs(&self, end: usize, least: usize, class: impl Fn(u8) -> bool) -> Vec<Range<usize>> {
        let mut runs = Vec::new();
        let mut at = self.next;
        while at < end {
            // The last byte that a stretch from here would need is the first that is looked at.
            let Some(probe) = self.buffer.get(at..at + least) else { break };
            if let Some(wrong) = probe.iter().rposition(|byte| !class(*byte)) {
                at += wrong + 1;
                continue;
            }
            let behind = self.buffer[..at].iter().rev().take_while(|byte| class(**byte)).count();
            let ahead = self.buffer[at..].iter().take_while(|byte| class(**byte)).count();
            if behind == 0 {
                runs.push(at..at + ahead);
            }
            at += ahead;
        }
        runs
    }
}

/// A hit by its place in the window.
struct Place {
    at: usize,
    what: What,
    writing: Writing,
    text: Zeroizing<String>,
}

#[cfg(test)]
mod tests {
    use assay_model::apikey::Issued;
    use assay_model::random::Counting;
    use secrecy::ExposeSecret as _;

    use super::*;

    const FOREIGN: &str = "0123456789abcdeffedcba98765432100f1e2d3c4b5a69788796a5b4c3d2e1f0";

    fn key() -> String {
        Issued::generate(&Counting::default()).reveal().to_string()
    }

    fn look(text: impl AsRef<[u8]>, sought: Sought) -> Vec<Hit> {
        scan(text.as_ref(), sought, |_| ()).expect("memory can be read").hits
    }

    fn places(hits: &[Hit]) -> Vec<(u64, u64)> {
        hits.iter().map(|hit| (hit.line, hit.column)).collect()
    }

    #[test]
    fn our_keys_are_found_wherever_they_stand_and_others_where_a_key_would() {
        let key = key();
        let text = format!("a\nkey = \"{key}\"\nx{key}x {}\n{FOREIGN}\n\n\nVT_API_KEY={FOREIGN}\n", key.to_uppercase());
        let hits = look(&text, Sought::Likely);
        assert_eq!(places(&hits), [(2, 8), (3, 2), (3, 68), (7, 12)]);
        assert!(hits[..3].iter().all(|hit| matches!(hit.what, What::Assay(_)) && hit.secret.expose_secret() == key));
        assert_eq!(hits[3].what, What::Possible);
        assert_eq!(places(&look(&text, Sought::Everything)).len(), 5);
    }

    #[test]
    fn a_key_with_a_typo_is_only_possible() {
        let key = key();
        let typo = format!("{}{}", &key[..63], if key.ends_with('0') { '1' } else { '0' });
        assert!(look(&typo, Sought::Likely).is_empty());
        assert_eq!(look(format!("apikey: {typo}"), Sought::Likely)[0].what, What::Possible);
    }

    #[test]
    fn longer_runs_and_words_around_digits_are_no_keys() {
        for text in [
            format!("vt {FOREIGN}0"),
            format!("vt 0{FOREIGN}"),
            format!("vt z{FOREIGN}"),
            format!("vt {}", &FOREIGN[1..]),
        ] {
            assert!(look(&text, Sought::Likely).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_window_s_edge_hides_nothing_and_tells_nothing_twice() {
        let key = key();
        for place in (CHUNK - AHEAD - 140..CHUNK - AHEAD + 140).chain(CHUNK - 70..CHUNK + 70) {
            let mut text = vec![b'\n'; place];
            text.extend_from_slice(format!("vt {FOREIGN} {key}\n").as_bytes());
            text.extend_from_slice(&vec![b' '; CHUNK]);
            let line = place as u64 + 1;
            assert_eq!(places(&look(&text, Sought::Likely)), [(line, 4), (line, 69)], "at {place}");
        }
    }

    #[test]
    fn a_binary_file_is_looked_through_for_our_keys_alone() {
        let key = key();
        let wide: Vec<u8> = key.bytes().flat_map(|byte| [byte, 0]).collect();
        let text = [&b"\0\xff vt "[..], FOREIGN.as_bytes(), b" ", key.as_bytes(), b"\n", &wide].concat();
        let hits = look(&text, Sought::Likely);
        assert_eq!(places(&hits), [(1, 72), (2, 1)]);
        assert_eq!((hits[0].writing, hits[1].writing), (Writing::Plain, Writing::Utf16));
    }

    #[test]
    fn base64_of_a_key_is_found_even_when_it_is_wrapped() {
        // `printf KEY | base64`, which wraps after 76 characters.
        let key = key();
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let bits = key.bytes().chain(*b"\n").flat_map(|byte| (0..8).rev().map(move |place| b'0' + (byte >> place & 1)));
        let bits: Vec<u8> = bits.collect();
        let mut text: Vec<u8> = bits
            .chunks(6)
            .map(|bits| format!("{:0<6}", String::from_utf8_lossy(bits)))
            .map(|bits| alphabet[usize::from_str_radix(&bits, 2).expect("six bits")])
            .collect();
        assert_eq!(places(&look(&text, Sought::Likely)), [(1, 1)]);
        text.insert(76, b'\n');
        let hits = look(&text, Sought::Likely);
        assert_eq!((places(&hits), hits[0].writing), (vec![(1, 1)], Writing::Base64));
    }

    #[test]
    fn a_file_of_nothing_but_hits_stops_at_a_limit() {
        let text = format!("{FOREIGN}\n").repeat(MOST + 5);
        let scanned = scan(text.as_bytes(), Sought::Everything, |_| ()).expect("memory can be read");
        assert_eq!((scanned.hits.len(), scanned.more), (MOST, true));
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(text in proptest::collection::vec(proptest::num::u8::ANY, 0..2000)) {
            look(text, Sought::Everything);
        }
    }
}
