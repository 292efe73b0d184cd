//! `assay store`: moving an installation from one store to another.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use assay_store::copy::{self, CopyError, Summary};
use clap::{Args, Subcommand};
use secrecy::SecretString;
use serde_json::{Map, Value as Json, json};

use crate::client::problem::Problem;
use crate::config::{self, Config};
use crate::installation;
use crate::show::output::{print, print_json};
use crate::show::{Copying, Format, Output};

/// What `--help` ends with.
const NOTES: &str = "A store is a data folder, or postgres://user@host:port/database. Stop the servers of the source first. What is copied is compared \
row by row in the end. A copy that was interrupted goes on where it was; until it is whole, no server starts on it. The \
samples' bytes (blobs/) and the pepper are files, and stay where they are.

  assay store copy /srv/assay postgres://assay@db.example/assay --password-file /run/secrets/db";

/// Where what is known is kept.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Copy a store into an empty one, and compare them
    Copy(Copy),
}

#[derive(Debug, Args)]
struct Copy {
    /// A data folder, or postgres://user@host:port/database
    from: String,
    /// The same; it must be empty, or hold what an earlier try has copied
    to: String,
    /// The file with the database's password [default: `ASSAY_STORE_PASSWORD` in the environment]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The file with the source's password, where both are databases with different ones
    #[arg(long, value_name = "FILE")]
    from_password_file: Option<PathBuf>,
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { output, command: Command::Copy(copy) } = arguments;
    let from = Place::read(&copy.from)?;
    let to = Place::read(&copy.to)?;
    anyhow::ensure!(copy.from != copy.to, "source and target are the same");
    // No server writes to either meanwhile.
    let _locks = [from.lock(Must::Exist)?, to.lock(Must::BeMade)?];
    let password_of_source = copy.from_password_file.as_ref().or(copy.password_file.as_ref());
    let from = from.config(password_of_source)?;
    let to = to.config(copy.password_file.as_ref())?;
    let bar = Copying::new();
    let copied = copy::run(&from, &to, &mut |progress| bar.tell(&progress)).await;
    bar.finish();
    let summary = copied.map_err(mended)?;
    match output.format {
        Format::Json => print_json(&document(&summary))?,
        Format::Table => print(&sentence(&summary))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Where a store is.
enum Place {
    Folder(PathBuf),
    Database(String),
}

/// What has to be true of a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Must {
    Exist,
    BeMade,
}

impl Place {
    fn read(text: &str) -> anyhow::Result<Self> {
        if !text.contains("://") {
            return Ok(Self::Folder(PathBuf::from(text)));
        }
        let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "postgres" | "postgresql"));
        let Some(url) = url else {
            return Err(Problem::local("a store is a data folder or a postgres:// address")
                .mend("postgres://user@host:port/database")
                .into());
        };
        if url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password") {
            return Err(Problem::local(
                "a password on the command line is seen by everybody on this machine (treat the one you typed as known to them)",
            )
            .mend("Leave it out, and give it with --password-file FILE or in ASSAY_STORE_PASSWORD.")
            .into());
        }
        Ok(Self::Database(text.to_owned()))
    }

    fn folder(&self) -> Option<Config> {
        match self {
            Self::Folder(data) => Some(Config { data: data.clone(), ..Config::default() }),
            Self::Database(_) => None,
        }
    }

    /// Keeps servers out of a folder.
    fn lock(&self, must: Must) -> anyhow::Result<Option<std::fs::File>> {
        let Some(config) = self.folder() else { return Ok(None) };
        anyhow::ensure!(
            must == Must::BeMade || config.database().exists(),
            "{} is no data folder of assay: name the one that `assay serve` uses",
            config.data.display()
        );
        installation::lock(&config).map(Some)
    }

    fn config(self, password_file: Option<&PathBuf>) -> anyhow::Result<assay_store::Config> {
        // One row at a time passes: nothing is to be kept in memory.
        let cache_bytes = 0;
        match self {
            Self::Folder(data) => {
                let config = Config { data, ..Config::default() };
                Ok(assay_store::Config::Sqlite { path: config.database(), cache_bytes })
            }
            Self::Database(url) => {
                let password = password(password_file.map(PathBuf::as_path))?;
                Ok(assay_store::Config::Postgres { url, password, cache_bytes })
            }
        }
    }
}

/// A file on the command line counts before the environment.
fn password(file: Option<&Path>) -> anyhow::Result<Option<SecretString>> {
    let Some(file) = file else { return config::store_password(Path::new("")) };
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the password file {} cannot be read", file.display()))?;
    let text = zeroize::Zeroizing::new(text);
    Ok(Some(SecretString::from(text.trim_end_matches(['\r', '\n']))))
}

/// The error with what to do about it.
fn mended(error: CopyError) -> anyhow::Error {
    let mend = match &error {
        CopyError::Occupied => Some("Name an empty database or folder (`createdb assay`)."),
        CopyError::HalfOfAnother(_) => Some("Go on with that one, or name an empty database or folder."),
        CopyError::Different { .. } => {
            Some("Is a server still running on the source? Stop it, and copy into an empty store again.")
        }
        CopyError::Store(..) => Some("When it can be reached again, the same command goes on where it was."),
        CopyError::Memory => None,
    };
    let error = anyhow::Error::from(error);
    match mend {
        Some(mend) => error.context(mend),
        None => error,
    }
}

fn document(summary: &Summary) -> Json {
    let rows: Map<String, Json> =
        summary.rows.iter().map(|(table, rows)| (table.stored().to_owned(), (*rows).into())).collect();
    json!({ "rows": rows, "resumed": summary.resumed })
}

fn sentence(summary: &Summary) -> String {
    let sum: u64 = summary.rows.iter().map(|(_, rows)| rows).sum();
    let resumed = if summary.resumed { ", going on with what an earlier try had copied" } else { "" };
    format!(
        "{sum} rows copied and compared{resumed}. Start servers with --store (or `store` in the configuration), the same pepper \
         (key_pepper_file) and the same folder of samples."
    )
}
