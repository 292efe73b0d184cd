// Windows and Linux programs: how they are packed and what they are made for.

private rule Is_ELF {
    condition:
        uint32(0) == 0x464C457F
}

private rule Is_PE {
    condition:
        uint16(0) == 0x5A4D and uint32(uint32(0x3C)) == 0x00004550
}

rule ELF_Packed_With_UPX {
    meta:
        author = "Assay"
        description = "A Linux program packed with UPX"
        verdict = "informational"
        date = "2026-11-20"
    strings:
        $magic = "UPX!"
        $info = "This file is packed with the UPX executable packer"
    condition:
        Is_ELF and $magic in (0..1024) and $info
}

rule ELF_Packed_With_Disguised_UPX {
    meta:
        author = "Assay"
        description = "A Linux program packed with a UPX whose marks were removed so that it cannot be unpacked"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $magic = "UPX!"
        $tail = "UPX!"
        $info = "packed with the UPX"
        $stub = { 50 E8 ?? ?? ?? ?? EB 0E 5A 58 59 97 60 8A 54 24 20 E9 }
        $stub64 = { 50 52 E8 ?? ?? ?? ?? 55 53 51 52 48 01 FE 56 }
    condition:
        Is_ELF and not $info and (any of ($stub*) or ($magic in (0..256) and $tail in (filesize - 64..filesize)))
}

rule PE_Without_Sections {
    meta:
        author = "Assay"
        description = "A Windows program without sections, as only hand-made ones are"
        verdict = "suspicious"
        date = "2026-11-20"
    condition:
        Is_PE and uint16(uint32(0x3C) + 6) == 0
}

rule PE_Code_Unpacked_At_Run_Time {
    meta:
        author = "Assay"
        description = "The first section is code that can be written to and is empty on disk: the program unpacks itself"
        verdict = "suspicious"
        date = "2026-11-20"
    condition:
        // Of the first section header: the size in memory, the size on disk, the flags.
        Is_PE and
        with first = uint32(0x3C) + 24 + uint16(uint32(0x3C) + 20) : (
            uint32(first + 8) > 0 and uint32(first + 16) == 0 and uint32(first + 36) & 0xA0000000 == 0xA0000000
        )
}

rule PE_Injects_Into_Processes {
    meta:
        author = "Assay"
        description = "Names all that is needed to run code inside another process"
        verdict = "informational"
        date = "2026-11-20"
    strings:
        $memory = "VirtualAllocEx" fullword
        $write = "WriteProcessMemory" fullword
        $run1 = "CreateRemoteThread" fullword
        $run2 = "QueueUserAPC" fullword
        $run3 = "SetThreadContext" fullword
    condition:
        Is_PE and $memory and $write and any of ($run*)
}

rule Linux_Preload_Rootkit {
    meta:
        author = "Assay"
        description = "A library that is loaded into every process and hides files or connections from it"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $preload = "/etc/ld.so.preload"
        $next = "dlsym"
        $files1 = "readdir64"
        $files2 = "readdir"
        $view1 = "/proc/net/tcp"
        $view2 = "/proc/self/fd/%d"
        $view3 = "/proc/%d/cmdline"
        $login1 = "pam_authenticate"
        $login2 = "pam_get_item"
        $login3 = "getspnam"
    condition:
        Is_ELF and uint16(16) == 3 and filesize < 2MB and $preload and $next and any of ($files*) and
        ($view1 or 2 of ($view*)) and (any of ($login*) or all of ($files*))
}

rule Linux_Bot_For_Small_Devices {
    meta:
        author = "Assay"
        description = "A program for routers and cameras that keeps the watchdog quiet, kills rivals and tries passwords"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $dog1 = "/dev/watchdog"
        $dog2 = "/dev/misc/watchdog"
        $net = "/proc/net/tcp"
        $exe = /\/proc\/(%d\/)?(self\/)?exe/
        $box = "/bin/busybox"
        $login1 = "ncorrect"
        $login2 = "assword"
        $word1 = "xc3511"
        $word2 = "vizxv"
        $word3 = "7ujMko0"
        $word4 = "hi3518"
        $word5 = "juantech"
    condition:
        Is_ELF and filesize < 1MB and any of ($dog*) and $box and ($net or $exe) and (2 of ($word*) or (all of ($login*) and any of ($word*)))
}

rule Crypto_Miner_Program {
    meta:
        author = "Assay"
        description = "A program that mines coins for a pool"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $pool1 = "stratum+tcp://"
        $pool2 = "stratum+ssl://"
        $work1 = "mining.submit"
        $work2 = "mining.subscribe"
        $work3 = "donate-level"
        $work4 = "randomx" nocase
        $work5 = "cryptonight" nocase
        $work6 = "nicehash" nocase
    condition:
        (Is_ELF or uint16(0) == 0x5A4D) and any of ($pool*) and 3 of ($work*)
}

rule Credential_Dumper_Mimikatz {
    meta:
        author = "Assay"
        description = "Commands of a tool that reads passwords from Windows' memory"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $module1 = "sekurlsa::" nocase ascii wide
        $module2 = "lsadump::" nocase ascii wide
        $module3 = "kerberos::golden" nocase ascii wide
        $module4 = "privilege::debug" nocase ascii wide
        $author1 = "gentilkiwi" nocase ascii wide
        $author2 = "mimilib" nocase ascii wide
        $what1 = "logonpasswords" nocase ascii wide
        $what2 = "kuhl_m_sekurlsa" ascii wide
    condition:
        uint16(0) == 0x5A4D and (2 of ($module*) or any of ($author*)) and any of ($what*)
}

rule Credential_Dump_Of_LSASS {
    meta:
        author = "Assay"
        description = "Commands that write the memory of the process that holds Windows' passwords to a file"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $minidump = /comsvcs(\.dll)?["',]?[ ]*,?[ ]*(MiniDump|#\+?0*24)\b[^\n]{0,120}/ nocase ascii wide
        $procdump = /procdump(64)?(\.exe)?[ ]+[^\n]{0,60}-ma[ ]+lsass/ nocase ascii wide
        $sam = /save[ ]+"?hklm\\sam\b/ nocase ascii wide
        $system = /save[ ]+"?hklm\\(system|security)\b/ nocase ascii wide
    condition:
        filesize < 8MB and ($minidump or $procdump or ($sam and $system))
}
