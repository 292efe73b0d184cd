// Windows' own script hosts: PowerShell, WSH, HTA, VBA, shortcuts.

rule PowerShell_Hidden_Encoded_Command {
    meta:
        author = "Assay"
        description = "Starts PowerShell without a window, past its execution policy or profile, with an encoded command"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $start = /powershell(\.exe)?["']?[ \t]+[^\n]{0,160}-e(c|nc|ncodedcommand)?[ \t]+["']?[A-Za-z0-9+\/]{64}/ nocase ascii wide
        $hidden = /powershell(\.exe)?["']?[ \t]+[^\n]{0,160}-w(in|indowstyle)?[ \t]+(h|hid|hidden|1)\b/ nocase ascii wide
        $quiet = /powershell(\.exe)?["']?[ \t]+[^\n]{0,160}-(nop|noprofile|noni|noninteractive|sta|ep[ \t]+bypass|exec(utionpolicy)?[ \t]+(bypass|unrestricted))\b/ nocase ascii wide
    condition:
        filesize < 4MB and $start and ($hidden or $quiet)
}

rule PowerShell_Encoded_Download {
    meta:
        author = "Assay"
        description = "An encoded PowerShell command that downloads and runs something"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $start = /powershell(\.exe)?["']?[ \t]+[^\n]{0,160}-e(c|nc|ncodedcommand)?[ \t]+["']?[A-Za-z0-9+\/]{64}/ nocase ascii wide
        $string = "DownloadString" wide base64
        $file = "DownloadFile" wide base64
        $data = "DownloadData" wide base64
        $request = "Invoke-WebRequest" wide base64
        $client = "WebClient" wide base64
    condition:
        filesize < 4MB and $start and any of ($string, $file, $data, $request) and ($client or $request)
}

rule PowerShell_Hidden_Download_Cradle {
    meta:
        author = "Assay"
        description = "A hidden PowerShell that runs a script straight from the network"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $start = /powershell(\.exe)?["']?[ \t]+[^\n]{0,200}-w(in|indowstyle)?[ \t]+(h|hid|hidden|1)\b/ nocase ascii wide
        $run1 = "Invoke-Expression" nocase ascii wide
        $run2 = "IEX(" nocase ascii wide
        $run3 = "IEX (" nocase ascii wide
        $run4 = "|IEX" nocase ascii wide
        $run5 = "| IEX" nocase ascii wide
        $fetch1 = /net\.webclient\)?\.download(string|data)[^\n]{0,20}https?:\/\// nocase ascii wide
        $fetch2 = /(invoke-webrequest|invoke-restmethod|["' (;]iwr[ \t]|["' (;]irm[ \t])[^\n]{0,80}https?:\/\// nocase ascii wide
    condition:
        filesize < 4MB and $start and any of ($run*) and any of ($fetch*)
}

rule PowerShell_AMSI_Bypass {
    meta:
        author = "Assay"
        description = "Switches off the inspection of scripts by the antivirus interface"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $class = "System.Management.Automation.AmsiUtils" nocase ascii wide
        $field = "amsiInitFailed" nocase ascii wide
        $set = /\.SetValue\(\$null,[ ]*\$true\)/ nocase ascii wide
        $patch1 = "AmsiScanBuffer" ascii wide
        $patch2 = "VirtualProtect" ascii wide
        $patch3 = /GetProcAddress\([^\n]{0,80}Amsi/ nocase ascii wide
        $bytes = /0xB8,[ ]*0x57,[ ]*0x00,[ ]*0x07,[ ]*0x80,[ ]*0xC3/ nocase ascii wide
    condition:
        filesize < 4MB and (($class and $field and $set) or ($patch1 and $patch2 and $patch3 and $bytes))
}

rule WSH_Downloader {
    meta:
        author = "Assay"
        description = "A script for the Windows Script Host that downloads a file, saves it and runs it"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $http1 = "MSXML2.XMLHTTP" nocase ascii wide
        $http2 = "MSXML2.ServerXMLHTTP" nocase ascii wide
        $http3 = "WinHttp.WinHttpRequest" nocase ascii wide
        $http4 = "Microsoft.XMLHTTP" nocase ascii wide
        $stream = "ADODB.Stream" nocase ascii wide
        $save = ".SaveToFile" nocase ascii wide
        $shell1 = "WScript.Shell" nocase ascii wide
        $shell2 = "Shell.Application" nocase ascii wide
        $run = /\.(Run|Exec|ShellExecute)[ ]*[\( ]/ nocase ascii wide
        $body = ".ResponseBody" nocase ascii wide
    condition:
        filesize < 1MB and uint16(0) != 0x5A4D and any of ($http*) and $stream and $save and $body and any of ($shell*) and $run
}

rule HTA_Starts_Programs {
    meta:
        author = "Assay"
        description = "An HTML application that starts an interpreter"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $hta = "<hta:application" nocase ascii wide
        $shell = "WScript.Shell" nocase ascii wide
        $run = /\.(Run|Exec)[ ]*[\( ]/ nocase ascii wide
        $program = /(powershell|mshta|rundll32|regsvr32|certutil|bitsadmin|cmd(\.exe)?[ ]+\/c)/ nocase ascii wide
    condition:
        filesize < 1MB and all of them
}

rule VBA_Runs_On_Opening_And_Starts_Programs {
    meta:
        author = "Assay"
        description = "Macro source that runs when the document opens, fetches or unpacks something and starts it"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $auto = /\bsub[ ]+(auto_?open|autoexec|auto_?close|document_open|document_close|workbook_open|workbook_activate)[ ]*\(/ nocase
        $shell = /(\bshell[ ]*\(?[ ]*["\w]|createobject\([ ]*"(wscript\.shell|shell\.application)"|winmgmts:[^\n]{0,60}win32_process)/ nocase
        $fetch1 = "URLDownloadToFile" nocase
        $fetch2 = /createobject\([ ]*"(msxml2\.(server)?xmlhttp|winhttp\.winhttprequest|microsoft\.xmlhttp)/ nocase
        $fetch3 = /powershell[^\n"]{0,80}(-e|hidden|download|iex)/ nocase
        $fetch4 = /(certutil|bitsadmin|mshta)[^\n"]{0,80}(http|-decode)/ nocase
    condition:
        filesize < 2MB and uint32(0) != 0xE011CFD0 and $auto and $shell and any of ($fetch*)
}

rule OLE_Macro_Runs_On_Opening {
    meta:
        author = "Assay"
        description = "An Office document or macro project with traces of a macro that runs on opening and starts programs"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $project = "VBA6\\VBE6.DLL" nocase
        $project2 = "VBA7.1\\VBE7.DLL" nocase
        $project3 = "_VBA_PROJECT" wide
        $auto1 = "AutoOpen" nocase fullword
        $auto2 = "Auto_Open" nocase fullword
        $auto3 = "Document_Open" nocase
        $auto4 = "Workbook_Open" nocase
        $do1 = "WScript.Shell" nocase
        $do2 = "URLDownloadToFile" nocase
        $do3 = "powershell" nocase
        $do4 = "ShellExecute" nocase
        $do5 = "winmgmts:" nocase
        $do6 = "MSXML2.XMLHTTP" nocase
    condition:
        uint32(0) == 0xE011CFD0 and any of ($project*) and any of ($auto*) and any of ($do*)
}

rule LNK_Starts_Interpreter {
    meta:
        author = "Assay"
        description = "A shortcut that starts an interpreter with a command instead of opening a program"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $shell1 = "powershell" nocase ascii wide
        $shell2 = "mshta" nocase ascii wide
        $shell3 = /cmd(\.exe)?[" ]+\/[ckv]/ nocase ascii wide
        $shell4 = /[cw]script(\.exe)?[" ]+(\/\/|[\w%\\])/ nocase ascii wide
        $shell5 = "rundll32" nocase ascii wide
        $do1 = "http://" nocase wide
        $do2 = "https://" nocase wide
        $do3 = /-w(in|indowstyle)?[ ]+(h|hid|hidden|1)/ nocase wide
        $do4 = /-e(c|nc|ncodedcommand)?[ ]+[A-Za-z0-9+\/]{40}/ nocase wide
        $do5 = "certutil" nocase wide
        $do6 = /\b(findstr|start)[^\n]{1,120}\.(lnk|js|vbs|hta|dll)/ nocase wide
    condition:
        uint32(0) == 0x4C and uint32(4) == 0x00021401 and filesize < 4MB and any of ($shell*) and any of ($do*)
}

rule LNK_Downloads_And_Runs {
    meta:
        author = "Assay"
        description = "A shortcut whose hidden PowerShell fetches or decodes a script and runs it"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $shell = "powershell" nocase ascii wide
        $run = /(\biex\b|invoke-expression|start-process)/ nocase wide
        $get1 = "DownloadString" nocase wide
        $get2 = "DownloadFile" nocase wide
        $get3 = "FromBase64String" nocase wide
        $get4 = /(invoke-webrequest|\biwr\b|\birm\b)[^\n]{0,60}http/ nocase wide
    condition:
        uint32(0) == 0x4C and uint32(4) == 0x00021401 and filesize < 4MB and $shell and $run and any of ($get*)
}
