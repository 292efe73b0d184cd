//! A command that is handed the key on standard input. What it does with it cannot be read back: the way back is the same
//! command with the old key, or one of its own.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use super::{Entry, Held, Keys, Problem, Target};
use crate::update::program;
use crate::update::report::Change;

/// The command.
pub(super) struct Command<'a> {
    pub(super) words: &'a [String],
    pub(super) put_back: Option<&'a [String]>,
    pub(super) folder: &'a Path,
    pub(super) patience: Duration,
}

#[async_trait(?Send)]
impl Target for Command<'_> {
    async fn look(&self) -> Result<Held, Problem> {
        let change = Change::handed_to(&self.words.join(" "));
        Ok(Held { key: None, changes: vec![change] })
    }

    async fn plan(&self, _entry: &mut Entry) -> Result<(), Problem> {
        Ok(())
    }

    async fn write(&self, key: &SecretString, _entry: &mut Entry, keys: Keys<'_>) -> Result<(), Problem> {
        program::run(self.words, Some(key), self.folder, self.patience, &keys.all()).await.map(drop)
    }

    async fn put_back(&self, _entry: &Entry, keys: Keys<'_>) -> Result<(), Problem> {
        if keys.old.is_none() && self.put_back.is_none() {
            return Err(Problem::local("the old key is nowhere to be read any more")
                .mend("Hand it to the command yourself, or give the target a put_back command."));
        }
        let command = self.put_back.unwrap_or(self.words);
        program::run(command, keys.old, self.folder, self.patience, &keys.all()).await.map(drop)
    }

    async fn old(&self, _entry: &Entry) -> Option<SecretString> {
        None
    }

    async fn tidy(&self, _entry: &Entry) -> Result<(), Problem> {
        Ok(())
    }

    fn needs_the_old_key(&self) -> bool {
        self.put_back.is_none()
    }
}
