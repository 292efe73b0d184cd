//! The configuration: one TOML file, `ASSAY_SECTION__KEY` in the environment, flags; the later wins. Unknown keys are
//! refused; values carry their unit. The struct is the source of the defaults, of `config.example.toml` and of
//! `docs/reference/config.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_api::app::KeyRules;
use assay_api::route::Feature;
use assay_engines::EnginesConfig;
use assay_intel::IntelConfig;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

pub(crate) mod document;
pub(crate) mod load;
mod look_ups;
pub(crate) mod units;
pub(crate) mod upstream;
mod urls;

pub(crate) use load::{Loaded, load};
pub(crate) use look_ups::{Dns, Rdap};
pub(crate) use urls::Urls;

/// Everything that an operator may set.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The folder that holds everything: database, files, keys, certificates.
    pub(crate) data: PathBuf,
    /// Where what is known is kept: empty for the embedded store in the data folder, or
    /// `postgres://user@host:port/database` for one that many nodes share. No password in it.
    pub(crate) store: String,
    /// The file with that store's password; the environment's `ASSAY_STORE_PASSWORD` counts before it.
    pub(crate) store_password_file: PathBuf,
    /// The folder of the samples' bytes; where it is empty, `blobs` in the data folder. Nodes that share a store share it.
    pub(crate) blobs: PathBuf,
    /// The file with the pepper that keys are hashed with; where it is empty, `pepper` in the data folder.
    pub(crate) key_pepper_file: PathBuf,
    /// Address and port to listen on; port 0 takes a free one.
    pub(crate) listen: String,
    /// Whether to listen on a non-loopback address without TLS.
    pub(crate) insecure_http: bool,
    /// `off`, `self-signed`, or `CERTIFICATE,KEY`: two PEM files.
    pub(crate) tls: String,
    /// The address under which clients reach the server, e.g. `https://assay.example`; where it is empty, what each
    /// client used.
    pub(crate) public_url: String,
    /// Whether to believe `X-Forwarded-Proto` and `X-Forwarded-Host`; only behind a proxy that sets them.
    pub(crate) trust_forwarded: bool,
    /// Whether API v2 is served under `/vtapi/v2/`.
    pub(crate) api_v2: bool,
    /// A STIX bundle of MITRE ATT&CK (`enterprise-attack.json`), out of which tactics and techniques are served; where it is
    /// empty, there are none. Read when the server starts.
    pub(crate) attack_bundle: PathBuf,
    /// What is switched off for everybody: `uploads`, `downloads`, `groups`, `key-management`, `requests`, `webhooks`,
    /// `broker`.
    pub(crate) features_off: Vec<Feature>,
    /// How many calls are worked on at once; what is beyond waits, interactive accounts before normal ones before bulk.
    pub(crate) calls: usize,
    /// Logs.
    pub(crate) log: Log,
    /// Work on samples.
    pub(crate) pipeline: Pipeline,
    /// What is kept in memory.
    pub(crate) memory: Memory,
    /// What the tiers may do.
    pub(crate) tiers: Tiers,
    /// How keys are made and replaced.
    pub(crate) keys: Keys,
    /// Where events may be sent.
    pub(crate) webhooks: Webhooks,
    /// Whether and how URLs are fetched.
    pub(crate) urls: Urls,
    /// The engines that judge files, URLs, domains and IP addresses.
    pub(crate) engines: EnginesConfig,
    /// What `VirusTotal` is asked for.
    pub(crate) upstream: upstream::Upstream,
    /// What is known of domains and IP addresses from files of yours.
    pub(crate) intel: IntelConfig,
    /// Whether and whom to ask for the records of domains.
    pub(crate) dns: Dns,
    /// Whether and whom to ask for the registrations of domains and IP addresses.
    pub(crate) rdap: Rdap,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: default_data_folder(),
            store: String::new(),
            store_password_file: PathBuf::new(),
            blobs: PathBuf::new(),
            key_pepper_file: PathBuf::new(),
            listen: "127.0.0.1:8080".to_owned(),
            insecure_http: false,
            tls: "off".to_owned(),
            public_url: String::new(),
            trust_forwarded: false,
            api_v2: true,
            attack_bundle: PathBuf::new(),
            features_off: Vec::new(),
            calls: 256,
            log: Log::default(),
            pipeline: Pipeline::default(),
            memory: Memory::default(),
            tiers: Tiers::default(),
            keys: Keys::default(),
            webhooks: Webhooks::default(),
            urls: Urls::default(),
            engines: EnginesConfig::default(),
            upstream: upstream::Upstream::default(),
            intel: IntelConfig::default(),
            dns: Dns::default(),
            rdap: Rdap::default(),
        }
    }
}

/// Whether something is done that others see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Switch {
    /// Nobody is called.
    Off,
    /// They are.
    On,
}

/// Section `log`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    /// `text` for eyes or `json`, a document a line. Goes to standard error.
    pub(crate) format: LogFormat,
    /// What is logged, in the manner of `tracing`: `info`, `warn,assay_store=debug`.
    pub(crate) filter: String,
    /// Whether each request is logged: id, route, status, time, key id, cost; never a key, never a query.
    pub(crate) requests: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned(), requests: true }
    }
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For eyes.
    Text,
    /// A JSON document a line.
    Json,
}

/// Section `pipeline`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Pipeline {
    /// How many samples are worked on at once; 0 is one a processor.
    pub(crate) workers: usize,
    /// When the model Magika is asked for the type: `always`, `undecided` (where magic bytes do not decide), `never`.
    pub(crate) magika: MagikaUse,
    /// How many uploads may be under way at once.
    pub(crate) uploads: usize,
    /// How long an upload may send nothing before it is ended.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) upload_patience: std::time::Duration,
}

impl Default for Pipeline {
    fn default() -> Self {
        Self {
            workers: 0,
            magika: MagikaUse::Undecided,
            uploads: 64,
            upload_patience: std::time::Duration::from_mins(1),
        }
    }
}

/// When Magika is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MagikaUse {
    /// For every file.
    Always,
    /// Where magic bytes do not decide.
    Undecided,
    /// For none.
    Never,
}

/// Section `memory`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Memory {
    /// Records of the store.
    #[schemars(with = "String")]
    pub(crate) records: bytesize::ByteSize,
    /// Reports that are ready to be sent.
    #[schemars(with = "String")]
    pub(crate) reports: bytesize::ByteSize,
}

impl Default for Memory {
    fn default() -> Self {
        Self { records: bytesize::ByteSize::mib(32), reports: bytesize::ByteSize::mib(32) }
    }
}

/// Section `tiers`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tiers {
    /// What premium accounts may do; public ones may do what VirusTotal's may: 4 requests a minute, 500 a day, 15,500 a
    /// month.
    pub(crate) premium: Premium,
}

/// Section `tiers.premium`. 1000000000 stands for no limit.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Premium {
    /// API requests in any minute.
    pub(crate) minute: u64,
    /// API requests in a UTC day.
    pub(crate) day: u64,
    /// API requests in a UTC month.
    pub(crate) month: u64,
    /// Everything else, by VirusTotal's names of quotas; nothing of what is not named.
    pub(crate) quotas: BTreeMap<String, u64>,
}

impl Default for Premium {
    fn default() -> Self {
        let quotas = [
            ("intelligence_searches_monthly", 10_000),
            ("intelligence_downloads_monthly", 10_000),
            ("intelligence_hunting_rules", 1_000),
            ("intelligence_retrohunt_jobs_monthly", 50),
            ("intelligence_graphs_private", 100),
            ("collections_creation_monthly", 1_000),
            ("private_scans_monthly", 10_000),
            ("private_scans_per_minute", 60),
            ("private_urlscans_monthly", 10_000),
            ("private_urlscans_per_minute", 60),
        ];
        let quotas = quotas.into_iter().map(|(name, allowed)| (name.to_owned(), allowed)).collect();
        Self { minute: 1_000, day: 1_000_000, month: 30_000_000, quotas }
    }
}

/// Section `keys`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Keys {
    /// How many live keys an account may have.
    pub(crate) live: usize,
    /// How long a rotated key works on where nobody says otherwise.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) overlap: std::time::Duration,
    /// And at the most.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) overlap_max: std::time::Duration,
}

impl Default for Keys {
    fn default() -> Self {
        let KeyRules { live, overlap, overlap_max } = KeyRules::default();
        Self { live, overlap, overlap_max }
    }
}

/// Section `webhooks`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Webhooks {
    /// Networks of this house that webhooks may point to, in CIDR notation; all internal addresses are refused otherwise.
    pub(crate) allow: Vec<String>,
    /// Whether webhooks may point to `http://` addresses.
    pub(crate) allow_http: bool,
    /// How long an answer is waited for.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) patience: std::time::Duration,
    /// A PEM file of authorities to trust beside the system's; none where it is empty.
    pub(crate) authorities: PathBuf,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            allow_http: false,
            patience: std::time::Duration::from_secs(15),
            authorities: PathBuf::new(),
        }
    }
}

impl Config {
    /// Where the database is.
    pub(crate) fn database(&self) -> PathBuf {
        self.data.join("assay.sqlite")
    }

    /// Where the samples' bytes are.
    pub(crate) fn blobs(&self) -> PathBuf {
        if self.blobs.as_os_str().is_empty() { self.data.join("blobs") } else { self.blobs.clone() }
    }

    /// The store as it is to be opened.
    pub(crate) fn store(&self) -> anyhow::Result<assay_store::Config> {
        let cache_bytes = self.memory.records.as_u64();
        if self.store.is_empty() {
            return Ok(assay_store::Config::Sqlite { path: self.database(), cache_bytes });
        }
        let password = store_password(&self.store_password_file)?;
        Ok(assay_store::Config::Postgres { url: self.store.clone(), password, cache_bytes })
    }
}

/// The password of the shared store: from the environment, else from its file.
#[expect(clippy::disallowed_methods, reason = "the configuration is where the environment is read")]
pub(crate) fn store_password(file: &Path) -> anyhow::Result<Option<SecretString>> {
    if let Ok(password) = std::env::var("ASSAY_STORE_PASSWORD") {
        return Ok(Some(password.into()));
    }
    if file.as_os_str().is_empty() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned().into()))
}

/// `$XDG_DATA_HOME/assay` or `~/.local/share/assay`; a folder `assay-data` here where there is no home.
#[expect(clippy::disallowed_methods, reason = "the configuration is where the environment is read")]
fn default_data_folder() -> PathBuf {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    folder("XDG_DATA_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local/share")))
        .map_or_else(|| Path::new("assay-data").to_owned(), |base| base.join("assay"))
}
