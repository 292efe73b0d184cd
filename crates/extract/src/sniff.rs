//! What a file is by its magic bytes. In go the bytes, out comes a `type_tag`, or nothing where magic bytes
//! do not decide: then `text` and Magika have their say. To add a type whose bytes are fixed: one row here.

use crate::bytes::{at, be16, be32, head, le16, le32, tail};
use crate::zipdir::{self, Directory};

/// Fixed bytes at a fixed place; the first row that fits wins.
#[rustfmt::skip]
static MAGIC: &[(usize, &[u8], &str)] = &[
    (0, b"\x7fELF", "elf"),
    (0, b"%PDF-", "pdf"),
    (0, b"\x1f\x8b\x08", "gzip"),
    (0, b"\xfd7zXZ\0", "xz"),
    (0, b"7z\xbc\xaf\x27\x1c", "7zip"),
    (0, b"Rar!\x1a\x07", "rar"),
    (0, b"MSCF\0\0\0\0", "cab"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"LZIP\x01", "lzip"),
    (7, b"**ACE**", "ace"),
    (0, b"!<arch>\ndebian", "deb"),
    (0, b"!<arch>\n", "ar"),
    (0, b"\xed\xab\xee\xdb", "rpm"),
    (0, b"xar!", "xar"),
    (0, b"Cr24", "crx"),
    (0, b"hsqs", "squashfs"),
    (0, b"070701", "cpio"),
    (0, b"070702", "cpio"),
    (0, b"070707", "cpio"),
    (0, b"{\\rtf", "rtf"),
    (0, b"%!PS", "ps"),
    (0, b"ITSF\x03\0\0\0", "chm"),
    (0, b"?_\x03\0", "hlp"),
    (0, b"AT&TFORM", "djvu"),
    (0, b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", "one"),
    (0, b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F", "lnk"),
    (0, b"dex\n03", "dex"),
    (0, b"dex\n04", "dex"),
    (0, b"\0asm", "wasm"),
    (0, b"\xfe\xed\xfa\xce", "macho"),
    (0, b"\xfe\xed\xfa\xcf", "macho"),
    (0, b"\xce\xfa\xed\xfe", "macho"),
    (0, b"\xcf\xfa\xed\xfe", "macho"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (0, b"II*\0", "tiff"),
    (0, b"MM\0*", "tiff"),
    (0, b"8BPS\0\x01", "psd"),
    (0, b"\xd7\xcd\xc6\x9a", "wmf"),
    (40, b" EMF", "emf"),
    (0, b"\0\0\0\x0cjP  ", "jpeg2000"),
    (128, b"DICM", "dicom"),
    (0, b"ID3", "mp3"),
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (0, b"MThd\0\0\0\x06", "midi"),
    (0, b"FLV\x01", "flv"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (0, b"\0\0\x01\xba", "mpeg"),
    (0, b"\0\x01\0\0\0", "ttf"),
    (0, b"OTTO\0", "otf"),
    (0, b"wOFF", "woff"),
    (0, b"wOF2", "woff2"),
    (0, b"SQLite format 3\0", "sqlite"),
    (0, b"\xd4\xc3\xb2\xa1", "pcap"),
    (0, b"\xa1\xb2\xc3\xd4", "pcap"),
    (0, b"\x4d\x3c\xb2\xa1", "pcap"),
    (0, b"\x0a\x0d\x0d\x0a", "pcapng"),
    (0, b"ElfFile\0", "evtx"),
    (0, b"regf", "registry"),
    (0, b"MDMP\x93\xa7", "minidump"),
    (0, b"bplist00", "plist"),
    (0, b"d8:announce", "torrent"),
];

/// Names the type of some bytes, where they are what the rule is about.
type Rule = fn(&[u8]) -> Option<&'static str>;

/// Where fixed bytes are not enough; asked in this order, after [`MAGIC`].
static RULES: &[Rule] = &[dos, zip, compound, riff, boxes, java_or_universal, small, tar, disc, late_pdf, audio];

/// The `type_tag` that the magic bytes decide.
pub(crate) fn sniff(bytes: &[u8]) -> Option<&'static str> {
    if bytes.is_empty() {
        return Some("empty");
    }
    let fixed = MAGIC.iter().find(|(place, magic, _)| at(bytes, *place, magic)).map(|(_, _, tag)| *tag);
    fixed.or_else(|| RULES.iter().find_map(|rule| rule(bytes)))
}

/// The types that [`RULES`] find.
#[rustfmt::skip]
static RULED: &[&str] = &[
    "peexe", "pedll", "mz", "zip", "android", "xpi", "jar", "docx", "xlsx", "pptx", "odt", "ods", "odp", "epub",
    "doc", "xls", "ppt", "outlook", "msi", "cfb", "wav", "webp", "avi", "mkv", "webm", "quicktime", "3gp", "mp4",
    "class", "bzip", "bmp", "swf", "ico", "arj", "lha", "pyc", "tar", "iso", "dmg", "empty",
];

/// Whether a file of this type would have been found by its magic bytes, so that a guess must be wrong.
pub(crate) fn decides(tag: &str) -> bool {
    RULED.contains(&tag) || MAGIC.iter().any(|(_, _, known)| *known == tag)
}

/// As [`sniff`], for the first bytes of an archive's member: what needs the whole file is left out.
pub(crate) fn sniff_head(bytes: &[u8]) -> Option<&'static str> {
    match sniff(bytes) {
        None if crate::text::Text::of(bytes).is_some() => Some("text"),
        found => found,
    }
}

fn dos(bytes: &[u8]) -> Option<&'static str> {
    if !at(bytes, 0, b"MZ") {
        return None;
    }
    let header = usize::try_from(le32(bytes, 0x3c)?).ok()?;
    if !at(bytes, header, b"PE\0\0") {
        return Some("mz");
    }
    let characteristics = le16(bytes, header.checked_add(22)?).unwrap_or_default();
    Some(if characteristics & 0x2000 == 0 { "peexe" } else { "pedll" })
}

fn zip(bytes: &[u8]) -> Option<&'static str> {
    if !zipdir::begins(bytes) {
        return None;
    }
    let Some(directory) = Directory::find(bytes) else { return Some("zip") };
    let mut found = "zip";
    for entry in directory.entries().take(4096) {
        match entry.name {
            b"AndroidManifest.xml" => return Some("android"),
            b"mimetype" => return Some(open_document(entry.stored(&directory).unwrap_or_default())),
            b"META-INF/mozilla.rsa" => return Some("xpi"),
            b"META-INF/MANIFEST.MF" => found = "jar",
            name if name.starts_with(b"word/") => return Some("docx"),
            name if name.starts_with(b"xl/") => return Some("xlsx"),
            name if name.starts_with(b"ppt/") => return Some("pptx"),
            _ => {}
        }
    }
    Some(found)
}

fn open_document(kind: &[u8]) -> &'static str {
    const KINDS: &[(&[u8], &str)] = &[
        (b"application/vnd.oasis.opendocument.text", "odt"),
        (b"application/vnd.oasis.opendocument.spreadsheet", "ods"),
        (b"application/vnd.oasis.opendocument.presentation", "odp"),
        (b"application/epub+zip", "epub"),
    ];
    KINDS.iter().find(|(name, _)| kind.starts_with(name)).map_or("zip", |(_, tag)| tag)
}

/// OLE compound files: the streams that each kind must have are named in UTF-16 in the directory.
fn compound(bytes: &[u8]) -> Option<&'static str> {
    const STREAMS: &[(&str, &str)] = &[
        ("WordDocument", "doc"),
        ("Workbook", "xls"),
        ("PowerPoint Document", "ppt"),
        ("__properties_version1.0", "outlook"),
        ("\u{4840}\u{3f3f}", "msi"),
        ("\u{4840}\u{3b3f}", "msi"),
        ("Book", "xls"),
    ];
    if !at(bytes, 0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return None;
    }
    let found = STREAMS.iter().find(|(name, _)| {
        let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        memchr::memmem::find(bytes, &wide).is_some()
    });
    Some(found.map_or("cfb", |(_, tag)| tag))
}

fn riff(bytes: &[u8]) -> Option<&'static str> {
    if !at(bytes, 0, b"RIFF") {
        return None;
    }
    [("WAVE", "wav"), ("WEBP", "webp"), ("AVI ", "avi")]
        .into_iter()
        .find(|(name, _)| at(bytes, 8, name.as_bytes()))
        .map(|(_, tag)| tag)
}

fn boxes(bytes: &[u8]) -> Option<&'static str> {
    if at(bytes, 0, b"\x1a\x45\xdf\xa3") {
        let webm = memchr::memmem::find(head(bytes, 64), b"webm").is_some();
        return Some(if webm { "webm" } else { "mkv" });
    }
    if !at(bytes, 4, b"ftyp") {
        return None;
    }
    Some(match bytes.get(8..11)? {
        b"qt " => "quicktime",
        b"3gp" | b"3g2" => "3gp",
        _ => "mp4",
    })
}

/// 0xCAFEBABE opens both; a universal binary has few architectures, a class file a version of at least 45.
fn java_or_universal(bytes: &[u8]) -> Option<&'static str> {
    (be32(bytes, 0)? == 0xcafe_babe).then_some(())?;
    Some(if be32(bytes, 4)? < 30 { "macho" } else { "class" })
}

/// Types with little magic, tested with more than it.
fn small(bytes: &[u8]) -> Option<&'static str> {
    if at(bytes, 0, b"BZh") && at(bytes, 4, b"1AY&SY") {
        return Some("bzip");
    }
    if at(bytes, 0, b"BM")
        && le32(bytes, 6) == Some(0)
        && le32(bytes, 14).is_some_and(|size| (12..=124).contains(&size))
    {
        return Some("bmp");
    }
    if at(bytes, 1, b"WS") && matches!(bytes.first(), Some(b'F' | b'C' | b'Z')) && bytes.get(3).is_some_and(|&v| v < 60)
    {
        return Some("swf");
    }
    if at(bytes, 0, b"\0\0\x01\0") && (1..=64).contains(&le16(bytes, 4)?) && bytes.get(9) == Some(&0) {
        return Some("ico");
    }
    if at(bytes, 0, b"\x60\xea") && bytes.get(10).is_some_and(|&kind| kind <= 4) {
        return Some("arj");
    }
    if at(bytes, 2, b"\r\n") && (3000..4000).contains(&le16(bytes, 0)?) && bytes.len() > 16 {
        return Some("pyc");
    }
    if at(bytes, 2, b"-lh") && bytes.get(6) == Some(&b'-') {
        return Some("lha");
    }
    None
}

fn tar(bytes: &[u8]) -> Option<&'static str> {
    is_tar(bytes).then_some("tar")
}

/// Whether a tar header block comes first, by its checksum: `ustar` is not in the oldest archives.
pub(crate) fn is_tar(bytes: &[u8]) -> bool {
    tar_checksum(bytes).is_some_and(|(stated, sum)| stated == sum) && bytes.first() != Some(&0)
}

fn tar_checksum(bytes: &[u8]) -> Option<(u32, u32)> {
    let header = bytes.get(..512)?;
    let field = std::str::from_utf8(header.get(148..156)?).ok()?;
    let stated = u32::from_str_radix(field.trim_matches(['\0', ' ']), 8).ok()?;
    let sum = header.iter().enumerate().fold(0_u32, |sum, (place, &byte)| {
        sum.saturating_add(u32::from(if (148..156).contains(&place) { b' ' } else { byte }))
    });
    Some((stated, sum))
}

fn disc(bytes: &[u8]) -> Option<&'static str> {
    if at(bytes, 0x8001, b"CD001") {
        return Some("iso");
    }
    at(tail(bytes, 512), 0, b"koly\0\0\0\x04").then_some("dmg")
}

/// Readers accept a PDF whose header stands anywhere in the first kilobyte.
fn late_pdf(bytes: &[u8]) -> Option<&'static str> {
    memchr::memmem::find(head(bytes, 1024), b"%PDF-1.").map(|_| "pdf")
}

/// An MPEG layer III frame header without ID3 tag before it: sync, and no reserved value.
fn audio(bytes: &[u8]) -> Option<&'static str> {
    let header = be16(bytes, 0)?;
    let rates = bytes.get(2)?;
    (header & 0xffe6 == 0xffe2 && rates & 0xf0 != 0xf0 && rates & 0xf0 != 0 && rates & 0x0c != 0x0c).then_some("mp3")
}
