//! What is read of pages, and what bad pages cannot do.

use proptest::prelude::*;

use super::*;

fn page(html: &str) -> Page {
    read(html.as_bytes(), &Url::parse("https://x.example/a/b").expect("a URL"), None)
}

#[test]
fn a_page_is_read() {
    let page = page(
        "<!doctype html><html><head><title>\n Log&amp;in \n now</title><meta name=Description content='a &quot;b&quot;'>\
         <meta property=og:title content=t><link rel='shortcut icon' href=/i.ico><link rel=stylesheet href=s.css>\
         <meta http-equiv=refresh content='5; URL=../next'>\
         <script src=//www.googletagmanager.com/gtag/js?id=G-ABC123XYZ></script>\
         <script>if (a < b) { fbq('init', '1234567'); var t = '<a href=http://no.example/>' }</script></head>\
         <body><a href='/in#top'>x</a><a href='HTTP://Other.example'>y</a><a href='javascript:alert(1)'>z</a>\
         <!-- <a href=http://comment.example/> --><img src='p.png'></body></html>",
    );
    assert_eq!(page.title.as_deref(), Some("Log&in now"));
    assert_eq!(page.meta["description"], ["a \"b\""]);
    assert_eq!(page.meta["og:title"], ["t"]);
    assert_eq!(page.icon.as_deref(), Some("https://x.example/i.ico"));
    assert_eq!(page.refresh.as_deref(), Some("https://x.example/next"));
    assert_eq!(page.links, ["https://x.example/in", "http://other.example/"]);
    let tag_manager = "https://www.googletagmanager.com/gtag/js?id=G-ABC123XYZ";
    assert_eq!(page.loaded, ["https://x.example/a/s.css", tag_manager, "https://x.example/a/p.png"]);
    let trackers: Vec<_> = page.trackers.iter().map(|one| (one.name, one.id.as_deref())).collect();
    assert_eq!(trackers, [("Facebook Pixel", Some("1234567")), ("Google Tag Manager", Some("G-ABC123XYZ"))]);
}

#[test]
fn a_base_moves_every_address_behind_it() {
    let page = page("<a href=one><base href=https://base.example/dir/><a href=two>");
    assert_eq!(page.links, ["https://x.example/a/one", "https://base.example/dir/two"]);
}

#[test]
fn the_scripts_that_stand_in_a_page_are_kept() {
    let (long, module) = ("a = 1; ".repeat(20), "import './x'; ".repeat(10));
    let page = page(&format!(
        "<script>{long}</script><script>{long}</script><script>short()</script><script src=x.js>{module}</script>\
         <script type=application/ld+json>{long}{{}}</script><script type=Module>{module}</script><script>{module}{long}"
    ));
    assert_eq!(page.scripts, [long.clone(), module.clone(), format!("{module}{long}")]);
    let one = |number: u32| format!("<script>{long}{number}</script>");
    let many = (0..50).map(one).collect::<Vec<_>>().concat();
    assert_eq!(super::tests::page(&many).scripts.len(), SCRIPTS_KEPT);
    let huge = format!("<script>{}</script>", "x".repeat(SCRIPT_LONGEST + 1));
    assert_eq!(super::tests::page(&huge).scripts.len(), 0);
}

#[test]
fn the_encoding_is_the_headers_or_the_pages_own() {
    let from = Url::parse("https://x.example/").expect("a URL");
    let latin = b"<title>caf\xe9</title>";
    let read = |bytes: &[u8], header| super::read(bytes, &from, header).title;
    assert_eq!(read(latin, Some("text/html; charset=ISO-8859-1")).as_deref(), Some("café"));
    let own = [&b"<meta charset=\"windows-1251\"><title>\xcf\xf0</title>"[..]].concat();
    assert_eq!(read(&own, Some("text/html")).as_deref(), Some("Пр"));
    assert_eq!(read(latin, None).as_deref(), Some("caf\u{fffd}"));
}

#[test]
fn what_is_kept_of_a_page_has_an_end() {
    let one = |n: u32| format!("<a href=/{n}><img src=/{n}><meta name=n{n} content=x>");
    let many = (0..5000).map(one).collect::<Vec<_>>().concat();
    let page = page(&format!("<title>{}</title>{many}", "é".repeat(5000)));
    assert_eq!((page.links.len(), page.loaded.len(), page.meta.len()), (LINKS, LOADED, NAMES));
    assert!(page.title.is_some_and(|title| title.len() <= TEXT));
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), html in "(<[a-z]{1,6}( (src|href|content|name)=\\PC{0,8})?>|\\PC{0,6}){0,20}") {
        let from = Url::parse("https://x.example/").expect("a URL");
        let _ = read(&bytes, &from, Some("text/html; charset=utf-16le"));
        let _ = read(html.as_bytes(), &from, None);
    }
}
