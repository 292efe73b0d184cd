//! Databases and lists in a temporary folder. The databases are made here, as the form's specification says
//! (<https://maxmind.github.io/MaxMind-DB/>).

mod writer;

use std::fs;
use std::path::PathBuf;

use assay_model::domain::{Domain, DomainName};
use assay_model::ip::{Ip, IpAddress};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::config::{IntelConfig, PopularityConfig};
use crate::{Intel, OpenError};

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("written");
    }

    fn databases(&self, names: &[&str]) -> Result<Intel, OpenError> {
        let databases = names.iter().map(|name| self.path(name)).collect();
        Intel::open(&IntelConfig { databases, ..IntelConfig::default() })
    }

    fn ranking(&self, text: &str) -> Intel {
        self.write("ranks.csv", text);
        let popularity = vec![PopularityConfig { name: "List".into(), path: self.path("ranks.csv") }];
        Intel::open(&IntelConfig { popularity, ..IntelConfig::default() }).expect("opened")
    }
}

fn country(code: &str, continent: &str) -> Value {
    json!({"country": {"iso_code": code, "names": {"en": "x"}}, "continent": {"code": continent}})
}

fn system(number: u32, owner: &str) -> Value {
    json!({"autonomous_system_number": number, "autonomous_system_organization": owner})
}

fn about(intel: &Intel, address: &str) -> Ip {
    let address: IpAddress = address.parse().expect("an address");
    let mut ip = Ip::default();
    intel.describe_ip(address, &mut ip);
    ip
}

fn rank(intel: &Intel, name: &str) -> Option<u64> {
    let name: DomainName = name.parse().expect("a name");
    let mut domain = Domain::default();
    intel.describe_domain(&name, &mut domain);
    domain.popularity_ranks.get("List").map(|rank| rank.rank)
}

#[test]
fn an_address_has_its_country_and_its_system_with_the_systems_network() {
    let files = Files::new();
    files.write(
        "country.mmdb",
        writer::database(&[("192.0.2.0/24", country("DE", "EU")), ("2001:db8::/32", country("JP", "AS"))]),
    );
    files.write("asn.mmdb", writer::database(&[("192.0.0.0/16", system(64500, "Example Networks"))]));
    let intel = files.databases(&["country.mmdb", "asn.mmdb"]).expect("opened");
    let known = about(&intel, "192.0.2.7");
    assert_eq!((known.country.as_deref(), known.continent.as_deref()), (Some("DE"), Some("EU")));
    assert_eq!((known.asn, known.as_owner.as_deref()), (Some(64500), Some("Example Networks")));
    assert_eq!(known.network.as_deref(), Some("192.0.0.0/16"));
    let known = about(&intel, "2001:db8::1");
    assert_eq!((known.country.as_deref(), known.asn, known.network), (Some("JP"), None, None));
    assert_eq!(about(&intel, "198.51.100.1"), Ip::default());
    assert_eq!(about(&Intel::default(), "192.0.2.7"), Ip::default());
}

#[test]
fn flat_records_are_read_as_well_and_what_is_no_code_is_left_out() {
    let files = Files::new();
    let flat = json!({"asn": "AS64501", "as_name": "Flat", "country": "US", "continent": "North America", "continent_code": "NA"});
    files.write(
        "flat.mmdb",
        writer::database(&[("192.0.2.0/24", flat), ("198.51.100.0/24", json!({"country": "", "asn": "x"}))]),
    );
    let intel = files.databases(&["flat.mmdb"]).expect("opened");
    let known = about(&intel, "192.0.2.1");
    assert_eq!((known.asn, known.as_owner.as_deref()), (Some(64501), Some("Flat")));
    assert_eq!((known.country.as_deref(), known.continent.as_deref()), (Some("US"), Some("NA")));
    assert_eq!(about(&intel, "198.51.100.1"), Ip::default());
}

#[test]
fn what_no_database_knows_any_more_is_taken_out() {
    let mut ip = Ip { country: Some("DE".into()), asn: Some(1), network: Some("by others".into()), ..Ip::default() };
    Intel::default().describe_ip("192.0.2.7".parse().expect("an address"), &mut ip);
    assert_eq!(ip, Ip { network: Some("by others".into()), ..Ip::default() });
}

#[test]
fn a_changed_database_is_taken_in_use_and_a_damaged_one_leaves_the_old() {
    let files = Files::new();
    files.write("c.mmdb", writer::database(&[("192.0.2.0/24", country("DE", "EU"))]));
    let intel = files.databases(&["c.mmdb"]).expect("opened");
    files.write("c.mmdb", "no database");
    intel.refresh();
    assert_eq!(about(&intel, "192.0.2.7").country.as_deref(), Some("DE"));
    files.write("c.mmdb", writer::database(&[("192.0.2.0/24", country("FR", "EU"))]));
    intel.refresh();
    assert_eq!(about(&intel, "192.0.2.7").country.as_deref(), Some("FR"));
    fs::remove_file(files.path("c.mmdb")).expect("it is there");
    intel.refresh();
    assert_eq!(about(&intel, "192.0.2.7").country.as_deref(), Some("FR"));
}

#[test]
fn a_database_that_is_none_or_not_there_is_the_operators_mistake() {
    let files = Files::new();
    files.write("bad.mmdb", [0; 100]);
    for name in ["bad.mmdb", "none.mmdb"] {
        let error = files.databases(&[name]).expect_err("not opened").to_string();
        assert!(error.contains("intel.databases") && error.contains(name), "{error}");
    }
}

#[test]
fn the_usual_lists_of_popular_domains_are_read() {
    let files = Files::new();
    for text in [
        "1,example.com\r\n2,Example.org\r\n",
        "\u{feff}GlobalRank,TldRank,Domain,TLD\n1,1,example.com,com\n2,1,\"example.org\",org\n",
        "rank\tdomain\n1\texample.com\n2\texample.org\n",
        "# made today\n2,example.org\n1,example.com\n7,example.com\nno rank\n0,example.net\n,\n",
    ] {
        let intel = files.ranking(text);
        assert_eq!((rank(&intel, "example.com"), rank(&intel, "example.org")), (Some(1), Some(2)), "{text}");
        assert_eq!((rank(&intel, "example.net"), rank(&intel, "www.example.com")), (None, None), "{text}");
    }
}

#[test]
fn a_changed_list_is_taken_in_use() {
    let files = Files::new();
    let intel = files.ranking("1,example.com\n");
    files.write("ranks.csv", "12,example.com\n");
    intel.refresh();
    assert_eq!(rank(&intel, "example.com"), Some(12));
}

proptest! {
    #[test]
    fn no_line_disturbs_the_others(lines in proptest::collection::vec("[0-9a-z.,\"\\PC]{0,30}", 0..200)) {
        let intel = Files::new().ranking(&format!("1,example.com\n{}\n3,example.org\n", lines.join("\n")));
        prop_assert_eq!((rank(&intel, "example.com"), rank(&intel, "example.org")), (Some(1), Some(3)));
    }

    #[test]
    fn a_damaged_database_never_makes_it_panic(place in 0_usize..400, byte in any::<u8>()) {
        let files = Files::new();
        let mut bytes = writer::database(&[("192.0.2.0/24", country("DE", "EU")), ("2001:db8::/32", system(1, "x"))]);
        let place = place % bytes.len();
        bytes[place] = byte;
        files.write("d.mmdb", &bytes);
        if let Ok(intel) = files.databases(&["d.mmdb"]) {
            for address in ["192.0.2.7", "2001:db8::1", "8.8.8.8"] {
                let _ = about(&intel, address);
            }
        }
    }
}
