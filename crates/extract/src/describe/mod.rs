//! The one line that tells what a file is, in the manner of file(1), without its database: common types are
//! described by code and tables here, others by the name that the `file-format` crate knows. To add a type
//! whose line needs no reading: a row in `FIXED`.

mod compressed;
mod executables;
mod images;

use crate::bytes::{be16, head, slice};
use crate::kind::FileKind;
use crate::text::Text;

/// The line of a file that is not text.
pub(crate) fn line(bytes: &[u8], kind: &FileKind) -> String {
    if bytes.is_empty() {
        return "empty".to_owned();
    }
    let fixed = FIXED.iter().find(|(tag, _)| *tag == kind.tag).map(|(_, line)| (*line).to_owned());
    if let Some(line) = fixed.or_else(|| read(bytes, kind.tag)) {
        return line;
    }
    if bytes.len() == 1 {
        return "very short file (no magic)".to_owned();
    }
    let format = file_format::FileFormat::from_bytes(head(bytes, 64 << 10));
    match format {
        file_format::FileFormat::ArbitraryBinaryData | file_format::FileFormat::PlainText => "data".to_owned(),
        format => format.name().to_owned(),
    }
}

/// The line of a text; `opening` is what its first words tell.
pub(crate) fn text(bytes: &[u8], text: &Text, kind: &FileKind, opening: Option<(&str, &str)>) -> String {
    if bytes.len() == 1 {
        return "very short file (no magic)".to_owned();
    }
    if is_test_file(bytes) {
        return "EICAR virus test files".to_owned();
    }
    if let Some((_, what)) = opening {
        return match what {
            "JSON" => "JSON text data".to_owned(),
            "Perl script" => "Perl script text executable".to_owned(),
            what => text.describe(Some(what)),
        };
    }
    let what = match kind.tag {
        "c" => Some("C source"),
        "cpp" => Some("C++ source"),
        "csv" => return format!("CSV {}", text.describe(None)),
        "html" => Some("HTML document"),
        "java" => Some("Java source"),
        "javascript" => Some("JavaScript source"),
        "php" => Some("PHP script"),
        "python" => Some("Python script"),
        "ruby" => Some("Ruby script"),
        "dosbatch" => Some("DOS batch file"),
        "makefile" => Some("makefile script"),
        _ => None,
    };
    text.describe(what)
}

/// EICAR's test file; its two marks are apart, so that this program's own file is not taken for it.
fn is_test_file(bytes: &[u8]) -> bool {
    bytes.starts_with(b"X5O!P%@AP") && crate::bytes::at(bytes, 28, b"EICAR-STANDARD-")
}

fn read(bytes: &[u8], tag: &str) -> Option<String> {
    match tag {
        "peexe" | "pedll" | "mz" => executables::pe(bytes),
        "elf" => executables::elf(bytes),
        "macho" => executables::macho(bytes),
        "class" => executables::class(bytes),
        "dex" => version(bytes, 4, 3).map(|version| format!("Dalvik dex file version {version}")),
        "zip" => compressed::zip(bytes),
        "gzip" => compressed::gzip(bytes),
        "tar" => Some(compressed::tar(bytes)),
        "7zip" => Some(format!("7-zip archive data, version {}.{}", bytes.get(6)?, bytes.get(7)?)),
        "rar" => {
            Some(if bytes.get(6) == Some(&1) { "RAR archive data, v5" } else { "RAR archive data, v4" }.to_owned())
        }
        "bzip" => version(bytes, 3, 1).map(|level| format!("bzip2 compressed data, block size = {level}00k")),
        "xz" => Some(compressed::xz(bytes)),
        "pdf" => pdf(bytes),
        "rtf" => version(bytes, 5, 1).map(|version| format!("Rich Text Format data, version {version}")),
        "png" => images::png(bytes),
        "gif" => images::gif(bytes),
        "jpeg" => Some(images::jpeg(bytes)),
        "bmp" => images::bmp(bytes),
        "ico" => images::ico(bytes),
        "swf" => executables::swf(bytes),
        "mp3" => Some(audio(bytes)),
        _ => None,
    }
}

/// `len` printable characters at `at`.
fn version(bytes: &[u8], at: usize, len: usize) -> Option<&str> {
    let text = std::str::from_utf8(slice(bytes, at, len)?).ok()?;
    text.chars().all(|character| character.is_ascii_graphic()).then_some(text)
}

fn pdf(bytes: &[u8]) -> Option<String> {
    let start = memchr::memmem::find(head(bytes, 1024), b"%PDF-")?;
    let version = version(bytes, start.checked_add(5)?, 3).unwrap_or("unknown");
    Some(format!("PDF document, version {version}"))
}

fn audio(bytes: &[u8]) -> String {
    match (bytes.get(3), bytes.get(4), be16(bytes, 0)) {
        (Some(major), Some(minor), Some(0x4944)) => format!("Audio file with ID3 version 2.{major}.{minor}"),
        _ => "MPEG ADTS, layer III, v1".to_owned(),
    }
}

#[rustfmt::skip]
const FIXED: &[(&str, &str)] = &[
    ("android", "Android package (APK), with AndroidManifest.xml"),
    ("jar", "Java archive data (JAR)"),
    ("docx", "Microsoft Word 2007+"),
    ("xlsx", "Microsoft Excel 2007+"),
    ("pptx", "Microsoft PowerPoint 2007+"),
    ("odt", "OpenDocument Text"),
    ("ods", "OpenDocument Spreadsheet"),
    ("odp", "OpenDocument Presentation"),
    ("epub", "EPUB document"),
    ("xpi", "Mozilla XUL Extension"),
    ("doc", "Composite Document File V2 Document, Microsoft Word"),
    ("xls", "Composite Document File V2 Document, Microsoft Excel"),
    ("ppt", "Composite Document File V2 Document, Microsoft PowerPoint"),
    ("msi", "Composite Document File V2 Document, MSI Installer"),
    ("outlook", "CDFV2 Microsoft Outlook Message"),
    ("cfb", "Composite Document File V2 Document"),
    ("cab", "Microsoft Cabinet archive data"),
    ("lnk", "MS Windows shortcut"),
    ("chm", "MS Windows HtmlHelp Data"),
    ("deb", "Debian binary package (format 2.0)"),
    ("ar", "current ar archive"),
    ("rpm", "RPM"),
    ("iso", "ISO 9660 CD-ROM filesystem data"),
    ("dmg", "Macintosh disk image (UDIF)"),
    ("cpio", "ASCII cpio archive"),
    ("zstd", "Zstandard compressed data"),
    ("lzip", "lzip compressed data"),
    ("xar", "xar archive compressed TOC"),
    ("crx", "Google Chrome extension"),
    ("squashfs", "Squashfs filesystem, little endian"),
    ("wasm", "WebAssembly (wasm) binary module"),
    ("webp", "RIFF (little-endian) data, Web/P image"),
    ("wav", "RIFF (little-endian) data, WAVE audio"),
    ("avi", "RIFF (little-endian) data, AVI"),
    ("ogg", "Ogg data"),
    ("flac", "FLAC audio bitstream data"),
    ("midi", "Standard MIDI data"),
    ("mp4", "ISO Media, MP4 Base Media"),
    ("3gp", "ISO Media, MPEG v4 system, 3GPP"),
    ("quicktime", "ISO Media, Apple QuickTime movie, Apple QuickTime (.MOV/QT)"),
    ("mkv", "Matroska data"),
    ("webm", "WebM"),
    ("flv", "Macromedia Flash Video"),
    ("asf", "Microsoft ASF"),
    ("tiff", "TIFF image data"),
    ("psd", "Adobe Photoshop Image"),
    ("emf", "Windows Enhanced Metafile (EMF) image data"),
    ("wmf", "Windows metafile"),
    ("sqlite", "SQLite 3.x database"),
    ("pcap", "pcap capture file"),
    ("pcapng", "pcapng capture file"),
    ("evtx", "MS Windows Vista Event Log"),
    ("registry", "MS Windows registry file, NT/2000 or above"),
    ("minidump", "Mini DuMP crash report"),
    ("plist", "Apple binary property list"),
    ("ttf", "TrueType Font data"),
    ("otf", "OpenType font data"),
    ("woff", "Web Open Font Format"),
    ("woff2", "Web Open Font Format (Version 2)"),
    ("torrent", "BitTorrent file"),
    ("ps", "PostScript document text"),
    ("pyc", "Byte-compiled Python module"),
    ("com", "COM executable for DOS"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::by_tag;

    #[test]
    fn short_and_unknown_files_have_their_own_words() {
        assert_eq!(line(b"", by_tag("empty")), "empty");
        assert_eq!(line(b"\x01", by_tag("unknown")), "very short file (no magic)");
        assert_eq!(line(b"\x01\x02\x03\x04", by_tag("unknown")), "data");
        assert_eq!(line(b"%PDF-1.7\n", by_tag("pdf")), "PDF document, version 1.7");
    }
}
