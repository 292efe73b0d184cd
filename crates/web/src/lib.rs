//! The seam to addresses that somebody else wrote: a webhook's receiver, a URL to analyse.
//!
//! | module | what |
//! |---|---|
//! | `names` | what addresses a name stands for, and whether it may be called there |
//! | [`dns`] | name servers: the records of a name |
//! | [`handshake`] | the certificate that a server shows |
//! | [`camera`] | what a page looks like in a browser |
//! | [`outbound`] | a call to a webhook |
//! | [`policy`] | what a fetch may do: schemes, ports, networks, bytes, redirects, time |
//! | [`fetched`] | what came of a fetch |
//! | `live` | fetches over HTTP |
//! | [`recorded`] | answers out of memory, for tests |
//! | [`suite`] | the contract as tests; every implementation passes it |
//!
//! To add an implementation: one file, an arm in [`open`], a line that runs [`suite`].
//!
//! Invariant: no address is called that the rules forbid, whatever a name stands for at that moment and wherever a
//! redirect leads; no proxy is used.
//! Invariant: a fetch ends, in time and in bytes, whatever the server does.

use std::sync::Arc;

use assay_model::Result;
use assay_model::url::{CanonicalUrl, Location};
use async_trait::async_trait;

pub mod camera;
pub mod dns;
pub mod fetched;
pub mod handshake;
mod live;
mod names;
pub mod outbound;
pub mod policy;
pub mod recorded;
pub mod suite;

pub use camera::{Browser, BrowserSettings, Camera, NoPicture, Picture, RecordedCamera};
pub use dns::{DnsAnswer, NameServerSettings, NameServers};
pub use fetched::{Fetched, Hop, Unfinished};
pub use handshake::Shown;
pub use names::{Names, SystemNames};
pub use outbound::Outbound;
pub use policy::Policy;
pub use recorded::Recorded;

/// Fetches URLs, and looks at certificates. See the crate's invariants; [`suite`] has them as tests.
#[async_trait]
pub trait Web: Send + Sync + 'static {
    /// Fetches a URL and what its redirects lead to, as far as that goes. What went wrong is part of the answer.
    async fn fetch(&self, url: &CanonicalUrl) -> Fetched;

    /// The certificate that a server shows in a TLS handshake, after which it is left alone.
    async fn certificate(&self, location: &Location, port: u16) -> Result<Shown, Unfinished>;
}

/// Which web to open.
pub enum Config {
    /// Answers out of memory, for tests.
    Recorded(Recorded),
    /// The real one.
    Live {
        /// What a fetch may do.
        policy: Policy,
        /// How names are resolved.
        names: Arc<dyn Names>,
    },
}

/// Opens a web.
pub fn open(config: Config) -> Result<Arc<dyn Web>> {
    match config {
        Config::Recorded(recorded) => Ok(Arc::new(recorded)),
        Config::Live { policy, names } => Ok(Arc::new(live::Live::new(policy, names)?)),
    }
}
