//! A place that holds the key, whatever it is. One file a kind.

use std::path::Path;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};

use super::journal::{Entry, Made};
use super::plan::{self, Store};
use super::report::Change;
use super::secret::fingerprint_of;
use crate::client::problem::Problem;

mod command;
mod credential;
mod file;
mod vault;

/// What a target holds and how a change of it would look.
pub(super) struct Held {
    /// The key, where it can be read.
    pub(super) key: Option<SecretString>,
    /// The changes to come, masked.
    pub(super) changes: Vec<Change>,
}

/// Keys that may be met.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    /// The one that is being replaced, where it is known.
    pub(super) old: Option<&'a SecretString>,
    /// The one that takes its place, where it is known.
    pub(super) new: Option<&'a SecretString>,
    /// All that this run has made.
    pub(super) made: &'a [Made],
}

impl<'a> Keys<'a> {
    /// What no output may show.
    pub(super) fn all(self) -> Vec<&'a SecretString> {
        self.old.into_iter().chain(self.new).collect()
    }

    /// Whether this is the key that is being replaced.
    pub(super) fn is_old(self, key: &SecretString) -> bool {
        self.old.is_some_and(|old| old.expose_secret() == key.expose_secret())
    }

    /// Whether this run has made it.
    pub(super) fn is_ours(self, key: &SecretString) -> bool {
        let print = fingerprint_of(key);
        self.made.iter().any(|made| made.print == Some(print))
    }
}

/// A place that holds the key.
#[async_trait(?Send)]
pub(super) trait Target {
    /// Reads what it holds and looks whether it can be written. Changes nothing.
    async fn look(&self) -> Result<Held, Problem>;

    /// Writes the new key. What it needs for the way back is in the entry before, by [`Self::plan`].
    async fn write(&self, key: &SecretString, entry: &mut Entry, keys: Keys<'_>) -> Result<(), Problem>;

    /// Puts into the entry what the way back needs; before the first write.
    async fn plan(&self, entry: &mut Entry) -> Result<(), Problem>;

    /// Puts back what was there. What somebody else wrote meanwhile is left.
    async fn put_back(&self, entry: &Entry, keys: Keys<'_>) -> Result<(), Problem>;

    /// The old key, where it is kept for the way back.
    async fn old(&self, entry: &Entry) -> Option<SecretString>;

    /// Removes what was kept for the way back.
    async fn tidy(&self, entry: &Entry) -> Result<(), Problem>;

    /// Whether it needs to be handed the old key on the way back and keeps none itself.
    fn needs_the_old_key(&self) -> bool {
        false
    }
}

/// The target of a plan; `run` names the run.
pub(super) fn open<'a>(target: &'a plan::Target, folder: &'a Path, run: &str) -> Result<Box<dyn Target + 'a>, Problem> {
    Ok(match &target.store {
        Store::File { path, place, world_readable } => {
            Box::new(file::File::open(path, file::Content::Place(place), *world_readable, run)?)
        }
        Store::Credential { path, name } => {
            let content = credential::Credential { name, folder, patience: target.patience };
            // Encrypted, it may be read by everybody.
            Box::new(file::File::open(path, file::Content::Credential(content), true, run)?)
        }
        Store::Vault(vault) => Box::new(vault::Secret::open(vault, target.patience)?),
        Store::Command { command, put_back } => Box::new(command::Command {
            words: command,
            put_back: put_back.as_deref(),
            folder,
            patience: target.patience,
        }),
    })
}
