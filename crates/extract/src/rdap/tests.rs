//! What is read out of registries' answers, and that any bytes are survived.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn domain_item() -> Item {
    Item::Domain("example.com".parse().expect("a domain"))
}

fn address(text: &str) -> Item {
    Item::IpAddress(text.parse().expect("an IP address"))
}

fn read_json(answer: &Value, about: &Item) -> Option<Registration> {
    read(answer.to_string().as_bytes(), about)
}

fn a_domain() -> Value {
    json!({
        "objectClassName": "domain", "handle": "2138514_DOMAIN_COM-VRSN", "ldhName": "EXAMPLE.COM",
        "status": ["client transfer prohibited", "active"],
        "events": [
            { "eventAction": "registration", "eventDate": "1995-08-14T04:00:00Z" },
            { "eventAction": "expiration", "eventDate": "2027-08-13T06:00:00+02:00" },
            { "eventAction": "last changed", "eventDate": "2026-08-14T07:01:44.123Z" },
            { "eventAction": "last update of RDAP database", "eventDate": "2026-11-24T00:00:00Z" },
        ],
        "nameservers": [{ "ldhName": "A.NS.EXAMPLE" }, { "ldhName": "B.NS.EXAMPLE" }],
        "secureDNS": { "delegationSigned": true },
        "entities": [
            {
                "roles": ["registrar"], "publicIds": [{ "type": "IANA Registrar ID", "identifier": "376" }],
                "vcardArray": ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", "Names\nand more"]]],
                "entities": [{
                    "roles": ["abuse"],
                    "vcardArray": ["vcard", [["fn", {}, "text", ""], ["tel", {}, "uri", "tel:+1.5550100"], ["email", {}, "text", "abuse@names.example"]]],
                }],
            },
            {
                "roles": ["registrant"],
                "vcardArray": ["vcard", [["fn", {}, "text", ""], ["org", {}, "text", ["An Organization", "A Part"]], ["adr", { "cc": "us" }, "text", []]]],
            },
        ],
    })
}

#[test]
fn a_domain_is_told_as_whois_would() {
    let read = read_json(&a_domain(), &domain_item()).expect("a registration");
    assert_eq!(read.registrar.as_deref(), Some("Names and more"));
    assert_eq!((read.registrant.as_deref(), read.registrant_country.as_deref()), (Some("An Organization"), Some("US")));
    let moments = [read.created, read.changed, read.expires].map(|moment| moment.expect("a moment").0);
    assert_eq!(moments, [808_372_800, 1_786_690_904, 1_818_129_600]);
    assert_eq!(
        read.text(),
        "Domain Name: example.com\n\
         Registry Domain ID: 2138514_DOMAIN_COM-VRSN\n\
         Registrar: Names and more\n\
         Registrar IANA ID: 376\n\
         Registrar Abuse Contact Email: abuse@names.example\n\
         Registrar Abuse Contact Phone: +1.5550100\n\
         Creation Date: 1995-08-14T04:00:00Z\n\
         Updated Date: 2026-08-14T07:01:44.123Z\n\
         Registry Expiry Date: 2027-08-13T06:00:00+02:00\n\
         Domain Status: client transfer prohibited\n\
         Domain Status: active\n\
         Registrant Organization: An Organization\n\
         Registrant Country: US\n\
         Name Server: a.ns.example\n\
         Name Server: b.ns.example\n\
         DNSSEC: signedDelegation"
    );
    assert_eq!(read.map()["Domain Status"], "client transfer prohibited | active");
    assert_eq!(read.tree.expect("a tree")["secure_dns"]["delegation_signed"], true);
}

#[test]
fn a_network_is_told_with_its_registry_and_the_part_that_holds_the_address() {
    let answer = json!({
        "objectClassName": "ip network", "handle": "NET-192-0-2-0-1", "name": "TEST-NET", "type": "DIRECT ALLOCATION",
        "startAddress": "192.0.2.0", "endAddress": "192.0.3.255", "country": "us", "port43": "whois.arin.net",
        "cidr0_cidrs": [{ "v4prefix": "192.0.2.0", "length": 24 }, { "v4prefix": "192.0.3.0", "length": 24 }],
        "entities": [{ "roles": ["registrant"], "vcardArray": ["vcard", [["fn", {}, "text", "An Owner"]]] }],
    });
    let read = read_json(&answer, &address("192.0.3.9")).expect("a registration");
    assert_eq!(
        (read.network.as_deref(), read.registry, read.country.as_deref()),
        (Some("192.0.3.0/24"), Some("ARIN"), Some("US"))
    );
    assert!(read.text().starts_with("NetRange: 192.0.2.0 - 192.0.3.255\nCIDR: 192.0.3.0/24\nNetName: TEST-NET\n"));
    assert_eq!(read.registrant.as_deref(), Some("An Owner"));
}

#[test]
fn a_range_that_is_no_network_has_no_cidr() {
    let ranged = |first: &str, last: &str| {
        let answer = json!({ "objectClassName": "ip network", "startAddress": first, "endAddress": last });
        read_json(&answer, &address(first)).and_then(|read| read.network)
    };
    assert_eq!(ranged("192.0.2.0", "192.0.2.255").as_deref(), Some("192.0.2.0/24"));
    assert_eq!(ranged("0.0.0.0", "255.255.255.255").as_deref(), Some("0.0.0.0/0"));
    assert_eq!(ranged("192.0.2.7", "192.0.2.7").as_deref(), Some("192.0.2.7/32"));
    assert_eq!(ranged("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff").as_deref(), Some("2001:db8::/32"));
    assert_eq!(ranged("192.0.2.0", "192.0.2.254"), None);
    assert_eq!(ranged("192.0.2.128", "192.0.3.127"), None);
}

#[test]
fn an_answer_about_something_else_counts_for_nothing() {
    let mut other = a_domain();
    other["ldhName"] = json!("example.net");
    assert_eq!(read_json(&other, &domain_item()), None);
    other["ldhName"] = json!("example.com");
    other["objectClassName"] = json!("nameserver");
    assert_eq!(read_json(&other, &domain_item()), None);
    let elsewhere =
        json!({ "objectClassName": "ip network", "startAddress": "10.0.0.0", "endAddress": "10.255.255.255" });
    assert_eq!(read_json(&elsewhere, &address("192.0.2.1")), None);
    assert_eq!(read_json(&elsewhere, &address("2001:db8::1")), None);
    for broken in [&b""[..], b"<html>", b"[]", b"null", &b"[".repeat(100_000)] {
        assert_eq!(read(broken, &domain_item()), None);
    }
}

#[test]
fn what_is_endless_is_cut() {
    let mut long = a_domain();
    long["nameservers"] = (0..10_000).map(|number| json!({ "ldhName": format!("{number}.example") })).collect();
    long["handle"] = json!("x".repeat(5000));
    let read = read_json(&long, &domain_item()).expect("a registration");
    assert!(read.fields.len() <= FIELDS && read.text().len() < 8192);
    assert_eq!(read.tree, None);
}

proptest! {
    #[test]
    fn moments_are_read_or_refused(text in "[0-9TZ:.+ -]{0,30}", number in any::<u32>()) {
        let _any = crate::calendar::rfc3339(&text);
        let iso = crate::calendar::iso(number).replace(' ', "T");
        prop_assert_eq!(crate::calendar::rfc3339(&format!("{iso}Z")), Some(i64::from(number)));
    }

    #[test]
    fn no_answer_disturbs(text in "[{}\\[\\]\",:a-z0-9]{0,80}") {
        let _any = read(text.as_bytes(), &domain_item());
    }
}
