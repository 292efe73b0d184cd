//! Networks as a sorted table of places where something else begins: of networks that lie in each other, the innermost
//! holds. One look-up answers what a longest-prefix match would.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::index::draft::entry;
use crate::index::{OFFSET, Offset};

/// Stands for "in no network".
pub(super) const OUTSIDE: Offset = [0xff, 0xff, 0xff, 0xfe];

/// Bytes of an IPv4 address.
pub(super) const V4: usize = 4;
/// Bytes of an IPv6 address.
pub(super) const V6: usize = 16;

/// A network and where its name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    first: u128,
    /// Descending, so that of two that begin together the outer comes first.
    last: std::cmp::Reverse<u128>,
    name: Offset,
}

/// Networks of a list, in any order.
#[derive(Debug, Default)]
pub(super) struct Networks {
    v4: Vec<Span>,
    v6: Vec<Span>,
}

impl Networks {
    /// Adds a network.
    pub(super) fn add(&mut self, network: IpNet, name: Offset) {
        let number = |address: IpAddr| match address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        };
        let (first, last) = (number(network.network()), number(network.broadcast()));
        let family = if matches!(network, IpNet::V4(_)) { &mut self.v4 } else { &mut self.v6 };
        family.push(Span { first, last: std::cmp::Reverse(last), name });
    }

    /// Adds networks whose names were in other places.
    pub(super) fn absorb(&mut self, others: Self, place: impl Fn(Offset) -> Offset) {
        let moved = |span: Span| Span { name: place(span.name), ..span };
        self.v4.extend(others.v4.into_iter().map(&moved));
        self.v6.extend(others.v6.into_iter().map(&moved));
    }

    /// How many there are, each once.
    pub(super) fn settle(&mut self) -> u64 {
        for family in [&mut self.v4, &mut self.v6] {
            family.sort_unstable();
            family.dedup_by_key(|span| (span.first, span.last));
        }
        (self.v4.len() + self.v6.len()) as u64
    }

    /// The tables, of networks that are settled.
    pub(super) fn tables(self) -> (Vec<[u8; V4 + OFFSET]>, Vec<[u8; V6 + OFFSET]>) {
        let v4 = boundaries(self.v4, u32::MAX.into()).into_iter().map(|(at, name)| {
            let at = u32::try_from(at).expect("an IPv4 address has 32 bits");
            entry(&at.to_be_bytes(), name)
        });
        let v6 = boundaries(self.v6, u128::MAX).into_iter().map(|(at, name)| entry(&at.to_be_bytes(), name));
        (v4.collect(), v6.collect())
    }
}

/// Where each network begins, and what holds again where it ends. Nothing comes after the `highest` address.
fn boundaries(spans: Vec<Span>, highest: u128) -> Vec<(u128, Offset)> {
    let mut found = Boundaries(Vec::with_capacity(2 * spans.len()));
    let mut open: Vec<Span> = Vec::new();
    for span in spans {
        while let Some(ended) = open.pop_if(|outer| outer.last.0 < span.first) {
            found.set(ended.last.0 + 1, open.last());
        }
        found.set(span.first, Some(&span));
        open.push(span);
    }
    while let Some(ended) = open.pop() {
        if ended.last.0 < highest {
            found.set(ended.last.0 + 1, open.last());
        }
    }
    found.0
}

/// Places where something else begins, in their order.
struct Boundaries(Vec<(u128, Offset)>);

impl Boundaries {
    /// From here on this network holds; what was said of the same place before does not.
    fn set(&mut self, at: u128, span: Option<&Span>) {
        let name = span.map_or(OUTSIDE, |span| span.name);
        match self.0.last_mut() {
            Some(last) if last.0 == at => last.1 = name,
            _ => self.0.push((at, name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn offset(number: usize) -> Offset {
        u32::try_from(number).expect("few").to_be_bytes()
    }

    /// The table's answer: the last boundary that is not after the address.
    fn held(networks: &[IpNet], addresses: &[IpAddr]) -> Vec<Option<usize>> {
        let mut draft = Networks::default();
        for (number, network) in networks.iter().enumerate() {
            draft.add(*network, offset(number));
        }
        draft.settle();
        let (v4, v6) = draft.tables();
        let name = |address: &IpAddr| {
            let name = match address {
                IpAddr::V4(ip) => v4.iter().rfind(|entry| entry[..V4] <= ip.octets()[..]).map(|entry| &entry[V4..]),
                IpAddr::V6(ip) => v6.iter().rfind(|entry| entry[..V6] <= ip.octets()[..]).map(|entry| &entry[V6..]),
            };
            let name = name.filter(|name| **name != OUTSIDE)?;
            networks.iter().enumerate().position(|(number, _)| *name == offset(number))
        };
        addresses.iter().map(name).collect()
    }

    /// The plain answer: of the networks that contain it, the one with the longest prefix; of equals the first.
    fn innermost(networks: &[IpNet], address: &IpAddr) -> Option<usize> {
        let holding = networks.iter().enumerate().filter(|(_, network)| network.contains(address));
        holding
            .max_by_key(|(number, network)| (network.prefix_len(), std::cmp::Reverse(*number)))
            .map(|(number, _)| number)
    }

    #[test]
    fn the_innermost_network_holds_to_the_very_ends() {
        let networks: Vec<IpNet> =
            ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/24", "255.255.255.255/32", "::/0", "ffff::/16"]
                .map(|text| text.parse().expect("a network"))
                .into();
        let addresses: Vec<IpAddr> = [
            "0.0.0.0",
            "10.0.0.255",
            "10.0.1.0",
            "11.0.0.0",
            "255.255.255.255",
            "::",
            "ffff:ffff::",
            "255.255.255.254",
        ]
        .map(|text| text.parse().expect("an address"))
        .into();
        assert_eq!(held(&networks, &addresses), [0, 2, 1, 0, 3, 4, 5, 0].map(Some));
    }

    fn networks() -> impl Strategy<Value = Vec<IpNet>> {
        // Few bits differ, so that networks meet and lie in each other.
        let v4 = (0_u32..64, 24_u8..=32).prop_map(|(bits, prefix)| (IpAddr::V4((bits << 2).into()), prefix));
        let v6 = (0_u128..64, 120_u8..=128).prop_map(|(bits, prefix)| (IpAddr::V6((bits << 2).into()), prefix));
        let network = prop_oneof![v4, v6].prop_map(|(ip, prefix)| IpNet::new_assert(ip, prefix).trunc());
        proptest::collection::vec(network, 0..20)
    }

    proptest! {
        #[test]
        fn the_table_answers_what_a_search_of_all_networks_does(networks in networks()) {
            let addresses: Vec<IpAddr> = (0_u32..260)
                .flat_map(|bits| [IpAddr::V4(bits.into()), IpAddr::V6(u128::from(bits).into())])
                .collect();
            let wanted: Vec<_> = addresses.iter().map(|address| innermost(&networks, address)).collect();
            prop_assert_eq!(held(&networks, &addresses), wanted);
        }
    }
}
