//! The API key and the ways it may come in: the environment or a file, never the command line, where every process
//! of the machine and the shell's history could read it.

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use secrecy::{ExposeSecret as _, SecretString};

use super::problem::Problem;

const KEY: &str = "api_key";
const KEY_FILE: &str = "api_key_file";

/// What a command says that has no key to work with.
pub(super) const THREE_WAYS: &str = "Give it in one of three ways: ASSAY_API_KEY in the environment; --api-key-file FILE; \
    ASSAY_API_KEY_FILE in the environment, naming the file. `assay serve` shows the operator's key at its first \
    start, `assay key create` makes more.";

/// Where the key comes from. Flags win over the environment, and there the key over the file.
#[derive(Debug)]
pub(crate) enum KeySource {
    /// `ASSAY_API_KEY`, with whatever stands around the key.
    Given(SecretString),
    /// `--api-key-file` or `ASSAY_API_KEY_FILE`.
    File(PathBuf),
    /// Nothing was said.
    Nowhere,
}

impl KeySource {
    /// The key, read from its file where one is named.
    pub(crate) fn key(self) -> Result<SecretString, Problem> {
        match self {
            Self::Given(key) => Ok(SecretString::from(key.expose_secret().trim())),
            Self::File(path) => from_file(&path),
            Self::Nowhere => Err(Problem::key("there is no API key to ask with", THREE_WAYS)),
        }
    }
}

/// The first line of the file that is not blank.
fn from_file(path: &Path) -> Result<SecretString, Problem> {
    let shown = path.display();
    let text = SecretString::from(
        std::fs::read_to_string(path)
            .map_err(|error| Problem::key(format!("the key file {shown} cannot be read: {error}"), THREE_WAYS))?,
    );
    let line = text.expose_secret().lines().map(str::trim).find(|line| !line.is_empty());
    match line {
        Some(line) => Ok(SecretString::from(line)),
        None => Err(Problem::key(format!("the key file {shown} is empty"), THREE_WAYS)),
    }
}

impl clap::FromArgMatches for KeySource {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let source = |name| matches.value_source(name);
        if source(KEY) == Some(ValueSource::CommandLine) {
            return Err(clap::Error::raw(
                ErrorKind::ArgumentConflict,
                "a key is not taken from the command line, where other users of this machine and your shell's history \
                 can read it (treat the one you typed as known to them). Put it into ASSAY_API_KEY, or into a file for \
                 --api-key-file.",
            ));
        }
        let file = || matches.get_one::<PathBuf>(KEY_FILE).map(|path| Self::File(path.clone()));
        let given = || {
            let key = matches.get_one::<String>(KEY).filter(|key| !key.trim().is_empty());
            key.map(|key| Self::Given(SecretString::from(key.as_str())))
        };
        let named = if source(KEY_FILE) == Some(ValueSource::CommandLine) { file() } else { None };
        Ok(named.or_else(given).or_else(file).unwrap_or(Self::Nowhere))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for KeySource {
    fn augment_args(command: Command) -> Command {
        let refused = Arg::new(KEY)
            .long("api-key")
            .visible_alias("apikey")
            .short('k')
            .env("ASSAY_API_KEY")
            .hide_env_values(true)
            .hide(true)
            .value_name("KEY")
            .global(true);
        let file = Arg::new(KEY_FILE)
            .long("api-key-file")
            .env("ASSAY_API_KEY_FILE")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .global(true)
            .help("File whose first line is the API key; the key itself may be in ASSAY_API_KEY instead");
        command.arg(refused).arg(file)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn parse(arguments: &[&str]) -> Result<KeySource, clap::Error> {
        // Without the environment, which belongs to whoever runs the tests.
        let command = KeySource::augment_args(Command::new("assay")).mut_args(|argument| argument.env(None));
        KeySource::from_arg_matches(&command.try_get_matches_from([&["assay"], arguments].concat())?)
    }

    #[test]
    fn a_key_on_the_command_line_is_refused_and_not_repeated() {
        for arguments in [["--api-key", "s3cret"], ["--apikey", "s3cret"], ["-k", "s3cret"]] {
            let refusal = parse(&arguments).expect_err("refused").to_string();
            assert!(refusal.contains("ASSAY_API_KEY") && !refusal.contains("s3cret"), "{refusal}");
        }
    }

    #[test]
    fn without_a_key_the_three_ways_are_named() {
        let problem = parse(&[]).expect("parses").key().expect_err("no key").to_string();
        for way in ["ASSAY_API_KEY in", "--api-key-file", "ASSAY_API_KEY_FILE"] {
            assert!(problem.contains(way), "{problem}");
        }
    }

    #[test]
    fn a_key_file_gives_its_first_line_without_blanks() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        std::fs::write(&path, "\n  abc123 \r\nsecond\n").expect("written");
        let arguments = ["--api-key-file", path.to_str().expect("a plain path")];
        let key = parse(&arguments).expect("parses").key().expect("a key");
        assert_eq!(key.expose_secret(), "abc123");
        std::fs::write(&path, " \n").expect("written");
        let problem = parse(&arguments).expect("parses").key().expect_err("empty").to_string();
        assert!(problem.contains("is empty"), "{problem}");
    }
}
