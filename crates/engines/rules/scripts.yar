// Scripts of Unix shells, Python and Perl: droppers, reverse shells, persistence, cleaning up.

private rule Is_Unix_Script {
    condition:
        uint16(0) == 0x2123 and filesize < 256KB
}

rule Shell_Download_Piped_To_Shell {
    meta:
        author = "Assay"
        description = "A shell script that runs what it downloads from a bare address or without checking the certificate"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $bare = /(curl|wget)[ \t][^\n|;]{0,160}https?:\/\/[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}[^\n|;]{0,160}\|[ \t]*(sudo[ \t]+)?(ba|da)?sh\b/
        $unchecked = /(curl[ \t][^\n|;]{0,80}(-k|--insecure)|wget[ \t][^\n|;]{0,80}--no-check-certificate)[^\n|;]{0,160}\|[ \t]*(sudo[ \t]+)?(ba|da)?sh\b/
    condition:
        Is_Unix_Script and any of them
}

rule Shell_Dropper_For_Many_Architectures {
    meta:
        author = "Assay"
        description = "Downloads a program to a world-writable folder, makes it executable and runs it, for one processor after the other"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $folder = /cd[ \t]+\/tmp[ \t]*(\|\||;|&&)[ \t]*cd[ \t]+\/(var\/run|mnt|root|dev\/shm|var\/tmp)/
        $fetch = /(wget|curl|tftp)[ \t][^\n]{0,120}[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}/
        $mode = /chmod[ \t]+(\+x|777|0777)[ \t]/
        $arch1 = "mips" fullword
        $arch2 = "mipsel" fullword
        $arch3 = "mpsl" fullword
        $arch4 = /\barm[4567]l?\b/
        $arch5 = "powerpc" fullword
        $arch6 = "sparc" fullword
        $arch7 = "m68k" fullword
        $arch8 = "sh4" fullword
    condition:
        filesize < 64KB and $folder and $fetch and $mode and 3 of ($arch*)
}

rule Shell_Drops_Runs_And_Removes {
    meta:
        author = "Assay"
        description = "Downloads to a temporary folder, makes executable, runs in the background and removes the traces"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $fetch = /(wget|curl)[ \t][^\n]{0,160}(-O|-o|--output|>)[ \t]*\/(tmp|var\/tmp|dev\/shm)\/[.\w]/
        $mode = /chmod[ \t]+(\+x|7[0-7]{2}|a\+x)[ \t]+\/(tmp|var\/tmp|dev\/shm)\//
        $run = /(nohup|setsid)[ \t]+\/(tmp|var\/tmp|dev\/shm)\/|\/(tmp|var\/tmp|dev\/shm)\/[^\n ]{1,60}[ \t]*(>|&>)[ \t]*\/dev\/null[^\n]{0,20}&/
        $gone = /rm[ \t]+-r?f[ \t]+\/(tmp|var\/tmp|dev\/shm)\//
    condition:
        Is_Unix_Script and $fetch and $mode and ($run or $gone)
}

rule Reverse_Shell_Bash {
    meta:
        author = "Assay"
        description = "An interactive shell over a TCP connection, by bash alone"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $direct = /\b(ba|da|z|k)?sh[ \t]+-i[ \t]*(>&|&>|>[ \t]*&|0<&|0>&)[ \t]*\/dev\/(tcp|udp)\/[\w.$\{\}-]{1,64}\/[\w$\{\}]{1,16}[ \t]+(0>&1|<&1)/
        $exec = /exec[ \t]+[0-9]{1,3}<>[ \t]*\/dev\/tcp\/[\w.-]{1,64}\/[0-9]{1,5}[ \t]*(;|\n)[^\n]{0,60}sh[ \t]+(-i[ \t]*)?<&[0-9]/
    condition:
        filesize < 256KB and any of them
}

rule Reverse_Shell_Netcat {
    meta:
        author = "Assay"
        description = "A shell bound to netcat through a named pipe"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $pipe = /mkfifo[ \t]+(\/[\w.\/]{1,40})[ \t]*;[^\n]{0,60}cat[ \t]+\/[\w.\/]{1,40}[ \t]*\|[ \t]*(\/bin\/)?(ba|da)?sh[ \t]+-i[ \t]+2>&1[ \t]*\|[ \t]*(nc|ncat|netcat|telnet|openssl)\b/
    condition:
        filesize < 256KB and $pipe
}

rule Reverse_Shell_Python {
    meta:
        author = "Assay"
        description = "Python that ties a shell's input and output to a socket"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $connect = /\.connect\(\(["'][\w.-]{1,64}["'],[ ]*[0-9]{1,5}\)\)/
        $in = /dup2\([\w]{1,16}\.fileno\(\),[ ]*0\)/
        $out = /dup2\([\w]{1,16}\.fileno\(\),[ ]*1\)/
        $shell1 = /pty\.spawn\(["']\/bin\/(ba)?sh["']\)/
        $shell2 = /(subprocess\.(call|run|Popen)|os\.system)\(\[?["'](\/bin\/)?(ba)?sh["'\s]/
    condition:
        filesize < 256KB and $connect and $in and $out and any of ($shell*)
}

rule Reverse_Shell_Perl {
    meta:
        author = "Assay"
        description = "Perl that ties a shell's input and output to a socket"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $connect = /connect\(\w{1,8},[ ]*sockaddr_in\(/
        $in = /open\(STDIN,[ ]*["']>&\w{1,8}["']\)/
        $out = /open\(STDOUT,[ ]*["']>&\w{1,8}["']\)/
        $shell = /exec\(?[ ]*\{?["']\/bin\/(ba)?sh([ ]-i)?["']/
    condition:
        filesize < 256KB and all of them
}

rule Script_Cron_Download {
    meta:
        author = "Assay"
        description = "Puts a line into a crontab that downloads and runs something again and again"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $cron = /echo[ \t]+(-e[ \t]+)?["'][^"'\n]{0,8}\*(\/[0-9]{1,2})?[ \t]+\*(\/[0-9]{1,2})?[ \t]+\*[ \t]+\*[ \t]+\*[^"'\n]{0,40}(curl|wget)[ \t][^"'\n]{4,200}\|[ \t]*(ba)?sh\b/
        $write1 = /\|[ \t]*crontab[ \t]+-/
        $write2 = />[ \t]*\/(var\/spool\/cron|etc\/cron)/
    condition:
        filesize < 256KB and $cron and any of ($write*)
}

rule Script_Service_From_Temporary_Folder {
    meta:
        author = "Assay"
        description = "Writes a systemd unit that runs a program from a world-writable folder"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $unit = "/etc/systemd/system/"
        $start = /ExecStart=\/(tmp|var\/tmp|dev\/shm)\//
        $enable = /systemctl[ \t]+(enable|start|daemon-reload)/
    condition:
        filesize < 256KB and all of them
}

rule Script_Plants_SSH_Key {
    meta:
        author = "Assay"
        description = "Adds a fixed SSH key to an account and hides or protects the change"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $key = /echo[ \t]+["']?ssh-(rsa|ed25519)[ \t]+AAAA[\w+\/=]{40}/
        $file = /(>>|\btee[ \t]+-a)[^\n]{0,60}authorized_keys/
        $hide1 = /chattr[ \t]+\+i/
        $hide2 = "history -c"
        $hide3 = "unset HISTFILE"
        $hide4 = /HISTFILE=\/dev\/null/
    condition:
        filesize < 256KB and $key and $file and any of ($hide*)
}

rule Script_Wipes_Logs_And_History {
    meta:
        author = "Assay"
        description = "Removes login records, logs and the shell's history"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $history1 = "history -c" fullword
        $history2 = /unset[ \t]+HISTFILE/
        $history3 = /HISTSIZE=0/
        $history4 = /rm[ \t]+-r?f[ \t]+[^\n]{0,20}\.bash_history/
        $log1 = /(>|cat[ \t]+\/dev\/null[ \t]*>|echo[ \t]*>|rm[ \t]+-r?f)[ \t]*\/var\/log\/(wtmp|lastlog|btmp)/
        $log2 = /(>|cat[ \t]+\/dev\/null[ \t]*>|echo[ \t]*>|rm[ \t]+-r?f)[ \t]*\/var\/log\/(secure|auth\.log|messages|syslog)/
    condition:
        filesize < 256KB and any of ($history*) and any of ($log*)
}
