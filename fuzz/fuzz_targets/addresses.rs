//! No file makes the search for addresses panic, and all that it finds is in its one form.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let found = assay_extract::addresses(bytes, &assay_extract::AddressLimits::default());
    for url in found.urls {
        assert_eq!(url.as_str().parse(), Ok(url));
    }
});
