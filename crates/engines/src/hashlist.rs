//! Engine "Assay Hashlist": sets of known-bad and known-good hashes that the operator names as text files. Each
//! is turned once into an index in the cache folder and mapped into memory from there; ten million entries are
//! at hand at once and are looked up in about a microsecond.

mod build;
mod lines;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use assay_model::Digests;
use assay_model::verdict::{Category, Method};
use async_trait::async_trait;

use crate::OpenError;
use crate::config::HashlistConfig;
use crate::engine::{Edition, Engine, EngineError, Finding, Item, Scope, Status};
use crate::index::{Form, Index};
use crate::off_thread;
use crate::stamp::Stamp;

/// MD5, SHA-1, SHA-256.
const FORM: Form = Form { magic: *b"ASYHASH2", ending: "hashlist", keys: &[16, 20, 32] };

/// What it means to be on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bad,
    Good,
}

/// One list of the operator's.
struct List {
    kind: Kind,
    path: PathBuf,
    /// The file's name without folder and ending.
    name: String,
    stamp: Stamp,
    index: Index,
}

/// See the module.
pub(crate) struct Hashlist {
    cache: PathBuf,
    /// The bad ones first: a hash that is in both is bad.
    lists: RwLock<Vec<Arc<List>>>,
    trouble: RwLock<Vec<String>>,
}

impl Hashlist {
    /// Reads all lists; a list that cannot be read is an error, a line that cannot is not.
    pub(crate) async fn open(config: &HashlistConfig, cache: &Path) -> Result<Self, OpenError> {
        let bad = config.bad.iter().map(|path| (Kind::Bad, path.clone()));
        let good = config.good.iter().map(|path| (Kind::Good, path.clone()));
        let (named, folder): (Vec<_>, _) = (bad.chain(good).collect(), cache.to_owned());
        let lists = off_thread(move || {
            let lists = named.into_iter().map(|(kind, path)| {
                load(kind, &path, &folder).map(Arc::new).map_err(|source| OpenError::Unreadable {
                    section: "hashlist",
                    path: path.display().to_string(),
                    source,
                })
            });
            let lists = lists.collect::<Result<Vec<Arc<List>>, _>>()?;
            FORM.sweep(&folder, &lists.iter().map(|list| list.path.clone()).collect::<Vec<_>>());
            Ok(lists)
        })
        .await?;
        Ok(Self { cache: cache.to_owned(), lists: RwLock::new(lists), trouble: RwLock::default() })
    }

    fn lists(&self) -> Vec<Arc<List>> {
        self.lists.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Maps the index of a list; makes it first if there is none for the list as it is now.
fn load(kind: Kind, path: &Path, cache: &Path) -> io::Result<List> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let stamp = Stamp::of(&fs::metadata(path)?);
    let index = FORM.load(path, &stamp, cache, build::build)?;
    let (entries, bad_lines) = (index.len(), index.notes().bad_lines);
    tracing::info!(list = %path.display(), entries, bad_lines, "hash list opened");
    Ok(List { kind, path: path.to_owned(), name, stamp, index })
}

/// Looks for a file by each of its hashes. The hash is in the list; perhaps with a name.
#[expect(clippy::option_option, reason = "whether it is in the list, and whether the list names it")]
fn find(index: &Index, digests: &Digests) -> Option<Option<String>> {
    let offset = index
        .find(2, digests.sha256.bytes())
        .or_else(|| index.find(1, digests.sha1.bytes()))
        .or_else(|| index.find(0, digests.md5.bytes()))?;
    Some(index.name(offset).map(|name| String::from_utf8_lossy(name).into_owned()))
}

#[async_trait]
impl Engine for Hashlist {
    fn name(&self) -> &'static str {
        "Assay Hashlist"
    }

    async fn edition(&self) -> Edition {
        let updated = self.lists().iter().map(|list| list.stamp.modified()).max();
        Edition { version: Some(env!("CARGO_PKG_VERSION").to_owned()), updated }
    }

    fn scope(&self) -> Scope {
        Scope::Both
    }

    fn accepts(&self, item: Item<'_>) -> bool {
        item.sample().is_some()
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// A few reads of mapped memory; not worth a thread of its own.
    async fn judge(&self, item: Item<'_>) -> Result<Finding, EngineError> {
        let nothing = Finding::nothing(Method::Blacklist);
        let Some(sample) = item.sample() else { return Ok(nothing) };
        let whose = if matches!(item, Item::File(..)) { "its hash" } else { "the hash of what it serves" };
        for list in self.lists() {
            let Some(name) = find(&list.index, &sample.digests) else { continue };
            let reasons = vec![format!("{whose} is in the list `{}`", list.name)];
            return Ok(match list.kind {
                Kind::Bad => {
                    let result = name.unwrap_or_else(|| format!("Hashlist.{}", list.name));
                    Finding { category: Category::Malicious, result: Some(result), reasons, ..nothing }
                }
                Kind::Good => Finding { category: Category::Harmless, reasons, ..nothing },
            });
        }
        Ok(nothing)
    }

    async fn refresh(&self) {
        let (old, cache) = (self.lists(), self.cache.clone());
        let (new, trouble) = off_thread(move || renew(old, &cache)).await;
        *self.lists.write().unwrap_or_else(PoisonError::into_inner) = new;
        *self.trouble.write().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    fn status(&self) -> Status {
        let mut holds = BTreeMap::new();
        let mut problems = self.trouble.read().unwrap_or_else(PoisonError::into_inner).clone();
        for list in self.lists() {
            let what = if list.kind == Kind::Bad { "known-bad hashes" } else { "known-good hashes" };
            *holds.entry(what.to_owned()).or_insert(0) += list.index.len();
            problems.extend(list.index.notes().problems(&list.path, "are no hash"));
        }
        Status { holds, disabled_rules: Vec::new(), problems }
    }
}

/// The lists, those that changed read again. One that cannot be read stays as it was.
fn renew(old: Vec<Arc<List>>, cache: &Path) -> (Vec<Arc<List>>, Vec<String>) {
    let mut trouble = Vec::new();
    let renewed = old.into_iter().map(|list| {
        let changed = fs::metadata(&list.path).map(|metadata| Stamp::of(&metadata) != list.stamp);
        let loaded = match changed {
            Ok(false) => return list,
            Ok(true) => load(list.kind, &list.path, cache),
            Err(error) => Err(error),
        };
        loaded.map_or_else(
            |error| {
                trouble.push(format!("{} was not reloaded: {error}", list.path.display()));
                list
            },
            Arc::new,
        )
    });
    let renewed = renewed.collect();
    (renewed, trouble)
}

#[cfg(test)]
mod tests;
