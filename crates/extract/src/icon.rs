//! A web site's icon: the MD5 of its bytes and the difference hash of the picture, by which alike icons are found.

use std::io::Cursor;

use assay_model::Digests;
use assay_model::address::Favicon;
use image::imageops::{FilterType, resize};
use image::{ImageReader, Limits};

/// A larger picture is not unpacked.
const SIDE: u32 = 4096;
const MEMORY: u64 = 64 << 20;

/// Hashes an icon. What is no picture has no difference hash.
pub fn read(bytes: &[u8]) -> Favicon {
    Favicon { raw_md5: Digests::of(bytes).md5, dhash: difference_hash(bytes) }
}

/// 64 bits, a row of eight at a time: whether each point of the picture, 9 by 8 in grey, is brighter than the next.
fn difference_hash(bytes: &[u8]) -> Option<String> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height, limits.max_alloc) = (Some(SIDE), Some(SIDE), Some(MEMORY));
    reader.limits(limits);
    let grey = reader.decode().ok()?.to_luma8();
    let small = resize(&grey, 9, 8, FilterType::Triangle);
    let mut hash = 0_u64;
    for row in small.rows() {
        let points: Vec<_> = row.map(|point| point.0).collect();
        for (one, next) in points.iter().zip(points.iter().skip(1)) {
            hash = hash << 1 | u64::from(one > next);
        }
    }
    Some(format!("{hash:016x}"))
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, Rgb, RgbImage};

    use super::*;

    fn picture(side: u32, shade: impl Fn(u32) -> u8) -> Vec<u8> {
        let image = RgbImage::from_fn(side, side, |x, _| Rgb([shade(x * 256 / side); 3]));
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).expect("a picture");
        bytes.into_inner()
    }

    #[test]
    fn alike_pictures_of_any_size_have_the_same_hash_and_others_have_another() {
        let falling = |x: u32| u8::try_from(255 - x.min(255)).unwrap_or(0);
        let rising = |x: u32| u8::try_from(x.min(255)).unwrap_or(0);
        let (small, large) = (read(&picture(16, falling)), read(&picture(64, falling)));
        assert_eq!(small.dhash.as_deref(), Some("ffffffffffffffff"));
        assert_eq!(small.dhash, large.dhash);
        assert_ne!(small.raw_md5, large.raw_md5);
        assert_eq!(read(&picture(16, rising)).dhash.as_deref(), Some("0000000000000000"));
    }

    #[test]
    fn what_is_no_picture_has_no_hash_of_one() {
        assert_eq!(read(b"<svg/>").dhash, None);
        // A PNG that claims to be 100,000 by 100,000.
        let mut bomb = picture(16, |_| 0);
        bomb[16..24].copy_from_slice(&[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
        assert_eq!(read(&bomb).dhash, None);
    }
}
