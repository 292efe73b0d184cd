//! The data folder: who may use it, the pepper, the tiers, the operator's first key. In goes a folder, out comes an
//! installation that is ready.
//!
//! Invariant: the operator's key is written to one place, once, and to no log.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use assay_api::accounts;
use assay_model::apikey::Pepper;
use assay_model::quota::{Limits, Quota};
use assay_model::random::Random;
use assay_model::{Code, Timestamp, clock::Clock};
use assay_store::Store;
use secrecy::SecretString;

use crate::config::Config;

/// Draws from the operating system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "the one place that draws from the operating system")]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system has randomness");
    }
}

/// A data folder that is open.
pub(crate) struct Installation {
    /// The database.
    pub(crate) store: Arc<dyn Store>,
    /// The key of keys.
    pub(crate) pepper: Pepper,
}

/// Takes the folder for a server; a second server on it is refused. Held as long as the file is.
pub(crate) fn lock(config: &Config) -> anyhow::Result<File> {
    make_folder(&config.data)?;
    let path = config.data.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            anyhow::bail!(
                "another server uses the data folder {}: stop it, or name another with --data",
                config.data.display()
            )
        }
        Err(TryLockError::Error(cause)) => Err(cause).with_context(|| format!("cannot lock {}", path.display())),
    }
}

/// Opens the folder and its store, making what is missing: database, pepper.
pub(crate) async fn open(config: &Config) -> anyhow::Result<Installation> {
    make_folder(&config.data)?;
    if config.store.is_empty() && config.database().exists() {
        known_pepper(config)?;
    }
    let store = assay_store::open(&config.store()?).await.with_context(|| match config.store.as_str() {
        "" => format!("cannot open the database in {}", config.data.display()),
        url => format!("cannot open the store at {url}"),
    })?;
    let pepper =
        if accounts::is_initialised(&*store).await? { known_pepper(config)? } else { read_or_make_pepper(config)? };
    accounts::check_pepper(&*store, &pepper).await.map_err(|wrong| anyhow::anyhow!(wrong.message))?;
    Ok(Installation { store, pepper })
}

/// The pepper of an installation that exists, which must be there.
fn known_pepper(config: &Config) -> anyhow::Result<Pepper> {
    let path = pepper_file(config);
    read_pepper(&path)?.with_context(|| {
        format!(
            "the pepper {} is missing although the installation exists: restore it from a backup, or name the one of the \
             other nodes (key_pepper_file), for without it no key works",
            path.display()
        )
    })
}

/// Writes the tiers as the server's configuration has them; commands beside the server must not, for they need not know
/// that configuration.
pub(crate) async fn write_tiers(installation: &Installation, config: &Config) -> anyhow::Result<()> {
    let premium = &config.tiers.premium;
    let mut limits = Limits { minute: premium.minute, day: premium.day, month: premium.month, ..Limits::PUBLIC };
    for (name, allowed) in &premium.quotas {
        let quota = name.parse::<Quota>().with_context(|| format!("tiers.premium.quotas: {name}"))?;
        limits.set(quota, *allowed);
    }
    accounts::write_tiers(&*installation.store, limits).await?;
    Ok(())
}

/// Opens a folder that must be an installation already; for commands beside the server.
pub(crate) async fn open_existing(config: &Config) -> anyhow::Result<Installation> {
    if config.store.is_empty() && !config.database().exists() {
        anyhow::bail!(
            "{} is no data folder of assay: name the one that `assay serve` uses with --data (or ASSAY_DATA)",
            config.data.display()
        );
    }
    open(config).await
}

/// Makes the operator where there is none. Answers the key where the caller is to show it.
pub(crate) async fn initialise(
    installation: &Installation,
    config: &Config,
    key_file: Option<&Path>,
    clock: &dyn Clock,
) -> anyhow::Result<Option<FirstKey>> {
    let store = &*installation.store;
    if accounts::is_initialised(store).await? {
        return Ok(None);
    }
    let terminal = std::io::stdout().is_terminal();
    let path = match key_file {
        Some(path) => Some(path.to_owned()),
        None if terminal => None,
        None => Some(config.data.join("operator.key")),
    };
    // The file is there before the account, so that a key is never made that nobody can read.
    let mut file = path.as_ref().map(|path| create_key_file(path)).transpose()?;
    let made = make_operator(installation, clock.now()).await;
    let key = match (made, &path) {
        (Ok(Some(key)), _) => key,
        (Ok(None), path) => {
            // Another node was quicker, and shows the key there.
            if let Some(path) = path {
                fs::remove_file(path)?;
            }
            return Ok(None);
        }
        (Err(error), Some(path)) => {
            let _the_first_error_counts = fs::remove_file(path);
            return Err(error);
        }
        (Err(error), None) => return Err(error),
    };
    if let Some(file) = &mut file {
        file.write_all(secrecy::ExposeSecret::expose_secret(&key).as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
    }
    Ok(Some(FirstKey { key, written_to: path }))
}

/// The operator's first key, and where it was written where nobody watches.
pub(crate) struct FirstKey {
    pub(crate) key: SecretString,
    pub(crate) written_to: Option<PathBuf>,
}

/// The operator's first key, or nothing where another node made the operator at the same moment.
async fn make_operator(installation: &Installation, now: Timestamp) -> anyhow::Result<Option<SecretString>> {
    let store = &*installation.store;
    // The key first would be a key without an account: refused, so the order is account, key.
    match accounts::create_user(store, accounts::OPERATOR, "operator", now).await {
        Ok(_) => {}
        Err(error) if error.code == Code::AlreadyExists => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let issued = accounts::create_key(store, accounts::OPERATOR, &installation.pepper, &SystemRandom, now).await?;
    Ok(Some(SecretString::from(issued.reveal().as_str())))
}

fn create_key_file(path: &Path) -> anyhow::Result<File> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    opened.with_context(|| {
        format!("cannot write the operator's key to {}: the file must not exist and its folder must", path.display())
    })
}

fn make_folder(path: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("cannot make the data folder {}", path.display()))
}

fn pepper_file(config: &Config) -> PathBuf {
    match &config.key_pepper_file {
        path if path.as_os_str().is_empty() => config.data.join("pepper"),
        path => path.clone(),
    }
}

fn read_pepper(path: &Path) -> anyhow::Result<Option<Pepper>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => zeroize::Zeroizing::new(text),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(cause).with_context(|| format!("cannot read {}", path.display())),
    };
    let pepper = Pepper::from_hex(&text);
    pepper.map(Some).with_context(|| format!("{} does not hold 64 hexadecimal digits", path.display()))
}

fn read_or_make_pepper(config: &Config) -> anyhow::Result<Pepper> {
    let path = pepper_file(config);
    if let Some(pepper) = read_pepper(&path)? {
        return Ok(pepper);
    }
    let folder = path.parent().context("the pepper's file has no folder")?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(Pepper::generate(&SystemRandom).to_hex().as_bytes())?;
    file.as_file().sync_all()?;
    // Two who start at once: the first to get here wins, the other reads what the first wrote.
    let _second_comer = file.persist_noclobber(&path);
    read_pepper(&path)?.context("the pepper was just written")
}
