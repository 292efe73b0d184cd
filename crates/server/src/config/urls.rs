//! Section `urls`.

use std::path::PathBuf;
use std::time::Duration;

use assay_web::Policy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Switch, units};

/// Section `urls`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Urls {
    /// `off`, or `on`: URLs that are submitted are fetched, and domains and IP addresses that are analysed are asked for
    /// their certificate, at addresses of the open internet only.
    pub(crate) fetch: Switch,
    /// The ports that are called.
    pub(crate) ports: Vec<u16>,
    /// Networks of this house that may be called, in CIDR notation; all internal addresses are refused otherwise.
    pub(crate) allow: Vec<String>,
    /// How many redirects are followed.
    pub(crate) redirects: usize,
    /// How much of a URL's content is read, unpacked.
    #[schemars(with = "String")]
    pub(crate) content: bytesize::ByteSize,
    /// How long each answer, and each piece of one, is waited for.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) patience: Duration,
    /// How long a URL with all its redirects may take.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) total: Duration,
    /// The program that pictures the pages of URLs that are fetched: a Chromium, e.g. `/usr/bin/chromium`, or a script that
    /// starts one. Pages are not pictured where it is empty.
    pub(crate) screenshots: PathBuf,
    /// How long a picture may take; a page that goes on loading is pictured as it is after half of it.
    #[serde(with = "units::duration")]
    #[schemars(with = "String")]
    pub(crate) screenshot_patience: Duration,
    /// As what the server introduces itself; as Assay where it is empty.
    pub(crate) user_agent: String,
    /// How many addresses are worked on at once.
    pub(crate) at_once: usize,
}

impl Default for Urls {
    fn default() -> Self {
        let Policy { ports, redirects, body, patience, total, .. } = Policy::default();
        Self {
            fetch: Switch::Off,
            ports,
            allow: Vec::new(),
            redirects,
            content: bytesize::ByteSize::b(body),
            patience,
            total,
            screenshots: PathBuf::new(),
            screenshot_patience: Duration::from_secs(20),
            user_agent: String::new(),
            at_once: 8,
        }
    }
}
