//! The operator's words for what he supplies: section `intel` of the configuration.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Section `intel`: what is known of domains and IP addresses from files of yours. Changes of the files are taken in use
/// without a restart; reports take them up with the next analysis.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IntelConfig {
    /// Databases of networks (`.mmdb`) with countries or autonomous systems, up to 2 GiB each; they are kept in memory.
    /// Of two that know the same the first counts.
    pub databases: Vec<PathBuf>,
    /// Lists of popular domains: each `[[intel.popularity]]` with `name` and `path`, CSV with a rank and a domain a line.
    pub popularity: Vec<PopularityConfig>,
    /// IANA's lists of RDAP servers (`dns.json`, `ipv4.json`, `ipv6.json` of <https://data.iana.org/rdap/>), up to 8 MiB
    /// each: they say whom `rdap` asks.
    pub registries: Vec<PathBuf>,
}

/// One `[[intel.popularity]]`: CSV with a rank and a domain a line, up to 256 MiB.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PopularityConfig {
    /// As reports name it under `popularity_ranks`.
    pub name: String,
    /// The file.
    pub path: PathBuf,
}
