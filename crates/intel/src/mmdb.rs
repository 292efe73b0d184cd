//! A database of networks in `MaxMind`'s form (<https://maxmind.github.io/MaxMind-DB/>): an address in, its country, its
//! continent and its autonomous system out. Read are the forms of the usual publishers: nested as `GeoLite2` and DB-IP have
//! them, flat as `IPinfo` has them.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use maxminddb::{MaxMindDbError, Reader};
use serde_json::Value;

/// A larger file is refused.
const LIMIT: u64 = 2 << 30;

/// What a database says of an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) asn: Option<u32>,
    pub(crate) as_owner: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) continent: Option<String>,
    /// The network that is announced by the autonomous system.
    pub(crate) network: Option<String>,
}

impl Known {
    /// What is known here, and otherwise there. Number, owner and network of an autonomous system go together.
    pub(crate) fn or(self, other: Self) -> Self {
        let system = if self.asn.is_some() { &self } else { &other };
        let (asn, as_owner, network) = (system.asn, system.as_owner.clone(), system.network.clone());
        Self {
            asn,
            as_owner,
            network,
            country: self.country.or(other.country),
            continent: self.continent.or(other.continent),
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Database {
    reader: Reader<Vec<u8>>,
}

impl Database {
    /// Reads a file whole: a file that its owner may overwrite at any time cannot be mapped safely.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        if fs::metadata(path)?.len() > LIMIT {
            return Err(io::Error::other(format!("larger than {} GiB", LIMIT >> 30)));
        }
        let reader = Reader::from_source(fs::read(path)?).map_err(|error| io::Error::other(error.to_string()))?;
        let about = reader.metadata();
        tracing::info!(database = %path.display(), kind = about.database_type, built = about.build_epoch, "database of networks opened");
        Ok(Self { reader })
    }

    /// What it says of an address; a record that cannot be read says nothing.
    pub(crate) fn about(&self, address: IpAddr) -> Known {
        self.find(address).unwrap_or_else(|error| {
            tracing::debug!(%address, %error, "a database of networks has no answer");
            Known::default()
        })
    }

    fn find(&self, address: IpAddr) -> Result<Known, MaxMindDbError> {
        let found = self.reader.lookup(address)?;
        let Some(record) = found.decode::<Value>()? else { return Ok(Known::default()) };
        let mut known = read(&record);
        if known.asn.is_some() {
            known.network = found.network().ok().map(|network| network.to_string());
        }
        Ok(known)
    }
}

/// What a record says, in whichever form.
fn read(record: &Value) -> Known {
    let text = |paths: &[&str]| {
        let mut texts = paths.iter().filter_map(|path| record.pointer(path)?.as_str());
        texts.find(|text| !text.is_empty()).map(str::to_owned)
    };
    let code = |paths: &[&str]| {
        text(paths).filter(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic()))
    };
    let number = ["/autonomous_system_number", "/traits/autonomous_system_number"];
    let number = number.iter().find_map(|path| record.pointer(path)?.as_u64()).and_then(|asn| u32::try_from(asn).ok());
    let spelt = || text(&["/asn"])?.trim_start_matches(['A', 'S', 'a', 's']).parse().ok();
    Known {
        asn: number.or_else(spelt).filter(|asn| *asn != 0),
        as_owner: text(&[
            "/autonomous_system_organization",
            "/traits/autonomous_system_organization",
            "/as_name",
            "/name",
        ]),
        country: code(&["/country/iso_code", "/registered_country/iso_code", "/country_code", "/country"]),
        continent: code(&["/continent/code", "/continent_code", "/continent"]),
        network: None,
    }
}
