//! From file, environment and flags to a [`Config`]. All mistakes are reported at once, each with its key and origin.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use toml::{Table, Value};

use super::Config;

/// The prefix of environment variables that are configuration keys.
const PREFIX: &str = "ASSAY_";
/// Variables with the prefix that belong to the client commands.
const CLIENT: &[&str] = &["ASSAY_SERVER", "ASSAY_API_KEY", "ASSAY_API_KEY_FILE", "ASSAY_CA_FILE"];

/// A configuration, and where each of its values comes from where it is not the default.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The result.
    pub(crate) config: Config,
    /// Key to origin: `file`, `environment`, `flag`.
    pub(crate) origins: BTreeMap<String, &'static str>,
}

/// Reads the file, then the environment, then what the flags say.
pub(crate) fn load(file: Option<&Path>, flags: &[(&str, Value)]) -> anyhow::Result<Loaded> {
    let mut table = Table::new();
    let mut origins = BTreeMap::new();
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        table = text.parse().with_context(|| format!("{} is not valid TOML", path.display()))?;
        for key in keys(&table, "") {
            origins.insert(key, "file");
        }
    }
    for (name, value) in environment() {
        set(&mut table, &name, value)?;
        origins.insert(name, "environment");
    }
    for (name, value) in flags {
        set(&mut table, name, value.clone())?;
        origins.insert((*name).to_owned(), "flag");
    }
    let config = check(&table, &origins)?;
    Ok(Loaded { config, origins })
}

/// Every mistake at once: each key is tried by itself over the defaults.
fn check(table: &Table, origins: &BTreeMap<String, &'static str>) -> anyhow::Result<Config> {
    match Config::deserialize_table(table) {
        Ok(config) => Ok(config),
        Err(first) => {
            let mut mistakes = Vec::new();
            for (key, origin) in origins {
                let mut alone = Table::new();
                if let Some(value) = get(table, key) {
                    set(&mut alone, key, value.clone())?;
                    if let Err(error) = Config::deserialize_table(&alone) {
                        mistakes.push(format!("  {key} (from {origin}): {}", error.message()));
                    }
                }
            }
            if mistakes.is_empty() {
                mistakes.push(format!("  {}", first.message()));
            }
            anyhow::bail!("the configuration has {} mistake(s):\n{}", mistakes.len(), mistakes.join("\n"))
        }
    }
}

impl Config {
    fn deserialize_table(table: &Table) -> Result<Self, toml::de::Error> {
        serde::Deserialize::deserialize(table.clone())
    }
}

/// `ASSAY_LOG__FORMAT=json` is `log.format = "json"`.
#[expect(clippy::disallowed_methods, reason = "the configuration is where the environment is read")]
fn environment() -> Vec<(String, Value)> {
    let own = |name: &String| name.starts_with(PREFIX) && !CLIENT.contains(&name.as_str());
    std::env::vars()
        .filter(|(name, _)| own(name))
        .map(|(name, text)| (name[PREFIX.len()..].to_lowercase().replace("__", "."), read(&text)))
        .collect()
}

/// A number, a truth value or a list where the text is one in TOML; else the text itself.
fn read(text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn set(table: &mut Table, name: &str, value: Value) -> anyhow::Result<()> {
    match name.split_once('.') {
        None => {
            table.insert(name.to_owned(), value);
            Ok(())
        }
        Some((section, rest)) => {
            let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            let inner = inner.as_table_mut().with_context(|| format!("{section} is a value, not a section"))?;
            set(inner, rest, value)
        }
    }
}

fn get<'a>(table: &'a Table, name: &str) -> Option<&'a Value> {
    match name.split_once('.') {
        None => table.get(name),
        Some((section, rest)) => get(table.get(section)?.as_table()?, rest),
    }
}

/// The dotted names of all values.
fn keys(table: &Table, prefix: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (name, value) in table {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) => all.extend(keys(inner, &name)),
            _ => all.push(name),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("assay.toml");
        std::fs::write(&path, "listen = 7\n[log]\nformat = \"xml\"\n[engines.yara]\npatience = \"soon\"\nrulez = 1\n")
            .expect("a file");
        let error = load(Some(&path), &[]).expect_err("four mistakes").to_string();
        for key in ["listen", "log.format", "engines.yara.patience", "engines.yara.rulez"] {
            assert!(error.contains(key), "{key} is not in {error}");
        }
    }

    #[test]
    fn a_flag_wins_over_the_file_and_its_origin_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("assay.toml");
        std::fs::write(&path, "listen = \"127.0.0.1:1\"\ntls = \"self-signed\"\n").expect("a file");
        let loaded = load(Some(&path), &[("listen", Value::String("127.0.0.1:2".to_owned()))]).expect("loaded");
        assert_eq!(loaded.config.listen, "127.0.0.1:2");
        assert_eq!(loaded.origins["listen"], "flag");
        assert_eq!(loaded.origins["tls"], "file");
        assert_eq!(loaded.config.tls, "self-signed");
    }

    #[test]
    fn the_defaults_survive_the_round_trip_through_toml() {
        let text = toml::to_string(&Config::default()).expect("serialisable");
        let table: Table = text.parse().expect("TOML");
        assert!(Config::deserialize_table(&table).is_ok(), "{text}");
    }
}
