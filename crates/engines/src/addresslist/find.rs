//! An address in, what a list has of it out.

use std::net::IpAddr;

use assay_model::address::Item;
use assay_model::domain::DomainName;
use assay_model::url::Location;

use super::keys;
use super::lines::Remark;
use super::networks::OUTSIDE;
use super::remark;
use crate::index::{Index, Offset};

/// The tables of an index.
const HOSTS: usize = 0;
const URLS: usize = 1;
const NETWORKS_V4: usize = 2;
const NETWORKS_V6: usize = 3;

/// How an address is in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    /// What of it is listed.
    pub(super) listed: Listed,
    /// What the list says of it.
    pub(super) remark: Option<Remark>,
}

/// What of an address is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Listed {
    /// The URL itself.
    Url,
    /// The URL as it is without its query.
    UrlWithoutQuery,
    /// The domain, or one that it is below.
    Host(String),
    /// A network.
    Network(String),
}

/// Whether what is below a listed domain is listed too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Below {
    Counts,
    DoesNotCount,
}

/// Looks for an address: a URL first as it is, then without its query, then its host; a host first as it is, then what it
/// is below, up to what one can register: a list that names `com` or `co.uk` lists nothing below it.
pub(super) fn find(index: &Index, item: &Item, below: Below) -> Option<Hit> {
    match item {
        Item::Domain(name) => domain(index, name, below),
        Item::IpAddress(address) => network(index, address.get()),
        Item::Url(url) => {
            let address = keys::address(url);
            let listed = |listed: Listed, offset: Offset| Hit { listed, remark: of(index, offset).1 };
            if let Some(offset) = index.find(URLS, &keys::url(address)) {
                return Some(listed(Listed::Url, offset));
            }
            if let Some((bare, _)) = address.split_once('?')
                && let Some(offset) = index.find(URLS, &keys::url(bare))
            {
                return Some(listed(Listed::UrlWithoutQuery, offset));
            }
            match url.location() {
                Location::Domain(name) => domain(index, &name, below),
                Location::Ip(address) => network(index, address.get()),
            }
        }
    }
}

fn domain(index: &Index, name: &DomainName, below: Below) -> Option<Hit> {
    let registrable = name.registrable();
    let mut next = Some(name.as_str());
    while let Some(host) = next {
        if let Some(offset) = index.find(HOSTS, &keys::host(host)) {
            return Some(Hit { listed: Listed::Host(host.to_owned()), remark: of(index, offset).1 });
        }
        let is_last = below == Below::DoesNotCount || registrable.as_ref().is_none_or(|last| last.as_str() == host);
        next = if is_last { None } else { host.split_once('.').map(|(_, parent)| parent) };
    }
    None
}

fn network(index: &Index, address: IpAddr) -> Option<Hit> {
    let offset = match address {
        IpAddr::V4(address) => index.floor(NETWORKS_V4, &address.octets())?,
        IpAddr::V6(address) => index.floor(NETWORKS_V6, &address.octets())?,
    };
    if offset == OUTSIDE {
        return None;
    }
    let (about, remark) = of(index, offset);
    Some(Hit { listed: Listed::Network(about), remark })
}

/// What the list says of an entry, and of what.
fn of(index: &Index, offset: Offset) -> (String, Option<Remark>) {
    let read = index.name(offset).and_then(remark::read);
    read.map_or_else(Default::default, |(about, remark)| (about.to_owned(), remark))
}
