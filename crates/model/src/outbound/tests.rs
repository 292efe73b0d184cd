//! Addresses at the edges of every special network, and URLs as people and attackers write them.

use super::*;

/// The first and the last address of each network, and their neighbours outside; `-` stands for an open address.
const EDGES: &[(&str, &str)] = &[
    ("0.0.0.0", "an unspecified address"),
    ("0.255.255.255", "an unspecified address"),
    ("1.0.0.0", "-"),
    ("9.255.255.255", "-"),
    ("10.0.0.0", PRIVATE),
    ("10.255.255.255", PRIVATE),
    ("11.0.0.0", "-"),
    ("100.63.255.255", "-"),
    ("100.64.0.0", "a carrier's private address"),
    ("100.100.100.200", METADATA),
    ("100.127.255.255", "a carrier's private address"),
    ("100.128.0.0", "-"),
    ("126.255.255.255", "-"),
    ("127.0.0.0", LOOPBACK),
    ("127.0.0.1", LOOPBACK),
    ("127.255.255.255", LOOPBACK),
    ("128.0.0.0", "-"),
    ("168.63.129.15", "-"),
    ("168.63.129.16", METADATA),
    ("168.63.129.17", "-"),
    ("169.253.255.255", "-"),
    ("169.254.0.0", LINK_LOCAL),
    ("169.254.169.254", METADATA),
    ("169.254.255.255", LINK_LOCAL),
    ("169.255.0.0", "-"),
    ("172.15.255.255", "-"),
    ("172.16.0.0", PRIVATE),
    ("172.31.255.255", PRIVATE),
    ("172.32.0.0", "-"),
    ("191.255.255.255", "-"),
    ("192.0.0.0", PROTOCOL),
    ("192.0.0.192", METADATA),
    ("192.0.0.255", PROTOCOL),
    ("192.0.1.0", "-"),
    ("192.0.2.0", DOCUMENTATION),
    ("192.0.2.255", DOCUMENTATION),
    ("192.0.3.0", "-"),
    ("192.88.99.1", PROTOCOL),
    ("192.167.255.255", "-"),
    ("192.168.0.0", PRIVATE),
    ("192.168.255.255", PRIVATE),
    ("192.169.0.0", "-"),
    ("198.17.255.255", "-"),
    ("198.18.0.0", BENCHMARK),
    ("198.19.255.255", BENCHMARK),
    ("198.20.0.0", "-"),
    ("198.51.99.255", "-"),
    ("198.51.100.0", DOCUMENTATION),
    ("198.51.101.0", "-"),
    ("203.0.112.255", "-"),
    ("203.0.113.255", DOCUMENTATION),
    ("203.0.114.0", "-"),
    ("223.255.255.255", "-"),
    ("224.0.0.0", MULTICAST),
    ("239.255.255.255", MULTICAST),
    ("240.0.0.0", "a reserved address"),
    ("255.255.255.254", "a reserved address"),
    ("255.255.255.255", "the broadcast address"),
    ("::", "an unspecified address"),
    ("::1", LOOPBACK),
    ("::2", EMBEDDED),
    ("::8.8.8.8", EMBEDDED),
    ("::127.0.0.1", EMBEDDED),
    ("::ffff:8.8.8.8", EMBEDDED),
    ("::ffff:127.0.0.1", EMBEDDED),
    ("::ffff:0:127.0.0.1", EMBEDDED),
    ("0:0:0:1::", "an unassigned address"),
    ("64:ff9b::127.0.0.1", EMBEDDED),
    ("64:ff9b::1:0:0", "an unassigned address"),
    ("64:ff9b:1::", EMBEDDED),
    ("64:ff9b:1:ffff:ffff:ffff:ffff:ffff", EMBEDDED),
    ("100::1", "a discarded address"),
    ("100:0:0:1::1", "a discarded address"),
    ("1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "an unassigned address"),
    ("2000::", "-"),
    ("2001::1", EMBEDDED),
    ("2001:2::1", BENCHMARK),
    ("2001:10::1", PROTOCOL),
    ("2001:20::1", PROTOCOL),
    ("2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", PROTOCOL),
    ("2001:200::", "-"),
    ("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "-"),
    ("2001:db8::", DOCUMENTATION),
    ("2001:db9::", "-"),
    ("2001:4860:4860::8888", "-"),
    ("2002:7f00:1::", EMBEDDED),
    ("2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", EMBEDDED),
    ("2003::", "-"),
    ("2606:4700:4700::1111", "-"),
    ("3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "-"),
    ("3fff::", DOCUMENTATION),
    ("3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", DOCUMENTATION),
    ("3fff:1000::", "-"),
    ("4000::", "an unassigned address"),
    ("5f00::1", PROTOCOL),
    ("fbff::", "an unassigned address"),
    ("fc00::", PRIVATE),
    ("fd00:ec2::254", METADATA),
    ("fd20:ce::254", METADATA),
    ("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PRIVATE),
    ("fe00::", "an unassigned address"),
    ("fe80::1", LINK_LOCAL),
    ("febf:ffff::", LINK_LOCAL),
    ("fec0::1", PRIVATE),
    ("ff00::", MULTICAST),
    ("ff02::1", MULTICAST),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", MULTICAST),
];

#[test]
fn only_the_open_internet_may_be_called() {
    for (address, what) in EDGES {
        let found = forbidden(address.parse().expect(address));
        assert_eq!(found.unwrap_or("-"), *what, "{address}");
    }
}

#[test]
fn the_standard_library_knows_of_nothing_that_the_tables_miss() {
    let random = crate::random::Counting::default();
    for _ in 0..100_000 {
        let mut bytes = [0; 4];
        crate::random::Random::fill(&random, &mut bytes);
        let address = Ipv4Addr::from(bytes);
        let special = address.is_private()
            || address.is_loopback()
            || address.is_link_local()
            || address.is_multicast()
            || address.is_broadcast()
            || address.is_documentation()
            || address.is_unspecified();
        assert!(!special || forbidden(address.into()).is_some(), "{address}");
        assert!(
            forbidden(address.to_ipv6_mapped().into()).is_some()
                && forbidden(address.to_ipv6_compatible().into()).is_some()
        );
    }
}

fn refused(rules: &Rules, url: &str) -> Option<Refusal> {
    rules.check_url(url).err()
}

#[test]
fn a_url_is_called_only_by_https_at_an_open_address() {
    let rules = Rules::default();
    for url in [
        "https://example.com/hook?token=1",
        "https://example.com:8443/",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]:444/",
    ] {
        assert_eq!(refused(&rules, url), None, "{url}");
    }
    for (url, why) in [
        ("", Refusal::Malformed),
        ("example.com/hook", Refusal::Malformed),
        ("https://", Refusal::Malformed),
        ("http://example.com/", Refusal::Scheme),
        ("ftp://example.com/", Refusal::Scheme),
        ("file:///etc/passwd", Refusal::Scheme),
        ("gopher://127.0.0.1:6379/_FLUSHALL", Refusal::Scheme),
        ("https://user@example.com/", Refusal::UserInfo),
        ("https://user:password@example.com/", Refusal::UserInfo),
        ("https://8.8.8.8@127.0.0.1/", Refusal::UserInfo),
        ("https://127.0.0.1/", Refusal::Address(LOOPBACK)),
        ("https://[::1]/", Refusal::Address(LOOPBACK)),
        ("https://[::ffff:127.0.0.1]/", Refusal::Address(EMBEDDED)),
        ("https://169.254.169.254/latest/meta-data/", Refusal::Address(METADATA)),
    ] {
        assert_eq!(refused(&rules, url), Some(why), "{url}");
    }
    assert_eq!(refused(&rules, &format!("https://example.com/{}", "a".repeat(URL_MAX))), Some(Refusal::TooLong));
}

#[test]
fn other_ways_of_writing_an_address_are_seen_through() {
    let rules = Rules::default();
    for host in ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1.", "0x7f.1", "①②⑦.⓪.⓪.①"] {
        assert_eq!(refused(&rules, &format!("https://{host}/")), Some(Refusal::Address(LOOPBACK)), "{host}");
    }
}

#[test]
fn the_operator_lifts_the_rule_network_by_network() {
    let rules = Rules { allow: vec!["10.1.0.0/16".parse().expect("a network")], allow_http: true };
    assert_eq!(refused(&rules, "http://10.1.2.3/hook"), None);
    assert_eq!(refused(&rules, "http://10.2.0.1/hook"), Some(Refusal::Address(PRIVATE)));
    assert_eq!(refused(&rules, "http://[::ffff:10.1.2.3]/hook"), Some(Refusal::Address(EMBEDDED)));
    assert_eq!(refused(&rules, "ftp://10.1.2.3/hook"), Some(Refusal::Scheme));
}
