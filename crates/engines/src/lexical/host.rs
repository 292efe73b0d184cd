//! Signs in the name of a host.

use unicode_security::{RestrictionLevel, RestrictionLevelDetection as _, skeleton};

use super::Sign;
use super::brands::Brands;
use super::name::{Name, shown};
use super::words::lures;

/// More labels than this below what was registered are many.
const LABELS: usize = 4;

/// A longer name is long.
const LONG: usize = 75;

/// A shorter label says too little to look random.
const RANDOM_SHORTEST: usize = 12;

/// All signs of a name.
pub(super) fn signs(name: &Name, brands: &Brands) -> Vec<Sign> {
    if brands.own(name) {
        return Vec::new();
    }
    let signs = [brands.sign(name), letters(name), labels(name), length(name), random(name), lured(name)];
    signs.into_iter().flatten().collect()
}

/// An IDN whose letters are of several scripts, or look like others.
fn letters(name: &Name) -> Option<Sign> {
    let labels = name.whole.split('.').filter(|label| label.starts_with("xn--"));
    let labels: Vec<_> = labels.map(shown).filter(|label| !label.is_ascii()).collect();
    if let Some(label) =
        labels.iter().find(|label| label.detect_restriction_level() > RestrictionLevel::ModeratelyRestrictive)
    {
        return Some(Sign::new(70, format!("`{label}` mixes letters of several scripts")).tagged("idn"));
    }
    let looks =
        labels.iter().map(|label| (label, skeleton(label).collect::<String>())).find(|(_, seen)| seen.is_ascii());
    if let Some((label, seen)) = looks {
        let reason = format!("`{label}` is written in other letters than it seems: it looks like `{seen}`");
        return Some(Sign::new(50, reason).tagged("idn"));
    }
    let label = labels.first()?;
    Some(Sign::new(0, format!("`{label}` is written in letters beyond ASCII")).tagged("idn"))
}

fn labels(name: &Name) -> Option<Sign> {
    let count = name.below.len();
    let weight = if count > 2 * LABELS { 45 } else { 25 };
    (count > LABELS).then(|| Sign::new(weight, format!("{count} labels stand before {}", name.registrable)))
}

fn length(name: &Name) -> Option<Sign> {
    let length = name.whole.len();
    (length > LONG).then(|| Sign::new(20, format!("the name is {length} characters long")))
}

/// A registered label that nobody would think of: as generators of malware make them.
fn random(name: &Name) -> Option<Sign> {
    let label = &name.core;
    if label.len() < RANDOM_SHORTEST || label.starts_with("xn--") || label.contains('-') {
        return None;
    }
    let digits = label.bytes().filter(u8::is_ascii_digit).count();
    let changes =
        label.as_bytes().windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
    let run = longest_run_of_consonants(label);
    let entropy = entropy(label.as_bytes());
    let is_random = entropy >= 3.0 && (run >= 7 || (digits >= 3 && changes >= 5));
    is_random.then(|| Sign::new(50, format!("`{label}` looks random ({entropy:.1} bits a character)")))
}

/// Several words that lure, of which nobody's name is made.
fn lured(name: &Name) -> Option<Sign> {
    let mut words: Vec<_> = name.words().into_iter().filter(|word| word.len() > 3 && lures(word)).collect();
    words.sort_unstable();
    words.dedup();
    let weight = if words.len() > 2 { 70 } else { 30 };
    let has_hyphens = name.core.contains('-');
    (words.len() > 1 && has_hyphens).then(|| Sign::new(weight, format!("the name lures with {}", words.join(", "))))
}

fn longest_run_of_consonants(label: &str) -> usize {
    let is_consonant = |byte: u8| byte.is_ascii_lowercase() && !b"aeiouy".contains(&byte);
    label.as_bytes().split(|byte| !is_consonant(*byte)).map(<[u8]>::len).max().unwrap_or_default()
}

/// Shannon entropy, bits a character.
#[expect(clippy::cast_precision_loss, reason = "a label has at most 63 characters")]
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_usize; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let shares = counts.iter().filter(|count| **count > 0).map(|count| *count as f64 / bytes.len() as f64);
    shares.map(|share| -share * share.log2()).sum()
}
