//! The names that readelf gives to numbers in ELF headers.

use object::elf;

/// The name in a table, or the number in hex.
pub(crate) fn name<N: Copy + PartialEq + Into<u64>>(table: &[(N, &'static str)], value: N) -> String {
    let known = table.iter().find(|(number, _)| *number == value);
    known.map_or_else(|| format!("{:#x}", value.into()), |(_, name)| (*name).to_owned())
}

/// `e_type`.
pub(super) const TYPES: &[(u16, &str)] = &[
    (elf::ET_NONE, "NONE (None)"),
    (elf::ET_REL, "REL (Relocatable file)"),
    (elf::ET_EXEC, "EXEC (Executable file)"),
    (elf::ET_DYN, "DYN (Shared object file)"),
    (elf::ET_CORE, "CORE (Core file)"),
];

/// `e_machine`: readelf's name.
pub(super) const MACHINES: &[(u16, &str)] = &[
    (elf::EM_NONE, "None"),
    (elf::EM_SPARC, "Sparc"),
    (elf::EM_386, "Intel 80386"),
    (elf::EM_68K, "MC68000"),
    (elf::EM_MIPS, "MIPS R3000"),
    (elf::EM_PPC, "PowerPC"),
    (elf::EM_PPC64, "PowerPC64"),
    (elf::EM_S390, "IBM S/390"),
    (elf::EM_ARM, "ARM"),
    (elf::EM_SH, "Renesas / SuperH SH"),
    (elf::EM_SPARCV9, "Sparc v9"),
    (elf::EM_IA_64, "Intel IA-64"),
    (elf::EM_X86_64, "Advanced Micro Devices X86-64"),
    (elf::EM_AARCH64, "AArch64"),
    (elf::EM_RISCV, "RISC-V"),
    (elf::EM_BPF, "Linux BPF"),
    (elf::EM_LOONGARCH, "LoongArch"),
];

/// `EI_OSABI`.
pub(super) const SYSTEMS: &[(u8, &str)] = &[
    (elf::ELFOSABI_SYSV, "UNIX - System V"),
    (elf::ELFOSABI_HPUX, "UNIX - HP-UX"),
    (elf::ELFOSABI_NETBSD, "UNIX - NetBSD"),
    (elf::ELFOSABI_GNU, "UNIX - GNU"),
    (elf::ELFOSABI_SOLARIS, "UNIX - Solaris"),
    (elf::ELFOSABI_FREEBSD, "UNIX - FreeBSD"),
    (elf::ELFOSABI_OPENBSD, "UNIX - OpenBSD"),
    (elf::ELFOSABI_ARM, "ARM"),
    (elf::ELFOSABI_STANDALONE, "Standalone App"),
];

/// `sh_type`.
pub(super) const SECTIONS: &[(u32, &str)] = &[
    (elf::SHT_NULL, "NULL"),
    (elf::SHT_PROGBITS, "PROGBITS"),
    (elf::SHT_SYMTAB, "SYMTAB"),
    (elf::SHT_STRTAB, "STRTAB"),
    (elf::SHT_RELA, "RELA"),
    (elf::SHT_HASH, "HASH"),
    (elf::SHT_DYNAMIC, "DYNAMIC"),
    (elf::SHT_NOTE, "NOTE"),
    (elf::SHT_NOBITS, "NOBITS"),
    (elf::SHT_REL, "REL"),
    (elf::SHT_DYNSYM, "DYNSYM"),
    (elf::SHT_INIT_ARRAY, "INIT_ARRAY"),
    (elf::SHT_FINI_ARRAY, "FINI_ARRAY"),
    (elf::SHT_PREINIT_ARRAY, "PREINIT_ARRAY"),
    (elf::SHT_GROUP, "GROUP"),
    (elf::SHT_SYMTAB_SHNDX, "SYMTAB SECTION INDICES"),
    (elf::SHT_RELR, "RELR"),
    (elf::SHT_GNU_HASH, "GNU_HASH"),
    (elf::SHT_GNU_VERDEF, "VERDEF"),
    (elf::SHT_GNU_VERNEED, "VERNEED"),
    (elf::SHT_GNU_VERSYM, "VERSYM"),
];

/// `p_type`.
pub(super) const SEGMENTS: &[(u32, &str)] = &[
    (elf::PT_NULL, "NULL"),
    (elf::PT_LOAD, "LOAD"),
    (elf::PT_DYNAMIC, "DYNAMIC"),
    (elf::PT_INTERP, "INTERP"),
    (elf::PT_NOTE, "NOTE"),
    (elf::PT_SHLIB, "SHLIB"),
    (elf::PT_PHDR, "PHDR"),
    (elf::PT_TLS, "TLS"),
    (elf::PT_GNU_EH_FRAME, "GNU_EH_FRAME"),
    (elf::PT_GNU_STACK, "GNU_STACK"),
    (elf::PT_GNU_RELRO, "GNU_RELRO"),
    (elf::PT_GNU_PROPERTY, "GNU_PROPERTY"),
];

/// `st_type`.
pub(super) const SYMBOLS: &[(u8, &str)] = &[
    (elf::STT_NOTYPE, "NOTYPE"),
    (elf::STT_OBJECT, "OBJECT"),
    (elf::STT_FUNC, "FUNC"),
    (elf::STT_SECTION, "SECTION"),
    (elf::STT_FILE, "FILE"),
    (elf::STT_COMMON, "COMMON"),
    (elf::STT_TLS, "TLS"),
    (elf::STT_GNU_IFUNC, "IFUNC"),
];

/// `sh_flags`, in readelf's order.
pub(super) fn section_flags(flags: u64) -> String {
    const LETTERS: &[(u32, char)] = &[
        (elf::SHF_WRITE, 'W'),
        (elf::SHF_ALLOC, 'A'),
        (elf::SHF_EXECINSTR, 'X'),
        (elf::SHF_MERGE, 'M'),
        (elf::SHF_STRINGS, 'S'),
        (elf::SHF_INFO_LINK, 'I'),
        (elf::SHF_LINK_ORDER, 'L'),
        (elf::SHF_GROUP, 'G'),
        (elf::SHF_TLS, 'T'),
        (elf::SHF_COMPRESSED, 'C'),
    ];
    LETTERS.iter().filter(|(bit, _)| flags & u64::from(*bit) != 0).map(|(_, letter)| *letter).collect()
}
