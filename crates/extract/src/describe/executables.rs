//! The lines of executables.

use std::fmt::Write as _;

use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _, SectionHeader as _};
use object::{Endianness, pe};

use crate::bytes::{at, be16, be32, le16, le32, slice, text};

/// `PE32+ executable (DLL) (GUI) x86-64, for MS Windows`.
pub(super) fn pe(bytes: &[u8]) -> Option<String> {
    let header = usize::try_from(le32(bytes, 0x3c).unwrap_or_default()).ok()?;
    if !at(bytes, header, b"PE\0\0") {
        return Some("MS-DOS executable".to_owned());
    }
    let optional = header.checked_add(24)?;
    let (format, directories) = match le16(bytes, optional) {
        Some(pe::IMAGE_NT_OPTIONAL_HDR32_MAGIC) => ("PE32", optional.checked_add(96)?),
        Some(pe::IMAGE_NT_OPTIONAL_HDR64_MAGIC) => ("PE32+", optional.checked_add(112)?),
        _ => return Some("PE Unknown PE signature executable, for MS Windows".to_owned()),
    };
    let machine = le16(bytes, header.checked_add(4)?)?;
    let machine = match machine {
        pe::IMAGE_FILE_MACHINE_I386 => "Intel 80386".to_owned(),
        pe::IMAGE_FILE_MACHINE_AMD64 => "x86-64".to_owned(),
        pe::IMAGE_FILE_MACHINE_ARM64 => "Aarch64".to_owned(),
        pe::IMAGE_FILE_MACHINE_ARM => "ARM".to_owned(),
        pe::IMAGE_FILE_MACHINE_ARMNT => "ARMv7 Thumb".to_owned(),
        pe::IMAGE_FILE_MACHINE_IA64 => "Intel Itanium".to_owned(),
        machine => format!("unknown processor {machine:#x}"),
    };
    let library = le16(bytes, header.checked_add(22)?)? & pe::IMAGE_FILE_DLL != 0;
    let subsystem = match le16(bytes, optional.checked_add(68)?) {
        Some(1) => " (native)",
        Some(2) => " (GUI)",
        Some(3) => " (console)",
        Some(7) => " (POSIX)",
        Some(9) => " (Windows CE)",
        Some(10) => " (EFI application)",
        Some(11) => " (EFI boot service driver)",
        Some(12) => " (EFI runtime driver)",
        Some(14) => " (XBOX)",
        _ => "",
    };
    let assembly = le32(bytes, directories.checked_add(14 * 8)?).is_some_and(|address| address > 0);
    let library = if library { " (DLL)" } else { "" };
    let assembly = if assembly { " Mono/.Net assembly" } else { "" };
    Some(format!("{format} executable{library}{subsystem} {machine}{assembly}, for MS Windows"))
}

/// `ELF 64-bit LSB pie executable, x86-64, version 1 (SYSV), dynamically linked, interpreter …, stripped`.
pub(super) fn elf(bytes: &[u8]) -> Option<String> {
    let line = match *bytes.get(4)? {
        elf::ELFCLASS32 => elf_line::<FileHeader32<Endianness>>(bytes),
        elf::ELFCLASS64 => elf_line::<FileHeader64<Endianness>>(bytes),
        _ => None,
    };
    Some(line.unwrap_or_else(|| "ELF".to_owned()))
}

const MACHINES: &[(u16, &str)] = &[
    (elf::EM_386, "Intel 80386"),
    (elf::EM_X86_64, "x86-64"),
    (elf::EM_ARM, "ARM, EABI5"),
    (elf::EM_AARCH64, "ARM aarch64"),
    (elf::EM_MIPS, "MIPS"),
    (elf::EM_PPC, "PowerPC or cisco 4500"),
    (elf::EM_PPC64, "64-bit PowerPC or cisco 7500"),
    (elf::EM_SPARC, "SPARC"),
    (elf::EM_SPARCV9, "SPARC V9"),
    (elf::EM_68K, "Motorola m68k"),
    (elf::EM_SH, "Renesas SH"),
    (elf::EM_S390, "IBM S/390"),
    (elf::EM_IA_64, "IA-64"),
    (elf::EM_RISCV, "UCB RISC-V"),
    (elf::EM_BPF, "eBPF"),
    (elf::EM_LOONGARCH, "LoongArch"),
];

const SYSTEMS: &[(u8, &str)] = &[
    (elf::ELFOSABI_SYSV, "SYSV"),
    (elf::ELFOSABI_NETBSD, "NetBSD"),
    (elf::ELFOSABI_GNU, "GNU/Linux"),
    (elf::ELFOSABI_SOLARIS, "Solaris"),
    (elf::ELFOSABI_FREEBSD, "FreeBSD"),
    (elf::ELFOSABI_OPENBSD, "OpenBSD"),
    (elf::ELFOSABI_ARM, "ARM"),
    (elf::ELFOSABI_STANDALONE, "embedded"),
];

fn elf_line<H: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Option<String> {
    let header = H::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let dynamic = Dynamic::of(header, endian, bytes);
    let kind = match header.e_type(endian) {
        elf::ET_REL => "relocatable",
        elf::ET_EXEC => "executable",
        elf::ET_DYN if dynamic.position_independent => "pie executable",
        elf::ET_DYN => "shared object",
        elf::ET_CORE => "core file",
        _ => "unknown type",
    };
    let machine = header.e_machine(endian);
    let machine = MACHINES.iter().find(|(number, _)| *number == machine).map_or("unknown arch", |(_, name)| name);
    let system = header.e_ident().os_abi;
    let system = SYSTEMS.iter().find(|(number, _)| *number == system).map_or("unknown", |(_, name)| name);
    let mut line = format!(
        "ELF {}-bit {} {kind}, {machine}, version {} ({system})",
        if header.is_type_64() { 64 } else { 32 },
        if header.is_big_endian() { "MSB" } else { "LSB" },
        header.e_version(endian),
    );
    if matches!(header.e_type(endian), elf::ET_EXEC | elf::ET_DYN) {
        line.push_str(match (dynamic.linked, &dynamic.interpreter) {
            (true, None) if dynamic.position_independent => ", static-pie linked",
            (true, _) => ", dynamically linked",
            (false, _) => ", statically linked",
        });
    }
    line.extend(dynamic.interpreter.map(|interpreter| format!(", interpreter {interpreter}")));
    line.push_str(&notes_and_symbols(header, endian, bytes));
    Some(line)
}

/// The tag of the dynamic entry that holds `DF_1_PIE`.
const FLAGS_1: i64 = elf::DT_FLAGS_1;

/// What the segments tell of how a file is linked.
struct Dynamic {
    linked: bool,
    interpreter: Option<String>,
    position_independent: bool,
}

impl Dynamic {
    fn of<H: FileHeader<Endian = Endianness>>(header: &H, endian: Endianness, bytes: &[u8]) -> Self {
        let mut dynamic = Self { linked: false, interpreter: None, position_independent: false };
        for segment in header.program_headers(endian, bytes).unwrap_or_default() {
            match segment.p_type(endian) {
                elf::PT_INTERP => dynamic.interpreter = segment.data(endian, bytes).ok().map(text),
                elf::PT_DYNAMIC => {
                    dynamic.linked = true;
                    let entries = segment.dynamic(endian, bytes).ok().flatten().unwrap_or_default();
                    let flags = entries.iter().find(|entry| Into::<i64>::into(entry.d_tag(endian)) == FLAGS_1);
                    let flags = flags.map_or(0, |entry| entry.d_val(endian).into());
                    dynamic.position_independent = flags & u64::from(elf::DF_1_PIE) != 0;
                }
                _ => {}
            }
        }
        dynamic
    }
}

/// Notes that are looked at: their sections may overlap.
const NOTES: u32 = 1024;

/// `, BuildID[sha1]=…, for GNU/Linux 3.2.0, with debug_info, not stripped`.
fn notes_and_symbols<H: FileHeader<Endian = Endianness>>(header: &H, endian: Endianness, bytes: &[u8]) -> String {
    let mut line = String::new();
    let Ok(sections) = header.sections(endian, bytes) else { return line };
    let (mut symbols, mut debug) = (false, false);
    let (mut build, mut system) = (None, None);
    let names = header.section_strings_index(endian, bytes).and_then(|index| sections.section(index));
    let names = names.and_then(|section| section.data(endian, bytes)).unwrap_or_default();
    let mut left = NOTES;
    for section in sections.iter() {
        symbols |= section.sh_type(endian) == elf::SHT_SYMTAB;
        let name = usize::try_from(section.sh_name(endian)).unwrap_or(usize::MAX);
        debug |= at(names, name, b".debug_info\0");
        let Ok(Some(mut notes)) = section.notes(endian, bytes) else { continue };
        while let Ok(Some(note)) = notes.next() {
            left = left.saturating_sub(1);
            if left == 0 {
                break;
            }
            match (note.name(), note.n_type(endian)) {
                (elf::ELF_NOTE_GNU, elf::NT_GNU_BUILD_ID) => build = Some(note.desc()),
                (elf::ELF_NOTE_GNU, elf::NT_GNU_ABI_TAG) => system = Some(note.desc()),
                _ => {}
            }
        }
    }
    if let Some(build) = build.filter(|build| build.len() <= 64) {
        let kind = match build.len() {
            20 => "sha1",
            16 => "md5/uuid",
            8 => "xxHash",
            _ => "unknown",
        };
        let _ = write!(line, ", BuildID[{kind}]={}", hex::encode(build));
    }
    let word = |desc: &[u8], at| if header.is_big_endian() { be32(desc, at) } else { le32(desc, at) };
    if let Some([Some(0), Some(major), Some(minor), Some(patch)]) =
        system.map(|desc| [0, 4, 8, 12].map(|at| word(desc, at)))
    {
        let _ = write!(line, ", for GNU/Linux {major}.{minor}.{patch}");
    }
    line.push_str(if debug { ", with debug_info" } else { "" });
    line.push_str(if symbols { ", not stripped" } else { ", stripped" });
    line
}

/// `Mach-O 64-bit x86_64 executable`, or how many architectures a universal binary has.
pub(super) fn macho(bytes: &[u8]) -> Option<String> {
    let magic = be32(bytes, 0)?;
    if magic == 0xcafe_babe {
        let count = be32(bytes, 4)?;
        return Some(format!("Mach-O universal binary with {count} architecture{}", if count == 1 { "" } else { "s" }));
    }
    let word = |at| if magic >> 24 == 0xfe { be32(bytes, at) } else { le32(bytes, at) };
    let (processor, kind) = (word(4)?, word(12)?);
    let wide = if processor & 0x0100_0000 == 0 { "" } else { "64-bit " };
    let processor = match processor {
        7 => "i386",
        0x0100_0007 => "x86_64",
        12 => "arm",
        0x0100_000c => "arm64",
        18 => "ppc",
        0x0100_0012 => "ppc64",
        _ => "unknown",
    };
    let kind = match kind {
        1 => "object",
        2 => "executable",
        4 => "core",
        6 => "dynamically linked shared library",
        7 => "dynamic linker",
        8 => "bundle",
        10 => "dSYM companion file",
        11 => "kext bundle",
        _ => "unknown",
    };
    Some(format!("Mach-O {wide}{processor} {kind}"))
}

/// `compiled Java class data, version 52.0 (Java 1.8)`.
pub(super) fn class(bytes: &[u8]) -> Option<String> {
    let (minor, major) = (be16(bytes, 4)?, be16(bytes, 6)?);
    let java = match major.checked_sub(44) {
        Some(release @ 1..=8) => format!(" (Java 1.{release})"),
        Some(release @ 9..=99) => format!(" (Java SE {release})"),
        _ => String::new(),
    };
    Some(format!("compiled Java class data, version {major}.{minor}{java}"))
}

/// `Macromedia Flash data (compressed), version 9`.
pub(super) fn swf(bytes: &[u8]) -> Option<String> {
    let compressed = match slice(bytes, 0, 1)? {
        b"C" => " (compressed)",
        b"Z" => " (lzma compressed)",
        _ => "",
    };
    Some(format!("Macromedia Flash data{compressed}, version {}", bytes.get(3)?))
}
