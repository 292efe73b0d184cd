//! A URL's one form is its own one form, and names the same object in base64; nothing panics.
#![no_main]

use assay_model::url::{CanonicalUrl, UrlName};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = text.parse::<UrlName>();
    if let Ok(url) = text.parse::<CanonicalUrl>() {
        assert_eq!(url.as_str().parse::<CanonicalUrl>(), Ok(url.clone()));
        assert!(url.as_str().is_ascii());
        let _ = url.location();
        assert_eq!(url.base64().parse::<UrlName>().map(|name| name.id()), Ok(url.id()));
    }
});
