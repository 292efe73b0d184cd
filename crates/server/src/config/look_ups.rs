//! Sections `dns` and `rdap`.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Switch;
use super::units;

/// Section `dns`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Dns {
    /// `off`, or `on`: name servers are asked for the records of domains that are analysed, and of hosts of URLs.
    pub(crate) look_up: Switch,
    /// The name servers, `192.0.2.53` or `192.0.2.53:5353`; those of the machine where none is named. Where some are
    /// named, the hosts of URLs that are fetched are resolved by them, too.
    pub(crate) servers: Vec<String>,
    /// Names for which, and below which, nobody is asked: those of this house.
    pub(crate) never: Vec<String>,
    /// How long each answer is waited for.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) patience: Duration,
}

impl Default for Dns {
    fn default() -> Self {
        Self { look_up: Switch::Off, servers: Vec::new(), never: Vec::new(), patience: Duration::from_secs(3) }
    }
}

/// Section `rdap`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Rdap {
    /// `off`, or `on`: registries are asked about domains and IP addresses that are analysed, and hosts of URLs.
    pub(crate) look_up: Switch,
    /// Whom to ask where no file of `intel.registries` says it, e.g. `https://rdap.org`; nobody where it is empty.
    pub(crate) server: String,
    /// The ports that are called.
    pub(crate) ports: Vec<u16>,
    /// Networks of this house that may be called, in CIDR notation; all internal addresses are refused otherwise.
    pub(crate) allow: Vec<String>,
    /// How long an answer holds before it is asked for again.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) fresh: Duration,
    /// How long each answer is waited for.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) patience: Duration,
}

impl Default for Rdap {
    fn default() -> Self {
        Self {
            look_up: Switch::Off,
            server: String::new(),
            ports: vec![443, 80],
            allow: Vec::new(),
            fresh: Duration::from_hours(24),
            patience: Duration::from_secs(10),
        }
    }
}
