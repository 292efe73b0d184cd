//! Who gives keys out and takes them back: an account of the server, or a contract of its broker, by way of the API.

use std::net::IpAddr;

use async_trait::async_trait;
use ipnet::IpNet;
use secrecy::SecretString;

use crate::client::problem::Problem;

mod account;
mod contract;

pub(crate) use account::Account;
pub(crate) use contract::Contract;

/// A key that was just made.
pub(crate) struct Fresh {
    pub(crate) id: String,
    pub(crate) secret: SecretString,
}

/// What a key is at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Works, and nothing takes its place.
    Active,
    /// Works until its deadline; this one takes its place.
    Retiring { successor: String },
    /// Works no more.
    Ended,
}

/// Where a new key comes from.
#[derive(Clone, Copy)]
pub(crate) enum NewKey<'a> {
    /// The issuer makes it.
    Made,
    /// It was made elsewhere and handed over, where it was.
    Given(Option<&'a SecretString>),
}

/// Gives keys out.
#[async_trait(?Send)]
pub(crate) trait Issuer {
    /// Whose keys they are, for people.
    fn owner(&self) -> String;

    /// The id of the key that is to be replaced: `wanted`, or the one that the targets hold, or the only one there is.
    async fn find(&self, held: Option<&SecretString>, wanted: Option<&str>) -> Result<String, Problem>;

    /// What a key is at the moment.
    async fn standing(&self, id: &str) -> Result<Standing, Problem>;

    /// Makes a successor, or takes the one that was made elsewhere; the key itself works on.
    async fn rotate(&self, id: &str) -> Result<Fresh, Problem>;

    /// Makes a retiring key active again, and ends its successor.
    async fn restore(&self, id: &str) -> Result<(), Problem>;

    /// Ends a key; one that has ended is no error.
    async fn retire(&self, id: &str) -> Result<(), Problem>;

    /// Where the issuer itself uses the key: it uses this one from now on, and has seen that it works.
    async fn take_in_use(&self, id: &str) -> Result<(), Problem>;

    /// Takes away what is left of a key that a run has made, once the one before it is restored.
    async fn discard(&self, id: &str) -> Result<(), Problem>;

    /// Where a new key comes from.
    fn new_key(&self) -> NewKey<'_>;

    /// Whether the key ends by itself once nobody uses it.
    fn retires_by_itself(&self) -> bool;

    /// What a person should know of a key that was just retired.
    fn afterword(&self, id: &str) -> Option<String>;

    /// Who uses a key, and how often it was used so far.
    async fn uses(&self, id: &str) -> Result<Uses, Problem>;
}

/// Who uses a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Uses {
    /// Address and program, as the server has it.
    pub(crate) clients: Vec<(String, u64)>,
}

impl Uses {
    /// How often it was used.
    pub(crate) fn count(&self) -> u64 {
        self.clients.iter().map(|(_, count)| count).sum()
    }

    /// Whether it was used from a network.
    pub(crate) fn from(&self, network: &IpNet) -> bool {
        let address = |client: &str| client.split(' ').next().and_then(|address| address.parse::<IpAddr>().ok());
        self.clients
            .iter()
            .filter_map(|(client, _)| address(client))
            .any(|address| network.contains(&address.to_canonical()))
    }

    /// Those that have used it since an earlier look.
    pub(crate) fn since(&self, earlier: &Self) -> Vec<String> {
        let before =
            |client: &str| earlier.clients.iter().find(|(known, _)| known == client).map_or(0, |(_, count)| *count);
        let more = self.clients.iter().filter(|(client, count)| *count > before(client));
        more.map(|(client, _)| client.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_seen_from_a_network_by_the_addresses_of_its_users() {
        let uses =
            Uses { clients: vec![("10.1.2.3 curl/8".to_owned(), 3), ("- x".to_owned(), 1), ("::1".to_owned(), 1)] };
        let from = |network: &str| uses.from(&network.parse().expect(network));
        assert!(from("10.0.0.0/8") && from("::1/128"));
        assert!(!from("192.168.0.0/16"));
        let earlier = Uses { clients: vec![("10.1.2.3 curl/8".to_owned(), 2), ("::1".to_owned(), 1)] };
        assert_eq!(uses.since(&earlier), ["10.1.2.3 curl/8", "- x"]);
        assert_eq!((uses.count(), uses.since(&uses).len()), (5, 0));
    }
}
