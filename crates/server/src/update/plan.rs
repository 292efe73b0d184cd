//! The plan file: whose key, where it is in use, how each user of it is told. In goes TOML, out comes a [`Plan`] or all that is
//! wrong with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use assay_model::Sha256;
use assay_rewrite::Place;
use ipnet::IpNet;
use serde::Deserialize;
use url::Url;

use self::written::{Written, absolute};
use super::secret::fingerprint;
use crate::client::problem::Problem;

mod written;

/// How long a command or a probe may take where the plan does not say.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a key must be quiet before it is ended.
const SETTLE: Duration = Duration::from_secs(3);
/// Below this the old key might end before the run does.
const SHORTEST_OVERLAP: Duration = Duration::from_mins(10);
/// The longest plan, bytes, and the most targets.
const LONGEST: u64 = 1 << 20;
const MOST: usize = 500;

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Whose key.
    pub(crate) owner: Owner,
    /// Which of its keys, where that was said.
    pub(crate) key: Option<String>,
    /// How long the old key works on at most; as the server has it where nothing is said.
    pub(crate) overlap: Option<Duration>,
    /// The old key is left to end by itself once it was quiet for so long.
    pub(crate) retire_when_quiet: Option<Duration>,
    /// How long a key must be quiet before it is ended.
    pub(crate) settle: Duration,
    /// Where the new key of a contract is read from, where the plan says it.
    pub(crate) new_key: Option<Source>,
    /// Whether the old key of a contract stays registered once nothing uses it any more.
    pub(crate) keeps_old: bool,
    /// How long commands may take where a target does not say.
    pub(crate) patience: Duration,
    /// Where the key is in use.
    pub(crate) targets: Vec<Target>,
    /// What tells this plan from another one.
    pub(crate) fingerprint: Sha256,
    /// Paths and commands start here.
    pub(crate) folder: PathBuf,
}

/// Whose key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    /// An account of this server.
    Account(String),
    /// An upstream contract of the broker.
    Upstream(String),
}

/// Where a key is read from that was made elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The file that holds it and nothing else.
    File(PathBuf),
    /// What this command prints.
    Command(Vec<String>),
}

/// One place that holds the key.
#[derive(Debug)]
pub(crate) struct Target {
    /// What it is called.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) store: Store,
    /// Tells its user to read it again.
    pub(crate) reload: Option<Vec<String>>,
    /// Shows that the new key is in use.
    pub(crate) probe: Option<Probe>,
    /// How long each command and the probe may take.
    pub(crate) patience: Duration,
    /// It may hold something else than the old key.
    pub(crate) any_value: bool,
}

/// Where a key is kept.
#[derive(Debug)]
pub(crate) enum Store {
    /// In a file.
    File {
        /// Which.
        path: PathBuf,
        /// Where in it.
        place: Place,
        /// Everybody may read it, and that is known.
        world_readable: bool,
    },
    /// In a file that systemd encrypts for a credential of this name.
    Credential {
        /// Which.
        path: PathBuf,
        /// The credential's name.
        name: String,
    },
    /// In Vault, or `OpenBao`.
    Vault(Vault),
    /// With a command that takes it on standard input.
    Command {
        /// Hands it over.
        command: Vec<String>,
        /// Hands the old one over, or takes the new one back.
        put_back: Option<Vec<String>>,
    },
}

/// A secret of a key-value engine, version 2.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vault {
    /// `https://vault.example:8200`.
    #[serde(deserialize_with = "address")]
    pub(crate) address: Url,
    /// Where the engine is mounted.
    #[serde(default = "default_mount")]
    pub(crate) mount: String,
    /// The secret's path.
    pub(crate) path: String,
    /// Its field.
    pub(crate) field: String,
    /// The file that holds the token; `VAULT_TOKEN` in the environment where none is named.
    pub(crate) token_file: Option<PathBuf>,
    /// The namespace, where there are any.
    pub(crate) namespace: Option<String>,
    /// PEM file with an authority to trust beside the system's.
    pub(crate) ca: Option<PathBuf>,
}

fn address<'de, D: serde::Deserializer<'de>>(text: D) -> Result<Url, D::Error> {
    let text = String::deserialize(text)?;
    Url::parse(&text).map_err(|wrong| serde::de::Error::custom(format!("{text} is no address: {wrong}")))
}

fn default_mount() -> String {
    "secret".to_owned()
}

/// How the use of the new key is seen.
#[derive(Debug)]
pub(crate) enum Probe {
    /// A command that succeeds; it is tried again until it does.
    Command(Vec<String>),
    /// The server has seen the key from there.
    SeenFrom(IpNet),
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    account: Option<String>,
    upstream: Option<String>,
    key: Option<String>,
    overlap: Option<String>,
    retire_when_quiet: Option<String>,
    patience: Option<String>,
    settle: Option<String>,
    new_key: Option<WrittenSource>,
    old_key: Option<OldKey>,
    #[serde(default, rename = "target")]
    targets: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum WrittenSource {
    File(String),
    Command(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OldKey {
    Remove,
    Keep,
}

impl WrittenSource {
    fn read(self, folder: &Path) -> Result<Source, String> {
        match self {
            Self::File(text) => absolute(folder, &text).map(Source::File),
            Self::Command(words) if words.first().is_none_or(String::is_empty) => {
                Err("say a program and its arguments".to_owned())
            }
            Self::Command(words) => Ok(Source::Command(words)),
        }
    }
}

impl Plan {
    /// Reads a plan file.
    pub(crate) fn read(path: &Path) -> Result<Self, Problem> {
        let shown = path.display();
        let unreadable = |error: std::io::Error| Problem::local(format!("the plan {shown} cannot be read: {error}"));
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(unreadable)?;
        std::io::Read::read_to_string(&mut std::io::Read::take(file, LONGEST), &mut text).map_err(unreadable)?;
        let folder = path.canonicalize().map_err(unreadable)?.parent().map_or_else(|| "/".into(), Path::to_owned);
        Self::parse(&text, folder).map_err(|wrong| {
            Problem::local(format!("the plan {shown} is not understood:\n  {}", wrong.join("\n  ")))
                .mend("`assay key recipe` prints plans that are; docs/guide/update.md explains them.")
        })
    }

    fn parse(text: &str, folder: PathBuf) -> Result<Self, Vec<String>> {
        let document: Document = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            vec![format!("line {line}: {}", error.message())]
        })?;
        let mut wrong = Vec::new();
        let mut time = |name: &str, text: Option<&String>| {
            let read = text.map(|text| humantime::parse_duration(text).map_err(|error| format!("{name}: {error}")));
            read.transpose().unwrap_or_else(|why| {
                wrong.push(why);
                None
            })
        };
        let overlap = time("overlap", document.overlap.as_ref());
        let retire_when_quiet = time("retire_when_quiet", document.retire_when_quiet.as_ref());
        let patience = time("patience", document.patience.as_ref()).unwrap_or(PATIENCE);
        let settle = time("settle", document.settle.as_ref()).unwrap_or(SETTLE);
        if overlap.is_some_and(|overlap| overlap < SHORTEST_OVERLAP) {
            wrong.push(
                "overlap: less than 10m; the old key has to work until the run is over, which ends it".to_owned(),
            );
        }
        let owner = match (document.account, document.upstream) {
            (Some(account), None) => Owner::Account(account),
            (None, Some(upstream)) => Owner::Upstream(upstream),
            (None, None) => {
                wrong.push("say whose key: account = \"NAME\", or upstream = \"NAME\"".to_owned());
                Owner::Account(String::new())
            }
            (Some(_), Some(_)) => {
                wrong.push("account and upstream are two plans".to_owned());
                Owner::Account(String::new())
            }
        };
        if document.key.as_ref().is_some_and(|key| key.len() != 12 || !key.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            wrong.push("key: name it by its id, 12 hexadecimal digits; never write a key into a plan".to_owned());
        }
        let of_contract = matches!(owner, Owner::Upstream(_));
        if (document.targets.is_empty() && !of_contract) || document.targets.len() > MOST {
            wrong.push(format!("[[target]]: a plan has 1 to {MOST} of them"));
        }
        let others = [("overlap", overlap.is_some()), ("retire_when_quiet", retire_when_quiet.is_some())];
        for (name, _) in others.iter().filter(|(_, said)| *said && of_contract) {
            wrong.push(format!(
                "{name}: how long an upstream key works is VirusTotal's to say; the old one is out of use here at the end"
            ));
        }
        let of_accounts = [("new_key", document.new_key.is_some()), ("old_key", document.old_key.is_some())];
        for (name, _) in of_accounts.iter().filter(|(_, said)| *said && !of_contract) {
            wrong.push(format!(
                "{name}: the keys of an account are made and ended by the server; it goes with upstream"
            ));
        }
        let new_key = document.new_key.map(|source| source.read(&folder)).transpose().unwrap_or_else(|why| {
            wrong.push(format!("new_key: {why}"));
            None
        });
        let keeps_old = document.old_key == Some(OldKey::Keep);
        let mut targets = Vec::new();
        for (number, written) in document.targets.into_iter().enumerate() {
            let name = written.name();
            match written.read(name.clone(), &folder, patience) {
                Ok(target) => targets.push(target),
                Err(whys) => wrong.extend(whys.iter().map(|why| format!("target {} ({name}): {why}", number + 1))),
            }
        }
        for (at, target) in targets.iter().enumerate() {
            if of_contract && matches!(target.probe, Some(Probe::SeenFrom(_))) {
                wrong.push(format!(
                    "{}: seen_from: this server does not see who uses a key of VirusTotal's; say a probe",
                    target.name
                ));
            }
            if targets[..at].iter().any(|other| other.name == target.name) {
                wrong.push(format!("two targets are called {}; give one a name = \"…\"", target.name));
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let fingerprint = fingerprint(text.as_bytes());
        Ok(Self {
            owner,
            key: document.key,
            overlap,
            retire_when_quiet,
            settle,
            new_key,
            keeps_old,
            patience,
            targets,
            fingerprint,
            folder,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Plan, Vec<String>> {
        Plan::parse(text, "/etc/soc".into())
    }

    #[test]
    fn a_plan_names_account_targets_and_how_each_is_told() {
        let plan = parse(
            r#"
            account = "siem"
            overlap = "2h"
            patience = "5s"
            [[target]]
            file = ".env"
            env = "VT_API_KEY"
            reload = ["systemctl", "reload", "siem"]
            seen_from = "10.0.0.0/8"
            [[target]]
            command = ["vault", "kv", "put", "soc/vt", "key=-"]
            patience = "1m"
            "#,
        )
        .expect("a plan");
        assert_eq!((plan.owner, plan.overlap), (Owner::Account("siem".to_owned()), Some(Duration::from_hours(2))));
        let Store::File { path, place, .. } = &plan.targets[0].store else { panic!("a file") };
        assert_eq!((path.as_path(), place.to_string().as_str()), (Path::new("/etc/soc/.env"), "VT_API_KEY"));
        assert!(matches!(plan.targets[0].probe, Some(Probe::SeenFrom(_))));
        assert_eq!(plan.targets[0].patience, Duration::from_secs(5));
        assert_eq!(
            (plan.targets[1].name.as_str(), plan.targets[1].patience),
            ("vault kv put soc/vt key=-", Duration::from_mins(1))
        );
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let wrong = parse(
            r#"
            key = "a key"
            overlap = "soon"
            [[target]]
            file = "a"
            [[target]]
            file = "b"
            env = "A"
            toml = "b"
            [[target]]
            file = "b"
            yaml = "a..b"
            [[target]]
            reload = []
            probe = ["x"]
            seen_from = "everywhere"
            [[target]]
            vault = { address = "https://me:secret@host", path = "/a", field = "" }
            "#,
        )
        .expect_err("mistakes")
        .join("\n");
        for part in [
            "overlap",
            "whose key",
            "12 hexadecimal",
            "target 1 (a)",
            "target 2 (b)",
            "no path",
            "two ways",
            "reload",
            "say one of file",
            "token_file",
        ] {
            assert!(wrong.contains(part), "{part}: {wrong}");
        }
        assert!(!wrong.contains("me:secret"), "{wrong}");
    }

    #[test]
    fn what_would_end_the_old_key_too_early_and_unknown_words_are_refused() {
        let target = "[[target]]\nfile = \"a\"\nenv = \"A\"\n";
        assert!(
            parse(&format!("account = \"a\"\noverlap = \"1m\"\n{target}")).is_err_and(|wrong| wrong[0].contains("10m"))
        );
        assert!(parse(&format!("acount = \"a\"\n{target}")).is_err_and(|wrong| wrong[0].contains("line 1")));
        assert!(parse("account = \"a\"\n").is_err_and(|wrong| wrong[0].contains("[[target]]")));
        assert!(
            parse(&format!("account = \"a\"\n{target}{target}")).is_err_and(|wrong| wrong[0].contains("two targets"))
        );
    }

    #[test]
    fn a_plan_of_a_contract_may_have_no_targets_and_says_where_the_new_key_is() {
        let plan = parse("upstream = \"vt\"\nnew_key = { file = \"new.key\" }\nold_key = \"keep\"\n").expect("a plan");
        assert_eq!(plan.owner, Owner::Upstream("vt".to_owned()));
        assert_eq!((plan.new_key, plan.keeps_old), (Some(Source::File("/etc/soc/new.key".into())), true));
        let plan = parse("upstream = \"vt\"\nnew_key = { command = [\"vault\", \"read\"] }\n").expect("a plan");
        assert!(matches!(plan.new_key, Some(Source::Command(_))) && !plan.keeps_old);
        let target = "[[target]]\nfile = \"a\"\nenv = \"A\"\n";
        for (text, part) in [
            (format!("account = \"a\"\nold_key = \"keep\"\n{target}"), "goes with upstream"),
            (format!("upstream = \"vt\"\noverlap = \"24h\"\n{target}"), "VirusTotal's to say"),
            (format!("upstream = \"vt\"\n{target}seen_from = \"10.0.0.0/8\"\n"), "say a probe"),
            ("upstream = \"vt\"\nnew_key = { command = [] }\n".to_owned(), "a program"),
            ("upstream = \"vt\"\nnew_key = \"0a\"\n".to_owned(), "line 2"),
        ] {
            let wrong = parse(&text).expect_err(part).join("\n");
            assert!(wrong.contains(part), "{part}: {wrong}");
        }
    }
}
