//! Walking archives: what is shown, and that each limit holds. The archives are built here.

use std::io::{Cursor, Write};
use std::ops::ControlFlow;

use assay_extract::archive::{Cut, Limits, ProtectedError, Walk, is_archive, single_protected_member, walk};
use assay_extract::{Content, contents};
use assay_model::Sha256;
use zip::unstable::write::FileOptionsExt as _;
use zip::write::SimpleFileOptions;
use zip::{AesMode, CompressionMethod, ZipWriter};

fn zipped_as(options: SimpleFileOptions, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, options).expect("a name that ZIP can hold");
        writer.write_all(content).expect("memory can be written");
    }
    writer.finish().expect("memory can be written").into_inner()
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    zipped_as(SimpleFileOptions::default(), files)
}

fn gzipped(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new().filename("notes.txt").write(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

fn bzipped(content: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(content).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

fn tarred(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).expect("memory can be written");
    }
    builder.into_inner().expect("memory can be written")
}

fn shown_with(bytes: &[u8], password: Option<&str>, limits: &Limits) -> (Vec<(String, usize, u32)>, Walk) {
    let mut shown = Vec::new();
    let walk = walk(bytes, password, limits, &mut |member| {
        shown.push((member.path.clone(), member.bytes.len(), member.depth));
        ControlFlow::Continue(())
    });
    assert_eq!(walk.members, shown.len() as u64);
    (shown, walk)
}

fn shown(bytes: &[u8]) -> (Vec<(String, usize, u32)>, Walk) {
    shown_with(bytes, None, &Limits::default())
}

fn row(path: &str, size: usize, depth: u32) -> (String, usize, u32) {
    (path.to_owned(), size, depth)
}

#[test]
fn members_of_nested_archives_are_shown_with_their_way() {
    let tar = tarred(&[("d/one", b"1"), ("two", b"22")]);
    let outer = zipped(&[("a.txt", b"aaa"), ("b.tar.gz", &gzipped(&tar)), ("../c.zip", &zipped(&[("c", b"cccc")]))]);
    let (rows, walk) = shown(&outer);
    let paths: Vec<_> = rows.iter().map(|(path, _, depth)| (path.as_str(), *depth)).collect();
    let expected =
        [("a.txt", 1), ("b.tar.gz", 1), ("b.tar.gz/d/one", 2), ("b.tar.gz/two", 2), ("../c.zip", 1), ("../c.zip/c", 2)];
    assert_eq!(paths, expected);
    assert_eq!((walk.cut, walk.encrypted), (None, false));
}

#[test]
fn single_streams_have_one_member() {
    assert_eq!(shown(&gzipped(b"hello")).0, [row("notes.txt", 5, 1)]);
    assert_eq!(shown(&bzipped(b"hello")).0, [row("content", 5, 1)]);
    assert_eq!(shown(&bzipped(&tarred(&[("x", b"y")]))).0, [row("x", 1, 1)]);
    assert_eq!(shown(&tarred(&[("x", b"y")])).0, [row("x", 1, 1)]);
    assert!(is_archive(&bzipped(b"hello")) && !is_archive(b"hello"));
    assert_eq!(shown(b"hello"), (vec![], Walk::default()));
}

#[test]
fn every_zip_method_is_read() {
    let methods =
        [CompressionMethod::Stored, CompressionMethod::Deflated, CompressionMethod::Bzip2, CompressionMethod::Xz];
    for method in methods {
        let archive = zipped_as(SimpleFileOptions::default().compression_method(method), &[("a", &[7; 5000])]);
        assert_eq!(shown(&archive), (vec![row("a", 5000, 1)], Walk { members: 1, bytes: 5000, ..Walk::default() }));
    }
}

#[test]
fn members_of_equal_name_are_all_shown() {
    let mut archive = zipped(&[("a", b"1"), ("b", b"2")]);
    let places: Vec<usize> = (0..archive.len() - 47).filter(|&at| archive[at..].starts_with(b"PK\x01\x02")).collect();
    archive[places[1] + 46] = b'a';
    assert_eq!(shown(&archive).0, [row("a", 1, 1), row("a", 1, 1)]);
}

#[test]
fn an_archive_whose_members_share_their_bytes_is_left_early() {
    let name = |index: usize| format!("{index:04}");
    let names: Vec<String> = (0..10).map(name).collect();
    let content: Vec<u8> = (0..5000_u32).flat_map(|number| (number * number).to_le_bytes()).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), content.as_slice())).collect();
    let mut archive = zipped_as(SimpleFileOptions::default().compression_method(CompressionMethod::Stored), &files);
    let places: Vec<usize> = (0..archive.len() - 47).filter(|&at| archive[at..].starts_with(b"PK\x01\x02")).collect();
    let most = u32::try_from(archive.len() - 2000).expect("a small archive");
    for place in places {
        archive[place + 20..place + 24].copy_from_slice(&most.to_le_bytes());
        archive[place + 42..place + 46].fill(0);
    }
    let (rows, walk) = shown(&archive);
    assert_eq!((rows.len(), walk.cut), (2, Some(Cut::Damaged)));
}

#[test]
fn a_walk_ends_when_its_visitor_breaks() {
    let archive = zipped(&[("a", b"1"), ("b", b"2")]);
    let mut seen = 0;
    let walk = walk(&archive, None, &Limits::default(), &mut |_| {
        seen += 1;
        ControlFlow::Break(())
    });
    assert_eq!((seen, walk.members), (1, 1));
}

#[test]
fn a_bomb_is_cut_by_its_ratio_and_by_sizes() {
    let zeros = vec![0; 8 << 20];
    let bomb = zipped(&[("bomb", &zeros), ("after", b"x")]);
    let limits = Limits { ratio: 100, ..Limits::default() };
    let (rows, walk) = shown_with(&bomb, None, &limits);
    assert_eq!((rows, walk.cut), (vec![row("after", 1, 1)], Some(Cut::Ratio)));
    assert!(walk.bytes < 2 << 20);

    let limits = Limits { member_bytes: 1 << 20, ..Limits::default() };
    let (rows, walk) = shown_with(&bomb, None, &limits);
    assert_eq!((rows, walk.cut), (vec![row("after", 1, 1)], Some(Cut::MemberBytes)));

    let limits = Limits { total_bytes: 1 << 20, ..Limits::default() };
    let (rows, walk) = shown_with(&bomb, None, &limits);
    assert_eq!((rows, walk.cut), (vec![], Some(Cut::TotalBytes)));
    assert!(walk.bytes <= (1 << 20) + (64 << 10));
}

#[test]
fn a_bomb_behind_a_tar_header_is_cut_too() {
    let bomb = gzipped(&tarred(&[("bomb", &vec![0; 16 << 20]), ("after", b"x")]));
    let (rows, walk) = shown_with(&bomb, None, &Limits { ratio: 100, ..Limits::default() });
    assert_eq!((rows, walk.cut), (vec![], Some(Cut::Ratio)));
    let (_, walk) = shown_with(&bomb, None, &Limits { member_bytes: 1000, total_bytes: 1 << 20, ..Limits::default() });
    assert_eq!(walk.cut, Some(Cut::MemberBytes));
    assert!(walk.bytes <= 1 << 20);
}

#[test]
fn depth_and_number_of_members_are_limited() {
    let mut nested = zipped(&[("core", b"x")]);
    for _ in 0..6 {
        nested = zipped(&[("shell", &nested)]);
    }
    let (rows, walk) = shown(&nested);
    assert_eq!((rows.len(), walk.cut), (5, Some(Cut::Depth)));

    let limits = Limits { members: 2, ..Limits::default() };
    let (rows, walk) = shown_with(&zipped(&[("a", b""), ("b", b""), ("c", b"")]), None, &limits);
    assert_eq!((rows.len(), walk.cut), (2, Some(Cut::Members)));
}

#[test]
fn damage_is_told() {
    let archive = zipped(&[("a", b"1"), ("b", b"2")]);
    assert_eq!(shown(&archive[..40]).1.cut, Some(Cut::Damaged));
    let stream = gzipped(&[3; 10_000]);
    assert_eq!(shown(&stream[..stream.len() - 12]).1.cut, Some(Cut::Damaged));
}

#[test]
fn encrypted_members_need_the_password() {
    let aes = SimpleFileOptions::default().with_aes_encryption(AesMode::Aes256, "infected");
    let old = SimpleFileOptions::default().with_deprecated_encryption(b"infected").expect("a short password");
    for options in [aes, old] {
        let archive = zipped_as(options, &[("a.bin", b"content")]);
        let (rows, walk) = shown(&archive);
        assert_eq!((rows.len(), walk.encrypted, walk.cut), (0, true, None));
        let (rows, walk) = shown_with(&archive, Some("infected"), &Limits::default());
        assert_eq!((rows, walk.encrypted), (vec![row("a.bin", 7, 1)], true));
        assert_eq!(shown_with(&archive, Some("wrong one"), &Limits::default()).0.len(), 0);

        let opened = single_protected_member(&archive, "infected", 100);
        assert_eq!(opened, Ok(("a.bin".to_owned(), b"content".to_vec())));
        assert_eq!(single_protected_member(&archive, "wrong one", 100), Err(ProtectedError::WrongPassword));
        assert_eq!(single_protected_member(&archive, "infected", 6), Err(ProtectedError::TooLarge));
    }
}

#[test]
fn only_a_zip_with_one_file_can_be_protected() {
    assert_eq!(single_protected_member(b"no zip", "x", 10), Err(ProtectedError::NotAZip));
    let two = zipped(&[("a", b"1"), ("b", b"2")]);
    assert_eq!(single_protected_member(&two, "x", 10), Err(ProtectedError::MoreThanOneFile));
    assert_eq!(single_protected_member(&zipped(&[]), "x", 10), Err(ProtectedError::Damaged));
    assert_eq!(single_protected_member(&two[..30], "x", 10), Err(ProtectedError::Damaged));
}

fn content(bytes: &[u8], name: &str, within: Option<&[u8]>) -> Content {
    Content { sha256: Sha256::of(bytes), name: name.to_owned(), within: within.map(Sha256::of) }
}

#[test]
fn each_file_in_an_archive_is_known_with_the_archive_that_holds_it() {
    let inner = zipped(&[("sub/c", b"cccc"), ("again", b"aaa")]);
    let script = gzipped(b"aaa");
    let outer = zipped(&[("a.txt", b"aaa"), ("in.zip", &inner), ("empty", b""), ("copy", b"aaa"), ("n.gz", &script)]);
    assert_eq!(
        contents(&outer),
        [
            content(b"aaa", "a.txt", None),
            content(&inner, "in.zip", None),
            content(b"cccc", "sub/c", Some(&inner)),
            content(b"aaa", "again", Some(&inner)),
            content(&script, "n.gz", None),
            content(b"aaa", "notes.txt", Some(&script)),
        ]
    );
    assert_eq!(contents(b"no archive"), []);
}

#[test]
fn of_too_many_or_too_long_contents_the_first_are_known() {
    let many: Vec<_> = (0..3000_u32).map(|number| (format!("{number}"), number.to_be_bytes())).collect();
    let many: Vec<_> = many.iter().map(|(name, content)| (name.as_str(), &content[..])).collect();
    assert_eq!(contents(&zipped(&many)).len(), 2000);
    let long = "n".repeat(3000);
    let found = contents(&zipped(&[(&long, b"1")]));
    assert_eq!(found.iter().map(|content| content.name.len()).collect::<Vec<_>>(), [1024]);
}
