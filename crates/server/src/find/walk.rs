//! Paths to places: folders are walked, files read side by side, and nothing outside of what was named is touched.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use walkdir::WalkDir;

use super::scanner::{self, Hit, Scanned, Sought};
use crate::client::Watch;

/// How far the search goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// What is looked for.
    pub(crate) sought: Sought,
    /// Larger files are passed over.
    pub(crate) size: u64,
    /// How many files are read at once.
    pub(crate) at_once: usize,
}

/// A key and the file that it is in.
#[derive(Debug)]
pub(crate) struct Found {
    /// The path as it was given or found; `-` is standard input.
    pub(crate) path: String,
    /// Where in it, and what.
    pub(crate) hit: Hit,
}

/// What was not looked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Passed {
    /// The path.
    pub(crate) path: String,
    /// Why.
    pub(crate) why: String,
    /// Whether it ought to have been: it could not be read.
    pub(crate) failed: bool,
}

/// What a search came to.
#[derive(Debug, Default)]
pub(crate) struct Harvest {
    /// The keys, by path and place.
    pub(crate) found: Vec<Found>,
    /// What was passed over.
    pub(crate) passed: Vec<Passed>,
    /// How many files were looked through.
    pub(crate) files: u64,
    /// How many bytes that was.
    pub(crate) bytes: u64,
}

/// Looks through all files behind the paths. Links inside folders are not followed, what is no regular file is left
/// alone; a path that was named itself may be a link or a pipe.
pub(crate) fn search(paths: &[PathBuf], limits: &Limits, watch: &dyn Watch) -> Harvest {
    let work = Mutex::new(paths.iter().flat_map(|path| files(path)));
    let harvest = Mutex::new(Harvest::default());
    let worker = || {
        loop {
            let next = work.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(next) = next else { return };
            let (shown, outcome) = match next {
                Ok(path) => (path.display().to_string(), read(&path, limits, watch)),
                Err((path, error)) => (path.display().to_string(), Outcome::Failed(error)),
            };
            watch.finished(&shown);
            harvest.lock().unwrap_or_else(PoisonError::into_inner).take(shown, outcome);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..limits.at_once.max(1) {
            scope.spawn(worker);
        }
    });
    let mut harvest = harvest.into_inner().unwrap_or_else(PoisonError::into_inner);
    harvest.found.sort_by(|a, b| (&a.path, a.hit.line, a.hit.column).cmp(&(&b.path, b.hit.line, b.hit.column)));
    harvest.passed.sort_by(|a, b| a.path.cmp(&b.path));
    harvest
}

enum Outcome {
    Read(Scanned),
    TooLarge(u64),
    Failed(String),
}

impl Harvest {
    fn take(&mut self, path: String, outcome: Outcome) {
        let passed = |path, why, failed| Passed { path, why, failed };
        match outcome {
            Outcome::Failed(why) => self.passed.push(passed(path, why, true)),
            Outcome::TooLarge(size) => {
                self.passed.push(passed(path, format!("{size} bytes are more than --max-size"), false));
            }
            Outcome::Read(scanned) => {
                self.files += 1;
                self.bytes += scanned.bytes;
                if scanned.more {
                    let why = format!("only its first {} keys are told", scanned.hits.len());
                    self.passed.push(passed(path.clone(), why, false));
                }
                self.found.extend(scanned.hits.into_iter().map(|hit| Found { path: path.clone(), hit }));
            }
        }
    }
}

type Entry = Result<PathBuf, (PathBuf, String)>;

/// The files behind a path. What was named itself is looked at whatever it is.
fn files(path: &Path) -> Box<dyn Iterator<Item = Entry> + Send> {
    let is_folder = path.as_os_str() != "-" && std::fs::metadata(path).is_ok_and(|about| about.is_dir());
    if !is_folder {
        return Box::new(std::iter::once(Ok(path.to_owned())));
    }
    Box::new(WalkDir::new(path).follow_links(false).into_iter().filter_map(|entry| match entry {
        Ok(entry) if entry.file_type().is_file() => Some(Ok(entry.into_path())),
        Ok(_) => None,
        Err(error) => {
            let path = error.path().map_or_else(PathBuf::new, Path::to_owned);
            let why = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
            Some(Err((path, why)))
        }
    }))
}

fn read(path: &Path, limits: &Limits, watch: &dyn Watch) -> Outcome {
    let told = |bytes| watch.sent(bytes);
    let scanned = if path.as_os_str() == "-" {
        scanner::scan(io::stdin().lock(), limits.sought, told)
    } else {
        let opened = File::open(path).and_then(|file| file.metadata().map(|about| (file, about)));
        match opened {
            Ok((_, about)) if is_too_large(&about, limits) => return Outcome::TooLarge(about.len()),
            // A file that grows meanwhile is read as far as it went when it was opened.
            Ok((file, about)) if about.is_file() && about.len() > 0 => {
                scanner::scan(io::Read::take(file, about.len()), limits.sought, told)
            }
            // A pipe, or a file of the kernel's that does not know its length.
            Ok((file, _)) => scanner::scan(io::Read::take(file, limits.size), limits.sought, told),
            Err(error) => Err(error),
        }
    };
    scanned.map_or_else(|error| Outcome::Failed(error.to_string()), Outcome::Read)
}

fn is_too_large(about: &Metadata, limits: &Limits) -> bool {
    about.is_file() && about.len() > limits.size
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use assay_model::apikey::Issued;
    use assay_model::random::Counting;

    use super::*;
    use crate::client::watch::Nobody;

    fn limits() -> Limits {
        Limits { sought: Sought::Likely, size: 1 << 20, at_once: 2 }
    }

    fn names(harvest: &Harvest, folder: &Path) -> Vec<String> {
        let prefix = format!("{}/", folder.display());
        harvest.found.iter().map(|found| found.path.replace(&prefix, "")).collect()
    }

    #[test]
    fn folders_are_walked_with_hidden_and_ignored_files_and_links_are_not_followed() {
        let (folder, outside) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let key = Issued::generate(&Counting::default()).reveal();
        let root = folder.path();
        fs::create_dir_all(root.join("a/.hidden")).expect("folders");
        fs::write(root.join("a/.hidden/env"), &*key).expect("written");
        fs::write(root.join("b.txt"), &*key).expect("written");
        fs::write(root.join(".gitignore"), "b.txt\n").expect("written");
        fs::write(root.join("large"), vec![b' '; (1 << 20) + 1]).expect("written");
        fs::write(outside.path().join("key"), &*key).expect("written");
        symlink(outside.path(), root.join("way-out")).expect("a link");
        symlink(outside.path().join("key"), root.join("key")).expect("a link");
        symlink(root, root.join("a/round")).expect("a link");
        let harvest = search(&[root.to_owned()], &limits(), &Nobody);
        assert_eq!(names(&harvest, root), ["a/.hidden/env", "b.txt"]);
        assert_eq!(harvest.files, 3);
        let passed: Vec<_> = harvest.passed.iter().map(|passed| (passed.why.as_str(), passed.failed)).collect();
        assert_eq!(passed, [("1048577 bytes are more than --max-size", false)]);
        // A link that was named is meant.
        assert_eq!(search(&[root.join("key")], &limits(), &Nobody).found.len(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_told_and_the_rest_is_looked_through() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a"), "nothing").expect("written");
        let harvest = search(&[folder.path().join("gone"), folder.path().join("a")], &limits(), &Nobody);
        assert_eq!((harvest.files, harvest.passed.len()), (1, 1));
        assert!(harvest.passed[0].failed, "{:?}", harvest.passed);
    }
}
