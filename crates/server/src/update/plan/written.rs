//! A target as it is written in a plan. In goes TOML, out comes a [`Target`] or all that is wrong with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use assay_model::account::parse_network;
use assay_rewrite::{Format, Place};
use serde::Deserialize;

use super::{Probe, Store, Target, Vault};

/// The table as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    name: Option<String>,
    file: Option<String>,
    env: Option<String>,
    toml: Option<String>,
    yaml: Option<String>,
    json: Option<String>,
    hocon: Option<String>,
    ini: Option<String>,
    xml: Option<String>,
    kubernetes: Option<String>,
    #[serde(default)]
    whole: bool,
    credential: Option<String>,
    #[serde(default)]
    world_readable: bool,
    vault: Option<Vault>,
    command: Option<Vec<String>>,
    put_back: Option<Vec<String>>,
    #[serde(default)]
    any_value: bool,
    reload: Option<Vec<String>>,
    probe: Option<Vec<String>>,
    seen_from: Option<String>,
    patience: Option<String>,
}

impl Written {
    /// What it is called where nothing was said.
    pub(super) fn name(&self) -> String {
        let said = self.name.clone().or_else(|| self.file.clone());
        let vault = || self.vault.as_ref().map(|vault| format!("vault {}/{}", vault.mount, vault.path));
        let command = || self.command.as_ref().map(|command| command.join(" "));
        said.or_else(vault).or_else(command).unwrap_or_else(|| "without a place".to_owned())
    }

    pub(super) fn read(self, name: String, folder: &Path, patience: Duration) -> Result<Target, Vec<String>> {
        let mut wrong = Vec::new();
        let patience = match self.patience.as_deref().map(humantime::parse_duration) {
            Some(Ok(own)) => own,
            Some(Err(error)) => {
                wrong.push(format!("patience: {error}"));
                patience
            }
            None => patience,
        };
        for (what, command) in
            [("command", &self.command), ("put_back", &self.put_back), ("reload", &self.reload), ("probe", &self.probe)]
        {
            if command.as_ref().is_some_and(|command| command.first().is_none_or(String::is_empty)) {
                wrong.push(format!("{what}: say a program and its arguments: [\"systemctl\", \"reload\", \"siem\"]"));
            }
        }
        let probe = match (&self.probe, &self.seen_from) {
            (Some(_), Some(_)) => {
                wrong.push("probe and seen_from are two ways; say one".to_owned());
                None
            }
            (Some(command), None) => Some(Probe::Command(command.clone())),
            (None, Some(network)) => match parse_network(network) {
                Ok(network) => Some(Probe::SeenFrom(network)),
                Err(error) => {
                    wrong.push(format!("seen_from: {}", error.message));
                    None
                }
            },
            (None, None) => None,
        };
        let store = self.store(folder).map_err(|why| wrong.push(why));
        match store {
            Ok(store) if wrong.is_empty() => {
                Ok(Target { name, store, reload: self.reload, probe, patience, any_value: self.any_value })
            }
            _ => Err(wrong),
        }
    }

    fn store(&self, folder: &Path) -> Result<Store, String> {
        let count =
            [self.file.is_some(), self.vault.is_some(), self.command.is_some()].iter().filter(|said| **said).count();
        if count != 1 {
            return Err("say one of file, vault and command".to_owned());
        }
        if self.put_back.is_some() && self.command.is_none() {
            return Err("put_back belongs to a command; what was written elsewhere is put back by itself".to_owned());
        }
        let places = self.places();
        if self.file.is_none() && (!places.is_empty() || self.credential.is_some() || self.world_readable) {
            return Err("a place in a file is said without a file".to_owned());
        }
        if let Some(command) = &self.command {
            return Ok(Store::Command { command: command.clone(), put_back: self.put_back.clone() });
        }
        if let Some(vault) = &self.vault {
            return vault.checked(folder).map(Store::Vault);
        }
        let path = absolute(folder, self.file.as_deref().unwrap_or_default())?;
        match (places.as_slice(), &self.credential) {
            ([], Some(name)) => Ok(Store::Credential { path, name: name.clone() }),
            ([(format, text)], None) => {
                let place = Place::new(*format, text).map_err(|error| error.to_string())?;
                Ok(Store::File { path, place, world_readable: self.world_readable })
            }
            _ => Err("say one of env, toml, yaml, json, hocon, ini, xml, kubernetes, whole and credential".to_owned()),
        }
    }

    fn places(&self) -> Vec<(Format, &str)> {
        let said = [
            (Format::Env, &self.env),
            (Format::Toml, &self.toml),
            (Format::Yaml, &self.yaml),
            (Format::Json, &self.json),
            (Format::Hocon, &self.hocon),
            (Format::Ini, &self.ini),
            (Format::Xml, &self.xml),
            (Format::Kubernetes, &self.kubernetes),
        ];
        let mut places: Vec<_> = said.iter().filter_map(|(format, text)| Some((*format, text.as_deref()?))).collect();
        if self.whole {
            places.push((Format::Whole, ""));
        }
        places
    }
}

impl Vault {
    fn checked(&self, folder: &Path) -> Result<Self, String> {
        if !matches!(self.address.scheme(), "http" | "https") || self.address.host().is_none() {
            return Err("vault.address: say https://HOST:8200".to_owned());
        }
        if !self.address.username().is_empty() || self.address.password().is_some() {
            return Err("vault.address: it holds a password; the token is given with token_file".to_owned());
        }
        let fine = |text: &str| !text.is_empty() && !text.split('/').any(|part| matches!(part, "" | "." | ".."));
        for (name, text) in [("mount", &self.mount), ("path", &self.path)] {
            if !fine(text) {
                return Err(format!("vault.{name}: say it without slashes at its ends"));
            }
        }
        if self.field.is_empty() {
            return Err("vault.field: say which field holds the key".to_owned());
        }
        let place =
            |path: &Option<PathBuf>| path.as_ref().map(|path| absolute(folder, &path.to_string_lossy())).transpose();
        Ok(Self { token_file: place(&self.token_file)?, ca: place(&self.ca)?, ..self.clone() })
    }
}

/// A path of the plan: `~/` is the home of whoever runs it, others start at the plan's folder.
pub(super) fn absolute(folder: &Path, text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("file: it is empty".to_owned());
    }
    match text.strip_prefix("~/") {
        Some(rest) => {
            std::env::home_dir().map(|home| home.join(rest)).ok_or_else(|| "there is no home folder".to_owned())
        }
        None => Ok(folder.join(text)),
    }
}
