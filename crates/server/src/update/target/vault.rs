//! A field of a secret in Vault's or `OpenBao`'s key-value engine, version 2: read, and written with check-and-set, so that
//! nobody else's change is lost. The engine keeps the versions before; the old key is read from there.
//!
//! Source: <https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2>

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::HeaderValue;
use reqwest::{Method, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value as Json, json};
use url::{Host, Url};

use super::{Entry, Held, Keys, Problem, Target};
use crate::client::connection;
use crate::client::problem::Kind;
use crate::update::fault;
use crate::update::plan::Vault;
use crate::update::report::Change;

/// No secret is longer, bytes.
const LONGEST: usize = 4 << 20;
/// No token is longer, bytes.
const TOKEN: u64 = 64 << 10;

/// The secret that a plan names.
pub(super) struct Secret<'a> {
    vault: &'a Vault,
    http: reqwest::Client,
    token: SecretString,
}

/// A version of a secret.
struct Version {
    number: u64,
    fields: Map<String, Json>,
}

impl<'a> Secret<'a> {
    /// Reads the token and asks nothing yet.
    pub(super) fn open(vault: &'a Vault, patience: Duration) -> Result<Self, Problem> {
        let loopback = match vault.address.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        if vault.address.scheme() == "http" && !loopback {
            return Err(Problem::local(format!("{} would be sent a token in the clear", vault.address))
                .mend("Say https://, or speak to an agent on this machine."));
        }
        let authorities = vault.ca.as_deref().map(connection::authorities).transpose()?.unwrap_or_default();
        let builder = reqwest::Client::builder().redirect(redirect::Policy::none()).timeout(patience);
        let builder = if loopback { builder.no_proxy() } else { builder };
        let builder = match vault.address.scheme() {
            "http" => builder.tls_certs_only([]),
            _ => builder.tls_certs_merge(authorities),
        };
        let http = builder.build().map_err(|error| Problem::local(format!("TLS cannot be set up: {error}")))?;
        Ok(Self { vault, http, token: token(vault.token_file.as_deref())? })
    }

    fn url(&self) -> Result<Url, Problem> {
        let mut url = self.vault.address.clone();
        let parts =
            ["v1"].into_iter().chain(self.vault.mount.split('/')).chain(["data"]).chain(self.vault.path.split('/'));
        url.path_segments_mut()
            .map_err(|()| Problem::local("vault.address is no address"))?
            .pop_if_empty()
            .extend(parts);
        Ok(url)
    }

    async fn ask(&self, method: Method, version: Option<u64>, body: Option<&Json>) -> Result<Json, Problem> {
        let shown = format!("{} ({}/{})", self.vault.address, self.vault.mount, self.vault.path);
        let mut token = HeaderValue::from_str(self.token.expose_secret())
            .map_err(|_| Problem::local("the token for Vault holds characters that no token has"))?;
        token.set_sensitive(true);
        let mut url = self.url()?;
        if let Some(version) = version {
            url.query_pairs_mut().append_pair("version", &version.to_string());
        }
        let mut request =
            self.http.request(method, url).header("x-vault-token", token).header("x-vault-request", "true");
        if let Some(namespace) = &self.vault.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let lost = |error: reqwest::Error| {
            let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
            Problem::new(Kind::Unreachable, format!("{shown} does not answer{cause}"))
        };
        let mut response = request.send().await.map_err(lost)?;
        let status = response.status();
        let mut bytes = zeroize::Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if bytes.len() + chunk.len() > LONGEST {
                return Err(Problem::new(Kind::Foreign, format!("{shown} answers more than a secret is long")));
            }
            bytes.extend_from_slice(&chunk);
        }
        let answer: Option<Json> = serde_json::from_slice(&bytes).ok();
        if status.is_success() {
            return answer.ok_or_else(|| Problem::new(Kind::Foreign, format!("{shown} answers no JSON")));
        }
        // Only what it says of errors: what else it answers may be the secret.
        let errors = answer.as_ref().and_then(|answer| answer["errors"].as_array()).cloned().unwrap_or_default();
        let said: Vec<&str> = errors.iter().filter_map(Json::as_str).collect();
        let reason = if said.is_empty() { status.to_string() } else { format!("{} ({status})", said.join("; ")) };
        Err(Problem::new(Kind::Refused(status.as_u16()), format!("{shown}: {reason}")))
    }

    async fn read(&self, version: Option<u64>) -> Result<Version, Problem> {
        let mut answer = self.ask(Method::GET, version, None).await?;
        let number = answer.pointer("/data/metadata/version").and_then(Json::as_u64);
        let fields = answer.pointer_mut("/data/data").map(Json::take);
        match (number, fields) {
            (Some(number), Some(Json::Object(fields))) => Ok(Version { number, fields }),
            _ => Err(Problem::new(
                Kind::Foreign,
                format!("{} holds no secret of the key-value engine, version 2", self.vault.address),
            )),
        }
    }

    fn key(&self, version: &Version) -> Result<SecretString, Problem> {
        let key = version.fields.get(&self.vault.field).and_then(Json::as_str).map(str::trim);
        key.map(SecretString::from).ok_or_else(|| {
            Problem::local(format!(
                "{}/{} has no text in the field {}",
                self.vault.mount, self.vault.path, self.vault.field
            ))
        })
    }

    /// Writes the secret with another key in it, if nobody has written it since `version`.
    async fn set(&self, mut version: Version, key: &SecretString) -> Result<(), Problem> {
        version.fields.insert(self.vault.field.clone(), key.expose_secret().into());
        let body = json!({ "options": { "cas": version.number }, "data": version.fields });
        fault::point();
        let written = self.ask(Method::POST, None, Some(&body)).await;
        fault::point();
        written.map(drop)
    }
}

/// The token, from its file or the environment.
#[expect(clippy::disallowed_methods, reason = "Vault's own clients read this variable; it is no setting of ours")]
fn token(file: Option<&Path>) -> Result<SecretString, Problem> {
    if let Some(path) = file {
        let unreadable = |error: std::io::Error| {
            Problem::local(format!("the token file {} cannot be read: {error}", path.display()))
        };
        let mut text = zeroize::Zeroizing::new(String::new());
        let opened = std::fs::File::open(path).map_err(unreadable)?;
        std::io::Read::read_to_string(&mut std::io::Read::take(opened, TOKEN), &mut text).map_err(unreadable)?;
        return Ok(SecretString::from(text.trim()));
    }
    let said = std::env::var("VAULT_TOKEN").ok().filter(|token| !token.trim().is_empty());
    said.map(|token| SecretString::from(token.trim()))
        .ok_or_else(|| Problem::local("there is no token for Vault").mend("Say token_file, or set VAULT_TOKEN."))
}

#[async_trait(?Send)]
impl Target for Secret<'_> {
    async fn look(&self) -> Result<Held, Problem> {
        let key = self.key(&self.read(None).await?)?;
        Ok(Held { changes: vec![Change::of(0, &format!("{} = ", self.vault.field), &key)], key: Some(key) })
    }

    async fn plan(&self, entry: &mut Entry) -> Result<(), Problem> {
        entry.version = Some(self.read(None).await?.number);
        Ok(())
    }

    async fn write(&self, key: &SecretString, entry: &mut Entry, keys: Keys<'_>) -> Result<(), Problem> {
        let version = self.read(None).await?;
        let held = self.key(&version)?;
        if held.expose_secret() == key.expose_secret() {
            return Ok(());
        }
        if entry.version != Some(version.number) && !keys.is_ours(&held) {
            let place = format!("{}/{}", self.vault.mount, self.vault.path);
            return Err(Problem::local(format!("{place} was changed by somebody else in between")));
        }
        self.set(version, key).await
    }

    async fn put_back(&self, entry: &Entry, keys: Keys<'_>) -> Result<(), Problem> {
        let version = self.read(None).await?;
        let held = self.key(&version)?;
        if keys.is_old(&held) || entry.version == Some(version.number) {
            return Ok(());
        }
        if !keys.is_ours(&held) {
            let place = format!("{}/{}", self.vault.mount, self.vault.path);
            return Err(Problem::local(format!("{place} holds another key by now, which is left"))
                .mend("Somebody else has changed it: see to it by hand."));
        }
        let own = match keys.old {
            Some(_) => None,
            None => self.old(entry).await,
        };
        let old = keys.old.or(own.as_ref()).ok_or_else(|| {
            Problem::local("the old key is nowhere to be read any more: the engine keeps no version of before")
        })?;
        self.set(version, old).await
    }

    async fn old(&self, entry: &Entry) -> Option<SecretString> {
        let version = self.read(Some(entry.version?)).await.ok()?;
        self.key(&version).ok()
    }

    async fn tidy(&self, _entry: &Entry) -> Result<(), Problem> {
        Ok(())
    }
}
