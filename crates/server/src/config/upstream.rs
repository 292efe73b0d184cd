//! Section `upstream`: what `VirusTotal` is asked for, and how. With `host` and `key_file` it does at the start what
//! `assay upstream add` does.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use assay_broker::download::Downloads;
use assay_broker::freshness::{Freshness, Reports};
use assay_broker::priority::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::units;

/// Section `upstream`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the operator's, by itself")]
pub(crate) struct Upstream {
    /// With whom to have a contract from the start: `https://www.virustotal.com`; where it is empty, contracts are made
    /// with `assay upstream add`.
    pub(crate) host: String,
    /// What that contract is called.
    pub(crate) name: String,
    /// The file with its key.
    pub(crate) key_file: PathBuf,
    /// The group that it serves; where it is empty, the whole installation, which is then one tenant.
    pub(crate) group: String,
    /// The one account that it serves, where its key is of `VirusTotal`'s public tier.
    pub(crate) account: String,
    /// A PEM file of authorities to trust beside the system's; none where it is empty.
    pub(crate) authorities: PathBuf,
    /// The one proxy that leads out of this network, `http://host:port`; none where it is empty.
    pub(crate) proxy: String,
    /// Whether hosts other than this machine may be spoken to without TLS.
    pub(crate) allow_http: bool,
    /// A program and its arguments that prints 64 hexadecimal digits, under which upstream keys are sealed; where it is
    /// empty, the pepper is what they are sealed under.
    pub(crate) secret_command: Vec<String>,
    /// How long one call may take.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) patience: Duration,
    /// How long an interactive call waits for its turn in the contract's minute; a normal one waits a quarter of it, a
    /// bulk one not at all.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) turn: Duration,
    /// How often a call that failed in passing is tried again.
    pub(crate) retries: u32,
    /// How many calls are under way at once.
    pub(crate) at_once: usize,
    /// Which share of each quota is held back for interactive calls, percent.
    pub(crate) reserve: u8,
    /// Whether what is known here is asked for too, so that reports show both sides; otherwise only what is not known.
    pub(crate) enrich: bool,
    /// Whether files that are not here may be downloaded from `VirusTotal` by accounts that may download: their bytes pass
    /// through, are compared with the hash that was asked for, and are not kept.
    pub(crate) downloads: bool,
    /// Whether feeds may be read from `VirusTotal` by accounts that have their privileges: minute and hour batches pass
    /// through as they come. The bytes of the files that a batch links to are downloads.
    pub(crate) feeds: bool,
    /// The hosts that such bytes and batches may come from, each with the names below it, beside the contract's own.
    pub(crate) download_hosts: Vec<String>,
    /// Names that end so are internal ones: nothing about them leaves, nor about addresses that the internet does not
    /// route.
    pub(crate) internal_suffixes: Vec<String>,
    /// Which class calls are in, where their account's own does not fit: tables of `account`, `label` (of the key),
    /// `client` (`User-Agent`), each a text or its beginning and `*`, and `class`. The first that fits counts.
    pub(crate) rules: Vec<Rule>,
    /// How long answers are fresh.
    pub(crate) freshness: Fresh,
}

impl Default for Upstream {
    fn default() -> Self {
        let assay_broker::Settings { reserve, at_once, retries, patience, longest_call, internal_suffixes, .. } =
            assay_broker::Settings::default();
        Self {
            host: String::new(),
            name: "virustotal".to_owned(),
            key_file: PathBuf::new(),
            group: String::new(),
            account: String::new(),
            authorities: PathBuf::new(),
            proxy: String::new(),
            allow_http: false,
            secret_command: Vec::new(),
            patience: longest_call,
            turn: patience,
            retries,
            at_once,
            reserve,
            enrich: false,
            downloads: false,
            feeds: false,
            download_hosts: Downloads::default().hosts,
            internal_suffixes,
            rules: Vec::new(),
            freshness: Fresh::default(),
        }
    }
}

/// Section `upstream.freshness`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Fresh {
    /// Reports of files that five engines or more find.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) files_detected: Duration,
    /// Reports of files that fewer find, or that are suspicious.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) files_undecided: Duration,
    /// Reports of files that none finds.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) files_clean: Duration,
    /// Reports of URLs, domains and IP addresses that five engines or more find.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) hosts_detected: Duration,
    /// The same that fewer find, or that are suspicious.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) hosts_undecided: Duration,
    /// The same that none finds.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) hosts_clean: Duration,
    /// Reports of what was first seen within the last three days, unless five engines find it.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) young: Duration,
    /// Relationships.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) relationships: Duration,
    /// Comments and votes.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) discussion: Duration,
    /// Behaviour reports.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) behaviours: Duration,
    /// Results of searches.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) searches: Duration,
    /// That something is not known.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) unknown: Duration,
    /// How much older an answer may be where a fresh one cannot be had.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) stale: Duration,
}

impl Default for Fresh {
    fn default() -> Self {
        let Freshness { files, hosts, young, relationships, discussion, behaviours, searches, unknown, stale } =
            Freshness::default();
        Self {
            files_detected: files.detected,
            files_undecided: files.undecided,
            files_clean: files.clean,
            hosts_detected: hosts.detected,
            hosts_undecided: hosts.undecided,
            hosts_clean: hosts.clean,
            young,
            relationships,
            discussion,
            behaviours,
            searches,
            unknown,
            stale,
        }
    }
}

impl Fresh {
    fn freshness(&self) -> Freshness {
        Freshness {
            files: Reports { detected: self.files_detected, undecided: self.files_undecided, clean: self.files_clean },
            hosts: Reports { detected: self.hosts_detected, undecided: self.hosts_undecided, clean: self.hosts_clean },
            young: self.young,
            relationships: self.relationships,
            discussion: self.discussion,
            behaviours: self.behaviours,
            searches: self.searches,
            unknown: self.unknown,
            stale: self.stale,
        }
    }
}

impl Upstream {
    /// The broker's settings. `shared_store` says whether other processes work on the same store.
    pub(crate) fn settings(&self, shared_store: bool) -> anyhow::Result<assay_broker::Settings> {
        anyhow::ensure!(self.reserve <= 100, "upstream.reserve is a share in percent, at most 100");
        Ok(assay_broker::Settings {
            shared_store,
            reserve: self.reserve,
            freshness: self.freshness.freshness(),
            internal_suffixes: self.internal_suffixes.clone(),
            rules: self.rules.clone(),
            at_once: self.at_once,
            retries: self.retries,
            patience: self.turn,
            longest_call: self.patience,
            allow_http: self.allow_http,
            enrich: self.enrich,
            downloads: self.downloads.then(|| Downloads { hosts: self.download_hosts.clone() }),
            feeds: self.feeds.then(|| Downloads { hosts: self.download_hosts.clone() }),
            ..assay_broker::Settings::default()
        })
    }

    /// How calls are made.
    pub(crate) fn calls(&self) -> anyhow::Result<assay_upstream::Config> {
        let proxy = match self.proxy.as_str() {
            "" => None,
            text => Some(Url::parse(text).context("upstream.proxy is no URL")?),
        };
        let authorities = Some(self.authorities.clone()).filter(|path| !path.as_os_str().is_empty());
        Ok(assay_upstream::Config { authorities, proxy, patience: self.patience })
    }
}
