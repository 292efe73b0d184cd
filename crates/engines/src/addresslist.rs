//! Engines over lists of URLs, domains and networks that the operator names: each `[[engines.list]]` is an engine of its
//! own, under the name that the operator gives it. A file is turned once into an index in the cache folder and mapped into
//! memory from there, as hash lists are; see `entry` and `lines` for the forms that are read.

mod build;
mod entry;
mod fields;
mod find;
mod keys;
mod lines;
mod networks;
mod remark;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use assay_model::address;
use assay_model::verdict::{Category, Method};
use async_trait::async_trait;
use walkdir::WalkDir;

use crate::OpenError;
use crate::config::{ListConfig, Meaning};
use crate::engine::{Edition, Engine, EngineError, Finding, Item, Labels, Scope, Status};
use crate::index::{Form, Index};
use crate::off_thread;
use crate::stamp::Stamp;
use find::{Below, Hit, Listed, find};
use lines::Remark;

/// Hosts, URLs, networks of IPv4, networks of IPv6.
pub(crate) const FORM: Form =
    Form { magic: *b"ASYADDR2", ending: "addresslist", keys: &[keys::KEY, keys::KEY, networks::V4, networks::V6] };

/// More files of a folder are left out, and said so.
const FILES_LIMIT: usize = 1000;

/// One file of a list.
struct ListFile {
    path: PathBuf,
    stamp: Stamp,
    index: Index,
}

/// See the module.
pub(crate) struct AddressList {
    config: ListConfig,
    cache: PathBuf,
    files: RwLock<Vec<Arc<ListFile>>>,
    trouble: RwLock<Vec<String>>,
}

impl AddressList {
    /// Reads the list; a file that cannot be read is an error, a line that cannot is not.
    pub(crate) async fn open(config: &ListConfig, cache: &Path) -> Result<Self, OpenError> {
        let (owned, folder) = (config.clone(), cache.to_owned());
        let (files, trouble) = off_thread(move || {
            let unreadable = |path: &Path, source| OpenError::Unreadable {
                section: "list",
                path: path.display().to_string(),
                source,
            };
            let (paths, trouble) = paths(&owned.path).map_err(|error| unreadable(&owned.path, error))?;
            let load = |path: &PathBuf| load(path, &folder).map(Arc::new).map_err(|error| unreadable(path, error));
            Ok((paths.iter().map(load).collect::<Result<Vec<_>, _>>()?, trouble))
        })
        .await?;
        let (config, cache) = (config.clone(), cache.to_owned());
        Ok(Self { config, cache, files: RwLock::new(files), trouble: RwLock::new(trouble) })
    }

    /// The files that are in use.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.files().iter().map(|file| file.path.clone()).collect()
    }

    fn files(&self) -> Vec<Arc<ListFile>> {
        self.files.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn look_up(&self, item: &address::Item) -> Option<Hit> {
        let below = if self.config.subdomains { Below::Counts } else { Below::DoesNotCount };
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        files.iter().find_map(|file| find(&file.index, item, below))
    }

    fn finding(&self, hit: Hit) -> Finding {
        let (category, word) = self.config.meaning.verdict();
        let topic = self.config.category.as_deref().or(word);
        let mut labels = Labels::default();
        if let Some(topic) = topic {
            labels.categories.insert(self.config.name.clone(), topic.to_owned());
        }
        let mut reason = match hit.listed {
            Listed::Url => "the URL is in the list".to_owned(),
            Listed::UrlWithoutQuery => "the URL without its query is in the list".to_owned(),
            Listed::Host(host) => format!("{host} is in the list"),
            Listed::Network(network) => format!("{network} is in the list"),
        };
        match hit.remark {
            Some(Remark::Note(note)) => reason += &[": ", &*note].concat(),
            Some(Remark::Threat(threat)) => {
                reason += &[" for ", &*threat].concat();
                labels.threat_names.push(threat);
            }
            Some(Remark::Brand(brand)) => {
                reason += &[" as pretending to be ", &*brand].concat();
                labels.targeted_brand = Some(brand);
            }
            None => {}
        }
        let result = word.filter(|_| matches!(category, Category::Malicious | Category::Suspicious)).map(str::to_owned);
        Finding { category, result, reasons: vec![reason], labels, ..Finding::nothing(Method::Blacklist) }
    }
}

/// The files of a list: itself, or all below it that are not hidden, in a fixed order. Also what is wrong.
fn paths(list: &Path) -> io::Result<(Vec<PathBuf>, Vec<String>)> {
    if !fs::metadata(list)?.is_dir() {
        return Ok((vec![list.to_owned()], Vec::new()));
    }
    let is_hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
    let mut paths = Vec::new();
    let walk = WalkDir::new(list).follow_links(true).sort_by_file_name();
    for found in walk.into_iter().filter_entry(|found| found.depth() == 0 || !is_hidden(found.file_name())) {
        let found = found?;
        if found.file_type().is_file() {
            paths.push(found.into_path());
        }
    }
    let mut trouble = Vec::new();
    if paths.len() > FILES_LIMIT {
        trouble.push(format!("{}: only the first {FILES_LIMIT} of {} files are read", list.display(), paths.len()));
        paths.truncate(FILES_LIMIT);
    }
    Ok((paths, trouble))
}

/// Maps the index of a file; makes it first if there is none for the file as it is now.
fn load(path: &Path, cache: &Path) -> io::Result<ListFile> {
    let stamp = Stamp::of(&fs::metadata(path)?);
    let index = FORM.load(path, &stamp, cache, build::build)?;
    let (notes, bad_lines) = (index.notes(), index.notes().bad_lines);
    tracing::info!(list = %path.display(), holds = ?notes.holds, bad_lines, "list of addresses opened");
    for problem in notes.problems(path, "list nothing") {
        tracing::warn!("{problem}");
    }
    Ok(ListFile { path: path.to_owned(), stamp, index })
}

#[async_trait]
impl Engine for AddressList {
    fn name(&self) -> &str {
        &self.config.name
    }

    async fn edition(&self) -> Edition {
        let updated = self.files().iter().map(|file| file.stamp.modified()).max();
        Edition { version: Some(env!("CARGO_PKG_VERSION").to_owned()), updated }
    }

    fn scope(&self) -> Scope {
        Scope::Addresses
    }

    fn accepts(&self, item: Item<'_>) -> bool {
        matches!(item, Item::Address(_))
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// A few reads of mapped memory; not worth a thread of its own.
    async fn judge(&self, item: Item<'_>) -> Result<Finding, EngineError> {
        let Item::Address(address) = item else { return Ok(Finding::nothing(Method::Blacklist)) };
        let hit = self.look_up(&address.item);
        Ok(hit.map_or_else(|| Finding::nothing(Method::Blacklist), |hit| self.finding(hit)))
    }

    async fn refresh(&self) {
        let (old, list, cache) = (self.files(), self.config.path.clone(), self.cache.clone());
        let (new, trouble) = off_thread(move || renew(old, &list, &cache)).await;
        *self.files.write().unwrap_or_else(PoisonError::into_inner) = new;
        *self.trouble.write().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    fn status(&self) -> Status {
        let mut holds = BTreeMap::new();
        let mut problems = self.trouble.read().unwrap_or_else(PoisonError::into_inner).clone();
        for file in self.files() {
            let notes = file.index.notes();
            for (what, count) in &notes.holds {
                *holds.entry(what.clone()).or_insert(0) += count;
            }
            problems.extend(notes.problems(&file.path, "list nothing"));
        }
        Status { holds, disabled_rules: Vec::new(), problems }
    }
}

/// The files, those that changed read again. One that cannot be read stays as it was.
fn renew(old: Vec<Arc<ListFile>>, list: &Path, cache: &Path) -> (Vec<Arc<ListFile>>, Vec<String>) {
    let (paths, mut trouble) = match paths(list) {
        Ok(found) => found,
        Err(error) => return (old, vec![format!("{} was not reloaded: {error}", list.display())]),
    };
    let renewed = paths.iter().filter_map(|path| {
        let known = old.iter().find(|file| file.path == *path);
        let unchanged = |file: &&Arc<ListFile>| fs::metadata(path).is_ok_and(|now| Stamp::of(&now) == file.stamp);
        if let Some(same) = known.filter(unchanged) {
            return Some(same.clone());
        }
        load(path, cache).map(Arc::new).map_or_else(
            |error| {
                trouble.push(format!("{} was not reloaded: {error}", path.display()));
                known.cloned()
            },
            Some,
        )
    });
    let renewed = renewed.collect();
    (renewed, trouble)
}

impl Meaning {
    /// The category of what is listed, and the word for it.
    fn verdict(self) -> (Category, Option<&'static str>) {
        match self {
            Self::Malicious => (Category::Malicious, Some("malicious")),
            Self::Malware => (Category::Malicious, Some("malware")),
            Self::Phishing => (Category::Malicious, Some("phishing")),
            Self::Suspicious => (Category::Suspicious, Some("suspicious")),
            Self::Spam => (Category::Suspicious, Some("spam")),
            Self::Harmless => (Category::Harmless, None),
            Self::Informational => (Category::Undetected, None),
        }
    }
}

#[cfg(test)]
mod tests;
