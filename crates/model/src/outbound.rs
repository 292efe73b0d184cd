//! Which addresses the server may be sent to by somebody else: a webhook's URL, a URL to scan. In goes a URL or an
//! address, out comes whether it may be called, and if not, why.
//!
//! A server that calls whatever it is given is a way into the network that it stands in. So only addresses of the open
//! internet may be called; what the operator lists in [`Rules::allow`] may be called besides.
//!
//! Invariant: [`forbidden`] knows every special-purpose range of the IANA registries (RFC 6890 and its successors), and
//! of IPv6 permits nothing outside of what is assigned (`2000::/3`).
//!
//! Ports are not restricted: what may be reached at an address of the open internet may be reached at any of its ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use url::{Host, Url};

/// The longest URL that is taken.
pub const URL_MAX: usize = 2048;

/// What the operator permits beyond the open internet.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Networks that may be called although they are special, as they are written: IPv4 networks as IPv4.
    pub allow: Vec<IpNet>,
    /// Whether plain HTTP is permitted.
    pub allow_http: bool,
}

/// Why a URL may not be called. Names no address: whoever wrote the URL is not to learn what a name stands for here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no URL with a host.
    #[error("it is no absolute URL with a host")]
    Malformed,
    /// It is too long.
    #[error("it is longer than {URL_MAX} characters")]
    TooLong,
    /// Neither HTTPS nor permitted HTTP.
    #[error("its scheme is not https")]
    Scheme,
    /// A name or password in the URL.
    #[error("it holds a user name or password")]
    UserInfo,
    /// An address that is not of the open internet; the words say what it is of.
    #[error("its host is {0}")]
    Address(&'static str),
}

impl Rules {
    /// Reads a URL that may be called as far as its text says. A name in it still has to be resolved, and
    /// [`Rules::check_address`] asked of every address, each time that it is called.
    pub fn check_url(&self, text: &str) -> Result<Url, Refusal> {
        if text.len() > URL_MAX {
            return Err(Refusal::TooLong);
        }
        let url = Url::parse(text).map_err(|_| Refusal::Malformed)?;
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            _ => return Err(Refusal::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::UserInfo);
        }
        match url.host() {
            None | Some(Host::Domain("")) => return Err(Refusal::Malformed),
            Some(Host::Domain(_)) => {}
            Some(Host::Ipv4(address)) => self.check_address(address.into())?,
            Some(Host::Ipv6(address)) => self.check_address(address.into())?,
        }
        Ok(url)
    }

    /// Whether an address may be called.
    pub fn check_address(&self, address: IpAddr) -> Result<(), Refusal> {
        match forbidden(address) {
            Some(what) if !self.allow.iter().any(|network| network.contains(&address)) => Err(Refusal::Address(what)),
            _ => Ok(()),
        }
    }
}

/// What an address is, where it is not one of the open internet.
pub fn forbidden(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => named(V4, |(network, length, _)| {
            prefix(u128::from(u32::from(address)) << 96, u128::from(u32::from(*network)) << 96, *length)
        }),
        IpAddr::V6(address) => named(V6, |(network, length, _)| prefix(address.into(), (*network).into(), *length))
            .or_else(|| (!prefix(address.into(), GLOBAL.into(), 3)).then_some("an unassigned address")),
    }
}

/// Of IPv6, what is assigned to the open internet.
const GLOBAL: Ipv6Addr = Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0);

type Special<A> = (A, u32, &'static str);

fn named<A>(table: &[Special<A>], is_in: impl Fn(&&Special<A>) -> bool) -> Option<&'static str> {
    table.iter().find(is_in).map(|(_, _, what)| *what)
}

/// Whether two addresses begin with the same `length` bits.
fn prefix(one: u128, other: u128, length: u32) -> bool {
    (one ^ other).leading_zeros() >= length
}

const fn v4(a: u8, b: u8, c: u8, d: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}

const fn v6(a: u16, b: u16, c: u16, d: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)
}

const LOOPBACK: &str = "a loopback address";
const PRIVATE: &str = "a private address";
const LINK_LOCAL: &str = "a link-local address";
const METADATA: &str = "the metadata service of a cloud";
const DOCUMENTATION: &str = "an address for documentation";
const PROTOCOL: &str = "an address for protocols";
const BENCHMARK: &str = "an address for benchmarks";
const MULTICAST: &str = "a multicast address";
const EMBEDDED: &str = "an IPv4 address inside an IPv6 address";

/// Special IPv4 networks; the narrower before the wider.
const V4: &[Special<Ipv4Addr>] = &[
    (v4(0, 0, 0, 0), 8, "an unspecified address"),
    (v4(10, 0, 0, 0), 8, PRIVATE),
    (v4(100, 100, 100, 200), 32, METADATA),
    (v4(100, 64, 0, 0), 10, "a carrier's private address"),
    (v4(127, 0, 0, 0), 8, LOOPBACK),
    // Azure's, in the middle of the open internet's addresses.
    (v4(168, 63, 129, 16), 32, METADATA),
    (v4(169, 254, 169, 254), 32, METADATA),
    (v4(169, 254, 0, 0), 16, LINK_LOCAL),
    (v4(172, 16, 0, 0), 12, PRIVATE),
    (v4(192, 0, 0, 192), 32, METADATA),
    (v4(192, 0, 0, 0), 24, PROTOCOL),
    (v4(192, 0, 2, 0), 24, DOCUMENTATION),
    (v4(192, 31, 196, 0), 24, PROTOCOL),
    (v4(192, 52, 193, 0), 24, PROTOCOL),
    (v4(192, 88, 99, 0), 24, PROTOCOL),
    (v4(192, 168, 0, 0), 16, PRIVATE),
    (v4(192, 175, 48, 0), 24, PROTOCOL),
    (v4(198, 18, 0, 0), 15, BENCHMARK),
    (v4(198, 51, 100, 0), 24, DOCUMENTATION),
    (v4(203, 0, 113, 0), 24, DOCUMENTATION),
    (v4(224, 0, 0, 0), 4, MULTICAST),
    (v4(255, 255, 255, 255), 32, "the broadcast address"),
    (v4(240, 0, 0, 0), 4, "a reserved address"),
];

/// Special IPv6 networks; the narrower before the wider.
const V6: &[Special<Ipv6Addr>] = &[
    (Ipv6Addr::UNSPECIFIED, 128, "an unspecified address"),
    (Ipv6Addr::LOCALHOST, 128, LOOPBACK),
    // Compatible, mapped, translated (RFC 2765).
    (v6(0, 0, 0, 0), 64, EMBEDDED),
    // NAT64, the well-known prefix and the local ones.
    (v6(0x64, 0xff9b, 0, 0), 96, EMBEDDED),
    (v6(0x64, 0xff9b, 1, 0), 48, EMBEDDED),
    (v6(0x100, 0, 0, 0), 32, "a discarded address"),
    (v6(0x2001, 0, 0, 0), 32, EMBEDDED),
    (v6(0x2001, 2, 0, 0), 48, BENCHMARK),
    (v6(0x2001, 0, 0, 0), 23, PROTOCOL),
    (v6(0x2001, 0xdb8, 0, 0), 32, DOCUMENTATION),
    (v6(0x2002, 0, 0, 0), 16, EMBEDDED),
    (v6(0x2620, 0x4f, 0x8000, 0), 48, PROTOCOL),
    (v6(0x3fff, 0, 0, 0), 20, DOCUMENTATION),
    (v6(0x5f00, 0, 0, 0), 16, PROTOCOL),
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128, METADATA),
    (Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128, METADATA),
    (v6(0xfc00, 0, 0, 0), 7, PRIVATE),
    (v6(0xfe80, 0, 0, 0), 10, LINK_LOCAL),
    (v6(0xfec0, 0, 0, 0), 10, PRIVATE),
    (v6(0xff00, 0, 0, 0), 8, MULTICAST),
];

#[cfg(test)]
mod tests;
