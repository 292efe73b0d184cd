// Documents that do what documents should not: PDF, RTF, Office, OneNote, archives that deceive.

import "zip"

rule PDF_Launches_Interpreter {
    meta:
        author = "Assay"
        description = "A PDF with an action that starts a command interpreter"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $launch = /\/S[ ]*\/Launch\b/
        $program = /\/(F|P)[ ]*\([^)]{0,80}(cmd(\.exe)?|powershell|mshta|wscript|cscript|rundll32|\/bin\/(ba)?sh)\b/ nocase
    condition:
        uint32(0) == 0x46445025 and all of them
}

rule PDF_Opens_With_JavaScript_And_Attachment {
    meta:
        author = "Assay"
        description = "A PDF whose JavaScript opens an attached file"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $open = "/OpenAction"
        $attached = "/EmbeddedFile"
        $export = /exportDataObject[ ]*\([^)]{0,120}nLaunch[ ]*:[ ]*[12]/
    condition:
        uint32(0) == 0x46445025 and all of them
}

rule RTF_Equation_Object {
    meta:
        author = "Assay"
        description = "RTF with an Equation Editor object, as exploits of CVE-2017-11882 carry it"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $data = "\\objdata" nocase
        $update = "\\objupdate" nocase
        $class1 = "02ce020000000000c000000000000046" nocase
        $class2 = "4571756174696f6e2e33" nocase
    condition:
        uint32be(0) & 0xFFFFFF00 == 0x7B5C7200 and $data and any of ($class*) and ($update or #data == 1)
}

rule RTF_Embedded_Program {
    meta:
        author = "Assay"
        description = "RTF with a Windows program inside"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $data = "\\objdata" nocase
        // "This program cannot be run in DOS mode", written out in hexadecimal
        $stub = /546869732070726f6772616d2063616e6e6f742062652072756e20696e20444f53206d6f6465/ nocase
    condition:
        uint32be(0) & 0xFFFFFF00 == 0x7B5C7200 and all of them
}

rule OLE_Embedded_Program {
    meta:
        author = "Assay"
        description = "An Office document of the old form with a Windows program inside"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $stub = "This program cannot be run in DOS mode"
        $word = "WordDocument" wide
        $sheet = "Workbook" wide
        $slides = "PowerPoint Document" wide
    condition:
        uint32(0) == 0xE011CFD0 and $stub and any of ($word, $sheet, $slides)
}

rule Office_DDE_Starts_Program {
    meta:
        author = "Assay"
        description = "A DDE field that starts a command interpreter when the document updates its fields"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $word = /<w:(instrText|fldSimple)[^>]{0,120}[>"][^<]{0,20}\bDDE(AUTO)?\b[^<]{0,200}(cmd|powershell|mshta|wscript|regsvr32|rundll32)/ nocase
        $sheet = /<ddeLink[^>]{0,200}ddeService="(cmd|powershell|mshta|msexcel[^"]{0,20}cmd)"/ nocase
        $csv = /^[ "]{0,2}[=+@-][^\n]{0,20}(cmd|powershell|mshta)\|[ ]?['"][^\n]{1,200}['"]![A-Z]/ nocase
    condition:
        filesize < 8MB and any of them
}

rule Office_Remote_Template {
    meta:
        author = "Assay"
        description = "A document that loads its template, with any macros in it, from the network"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $relation = /<Relationship\b[^>]{0,400}\/(attachedTemplate|oleObject|frame)"[^>]{0,400}TargetMode="External"/
        $target = /Target="(https?:\/\/|\\\\|mhtml:|file:\/\/\/?\\\\)[^"]{4,400}"/ nocase
    condition:
        filesize < 1MB and $relation and $target
}

rule OneNote_Embedded_Script {
    meta:
        author = "Assay"
        description = "A notebook with a script or program attached"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $attached = { E7 16 E3 BD 65 26 11 45 A4 C4 8D 4D 0B 7A 9E AC }
        $hta = "<hta:application" nocase
        $shell = "WScript.Shell" nocase
        $power = /powershell(\.exe)?[ ]+-/ nocase
        $batch = "@echo off" nocase
        $program = "This program cannot be run in DOS mode"
    condition:
        uint32(0) == 0x7B5C52E4 and $attached and any of ($hta, $shell, $power, $batch, $program)
}

rule ZIP_Program_Poses_As_Document {
    meta:
        author = "Assay"
        description = "An archive with a program named like a document, e.g. invoice.pdf.exe"
        verdict = "suspicious"
        date = "2026-11-20"
    condition:
        zip.is_zip and
        for any entry in zip.entries : (
            entry.file_path matches /\.(pdf|docx?|xlsx?|pptx?|rtf|txt|jpe?g|png|gif|mp4)[ _]{0,80}\.(exe|scr|com|pif|bat|cmd|jse?|vb[se]|wsf|hta|lnk|ps1|msi)$/i
        )
}

rule Image_With_Program_Behind {
    meta:
        author = "Assay"
        description = "A picture with a Windows program appended"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $stub = { 4D 5A [58] ?? ?? 00 00 [0-192] 54 68 69 73 20 70 72 6F 67 72 61 6D 20 63 61 6E 6E 6F 74 20 62 65 20 72 75 6E }
    condition:
        (uint32be(0) == 0x89504E47 or uint32be(0) & 0xFFFFFF00 == 0xFFD8FF00 or uint32be(0) == 0x47494638) and $stub
}
