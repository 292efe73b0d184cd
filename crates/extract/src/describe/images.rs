//! The lines of pictures, with their sizes.

use std::fmt::Write as _;

use crate::bytes::{at, be16, be32, le16, le32};

/// `PNG image data, 16 x 16, 8-bit/color RGBA, non-interlaced`.
pub(super) fn png(bytes: &[u8]) -> Option<String> {
    let (width, height) = (be32(bytes, 16)?, be32(bytes, 20)?);
    let depth = bytes.get(24)?;
    let color = match bytes.get(25)? {
        0 => " grayscale",
        2 => "/color RGB",
        3 => " colormap",
        4 => " gray+alpha",
        6 => "/color RGBA",
        _ => "",
    };
    let interlaced = if bytes.get(28)? == &1 { "interlaced" } else { "non-interlaced" };
    Some(format!("PNG image data, {width} x {height}, {depth}-bit{color}, {interlaced}"))
}

/// `GIF image data, version 89a, 16 x 16`.
pub(super) fn gif(bytes: &[u8]) -> Option<String> {
    let version = super::version(bytes, 3, 3)?;
    Some(format!("GIF image data, version {version}, {} x {}", le16(bytes, 6)?, le16(bytes, 8)?))
}

/// `PC bitmap, Windows 3.x format, 16 x 16 x 24`.
pub(super) fn bmp(bytes: &[u8]) -> Option<String> {
    let (format, width, height, depth) = match le32(bytes, 14)? {
        12 => ("OS/2 1.x", u32::from(le16(bytes, 18)?), u32::from(le16(bytes, 20)?), le16(bytes, 24)?),
        40 => ("Windows 3.x", le32(bytes, 18)?, le32(bytes, 22)?, le16(bytes, 28)?),
        108 => ("Windows 95/NT4 and newer", le32(bytes, 18)?, le32(bytes, 22)?, le16(bytes, 28)?),
        124 => ("Windows 98/2000 and newer", le32(bytes, 18)?, le32(bytes, 22)?, le16(bytes, 28)?),
        _ => return Some("PC bitmap".to_owned()),
    };
    Some(format!("PC bitmap, {format} format, {width} x {} x {depth}", height.cast_signed()))
}

/// `MS Windows icon resource - 2 icons, 16x16, 32 bits/pixel`.
pub(super) fn ico(bytes: &[u8]) -> Option<String> {
    let count = le16(bytes, 4)?;
    let plural = if count == 1 { "" } else { "s" };
    let size = |byte: &u8| if *byte == 0 { 256 } else { u16::from(*byte) };
    let (width, height) = (size(bytes.get(6)?), size(bytes.get(7)?));
    let depth =
        le16(bytes, 12).filter(|&depth| depth > 0).map_or_else(String::new, |depth| format!(", {depth} bits/pixel"));
    Some(format!("MS Windows icon resource - {count} icon{plural}, {width}x{height}{depth}"))
}

/// `JPEG image data, JFIF standard 1.01, baseline, precision 8, 16x16, components 3`.
pub(super) fn jpeg(bytes: &[u8]) -> String {
    let mut line = "JPEG image data".to_owned();
    if at(bytes, 6, b"JFIF\0") {
        let (major, minor) = (bytes.get(11).unwrap_or(&0), bytes.get(12).unwrap_or(&0));
        let _ = write!(line, ", JFIF standard {major}.{minor:02}");
    } else if at(bytes, 6, b"Exif\0") {
        line.push_str(", Exif standard");
    }
    if let Some(frame) = frame(bytes) {
        line.push_str(&frame);
    }
    line
}

/// Goes from segment to segment up to the frame header (ITU T.81, B.2.2).
fn frame(bytes: &[u8]) -> Option<String> {
    let mut place = 2_usize;
    for _ in 0..256 {
        let marker = be16(bytes, place)?;
        let content = place.checked_add(4)?;
        let how = match marker {
            0xffc0 => "baseline",
            0xffc1 => "extended sequential",
            0xffc2 => "progressive",
            0xffc4 | 0xffc8 | 0xffcc => "",
            0xffc3..=0xffcf => "other",
            0xff01..=0xffff => "",
            _ => return None,
        };
        if !how.is_empty() {
            let height = be16(bytes, content.checked_add(1)?)?;
            let width = be16(bytes, content.checked_add(3)?)?;
            let (precision, components) = (bytes.get(content)?, bytes.get(content.checked_add(5)?)?);
            return Some(format!(", {how}, precision {precision}, {width}x{height}, components {components}"));
        }
        let length = usize::from(be16(bytes, place.checked_add(2)?)?);
        place = place.checked_add(2)?.checked_add(length)?;
    }
    None
}
