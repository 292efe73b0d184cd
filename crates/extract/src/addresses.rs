//! The addresses that a file names: bytes in, URLs, domains and IP addresses out, in ASCII and in UTF-16LE, in the streams
//! of PDFs, in what archives hold, in macros, and where base64 or hexadecimal hides a URL, within limits.
//!
//! Precise rather than complete: a host must be under a suffix that exists, an IP address must be public and must not look
//! like a version, and a name without a scheme counts only where its ending is not also that of files or of words in
//! programs. What half the world's files name, such as schemas and authorities of certificates, comes last.

mod found;
mod hosts;
mod nested;
mod urls;
mod veiled;

use assay_model::domain::DomainName;
use assay_model::ip::IpAddress;
use assay_model::url::CanonicalUrl;
use memchr::memmem::Finder;

use found::Found;
use veiled::Veils;

/// Bytes that are searched for one thing after the other while they are at hand.
const PART: usize = 128 << 10;

/// What a file names. Each kind in the order of its first mention, what everybody names at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// URLs; at most [`Limits::urls`].
    pub urls: Vec<CanonicalUrl>,
    /// The URLs' domains and others; at most [`Limits::domains`].
    pub domains: Vec<DomainName>,
    /// The URLs' IP addresses and others; at most [`Limits::ips`].
    pub ips: Vec<IpAddress>,
    /// Whether there was more than the limits allow.
    pub cut: bool,
}

/// What the search may cost, and how much it may find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// URLs in the answer.
    pub urls: usize,
    /// Domains in the answer.
    pub domains: usize,
    /// IP addresses in the answer.
    pub ips: usize,
    /// Bytes that are looked at in all, what is unpacked included.
    pub bytes: u64,
    /// Bytes that are unpacked.
    pub unpacked: u64,
}

impl Default for Limits {
    /// 200 URLs, 200 domains, 100 IP addresses; 512 MiB, of them 16 MiB unpacked.
    fn default() -> Self {
        Self { urls: 200, domains: 200, ips: 100, bytes: 512 << 20, unpacked: 16 << 20 }
    }
}

/// The addresses that `bytes` name.
pub fn addresses(bytes: &[u8], limits: &Limits) -> Addresses {
    let mut search =
        Search { found: Found::new(limits), left: limits.bytes, finders: Finders::new(), veils: Veils::new() };
    search.look(bytes);
    veiled::look(&mut search, bytes);
    nested::look(&mut search, bytes, limits);
    search.found.ranked()
}

/// A search under way.
struct Search {
    found: Found,
    /// Bytes that may still be looked at.
    left: u64,
    finders: Finders,
    veils: Veils,
}

struct Finders {
    scheme: Finder<'static>,
    wide_scheme: Finder<'static>,
}

impl Finders {
    fn new() -> Self {
        Self { scheme: Finder::new(b"://"), wide_scheme: Finder::new(b":\0/\0/\0") }
    }
}

impl Search {
    /// Looks through bytes as they are.
    fn look(&mut self, bytes: &[u8]) {
        let allowed = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        if allowed < bytes.len() {
            self.found.cut = true;
        }
        self.left = self.left.saturating_sub(u64::try_from(allowed).unwrap_or(u64::MAX));
        let bytes = bytes.get(..allowed).unwrap_or(bytes);
        let mut start = 0_usize;
        while start < bytes.len() && !self.found.is_full() {
            let end = start.saturating_add(PART).min(bytes.len());
            self.part(bytes, start, end);
            start = end;
        }
        if start < bytes.len() {
            self.found.cut = true;
        }
    }

    /// Looks for what has its mark between `start` and `end`. A scheme's mark may end a little later.
    fn part(&mut self, bytes: &[u8], start: usize, end: usize) {
        let window = |more: usize| bytes.get(start..end.saturating_add(more).min(bytes.len())).unwrap_or_default();
        for place in self.finders.scheme.find_iter(window(2)) {
            urls::narrow(bytes, start.saturating_add(place), &mut self.found);
        }
        for place in self.finders.wide_scheme.find_iter(window(5)) {
            urls::wide(bytes, start.saturating_add(place), &mut self.found);
        }
        hosts::look(bytes, start, end, &mut self.found);
    }
}

#[cfg(test)]
mod tests;
