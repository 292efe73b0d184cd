//! A key in a file: read and replaced in place by `assay_rewrite`, put down whole by [`atomic`]. The old file is kept beside
//! the new one until the end; on the way back it takes its place again, unless somebody else changed the file meanwhile: then
//! only the key is put back.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use assay_rewrite::Place;
use async_trait::async_trait;
use rustix::fs::Access;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::credential::Credential;
use super::{Entry, Held, Keys, Problem, Target};
use crate::update::atomic::{self, Found, Names};
use crate::update::fault;
use crate::update::report::Change;
use crate::update::secret::fingerprint;

/// Whoever is neither owner nor in the group may read it.
const WORLD_READABLE: u32 = 0o004;

/// The user who may keep other users' ownership.
const ROOT: u32 = 0;

/// Who this process works as: the kernel gives its folder in `/proc` to that user.
fn user() -> Option<u32> {
    std::fs::metadata("/proc/self").ok().map(|about| about.uid())
}

/// How the key stands in the file.
pub(super) enum Content<'a> {
    /// At a place of a configuration.
    Place(&'a Place),
    /// Encrypted by systemd.
    Credential(Credential<'a>),
}

/// A file.
pub(super) struct File<'a> {
    /// The file itself; a link to it was followed.
    path: PathBuf,
    content: Content<'a>,
    world_readable: bool,
    names: Names,
}

impl<'a> File<'a> {
    /// Follows links: what a link names is written, and the link stays.
    pub(super) fn open(path: &Path, content: Content<'a>, world_readable: bool, run: &str) -> Result<Self, Problem> {
        // The file may be away, and then the path is told as it is.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let names = Names::of(&path, run).map_err(|error| Problem::local(error.to_string()))?;
        Ok(Self { path, content, world_readable, names })
    }

    fn found(&self) -> Result<Found, Problem> {
        atomic::read(&self.path).map_err(|error| self.problem("cannot be read", &error))
    }

    fn problem(&self, what: &str, error: &io::Error) -> Problem {
        Problem::local(format!("{} {what}: {error}", self.path.display()))
    }

    fn unfit(&self, error: &assay_rewrite::Error) -> Problem {
        Problem::local(format!("{}: {error}", self.path.display()))
    }

    async fn key(&self, bytes: &[u8]) -> Result<SecretString, Problem> {
        match &self.content {
            Content::Place(place) => {
                let held = assay_rewrite::read(bytes, place).map_err(|error| self.unfit(&error))?;
                Ok(SecretString::from(held.value.as_str()))
            }
            Content::Credential(credential) => credential.decrypt(bytes).await,
        }
    }

    /// The file with this key in it.
    async fn with(&self, bytes: &[u8], key: &SecretString) -> Result<Zeroizing<Vec<u8>>, Problem> {
        match &self.content {
            Content::Place(place) => {
                assay_rewrite::replace(bytes, place, key.expose_secret()).map_err(|error| self.unfit(&error))
            }
            Content::Credential(credential) => credential.encrypt(key).await,
        }
    }

    /// What keeps it from being replaced, as far as can be seen without replacing it.
    fn hindrance(&self, found: &Found) -> Option<Problem> {
        let about = &found.about;
        let shown = self.path.display();
        if about.mode() & WORLD_READABLE != 0 && !self.world_readable {
            let problem = Problem::local(format!("{shown} may be read by everybody (mode {:o})", about.mode() & 0o777));
            return Some(problem.mend("`chmod o-r` it, or say world_readable = true in the plan."));
        }
        if about.nlink() > 1 {
            let problem = Problem::local(format!("{shown} has {} names (hard links)", about.nlink()));
            return Some(problem.mend("Replacing it would part them; make the others symbolic links."));
        }
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        if rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_err() {
            let problem = Problem::local(format!("{shown} cannot be replaced: its folder may not be written"));
            return Some(problem.mend("Run this as the user who may, or as root."));
        }
        if user().is_some_and(|user| user != ROOT && user != about.uid()) {
            let problem =
                Problem::local(format!("{shown} belongs to another user ({}), which could not be kept", about.uid()));
            return Some(problem.mend("Run this as that user, or as root."));
        }
        None
    }

    fn changes(&self, bytes: &[u8], key: &SecretString) -> Vec<Change> {
        match &self.content {
            Content::Place(place) => {
                let held = assay_rewrite::read(bytes, place);
                let spots = held.map(|held| held.spots).unwrap_or_default();
                spots.iter().map(|spot| Change::of(spot.line, &spot.before, key)).collect()
            }
            Content::Credential(_) => vec![Change::of(1, "", key)],
        }
    }
}

#[async_trait(?Send)]
impl Target for File<'_> {
    async fn look(&self) -> Result<Held, Problem> {
        let found = self.found()?;
        let key = self.key(&found.bytes).await?;
        if let Some(hindrance) = self.hindrance(&found) {
            return Err(hindrance);
        }
        Ok(Held { changes: self.changes(&found.bytes, &key), key: Some(key) })
    }

    async fn plan(&self, entry: &mut Entry) -> Result<(), Problem> {
        entry.before = Some(self.found()?.fingerprint());
        Ok(())
    }

    async fn write(&self, key: &SecretString, entry: &mut Entry, keys: Keys<'_>) -> Result<(), Problem> {
        let found = self.found()?;
        let print = found.fingerprint();
        let held = self.key(&found.bytes).await?;
        if held.expose_secret() == key.expose_secret() {
            // From before a kill.
            entry.after = Some(print);
            return Ok(());
        }
        if entry.before != Some(print) && entry.after != Some(print) && !keys.is_ours(&held) {
            return Err(Problem::local(format!("{} was changed by somebody else in between", self.path.display())));
        }
        let bytes = self.with(&found.bytes, key).await?;
        entry.after = Some(fingerprint(&bytes));
        fault::point();
        atomic::put(&self.path, &found, &bytes, &self.names).map_err(|error| self.problem("cannot be replaced", &error))
    }

    async fn put_back(&self, entry: &Entry, keys: Keys<'_>) -> Result<(), Problem> {
        let broken = |error: io::Error| self.problem("cannot be put back", &error);
        let found = match atomic::read(&self.path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.names.old.exists() => {
                return atomic::put_back(&self.path, &self.names).map_err(broken);
            }
            Err(error) => return Err(broken(error)),
        };
        let print = found.fingerprint();
        if entry.before == Some(print) {
            return Ok(());
        }
        let held = self.key(&found.bytes).await?;
        if keys.is_old(&held) {
            return Ok(());
        }
        if entry.after != Some(print) && !keys.is_ours(&held) {
            return Err(Problem::local(format!("{} holds another key by now, which is left", self.path.display()))
                .mend("Somebody else has changed it: see to it by hand."));
        }
        if self.old_is(entry)
            && (entry.after == Some(print) || self.differs_in_the_key_alone(&found.bytes, &held).await)
        {
            return atomic::put_back(&self.path, &self.names).map_err(broken);
        }
        let old = keys.old.ok_or_else(|| Problem::local("the old key is nowhere to be read any more"))?;
        let bytes = self.with(&found.bytes, old).await?;
        atomic::put(&self.path, &found, &bytes, &self.names).map_err(broken)
    }

    async fn old(&self, entry: &Entry) -> Option<SecretString> {
        if !self.old_is(entry) {
            return None;
        }
        let kept = atomic::read(&self.names.old).ok()?;
        self.key(&kept.bytes).await.ok()
    }

    async fn tidy(&self, _entry: &Entry) -> Result<(), Problem> {
        atomic::tidy(&self.path, &self.names).map_err(|error| self.problem("leaves its old self beside it", &error))
    }
}

impl File<'_> {
    /// Whether the old file is kept, and is what it was.
    fn old_is(&self, entry: &Entry) -> bool {
        let kept = atomic::read(&self.names.old).map(|kept| kept.fingerprint());
        kept.is_ok_and(|print| entry.before == Some(print))
    }

    /// Whether nobody has changed anything but the key since.
    async fn differs_in_the_key_alone(&self, bytes: &[u8], held: &SecretString) -> bool {
        let Ok(kept) = atomic::read(&self.names.old) else { return false };
        matches!(self.content, Content::Place(_)) && self.with(&kept.bytes, held).await.is_ok_and(|own| *own == *bytes)
    }
}
