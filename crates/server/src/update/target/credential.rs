//! A credential that systemd encrypted (`systemd-creds encrypt`, for `LoadCredentialEncrypted=`): systemd's own program reads
//! and writes it, over standard input.

use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::Problem;
use crate::update::program;

/// A credential's name, and how long its program may take.
pub(super) struct Credential<'a> {
    pub(super) name: &'a str,
    pub(super) folder: &'a Path,
    pub(super) patience: Duration,
}

impl Credential<'_> {
    /// What the file holds, in the clear.
    pub(super) async fn decrypt(&self, bytes: &[u8]) -> Result<SecretString, Problem> {
        let text = std::str::from_utf8(bytes).map_err(|_| Problem::local("it is no credential of systemd's"))?;
        let out = Zeroizing::new(self.run("decrypt", &SecretString::from(text)).await?);
        let said = std::str::from_utf8(&out).map_err(|_| Problem::local("the credential holds no text"))?;
        Ok(SecretString::from(said.trim()))
    }

    /// The file for a key.
    pub(super) async fn encrypt(&self, key: &SecretString) -> Result<Zeroizing<Vec<u8>>, Problem> {
        self.run("encrypt", key).await.map(Zeroizing::new)
    }

    async fn run(&self, what: &str, input: &SecretString) -> Result<Vec<u8>, Problem> {
        let name = format!("--name={}", self.name);
        let command = ["systemd-creds", what, name.as_str(), "-", "-"].map(str::to_owned);
        let out = program::run(&command, Some(input), self.folder, self.patience, &[input]).await?;
        if out.is_empty() || input.expose_secret().is_empty() {
            return Err(Problem::local(format!("`systemd-creds {what}` has answered nothing")));
        }
        Ok(out)
    }
}
