//! What an operator supplies about domains and IP addresses: files in, attributes of reports out.
//!
//! | module | what it is |
//! |---|---|
//! | [`config`] | the operator's words for all this |
//! | `mmdb` | databases of networks in `MaxMind`'s form: country, continent, autonomous system |
//! | `popularity` | lists of popular domains |
//! | `registries` | IANA's lists of RDAP servers |
//! | `watched` | a file that is read again when it changes |
//!
//! To add a source: one file that turns the operator's file into look-ups, a key in [`config`], lines in [`Intel`].
//!
//! Invariant: what is not known is left out; nothing is guessed.
//! Invariant: a file that cannot be read any more leaves in use what was read of it before.

pub mod config;
mod mmdb;
mod popularity;
mod registries;
mod watched;

use std::path::Path;
use std::time::Duration;

use assay_model::address::{Item, Known};
use assay_model::domain::{Domain, DomainName};
use assay_model::ip::{Ip, IpAddress};
use tokio_util::sync::CancellationToken;

pub use config::IntelConfig;
use mmdb::Database;
use popularity::Ranking;
use registries::Registries;
use watched::Watched;

/// How often [`Intel::watch`] looks for changes.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// A file that the configuration names cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("intel.{section}: cannot use {path}")]
pub struct OpenError {
    section: &'static str,
    path: String,
    #[source]
    source: std::io::Error,
}

/// All that the operator supplies.
#[derive(Debug, Default)]
pub struct Intel {
    databases: Vec<Watched<Database>>,
    rankings: Vec<(String, Watched<Ranking>)>,
    registries: Vec<Watched<Registries>>,
}

impl Intel {
    /// Reads all files that the configuration names.
    pub fn open(config: &IntelConfig) -> Result<Self, OpenError> {
        let unusable = |section, path: &Path, source| OpenError { section, path: path.display().to_string(), source };
        let databases = config
            .databases
            .iter()
            .map(|path| Watched::open(path, Database::read).map_err(|error| unusable("databases", path, error)));
        let rankings = config.popularity.iter().map(|list| {
            let read = Watched::open(&list.path, Ranking::read);
            let read = read.map_err(|error| unusable("popularity", &list.path, error))?;
            Ok((list.name.clone(), read))
        });
        let registries = config
            .registries
            .iter()
            .map(|path| Watched::open(path, Registries::read).map_err(|error| unusable("registries", path, error)));
        Ok(Self {
            databases: databases.collect::<Result<_, _>>()?,
            rankings: rankings.collect::<Result<_, _>>()?,
            registries: registries.collect::<Result<_, _>>()?,
        })
    }

    /// Puts what is known of an address among its attributes.
    pub fn describe(&self, item: &Item, known: &mut Known) {
        match (item, known) {
            (Item::Domain(name), Known::Domain(domain)) => self.describe_domain(name, &mut domain.attributes),
            (Item::IpAddress(address), Known::IpAddress(ip)) => self.describe_ip(*address, &mut ip.attributes),
            _ => {}
        }
    }

    /// Puts what is known of an IP address among its attributes. Of two databases that know the same the first counts;
    /// what none knows any more is taken out.
    pub fn describe_ip(&self, address: IpAddress, ip: &mut Ip) {
        let mut known = mmdb::Known::default();
        for database in &self.databases {
            known = known.or(database.current().about(address.get()));
        }
        let mmdb::Known { asn, as_owner, country, continent, network } = known;
        (ip.asn, ip.as_owner, ip.country, ip.continent) = (asn, as_owner, country, continent);
        if network.is_some() {
            ip.network = network;
        }
    }

    /// Puts the places of a domain in lists of popular domains among its attributes.
    pub fn describe_domain(&self, name: &DomainName, domain: &mut Domain) {
        domain.popularity_ranks = self
            .rankings
            .iter()
            .filter_map(|(list, ranking)| Some((list.clone(), ranking.current().rank(name)?)))
            .collect();
    }

    /// Where to ask RDAP about a domain or an IP address: the URL of the question, if a list says whom to ask.
    pub fn registry(&self, item: &Item) -> Option<String> {
        self.registries.iter().find_map(|list| list.current().question(item))
    }

    /// Looks once for files that have changed, and takes the new in use.
    pub fn refresh(&self) {
        self.databases.iter().for_each(Watched::refresh);
        self.rankings.iter().for_each(|(_, ranking)| ranking.refresh());
        self.registries.iter().for_each(Watched::refresh);
    }

    /// Looks for changes until `stop` is cancelled.
    pub async fn watch(self: std::sync::Arc<Self>, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(WATCH_INTERVAL)).await.is_some() {
            let intel = self.clone();
            if let Err(crash) = tokio::task::spawn_blocking(move || intel.refresh()).await {
                tracing::error!(error = &crash as &dyn std::error::Error, "looking for changes crashed");
            }
        }
    }
}

#[cfg(test)]
mod tests;
