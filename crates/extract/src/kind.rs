//! The types of file, in `VirusTotal`'s words: a row per type. To add a type: one row here, and where its magic
//! bytes are known, one in `sniff`.

/// One type of file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FileKind {
    /// `VirusTotal`'s `type_tag`; the table's key.
    pub(crate) tag: &'static str,
    /// `type_description`.
    pub(crate) description: &'static str,
    /// `type_tags`, broad to narrow.
    pub(crate) tags: &'static [&'static str],
    /// `type_extension`.
    pub(crate) extension: Option<&'static str>,
    /// The Magika labels that mean this type.
    labels: &'static [&'static str],
}

impl FileKind {
    /// Whether files of this type are text, so that a name's ending may tell which kind.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.tags.first(), Some(&("source" | "text")))
            || matches!(self.tag, "html" | "xml" | "svg" | "json" | "css" | "email" | "url" | "latex")
    }
}

const fn row(
    tag: &'static str,
    description: &'static str,
    tags: &'static [&'static str],
    extension: Option<&'static str>,
    labels: &'static [&'static str],
) -> FileKind {
    FileKind { tag, description, tags, extension, labels }
}

/// The row for what nobody knows.
pub(crate) static UNKNOWN: FileKind = row("unknown", "unknown", &["unknown"], None, &["unknown"]);

/// The row with this tag; [`UNKNOWN`] for none.
pub(crate) fn by_tag(tag: &str) -> &'static FileKind {
    KINDS.iter().find(|kind| kind.tag == tag).unwrap_or(&UNKNOWN)
}

/// The row that one of Magika's labels means.
pub(crate) fn by_label(label: &str) -> Option<&'static FileKind> {
    KINDS.iter().find(|kind| kind.labels.contains(&label))
}

/// The row with this usual extension (lower case, no dot).
pub(crate) fn by_extension(extension: &str) -> Option<&'static FileKind> {
    KINDS.iter().find(|kind| kind.extension == Some(extension))
}

#[rustfmt::skip]
static KINDS: &[FileKind] = &[
    row("peexe", "Win32 EXE", &["executable", "windows", "win32", "pe", "peexe"], Some("exe"), &["pebin"]),
    row("pedll", "Win32 DLL", &["executable", "windows", "win32", "pe", "pedll"], Some("dll"), &[]),
    row("mz", "DOS EXE", &["executable", "dos", "mz"], Some("exe"), &[]),
    row("com", "DOS COM", &["executable", "dos", "com"], Some("com"), &[]),
    row("elf", "ELF", &["executable", "linux", "elf"], Some("so"), &["elf"]),
    row("macho", "Mach-O", &["executable", "mac", "macho"], Some("macho"), &["macho"]),
    row("coff", "COFF", &["executable", "coff"], Some("obj"), &["coff"]),
    row("wasm", "WebAssembly", &["executable", "wasm"], Some("wasm"), &["wasm"]),
    row("class", "Java Bytecode", &["executable", "java", "java-bytecode", "class"], Some("class"), &["javabytecode"]),
    row("dex", "Dalvik Executable", &["executable", "mobile", "android", "dex"], Some("dex"), &["dex"]),
    row("pyc", "Python bytecode", &["executable", "python", "pyc"], Some("pyc"), &["pythonbytecode"]),
    row("android", "Android", &["executable", "mobile", "android", "apk"], Some("apk"), &["apk"]),
    row("jar", "JAR", &["compressed", "java", "jar"], Some("jar"), &["jar"]),
    row("zip", "ZIP", &["compressed", "zip"], Some("zip"), &["zip"]),
    row("gzip", "GZIP", &["compressed", "gzip"], Some("gz"), &["gzip"]),
    row("tar", "TAR", &["compressed", "tar"], Some("tar"), &["tar"]),
    row("rar", "RAR", &["compressed", "rar"], Some("rar"), &["rar"]),
    row("7zip", "7ZIP", &["compressed", "7zip"], Some("7z"), &["sevenzip"]),
    row("bzip", "BZIP", &["compressed", "bzip"], Some("bz2"), &["bzip"]),
    row("xz", "XZ", &["compressed", "xz"], Some("xz"), &["xz"]),
    row("lzip", "LZIP", &["compressed", "lzip"], Some("lz"), &[]),
    row("zstd", "Zstandard", &["compressed", "zstd"], Some("zst"), &[]),
    row("zlib", "ZLIB", &["compressed", "zlib"], Some("zlib"), &["zlibstream"]),
    row("lzfse", "LZFSE", &["compressed", "lzfse"], Some("lzfse"), &[]),
    row("ace", "ACE", &["compressed", "ace"], Some("ace"), &["ace"]),
    row("arj", "ARJ", &["compressed", "arj"], Some("arj"), &[]),
    row("arc", "ARC", &["compressed", "arc"], Some("arc"), &[]),
    row("lha", "LHA", &["compressed", "lha"], Some("lha"), &["lha"]),
    row("cab", "CAB", &["compressed", "windows", "cab"], Some("cab"), &["cab"]),
    row("cpio", "CPIO", &["compressed", "cpio"], Some("cpio"), &[]),
    row("ar", "AR", &["compressed", "ar"], Some("a"), &[]),
    row("xar", "XAR", &["compressed", "mac", "xar"], Some("xar"), &["xar"]),
    row("deb", "Debian Package", &["executable", "linux", "deb"], Some("deb"), &["deb"]),
    row("rpm", "RPM", &["executable", "linux", "rpm"], Some("rpm"), &["rpm"]),
    row("msi", "Windows Installer", &["executable", "windows", "installer", "msi"], Some("msi"), &["msi"]),
    row("iso", "ISO image", &["compressed", "isoimage", "iso"], Some("iso"), &["iso"]),
    row("dmg", "Macintosh Disk Image", &["compressed", "mac", "dmg"], Some("dmg"), &["dmg"]),
    row("squashfs", "Squash filesystem", &["compressed", "linux", "squashfs"], Some("squashfs"), &["squashfs"]),
    row("crx", "Chrome Extension", &["internet", "browser", "chrome", "crx"], Some("crx"), &["crx"]),
    row("xpi", "Mozilla Extension", &["internet", "browser", "firefox", "xpi"], Some("xpi"), &["xpi"]),
    row("pdf", "PDF", &["document", "pdf"], Some("pdf"), &["pdf"]),
    row("docx", "Office Open XML Document", &["document", "msoffice", "text", "word", "docx"], Some("docx"), &["docx"]),
    row("xlsx", "Office Open XML Spreadsheet", &["document", "msoffice", "spreadsheet", "excel", "xlsx"], Some("xlsx"), &["xlsx", "xlsb"]),
    row("pptx", "Office Open XML Slideshow", &["document", "msoffice", "presentation", "powerpoint", "pptx"], Some("pptx"), &["pptx"]),
    row("doc", "MS Word Document", &["document", "msoffice", "text", "word", "doc"], Some("doc"), &["doc"]),
    row("xls", "MS Excel Spreadsheet", &["document", "msoffice", "spreadsheet", "excel", "xls"], Some("xls"), &["xls"]),
    row("ppt", "MS PowerPoint Presentation", &["document", "msoffice", "presentation", "powerpoint", "ppt"], Some("ppt"), &["ppt"]),
    row("outlook", "Outlook", &["internet", "email", "outlook"], Some("msg"), &["outlook"]),
    row("one", "Microsoft OneNote", &["document", "msoffice", "one"], Some("one"), &["one"]),
    row("cfb", "Compound File Binary", &["document", "msoffice", "cfb"], None, &[]),
    row("rtf", "Rich Text Format", &["document", "rtf"], Some("rtf"), &["rtf"]),
    row("odt", "OpenDocument Text", &["document", "openoffice", "text", "odt"], Some("odt"), &["odt"]),
    row("ods", "OpenDocument Spreadsheet", &["document", "openoffice", "spreadsheet", "ods"], Some("ods"), &["ods"]),
    row("odp", "OpenDocument Presentation", &["document", "openoffice", "presentation", "odp"], Some("odp"), &["odp"]),
    row("epub", "EPUB", &["document", "ebook", "epub"], Some("epub"), &["epub"]),
    row("ps", "Postscript", &["document", "ps"], Some("ps"), &["postscript"]),
    row("chm", "HTML Help", &["document", "windows", "chm"], Some("chm"), &["chm"]),
    row("hlp", "Windows Help", &["document", "windows", "hlp"], Some("hlp"), &["hlp"]),
    row("latex", "LaTeX", &["document", "latex"], Some("tex"), &["latex"]),
    row("djvu", "DjVu", &["document", "djvu"], Some("djvu"), &[]),
    row("html", "HTML", &["internet", "html"], Some("html"), &["html", "asp", "jinja", "twig", "vue", "handlebars", "erb"]),
    row("xml", "XML", &["internet", "xml"], Some("xml"), &["xml", "appleplist", "csproj", "vcxproj", "rdf", "mum"]),
    row("svg", "SVG", &["multimedia", "image", "svg"], Some("svg"), &["svg"]),
    row("json", "JSON", &["internet", "json"], Some("json"), &["json", "jsonl", "ipynb"]),
    row("css", "CSS", &["internet", "css"], Some("css"), &["css", "scss"]),
    row("email", "Email", &["internet", "email"], Some("eml"), &["eml", "mht"]),
    row("javascript", "JavaScript", &["source", "javascript"], Some("js"), &["javascript", "typescript"]),
    row("python", "Python", &["source", "python"], Some("py"), &["python"]),
    row("shell", "Shell script", &["source", "shellscript"], Some("sh"), &["shell"]),
    row("powershell", "Powershell", &["source", "powershell"], Some("ps1"), &["powershell"]),
    row("dosbatch", "DOS batch file", &["source", "dosbatch"], Some("bat"), &["batch"]),
    row("vba", "VBA", &["source", "visualbasic", "vba"], Some("vbs"), &["vba"]),
    row("php", "PHP", &["source", "php"], Some("php"), &["php"]),
    row("perl", "Perl", &["source", "perl"], Some("pl"), &["perl"]),
    row("ruby", "Ruby", &["source", "ruby"], Some("rb"), &["ruby", "gemfile", "gemspec"]),
    row("lua", "Lua", &["source", "lua"], Some("lua"), &["lua"]),
    row("tcl", "Tcl", &["source", "tcl"], Some("tcl"), &["tcl"]),
    row("awk", "awk", &["source", "awk"], Some("awk"), &["awk"]),
    row("c", "C", &["source", "c"], Some("c"), &["c"]),
    row("cpp", "C++", &["source", "cpp"], Some("cpp"), &["cpp", "objectivec"]),
    row("csharp", "C#", &["source", "csharp"], Some("cs"), &["cs"]),
    row("java", "Java", &["source", "java"], Some("java"), &["java"]),
    row("go", "Go", &["source", "go"], Some("go"), &["go"]),
    row("rust", "Rust", &["source", "rust"], Some("rs"), &["rust"]),
    row("sql", "SQL", &["source", "sql"], Some("sql"), &["sql"]),
    row("makefile", "Makefile", &["source", "makefile"], Some("mk"), &["makefile"]),
    row("asm", "Assembler", &["source", "asm"], Some("asm"), &["asm"]),
    row("fortran", "Fortran", &["source", "fortran"], Some("f"), &["fortran"]),
    row("pascal", "Pascal", &["source", "pascal"], Some("pas"), &["pascal"]),
    row("lisp", "Lisp", &["source", "lisp"], Some("lisp"), &["lisp", "clojure"]),
    row("autoit", "AutoIt", &["source", "autoit"], Some("au3"), &["autoit"]),
    row("autohotkey", "AutoHotkey", &["source", "autohotkey"], Some("ahk"), &["autohotkey"]),
    row("diff", "diff", &["source", "diff"], Some("diff"), &["diff"]),
    row("text", "Text", &["text"], Some("txt"), &["txt"]),
    row("csv", "CSV", &["text", "csv"], Some("csv"), &["csv", "tsv"]),
    row("ini", "Windows INI", &["text", "ini"], Some("ini"), &["ini"]),
    row("yaml", "YAML", &["text", "yaml"], Some("yaml"), &["yaml"]),
    row("reg", "Windows registry file", &["text", "windows", "reg"], Some("reg"), &["winregistry"]),
    row("url", "Internet Shortcut", &["internet", "windows", "url"], Some("url"), &["internetshortcut"]),
    row("pem", "PEM", &["text", "certificate", "pem"], Some("pem"), &["pem", "crt"]),
    row("torrent", "BitTorrent link", &["internet", "torrent"], Some("torrent"), &["torrent"]),
    row("lnk", "Windows shortcut", &["executable", "windows", "lnk"], Some("lnk"), &["lnk"]),
    row("swf", "Macromedia Flash", &["internet", "flash", "swf"], Some("swf"), &["swf"]),
    row("png", "PNG", &["multimedia", "image", "png"], Some("png"), &["png"]),
    row("jpeg", "JPEG", &["multimedia", "image", "jpeg"], Some("jpg"), &["jpeg"]),
    row("gif", "GIF", &["multimedia", "image", "gif"], Some("gif"), &["gif"]),
    row("bmp", "BMP", &["multimedia", "image", "bmp"], Some("bmp"), &["bmp"]),
    row("webp", "WebP", &["multimedia", "image", "webp"], Some("webp"), &["webp"]),
    row("tiff", "TIFF", &["multimedia", "image", "tiff"], Some("tiff"), &["tiff"]),
    row("ico", "ICO", &["multimedia", "image", "ico"], Some("ico"), &["ico"]),
    row("psd", "Photoshop", &["multimedia", "image", "psd"], Some("psd"), &["psd"]),
    row("emf", "Windows Enhanced Metafile", &["multimedia", "image", "emf"], Some("emf"), &["emf"]),
    row("wmf", "Windows Metafile", &["multimedia", "image", "wmf"], Some("wmf"), &["wmf"]),
    row("jpeg2000", "JPEG 2000", &["multimedia", "image", "jpeg2000"], Some("jp2"), &["jp2"]),
    row("dicom", "DICOM", &["multimedia", "image", "dicom"], Some("dcm"), &["dicom"]),
    row("mp3", "MP3", &["multimedia", "audio", "mp3"], Some("mp3"), &["mp3"]),
    row("wav", "WAV", &["multimedia", "audio", "wav"], Some("wav"), &["wav"]),
    row("flac", "FLAC", &["multimedia", "audio", "flac"], Some("flac"), &["flac"]),
    row("ogg", "OGG", &["multimedia", "audio", "ogg"], Some("ogg"), &["ogg"]),
    row("midi", "MIDI", &["multimedia", "audio", "midi"], Some("mid"), &["midi"]),
    row("mp4", "MP4", &["multimedia", "video", "mp4"], Some("mp4"), &["mp4"]),
    row("3gp", "3GP", &["multimedia", "video", "3gp"], Some("3gp"), &["3gp"]),
    row("quicktime", "QuickTime", &["multimedia", "video", "quicktime"], Some("mov"), &["qt"]),
    row("avi", "AVI", &["multimedia", "video", "avi"], Some("avi"), &[]),
    row("mkv", "Matroska", &["multimedia", "video", "mkv"], Some("mkv"), &["mkv"]),
    row("webm", "WebM", &["multimedia", "video", "webm"], Some("webm"), &["webm"]),
    row("flv", "Flash Video", &["multimedia", "video", "flv"], Some("flv"), &["flv"]),
    row("asf", "Advanced Streaming Format", &["multimedia", "video", "asf"], Some("wmv"), &[]),
    row("mpeg", "MPEG", &["multimedia", "video", "mpeg"], Some("mpg"), &[]),
    row("ttf", "TrueType Font", &["multimedia", "font", "ttf"], Some("ttf"), &["ttf"]),
    row("otf", "OpenType Font", &["multimedia", "font", "otf"], Some("otf"), &["otf"]),
    row("woff", "Web Open Font Format", &["internet", "font", "woff"], Some("woff"), &["woff"]),
    row("woff2", "Web Open Font Format 2", &["internet", "font", "woff2"], Some("woff2"), &["woff2"]),
    row("sqlite", "SQLite", &["database", "sqlite"], Some("sqlite"), &["sqlite"]),
    row("pcap", "Network capture", &["internet", "cap", "pcap"], Some("pcap"), &["pcap"]),
    row("pcapng", "Network capture (next generation)", &["internet", "cap", "pcapng"], Some("pcapng"), &[]),
    row("evtx", "Windows Event Log", &["windows", "evtx"], Some("evtx"), &[]),
    row("registry", "Windows registry hive", &["windows", "registry"], None, &[]),
    row("minidump", "Windows minidump", &["windows", "minidump"], Some("dmp"), &[]),
    row("plist", "Apple Property List", &["mac", "plist"], Some("plist"), &["applebplist"]),
    row("der", "DER certificate", &["certificate", "der"], Some("der"), &[]),
    row("empty", "Empty file", &["empty"], None, &["empty"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_and_every_label_stands_in_one_row() {
        for kind in KINDS {
            assert_eq!(KINDS.iter().filter(|other| other.tag == kind.tag).count(), 1, "{}", kind.tag);
            for label in kind.labels {
                assert_eq!(KINDS.iter().filter(|other| other.labels.contains(label)).count(), 1, "{label}");
            }
        }
    }

    #[test]
    fn a_tag_that_is_not_in_the_table_is_unknown() {
        assert_eq!(by_tag("no such type"), &UNKNOWN);
        assert_eq!(by_tag("peexe").description, "Win32 EXE");
    }
}
