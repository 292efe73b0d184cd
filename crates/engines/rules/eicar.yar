// The test file that every engine agrees to call malware. Its text must not stand in any file of ours, so the
// pattern is written as bytes.

rule EICAR_Test_File {
    meta:
        author = "Assay"
        description = "The EICAR anti-malware test file; harmless by agreement"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $text = {
            58 35 4F 21 50 25 40 41 50 5B 34 5C 50 5A 58 35 34 28 50 5E 29 37 43 43
            29 37 7D 24 45 49 43 41 52 2D 53 54 41 4E 44 41 52 44 2D 41 4E 54 49 56
            49 52 55 53 2D 54 45 53 54 2D 46 49 4C 45 21 24 48 2B 48 2A
        }
    condition:
        // The agreement: the string stands at the beginning, white space may follow, 128 bytes at most.
        $text at 0 and filesize <= 128
}

rule EICAR_Test_String_Embedded {
    meta:
        author = "Assay"
        description = "The EICAR test string inside a larger file"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $text = {
            58 35 4F 21 50 25 40 41 50 5B 34 5C 50 5A 58 35 34 28 50 5E 29 37 43 43
            29 37 7D 24 45 49 43 41 52 2D 53 54 41 4E 44 41 52 44 2D 41 4E 54 49 56
            49 52 55 53 2D 54 45 53 54 2D 46 49 4C 45 21 24 48 2B 48 2A
        }
    condition:
        $text and not EICAR_Test_File
}
