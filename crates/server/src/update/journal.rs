//! How far a run came. A file of JSON beside the plan, of mode 0600, replaced as a whole before each step, and gone when the
//! run is over. It holds ids and fingerprints, and no key.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use assay_model::Sha256;
use serde::{Deserialize, Serialize};

use super::{atomic, fault};
use crate::client::problem::Problem;

/// The form of the file.
const VERSION: u32 = 1;
/// No journal is longer.
const LONGEST: u64 = 4 << 20;

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// A key is made, and targets are written, reloaded and probed.
    Applying,
    /// Every target uses the new key; the old one is being ended.
    Retiring,
    /// Everything is being put back.
    PuttingBack,
}

/// How far a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// As it was.
    Untouched,
    /// Perhaps written.
    Writing,
    /// Holds the new key.
    Written,
    /// Perhaps told to read it again.
    Reloading,
    /// Told to read it again.
    Reloaded,
    /// Seen to use the new key.
    Probed,
}

/// One target.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// What the plan calls it.
    pub(crate) name: String,
    /// How far it is.
    pub(crate) step: Step,
    /// Of a file: its content before the first write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Sha256>,
    /// Of a file: its content after the last write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<Sha256>,
    /// Of Vault: the version that holds the old key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u64>,
}

/// A key that a run has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    /// Its id.
    pub(crate) id: String,
    /// Its fingerprint; none of a key whose text was lost in a kill before anybody had it.
    pub(crate) print: Option<Sha256>,
}

/// What is known of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Log {
    version: u32,
    /// Names the run; part of the names of its files.
    pub(crate) run: String,
    /// The plan's fingerprint.
    pub(crate) plan: Sha256,
    /// The id of the key that is being replaced, and its fingerprint, where a target holds it.
    pub(crate) old: String,
    pub(crate) old_print: Option<Sha256>,
    /// The keys that were made in its place, each the successor of the one before.
    pub(crate) made: Vec<Made>,
    /// What is being done.
    pub(crate) phase: Phase,
    /// Why it is being put back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
    /// In the order of the plan.
    pub(crate) targets: Vec<Entry>,
}

impl Log {
    /// A run that begins.
    pub(crate) fn new(run: String, plan: Sha256, old: (String, Option<Sha256>), targets: Vec<Entry>) -> Self {
        let (old, old_print) = old;
        let (made, phase, cause) = (Vec::new(), Phase::Applying, None);
        Self { version: VERSION, run, plan, old, old_print, made, phase, cause, targets }
    }

    /// The newest key of the run, which the old one is as long as there is no other.
    pub(crate) fn newest(&self) -> &str {
        self.made.last().map_or(&self.old, |made| &made.id)
    }
}

/// Where a run is written down.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    /// The plan, locked as long as somebody works by it.
    _lock: File,
}

impl Journal {
    /// The journal of a plan; nobody else may be working by that plan.
    pub(crate) fn open(plan: &Path, path: Option<PathBuf>) -> Result<Self, Problem> {
        let unreadable = |error: io::Error| Problem::local(format!("{} cannot be read: {error}", plan.display()));
        let lock = File::open(plan).map_err(unreadable)?;
        if let Err(error) = lock.try_lock() {
            let problem = match error {
                std::fs::TryLockError::WouldBlock => Problem::local("another run works by this plan at the moment"),
                std::fs::TryLockError::Error(error) => unreadable(error),
            };
            return Err(problem);
        }
        let mut beside = plan.as_os_str().to_owned();
        beside.push(".journal");
        Ok(Self { path: path.unwrap_or_else(|| beside.into()), _lock: lock })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What an earlier run has left.
    pub(crate) fn read(&self) -> Result<Option<Log>, Problem> {
        let shown = self.path.display();
        let mut text = String::new();
        match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Problem::local(format!("the journal {shown} cannot be read: {error}"))),
            Ok(file) => io::Read::read_to_string(&mut io::Read::take(file, LONGEST), &mut text)
                .map_err(|error| Problem::local(format!("the journal {shown} cannot be read: {error}")))?,
        };
        let log: Option<Log> = serde_json::from_str(&text).ok();
        log.filter(|log| log.version == VERSION).map(Some).ok_or_else(|| {
            Problem::local(format!("{shown} is no journal that this version understands"))
                .mend("Name another with --journal, or finish with the version that wrote it.")
        })
    }

    /// Writes how far the run is; it is on the disk when this returns.
    pub(crate) fn write(&self, log: &Log) -> Result<(), Problem> {
        fault::point();
        let written = serde_json::to_vec_pretty(log).map_err(io::Error::from).and_then(|bytes| self.replace(&bytes));
        fault::point();
        written.map_err(|error| {
            Problem::local(format!("the journal {} cannot be written: {error}", self.path.display()))
                .mend("Name a place for it with --journal FILE.")
        })
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let new = self.next();
        remove_if_there(&new)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fault::point();
        std::fs::rename(&new, &self.path)?;
        atomic::synchronise_folder(&self.path)
    }

    /// Where the next one is written before it takes its place.
    fn next(&self) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".new");
        PathBuf::from(name)
    }

    /// Removes what a run leaves that is killed while it writes its first journal, before it has done anything.
    pub(crate) fn clear(&self) -> Result<(), Problem> {
        let next = self.next();
        remove_if_there(&next).map_err(|error| Problem::local(format!("{} cannot be removed: {error}", next.display())))
    }

    /// The run is over.
    pub(crate) fn remove(&self) -> Result<(), Problem> {
        fault::point();
        let removed = std::fs::remove_file(&self.path).and_then(|()| atomic::synchronise_folder(&self.path));
        removed
            .map_err(|error| Problem::local(format!("the journal {} cannot be removed: {error}", self.path.display())))
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::secret::fingerprint;
    use super::*;

    #[test]
    fn a_journal_is_read_as_it_was_written_by_its_owner_alone_and_by_one_run_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = folder.path().join("plan.toml");
        std::fs::write(&plan, "").expect("written");
        let journal = Journal::open(&plan, None).expect("a journal");
        assert!(journal.read().expect("none").is_none());
        let entry = Entry { name: "a".to_owned(), step: Step::Untouched, before: None, after: None, version: None };
        let mut log = Log::new("run".to_owned(), fingerprint(b"plan"), ("0123".to_owned(), None), vec![entry]);
        assert_eq!(log.newest(), "0123");
        log.made.push(Made { id: "4567".to_owned(), print: None });
        journal.write(&log).expect("written");
        let read = journal.read().expect("read").expect("some");
        assert_eq!((read.newest(), read.phase, read.targets[0].step), ("4567", Phase::Applying, Step::Untouched));
        let mode = std::fs::metadata(journal.path()).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(Journal::open(&plan, None).expect_err("locked").message.contains("another run"));
        journal.remove().expect("removed");
        drop(journal);
        assert!(Journal::open(&plan, None).is_ok());
    }

    #[test]
    fn what_is_no_journal_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = folder.path().join("plan.toml");
        std::fs::write(&plan, "").expect("written");
        std::fs::write(folder.path().join("plan.toml.journal"), "{").expect("written");
        let journal = Journal::open(&plan, None).expect("a journal");
        assert!(journal.read().expect_err("no journal").message.contains("no journal"));
    }
}
