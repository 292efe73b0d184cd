//! The brands that others pretend to be: text in (`Name,domain,domain…` a line), names to compare with out.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use assay_model::Timestamp;
use assay_model::domain::DomainName;
use unicode_security::skeleton;

use super::Sign;
use super::name::Name;
use super::slip::slip;
use super::words::lures;
use crate::config::LexicalConfig;
use crate::index::Notes;
use crate::stamp::Stamp;

/// The brands that come with Assay.
const BUILTIN: &str = include_str!("brands.csv");

/// More lines are left out, and said so.
const LIMIT: usize = 10_000;

/// A larger file is refused.
const FILE_LIMIT: u64 = 4 << 20;

/// A shorter name is only compared as a whole: one letter is too much of it.
const SLIP_SHORTEST: usize = 6;

/// A shorter name is nobody's under another ending: there is an `x` under most.
const WHOLE_SHORTEST: usize = 3;

/// A shorter name is not looked for in the names of others: too many words have it in them.
const PART_SHORTEST: usize = 4;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Brands {
    names: Vec<String>,
    /// Each domain of a brand.
    own: HashSet<String>,
    /// What the brands' domains are called, each with its brand.
    words: Vec<Word>,
    by_word: HashMap<String, usize>,
    /// The same by how they look; only those that are long enough to be looked for.
    by_look: HashMap<String, usize>,
    files: Vec<(PathBuf, Stamp)>,
    problems: Vec<String>,
}

/// What a brand's domain is called.
#[derive(Debug)]
struct Word {
    text: String,
    brand: usize,
}

impl Brands {
    /// The brands that the configuration names. Otherwise the file that cannot be read.
    pub(super) fn read(config: &LexicalConfig) -> Result<Self, (PathBuf, io::Error)> {
        let mut brands = Self::default();
        if config.builtin {
            brands.add(Path::new("built-in"), BUILTIN);
        }
        for path in &config.brands {
            let (stamp, text) = content(path).map_err(|error| (path.clone(), error))?;
            brands.add(path, &text);
            brands.files.push((path.clone(), stamp));
        }
        Ok(brands)
    }

    fn add(&mut self, path: &Path, text: &str) {
        let mut notes = Notes::default();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim_start_matches('\u{feff}').trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if self.names.len() >= LIMIT {
                self.problems.push(format!("{}: more than {LIMIT} brands; the rest is left out", path.display()));
                break;
            }
            let mut parts = line.split(',').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let domains: Option<Vec<DomainName>> = parts.map(|domain| domain.parse().ok()).collect();
            match domains {
                Some(domains) if !name.is_empty() && !domains.is_empty() => self.add_brand(name, &domains),
                _ => notes.bad(number, line.as_bytes()),
            }
        }
        self.problems.extend(notes.problems(path, "are no brand and its domains"));
    }

    fn add_brand(&mut self, name: &str, domains: &[DomainName]) {
        let brand = self.names.len();
        self.names.push(name.to_owned());
        for domain in domains.iter().map(Name::of) {
            if !self.by_word.contains_key(&domain.core) {
                self.by_word.insert(domain.core.clone(), self.words.len());
                if domain.core.len() >= PART_SHORTEST {
                    self.by_look.insert(look(&domain.core), self.words.len());
                }
                self.words.push(Word { text: domain.core, brand });
            }
            self.own.insert(domain.registrable);
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// What is wrong with the lists.
    pub(super) fn problems(&self) -> &[String] {
        &self.problems
    }

    /// When the newest list was modified.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.files.iter().map(|(_, stamp)| stamp.modified()).max()
    }

    /// Whether the files are still as they were read.
    pub(super) fn is_current(&self) -> bool {
        self.files.iter().all(|(path, stamp)| fs::metadata(path).is_ok_and(|now| Stamp::of(&now) == *stamp))
    }

    /// Whether the domain is a brand's own.
    pub(super) fn own(&self, name: &Name) -> bool {
        self.own.contains(&name.registrable)
    }

    /// The brands, by their names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether the text is the name of a brand's domain; then the brand.
    fn brand_of(&self, word: &str) -> Option<&str> {
        self.by_word.get(word).map(|place| self.name(&self.words[*place]))
    }

    fn name(&self, word: &Word) -> &str {
        &self.names[word.brand]
    }

    /// The heaviest sign that the name pretends to be a brand; a brand's own name pretends nothing.
    pub(super) fn sign(&self, name: &Name) -> Option<Sign> {
        if self.own(name) {
            return None;
        }
        let signs = [self.alike(name), self.below(name), self.among_words(name)];
        signs.into_iter().flatten().max_by_key(|sign| sign.weight)
    }

    /// The registered label is a brand's, or nearly.
    fn alike(&self, name: &Name) -> Option<Sign> {
        let core = &name.core;
        if let Some(brand) = self.brand_of(core).filter(|_| core.len() >= WHOLE_SHORTEST) {
            let reason = format!("{} has the name of {brand} under another ending", name.registrable);
            return Some(Sign::new(40, reason).of_brand(brand));
        }
        if let Some(place) = self.by_look.get(&look(&name.core_shown)) {
            let word = &self.words[*place];
            let brand = self.name(word);
            let reason = format!("`{}` looks like {brand}'s `{}`", name.core_shown, word.text);
            return Some(Sign::new(120, reason).of_brand(brand).tagged("homograph"));
        }
        let near = self.words.iter().filter(|word| word.text.len() >= SLIP_SHORTEST).filter_map(|word| {
            let slip = slip(core, &word.text)?;
            let weight = if slip.is_of_the_hand() { 85 } else { 60 };
            let brand = self.name(word);
            let reason = format!("`{core}` is {brand}'s `{}` {}", word.text, slip.words());
            Some(Sign::new(weight, reason).of_brand(brand).tagged("typosquatting"))
        });
        near.max_by_key(|sign| sign.weight)
    }

    /// A brand's whole domain or its name stands below a domain that is not the brand's.
    fn below(&self, name: &Name) -> Option<Sign> {
        let labels = &name.below;
        // A brand's domain has two or three labels.
        let runs = (0..labels.len()).flat_map(|start| [2, 3].map(|length| labels.get(start..start + length)));
        let whole = runs.flatten().map(|run| run.join(".")).find(|run| self.own.contains(run));
        if let Some(domain) = whole {
            let brand = self.brand_of(domain.split('.').next().unwrap_or_default())?;
            let reason = format!("{} begins like {brand}'s `{domain}` but belongs to {}", name.whole, name.registrable);
            return Some(Sign::new(110, reason).of_brand(brand));
        }
        labels.iter().filter(|label| label.len() >= PART_SHORTEST).find_map(|label| {
            let brand = self.brand_of(label)?;
            let lured = name.words().into_iter().any(lures);
            let reason = format!("{} has the name of {brand} below {}", name.whole, name.registrable);
            Some(Sign::new(if lured { 80 } else { 30 }, reason).of_brand(brand))
        })
    }

    /// A brand's name stands in the registered label beside other words.
    fn among_words(&self, name: &Name) -> Option<Sign> {
        let core = &name.core_shown;
        let parts: Vec<_> = core.split(['-', '_']).filter(|part| part.len() >= 2).collect();
        let lured = parts.iter().any(|part| lures(part)) || name.below.iter().any(|label| lures(label));
        let long = parts.iter().filter(|part| part.len() >= PART_SHORTEST && parts.len() > 1);
        let part = long.filter_map(|part| {
            let as_written = self.by_word.get(*part).map(|place| (*place, Look::Same));
            as_written.or_else(|| self.by_look.get(&look(part)).map(|place| (*place, Look::Alike)))
        });
        if let Some((place, how)) = part.max_by_key(|(_, how)| *how) {
            let word = &self.words[place];
            let brand = self.name(word);
            let weight = match (lured, how) {
                (true, _) => 105,
                (false, Look::Alike) => 90,
                (false, Look::Same) => 40,
            };
            let reason = format!("`{core}` has {brand}'s `{}` among other words", word.text);
            return Some(Sign::new(weight, reason).of_brand(brand));
        }
        self.words.iter().filter(|word| word.text.len() >= PART_SHORTEST).find_map(|word| {
            let rest = core.strip_prefix(&word.text).or_else(|| core.strip_suffix(&word.text))?;
            let brand = self.name(word);
            let reason = format!("`{core}` is {brand}'s `{}` with `{rest}`", word.text);
            (rest.len() > 3 && lures(rest)).then(|| Sign::new(100, reason).of_brand(brand))
        })
    }
}

/// How a word is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    Same,
    Alike,
}

/// A text as it looks: what can be mistaken for each other is the same (UTS 39, section 4), in lower case, and so are
/// digits that are written for letters.
fn look(text: &str) -> String {
    let lower = skeleton(text).collect::<String>().to_lowercase();
    let alike = |letter: char| match letter {
        'i' | '1' => 'l',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        other => other,
    };
    skeleton(&lower).map(alike).collect()
}

fn content(path: &Path) -> io::Result<(Stamp, String)> {
    let stamp = Stamp::of(&fs::metadata(path)?);
    if stamp.size > FILE_LIMIT {
        return Err(io::Error::other(format!("larger than {} MiB", FILE_LIMIT >> 20)));
    }
    Ok((stamp, fs::read_to_string(path)?))
}
