//! Engine "Assay Hashlist": sets of known-bad and known-good hashes that the operator names as text files. Each
//! is turned once into an index in the cache folder and mapped into memory from there; ten million entries are
//! at hand at once and are looked up in about a microsecond.

mod build;
mod index;
mod lines;
mod map;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use assay_model::facts::Facts;
use assay_model::verdict::{Category, Method};
use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use crate::OpenError;
use crate::config::HashlistConfig;
use crate::engine::{Edition, Engine, EngineError, Finding, Sample, Status};
use crate::stamp::Stamp;
use index::{Hit, Index};

/// The ending of index files in the cache folder.
const ENDING: &str = "hashlist";

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
            let lists = lists.collect::<Result<Vec<_>, _>>()?;
            sweep(&folder, &lists);
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
    let target = index_path(path, cache);
    let stamp = Stamp::of(&fs::metadata(path)?);
    let ready = Index::open(&target, &stamp)?;
    let index = if let Some(index) = ready {
        index
    } else {
        fs::create_dir_all(cache)?;
        build::build(path, &stamp, &target)?;
        Index::open(&target, &stamp)?.ok_or_else(|| io::Error::other("the index that was just made cannot be read"))?
    };
    let (entries, bad_lines) = (index.len(), index.notes().bad_lines);
    tracing::info!(list = %path.display(), entries, bad_lines, "hash list opened");
    Ok(List { kind, path: path.to_owned(), name, stamp, index })
}

/// Where the index of a list is: named by the list's path.
fn index_path(list: &Path, cache: &Path) -> PathBuf {
    let mut name = hex::encode(Sha256::digest(list.as_os_str().as_encoded_bytes()));
    name.truncate(16);
    cache.join(name).with_extension(ENDING)
}

/// Removes the indexes of lists that are not configured any more.
fn sweep(cache: &Path, lists: &[Arc<List>]) {
    let wanted: Vec<_> = lists.iter().map(|list| index_path(&list.path, cache)).collect();
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|ending| ending == ENDING) && !wanted.contains(&path) {
            // What cannot be removed now is tried again at the next start.
            let _ = fs::remove_file(path);
        }
    }
}

/// Runs disk-bound work off the async threads.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
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

    fn accepts(&self, _: &Facts) -> bool {
        true
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// A few reads of mapped memory; not worth a thread of its own.
    async fn judge(&self, sample: &Sample, _: &Facts) -> Result<Finding, EngineError> {
        let nothing = Finding::nothing(Method::Blacklist);
        for list in self.lists() {
            let Some(Hit { name }) = list.index.find(&sample.digests) else { continue };
            let reasons = vec![format!("its hash is in the list `{}`", list.name)];
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
            let (notes, path) = (list.index.notes(), list.path.display());
            if notes.bad_lines > 0 {
                problems.push(format!("{path}: {} lines are no hash", notes.bad_lines));
                problems.extend(notes.examples.iter().map(|example| format!("{path}: {example}")));
            }
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
