//! The operator's words for the engines: section `engines` of the configuration. Durations are text with a
//! unit (`"30s"`), sizes are said in the field's doc.

use std::path::PathBuf;
use std::time::Duration;

use assay_rules::OnMatch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Section `engines`: which engines judge files, URLs, domains and IP addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EnginesConfig {
    /// YARA rules.
    pub yara: YaraConfig,
    /// A `ClamAV` daemon.
    pub clamd: ClamdConfig,
    /// Lists of known hashes.
    pub hashlist: HashlistConfig,
    /// The heuristic over the file's structure.
    #[serde(rename = "static")]
    pub statics: StaticConfig,
    /// Lists of URLs, domains and networks: each `[[engines.list]]` with `name`, `path` (a file or a folder), and perhaps
    /// `meaning` (`malicious`, `malware`, `phishing`, `suspicious`, `spam`, `harmless`, `informational`), `category` and
    /// `subdomains = false`.
    pub list: Vec<ListConfig>,
    /// The heuristic over how an address is written.
    pub lexical: LexicalConfig,
}

/// Section `engines.yara`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct YaraConfig {
    /// Whether samples are scanned with rules at all.
    pub enabled: bool,
    /// Whether the rules that come with Assay are used.
    pub builtin: bool,
    /// Folders with rules of your own; changes are taken in use within seconds, without a restart.
    pub folder: Vec<Folder>,
    /// How long one sample with all its members may take, e.g. `"2m"`; counted in whole seconds.
    #[serde(with = "duration")]
    #[schemars(with = "String")]
    pub patience: Duration,
    /// How many samples are scanned at once; 0 is one per processor.
    pub threads: usize,
}

impl Default for YaraConfig {
    fn default() -> Self {
        Self { enabled: true, builtin: true, folder: Vec::new(), patience: Duration::from_mins(2), threads: 0 }
    }
}

/// One `[[engines.yara.folder]]`: every `*.yar` and `*.yara` below it, up to 16 MiB a file and 256 MiB in all.
/// Symbolic links below it are not followed; what they name inside the folder is found anyway.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// The folder.
    pub path: PathBuf,
    /// Where the rules come from, as reports name it.
    pub source: String,
    /// What a match means where the rule's own meta (`verdict`, `score`) does not say.
    #[serde(default)]
    pub verdict: OnMatch,
}

/// Section `engines.clamd`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClamdConfig {
    /// Where the daemon listens: `unix:/run/clamav/clamd.ctl` or `tcp:localhost:3310`. Not set: not asked.
    pub address: Option<String>,
    /// How long one sample may take, e.g. `"2m"`.
    #[serde(with = "duration")]
    #[schemars(with = "String")]
    pub patience: Duration,
}

impl Default for ClamdConfig {
    fn default() -> Self {
        Self { address: None, patience: Duration::from_mins(2) }
    }
}

/// Section `engines.hashlist`: text files with one MD5, SHA-1 or SHA-256 a line, mixed as you like, or CSV with
/// the hash first and a name second. `#` begins a comment. Changes are taken in use without a restart. A hash
/// that is in both is bad.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HashlistConfig {
    /// Files with hashes of malware.
    pub bad: Vec<PathBuf>,
    /// Files with hashes of good software.
    pub good: Vec<PathBuf>,
}

/// One `[[engines.list]]`: an engine over a list of URLs, domains and networks, in whichever of the usual forms: one a
/// line, hosts files, CIDR, the CSV of `URLhaus` and other feeds. Changes are taken in use without a restart.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListConfig {
    /// As reports name the engine.
    pub name: String,
    /// A file, or a folder of which every file that is not hidden is read.
    pub path: PathBuf,
    /// What it means to be in the list: `malicious`, `malware`, `phishing`, `suspicious`, `spam`, `harmless`, or
    /// `informational`, which is no verdict.
    #[serde(default)]
    pub meaning: Meaning,
    /// What reports say under `categories` of what is in the list, e.g. `advertising`; where it is not set, the meaning.
    #[serde(default)]
    pub category: Option<String>,
    /// Whether what is below a listed domain counts as listed. Nothing is below a public suffix.
    #[serde(default = "yes")]
    pub subdomains: bool,
}

fn yes() -> bool {
    true
}

/// What it means to be in a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Meaning {
    /// Bad in one way or another.
    #[default]
    Malicious,
    /// Serves malware or is spoken to by it.
    Malware,
    /// Pretends to be somebody else.
    Phishing,
    /// Perhaps bad.
    Suspicious,
    /// Advertised by unwanted mail.
    Spam,
    /// Known to be good.
    Harmless,
    /// No verdict.
    Informational,
}

/// Section `engines.static`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StaticConfig {
    /// Whether the heuristic is asked.
    pub enabled: bool,
}

impl Default for StaticConfig {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// Section `engines.lexical`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LexicalConfig {
    /// Whether the heuristic is asked.
    pub enabled: bool,
    /// Whether it knows the brands that come with Assay.
    pub builtin: bool,
    /// Files with brands of your own, `Name,domain,domain…` a line, up to 4 MiB; changes are taken in use without a
    /// restart.
    pub brands: Vec<PathBuf>,
}

impl Default for LexicalConfig {
    fn default() -> Self {
        Self { enabled: true, builtin: true, brands: Vec::new() }
    }
}

/// A duration as text with a unit.
mod duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(*duration))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        match humantime::parse_duration(&text) {
            Ok(Duration::ZERO) => Err(serde::de::Error::custom("must be longer than nothing")),
            Ok(duration) => Ok(duration),
            Err(error) => Err(serde::de::Error::custom(format!("`{text}` is not a duration such as \"30s\": {error}"))),
        }
    }
}
