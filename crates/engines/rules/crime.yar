// What extortion and mining leave behind, whatever the file: notes, commands, configuration.

rule Ransom_Note {
    meta:
        author = "Assay"
        description = "Text that says that files are encrypted and asks for money"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $lost1 = /your[ ](\w+[ ]){0,3}(files|documents|data|network)[ ](\w+[ ,]{1,2}){0,6}(have|has|are|were|was|is)[ ](been[ ])?(\w+[ ])?(encrypted|locked|stolen)/ nocase ascii wide
        $back1 = /(decrypt(or|ion|er)?[ ](tool|key|software|program)|private[ ]key|recover[ ]your[ ](files|data)|restore[ ]your[ ](files|data))/ nocase ascii wide
        $money1 = /\b(bitcoins?|btc|monero|xmr)\b/ nocase ascii wide
        $reach1 = /[a-z2-7]{16,56}\.onion\b/ ascii wide
        $reach2 = /[\w.+-]{3,40}@(protonmail|proton|tutanota|tuta|onionmail|cock|airmail)\.(com|me|io|org|li|cc)/ nocase ascii wide
        $reach3 = /tor[ ]?browser/ nocase ascii wide
        $threat1 = /(do[ ]not|don'?t)[ ](rename|modify|try[ ]to)[^\n]{0,60}(files?|decrypt|recover)/ nocase ascii wide
        $threat2 = /(publish|leak|sell)[^\n]{0,40}(your|stolen)[ ](\w+[ ])?(data|files|information)/ nocase ascii wide
    condition:
        filesize < 256KB and $lost1 and $back1 and any of ($reach*) and ($money1 or any of ($threat*))
}

rule Ransomware_Removes_Backups {
    meta:
        author = "Assay"
        description = "Commands that remove Windows' shadow copies, backups and means of recovery together"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $shadow1 = /vssadmin(\.exe)?[ ]+delete[ ]+shadows[ ]+\/all/ nocase ascii wide
        $shadow2 = /shadowcopy[ ]+(delete|where)/ nocase ascii wide
        $shadow3 = /vssadmin(\.exe)?[ ]+resize[ ]+shadowstorage/ nocase ascii wide
        $boot1 = /\{default\}[ ]+recoveryenabled[ ]+no/ nocase ascii wide
        $boot2 = /\{default\}[ ]+bootstatuspolicy[ ]+ignoreallfailures/ nocase ascii wide
        $backup = /wbadmin(\.exe)?[ ]+delete[ ]+(catalog|systemstatebackup|backup)/ nocase ascii wide
    condition:
        filesize < 32MB and any of ($shadow*) and (any of ($boot*) or $backup)
}

rule Crypto_Miner_Configuration {
    meta:
        author = "Assay"
        description = "The configuration of a miner: a pool and a wallet"
        verdict = "suspicious"
        date = "2026-11-20"
    strings:
        $pool = /stratum\+(tcp|ssl):\/\/[\w.-]{4,64}:[0-9]{2,5}/
        $pool2 = /"url"[ ]*:[ ]*"[\w.-]{4,64}(pool|mine|xmr)[\w.-]{0,40}:[0-9]{2,5}"/ nocase
        $wallet = /("user"[ ]*:[ ]*"|-u[ ]|--user[ =]|wallet["']?[ ]*[=:][ ]*["']?)[48][0-9AB][1-9A-HJ-NP-Za-km-z]{93}\b/ nocase
    condition:
        filesize < 1MB and any of ($pool*) and $wallet
}

rule Crypto_Miner_Installer {
    meta:
        author = "Assay"
        description = "A script that fetches a miner, starts it for a wallet and stops other programs for it"
        verdict = "malicious"
        date = "2026-11-20"
    strings:
        $wallet = /("user"[ ]*:[ ]*"|-u[ ]|--user[ =]|wallet["']?[ ]*[=:][ ]*["']?)[48][0-9AB][1-9A-HJ-NP-Za-km-z]{93}\b/ nocase
        $fetch = /(curl|wget|Invoke-WebRequest|DownloadFile)\b[^\n]{0,160}https?:\/\// nocase
        $miner = /(xmrig|kinsing|minerd|cpuminer|--donate-level|stratum\+tcp)/ nocase
        $kill1 = /pkill[ ]+-(f|9)/
        $kill2 = /kill(all)?[ ]+-9/
        $kill3 = /taskkill[ ]+\/f/ nocase
        $stay1 = "crontab" fullword
        $stay2 = /systemctl[ ]+enable/
        $stay3 = /schtasks[ ]+\/create/ nocase
        $stay4 = /nohup[ ]/
    condition:
        filesize < 1MB and uint32(0) != 0x464C457F and uint16(0) != 0x5A4D and
        $wallet and $fetch and $miner and any of ($kill*) and any of ($stay*)
}
