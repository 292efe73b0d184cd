//! A picture of a page, as its report shows it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Sha256, Timestamp};

/// What the store keeps of a picture; the bytes are a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredScreenshot {
    /// When it was taken.
    pub date: Timestamp,
    /// What took it.
    pub sandbox_name: String,
    /// The blob: a PNG.
    pub png: Sha256,
}

/// The id of a picture: of what it is, what took it, the beginning of the picture's own SHA-256, and when.
pub fn screenshot_id(of: &str, stored: &StoredScreenshot) -> String {
    let StoredScreenshot { date, sandbox_name, png } = stored;
    let token = &png.to_string()[..8];
    format!("{of}-{sandbox_name}-{token}-{}.png", date.0)
}

/// The attributes of a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Screenshot {
    /// When it was taken.
    pub date: Timestamp,
    /// Where the picture is, a PNG: an address that is good for an hour, for whoever has it.
    pub link: String,
    /// What took it.
    pub sandbox_name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_what_it_is_of_and_when_it_was_taken() {
        let png = Sha256::of(b"a picture");
        let stored = StoredScreenshot { date: Timestamp(1_700_000_000), sandbox_name: "Chromium".to_owned(), png };
        assert_eq!(screenshot_id("5d3f", &stored), format!("5d3f-Chromium-{}-1700000000.png", &png.to_string()[..8]));
    }
}
