//! No page and no certificate and no icon makes reading it panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let from = url::Url::parse("https://x.example/a/b").expect("a URL");
    let _ = assay_extract::page::read(bytes, &from, None);
    let _ = assay_extract::certificate::read(bytes);
});
