//! The seam to a browser: what a page looks like. In goes a URL, out comes a picture, or why there is none.
//!
//! | module | what |
//! |---|---|
//! | `browser` | a browser of the operator's, a process for each picture |
//! | `proxy` | its only way out, for as long as the picture takes |
//! | [`recorded`] | pictures out of memory, for tests |
//!
//! Invariant: what a page makes the browser load is checked as a fetch is: scheme, port, every address of every name, and the
//! connection goes to the address that was checked.
//! Invariant: a picture ends, in time and in bytes, whatever the page does; nothing that was started for it runs on.

use std::time::Duration;

use assay_model::url::CanonicalUrl;
use async_trait::async_trait;
use bytes::Bytes;

use crate::Unfinished;

mod browser;
mod proxy;
pub mod recorded;

pub use browser::{Browser, BrowserSettings};
pub use recorded::RecordedCamera;

/// A larger picture is not kept, bytes.
pub const PICTURE_MAX: u64 = 4 << 20;
/// The width and height of a picture, pixels; one that is larger by far is not what was asked for.
const SIDE_MAX: u32 = 8192;

/// Takes pictures of pages. See the module's invariants.
#[async_trait]
pub trait Camera: Send + Sync + 'static {
    /// What the browser is called in reports.
    fn name(&self) -> &'static str;

    /// A picture of the page as it looks when it is loaded.
    async fn picture(&self, url: &CanonicalUrl) -> Result<Picture, NoPicture>;
}

/// A picture that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// PNG.
    pub png: Bytes,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// Why there is no picture, for the log: no address, no URL.
#[derive(Debug, thiserror::Error)]
pub enum NoPicture {
    /// The page is not to be loaded.
    #[error("the URL is not opened: {0}")]
    Refused(Unfinished),
    /// Nobody answered for the page.
    #[error("nothing was served")]
    Nothing,
    /// There is no room for it, or no port.
    #[error("the browser could not be prepared")]
    Unprepared(#[source] std::io::Error),
    /// The program is not there.
    #[error("the browser could not be started")]
    Unstarted(#[source] std::io::Error),
    /// It was ended.
    #[error("the browser took longer than {} s", .0.as_secs())]
    Slow(Duration),
    /// It ended by itself, without a picture.
    #[error("the browser made no picture ({0})")]
    Failed(String),
    /// What it left is no picture.
    #[error("the browser left no picture but {0}")]
    Bad(&'static str),
}

impl Picture {
    /// Checks what a browser left.
    pub fn read(png: Bytes) -> Result<Self, NoPicture> {
        /// What a PNG begins with: its signature, and the head of its first chunk (PNG, third edition, 5.2 and 11.2.1).
        const BEGINNING: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR";
        if png.len() as u64 > PICTURE_MAX {
            return Err(NoPicture::Bad("a file that is too large"));
        }
        let side = |at: usize| png.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_be_bytes);
        let sides = side(BEGINNING.len()).zip(side(BEGINNING.len() + 4));
        match sides.filter(|_| png.starts_with(BEGINNING)) {
            None => Err(NoPicture::Bad("another file")),
            Some((width, height)) if width.min(height) == 0 || width.max(height) > SIDE_MAX => {
                Err(NoPicture::Bad("a picture of the wrong size"))
            }
            Some((width, height)) => Ok(Self { png, width, height }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
        [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".as_slice(), &sides, &[8, 2, 0, 0, 0]].concat()
    }

    #[test]
    fn a_picture_says_how_large_it_is() {
        let picture = Picture::read(png(1280, 800).into()).expect("a picture");
        assert_eq!((picture.width, picture.height), (1280, 800));
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        for wrong in [Vec::new(), b"\x89PNG\r\n\x1a\n".to_vec(), b"GIF89a".to_vec(), png(1280, 800)[..20].to_vec()] {
            assert!(matches!(Picture::read(wrong.into()), Err(NoPicture::Bad("another file"))));
        }
        for (width, height) in [(0, 800), (1280, 0), (100_000, 800), (1280, u32::MAX)] {
            let read = Picture::read(png(width, height).into());
            assert!(matches!(read, Err(NoPicture::Bad("a picture of the wrong size"))), "{width}x{height}");
        }
        let mut huge = png(1280, 800);
        huge.resize(usize::try_from(PICTURE_MAX).expect("fits") + 1, 0);
        assert!(matches!(Picture::read(huge.into()), Err(NoPicture::Bad("a file that is too large"))));
    }
}
