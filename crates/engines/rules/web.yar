// What is found on web servers and in browsers: web shells, obfuscated scripts, files smuggled in HTML.

rule PHP_Web_Shell_Runs_Request {
    meta:
        author = "Assay"
        description = "PHP that runs what the request says as PHP code"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $php = /<\?(php|=)/ nocase
        $eval = /\b(eval|assert)[ \t]*\([ \t]*@?((base64_decode|gzinflate|gzuncompress|str_rot13|stripslashes|urldecode|hex2bin)[ \t]*\([ \t]*@?){0,3}\$_(GET|POST|REQUEST|COOKIE)[ \t]*[\[{]/ nocase
        $create = /\bcreate_function[ \t]*\([ \t]*['"][^'"]{0,20}['"][ \t]*,[ \t]*@?\$_(GET|POST|REQUEST|COOKIE)[ \t]*[\[{]/ nocase
        $call = /[^>:\w]\$_(GET|POST|REQUEST|COOKIE)[ \t]*\[[ \t]*['"]?\w{1,20}['"]?[ \t]*\][ \t]*\([ \t]*\$_(GET|POST|REQUEST|COOKIE)[ \t]*\[/
    condition:
        filesize < 2MB and $php and any of ($eval, $create, $call)
}

rule PHP_Web_Shell_Runs_Command {
    meta:
        author = "Assay"
        description = "PHP that hands a value of the request to the shell"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $php = /<\?(php|=)/ nocase
        $run = /\b(system|shell_exec|passthru|popen|proc_open|pcntl_exec)[ \t]*\([ \t]*@?((base64_decode|stripslashes|urldecode)[ \t]*\([ \t]*@?)?\$_(GET|POST|REQUEST|COOKIE)[ \t]*[\[{]/ nocase
    condition:
        filesize < 2MB and $php and $run
}

rule PHP_Packed_Code {
    meta:
        author = "Assay"
        description = "PHP that unpacks its own code from text and runs it"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $php = /<\?(php|=)/ nocase
        $unpack = /\beval[ \t]*\([ \t]*@?((gzinflate|gzuncompress|gzdecode|str_rot13|strrev|base64_decode|rawurldecode)[ \t]*\([ \t]*){2,5}['"$]/ nocase
    condition:
        filesize < 4MB and $php and $unpack
}

rule JSP_Web_Shell {
    meta:
        author = "Assay"
        description = "A server page in Java that runs a value of the request as a command"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $run = /getRuntime\(\)[ ]*\.exec\([ ]*(new[ ]+String\[\][ ]*\{[^}]{0,60})?request\.getParameter\(/
    condition:
        filesize < 1MB and uint32be(0) != 0xCAFEBABE and $run
}

rule ASP_Web_Shell {
    meta:
        author = "Assay"
        description = "A server page in ASP that evaluates a value of the request"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $page = "<%"
        $eval = /\b(eval|execute|executeglobal)[ ]*\(?[ ]*request([ ]*\.[ ]*(item|form|querystring))?[ ]*[\(\[][ ]*["'][^"'\n]{1,40}["'][ ]*[\)\]]/ nocase
    condition:
        filesize < 1MB and $page and $eval
}

rule JavaScript_Decodes_And_Evaluates {
    meta:
        author = "Assay"
        description = "JavaScript that builds code from numbers or escapes and runs it at once"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $codes = /eval[ ]*\([ ]*String\.fromCharCode\([ ]*([0-9]{1,3}[ ]*,[ ]*){20}/
        $escaped = /eval[ ]*\([ ]*unescape\([ ]*["'](%u?[0-9a-fA-F]{2,4}){20}/
        $base64 = /eval[ ]*\([ ]*(window\.)?atob\([ ]*["'][A-Za-z0-9+\/]{100}/
        $function = /new[ ]+Function\([ ]*(window\.)?(atob|unescape)\([ ]*["'][A-Za-z0-9+\/%]{100}/
    condition:
        filesize < 2MB and any of them
}

rule HTML_Smuggles_Archive_Or_Program {
    meta:
        author = "Assay"
        description = "A page that puts a program or archive together from text and offers it as a download"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $page = /<(html|script|body|svg)[\s>]/ nocase
        $blob = /new[ ]+Blob\([ ]*\[/
        $give1 = "msSaveOrOpenBlob"
        $give2 = "createObjectURL"
        $click = /\.click\(\)/
        $program = /["']TVqQAAMAAAAEAAAA[A-Za-z0-9+\/]{200}/
        $archive = /["']UEsDB[BC][A-Za-z0-9+\/]{200}/
    condition:
        filesize < 32MB and $page and $blob and any of ($give*) and $click and any of ($program, $archive)
}
