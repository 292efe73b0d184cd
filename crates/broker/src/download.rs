//! The bytes of a file, where the operator's policy lets them be fetched: off unless it says so. In goes a hash, out come
//! pieces of bytes; nothing of them is kept here, and whoever asked checks that they are what was asked for.
//!
//! `VirusTotal` answers with an address that is a ticket of its own, on a host of the storage behind it. It is fetched without
//! the contract's key, and only from hosts that the policy names: what an answer says is not enough to be called.

use std::sync::Arc;

use assay_model::privilege::Privilege;
use assay_model::quota::Quota;
use assay_upstream::Pieces;
use url::Url;

use crate::ask::{Asker, How, NotAsked, Unanswered};
use crate::contract::{self, Named};
use crate::exchange::{Document, Order, Outcome};
use crate::flights::Urgency;
use crate::operations::{Ages, Operation};
use crate::refusal::Refusal;
use crate::{Broker, ledger};

/// Not a row of the table: no look-up reaches it, only [`Broker::download`] does.
static DOWNLOAD: Operation = Operation {
    collection: "files",
    name: "download_url",
    needs: Some(Privilege::DownloadsTier1),
    feature: Some(Quota::IntelligenceDownloadsMonthly),
    ages: Ages::Report,
};

/// Where `VirusTotal` keeps its samples.
pub const HOSTS: &[&str] = &["virustotal.com", "googleapis.com"];

/// The policy that lets bytes be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downloads {
    /// The hosts that bytes may come from beside the contract's own: each with the names below it.
    pub hosts: Vec<String>,
}

impl Default for Downloads {
    fn default() -> Self {
        Self { hosts: HOSTS.iter().map(|host| (*host).to_owned()).collect() }
    }
}

impl Downloads {
    fn permits(&self, address: &Url, contract: &Url) -> bool {
        if !address.username().is_empty() || address.password().is_some() {
            return false;
        }
        if address.origin() == contract.origin() {
            return true;
        }
        let below = |host: &str, suffix: &str| {
            let rest = host.strip_suffix(suffix.trim_start_matches('.'));
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let name = address.domain().filter(|_| address.scheme() == "https" && address.port().is_none());
        name.is_some_and(|name| self.hosts.iter().any(|suffix| below(name, suffix)))
    }
}

impl Broker {
    /// The bytes of a file; none where upstream does not know it.
    pub async fn download(self: &Arc<Self>, asker: &Asker, hash: &str) -> Result<Option<Box<dyn Pieces>>, Unanswered> {
        let contracts = self.contracts().await?;
        let named = contract::of_asker(&contracts, asker).map_err(Unanswered::NotAsked)?;
        let Some(policy) = &self.settings.downloads else {
            return Err(Unanswered::NotAsked(NotAsked::SwitchedOff("downloads")));
        };
        let tiers = [Privilege::DownloadsTier1, Privilege::DownloadsTier2];
        if !tiers.iter().any(|tier| named.contract.privileges.contains(tier.wire())) {
            return Err(Unanswered::NotAsked(NotAsked::NotIncluded));
        }
        let fetched = self.pieces(&named, asker, hash, policy).await;
        let how = if fetched.is_ok() { How::Upstream } else { How::Refused };
        self.evidence.count(&named.name, &asker.account, how, self.clock.now());
        Ok(fetched?)
    }

    async fn pieces(
        &self,
        named: &Arc<Named>,
        asker: &Asker,
        hash: &str,
        policy: &Downloads,
    ) -> Result<Option<Box<dyn Pieces>>, Refusal> {
        let order = Order {
            operation: &DOWNLOAD,
            path: vec!["files", hash, DOWNLOAD.name],
            query: &[],
            urgency: Urgency::of(asker.class),
            quotas: ledger::pays(named, &DOWNLOAD),
        };
        let Outcome::Answered(answer) = self.exchange::<Document>(named, &order).await? else { return Ok(None) };
        let address = answer.document["data"].as_str().and_then(|text| Url::parse(text).ok());
        let address = address.ok_or_else(|| Refusal::Garbled("it names no address of the bytes".to_owned()))?;
        self.fetch_from(named, policy, &address).await.map(Some)
    }

    /// The bytes at an address that an answer named.
    pub(crate) async fn fetch_from(
        &self,
        named: &Named,
        policy: &Downloads,
        address: &Url,
    ) -> Result<Box<dyn Pieces>, Refusal> {
        if !policy.permits(address, &named.contract.host) {
            let host = address.host_str().unwrap_or("nowhere");
            tracing::warn!(contract = named.name, host, "an address of bytes on a host that the policy does not name");
            return Err(Refusal::Garbled("the bytes are on a host that the policy does not name".to_owned()));
        }
        Ok(self.upstream.fetch(address).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_from_the_contracts_own_host_and_from_those_of_the_policy() {
        let contract = Url::parse("https://www.virustotal.com").expect("a URL");
        let permits = |address: &str| Downloads::default().permits(&Url::parse(address).expect("a URL"), &contract);
        for address in [
            "https://www.virustotal.com/x?a=b",
            "https://vtsamples.commondatastorage.googleapis.com/0a?Signature=x",
            "https://virustotal.com/x",
        ] {
            assert!(permits(address), "{address}");
        }
        for address in [
            "http://www.virustotal.com/x",
            "https://evilvirustotal.com/x",
            "https://virustotal.com.example/x",
            "https://virustotal.com:8443/x",
            "https://u:p@www.virustotal.com/x",
            "https://169.254.169.254/x",
            "https://[::1]/x",
            "file:///etc/passwd",
        ] {
            assert!(!permits(address), "{address}");
        }
    }
}
