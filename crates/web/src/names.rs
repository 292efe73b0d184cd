//! What addresses a name stands for, and whether it may be called there.
//!
//! A name is resolved by us, every address that it stands for is checked against the [`Rules`], and the connection goes
//! to a checked address: a name that stands for another address a moment later changes nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use assay_model::outbound::{Refusal, Rules};
use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Says what addresses a name stands for.
#[async_trait]
pub trait Names: Send + Sync + 'static {
    /// All of them.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// As the machine is set up to resolve names.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Resolves names for the HTTP client.
pub(crate) struct Checked {
    pub(crate) rules: Arc<Rules>,
    pub(crate) names: Arc<dyn Names>,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (rules, names) = (self.rules.clone(), self.names.clone());
        Box::pin(async move {
            let addresses = resolve(&*names, &rules, name.as_str()).await?;
            // Port 0 stands for the one in the URL.
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// Why a name is not called.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unresolved {
    #[error("its host's name cannot be resolved")]
    Unknown(#[source] Option<io::Error>),
    #[error("{0}")]
    Refused(Refusal),
}

/// The addresses of a name; all may be called, or none is.
pub(crate) async fn resolve(names: &dyn Names, rules: &Rules, name: &str) -> Result<Vec<IpAddr>, Unresolved> {
    let addresses = names.addresses(name).await.map_err(|error| Unresolved::Unknown(Some(error)))?;
    if addresses.is_empty() {
        return Err(Unresolved::Unknown(None));
    }
    addresses.iter().try_for_each(|address| may_call(rules, *address)).map_err(Unresolved::Refused)?;
    Ok(addresses)
}

/// Whether an address may be called: by the rules, and because it is not one of this machine's own.
pub(crate) fn may_call(rules: &Rules, address: IpAddr) -> Result<(), Refusal> {
    rules.check_address(address)?;
    let allowed = rules.allow.iter().any(|network| network.contains(&address));
    if allowed || !is_own(address) { Ok(()) } else { Err(Refusal::Address("an address of this server")) }
}

/// One can only listen at one's own addresses.
fn is_own(address: IpAddr) -> bool {
    std::net::UdpSocket::bind(SocketAddr::new(address, 0)).is_ok()
}
