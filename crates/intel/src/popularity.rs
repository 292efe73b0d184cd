//! A list of popular domains: CSV in, the rank of a domain out. Twelve bytes a domain in memory.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use assay_model::Timestamp;
use assay_model::domain::{DomainName, Rank};
use sha2::{Digest as _, Sha256};

/// A larger file is refused.
const LIMIT: u64 = 256 << 20;

/// A longer line is bad.
const LINE_LIMIT: u64 = 4096;

/// How many bad lines are shown in the log.
const EXAMPLES: u64 = 5;

/// Names of the columns with the rank and with the domain, in lower case, where a list names them.
const RANKS: &[&str] = &["rank", "globalrank", "position"];
const DOMAINS: &[&str] = &["domain", "host", "hostname", "origin"];

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Ranking {
    /// Sorted by the first eight bytes of the name's SHA-256.
    ranks: Vec<([u8; 8], u32)>,
    modified: Timestamp,
    bad_lines: u64,
}

impl Ranking {
    /// Reads a list; a line that is none is left out and counted.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let about = fs::metadata(path)?;
        if about.len() > LIMIT {
            return Err(io::Error::other(format!("larger than {} MiB", LIMIT >> 20)));
        }
        let modified = about.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut ranking = Self { modified: Timestamp(i64::try_from(modified).unwrap_or_default()), ..Self::default() };
        ranking.fill(BufReader::with_capacity(1 << 20, File::open(path)?), path)?;
        let (domains, bad_lines) = (ranking.ranks.len(), ranking.bad_lines);
        tracing::info!(list = %path.display(), domains, bad_lines, "list of popular domains opened");
        Ok(ranking)
    }

    fn fill(&mut self, mut reader: impl io::BufRead, path: &Path) -> io::Result<()> {
        let (mut columns, mut line) = ((0, 1), Vec::new());
        for number in 1_u64.. {
            line.clear();
            if reader.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            if line.len() as u64 == LINE_LIMIT && line.last() != Some(&b'\n') {
                reader.skip_until(b'\n')?;
            }
            let text = std::str::from_utf8(&line).unwrap_or_default().trim_start_matches('\u{feff}').trim();
            let fields: Vec<_> = text.split([',', '\t']).map(|field| field.trim().trim_matches('"')).collect();
            if number == 1
                && let Some(named) = named(&fields)
            {
                columns = named;
            } else if let Some((rank, name)) = entry(&fields, columns) {
                self.ranks.push((key(&name), rank));
            } else if !line.is_empty() && !text.starts_with('#') {
                self.bad_lines += 1;
                if self.bad_lines <= EXAMPLES {
                    let shown = text.chars().take(80).collect::<String>();
                    tracing::warn!(list = %path.display(), line = number, text = %shown.escape_debug(), "no rank and domain");
                }
            }
        }
        // Of a domain that comes twice the better rank counts.
        self.ranks.sort_unstable();
        self.ranks.dedup_by_key(|(key, _)| *key);
        self.ranks.shrink_to_fit();
        Ok(())
    }

    /// The rank of a domain, if it has one.
    pub(crate) fn rank(&self, name: &DomainName) -> Option<Rank> {
        let place = self.ranks.binary_search_by_key(&key(name), |(key, _)| *key).ok()?;
        let (_, rank) = self.ranks.get(place)?;
        Some(Rank { rank: (*rank).into(), timestamp: self.modified })
    }
}

/// Which columns say rank and domain, if the line names them.
fn named(fields: &[&str]) -> Option<(usize, usize)> {
    let place = |names: &[&str]| fields.iter().position(|field| names.contains(&field.to_ascii_lowercase().as_str()));
    Some((place(RANKS)?, place(DOMAINS)?))
}

fn entry(fields: &[&str], (rank, domain): (usize, usize)) -> Option<(u32, DomainName)> {
    let rank = fields.get(rank)?.parse().ok().filter(|rank| *rank > 0)?;
    Some((rank, fields.get(domain)?.parse().ok()?))
}

/// What a domain is found by. That two meet has a chance of one in ten million for a million domains.
fn key(name: &DomainName) -> [u8; 8] {
    *Sha256::digest(name.as_str().as_bytes()).first_chunk().expect("a SHA-256 has 32 bytes")
}
