//! No answer of a registry makes reading it panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for about in [
        assay_model::address::Item::Domain("example.com".parse().expect("a domain")),
        assay_model::address::Item::IpAddress("192.0.2.1".parse().expect("an IP address")),
    ] {
        if let Some(read) = assay_extract::rdap::read(bytes, &about) {
            let _ = (read.text(), read.map());
        }
    }
});
