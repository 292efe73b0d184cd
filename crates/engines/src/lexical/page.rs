//! Signs in what a URL served.

use assay_model::url::Location;
use memchr::memmem;
use url::Url;

use super::Sign;
use super::brands::Brands;
use super::name::Name;
use super::path::is_public;
use super::words::is_read;
use crate::address::Page;

/// How much of a page is looked at, bytes.
pub(super) const LOOKED_AT: usize = 1 << 20;

/// Types that run when they are opened.
const PROGRAMS: &[&str] = &["peexe", "pedll", "elf", "macho", "shell", "powershell", "vba", "msi", "jar", "android"];

/// All signs of a page.
pub(super) fn signs(url: &Url, location: &Location, page: &Page, brands: &Brands) -> Vec<Sign> {
    [program(url, location, page), pretends(page, brands)].into_iter().flatten().collect()
}

/// A program where something else was promised, or from a bare address.
fn program(url: &Url, location: &Location, page: &Page) -> Option<Sign> {
    let kind = PROGRAMS.iter().find(|kind| page.facts.type_tag == **kind)?;
    let path = url.path().to_ascii_lowercase();
    if let Some((_, ending)) = path.rsplit_once('.').filter(|(_, ending)| is_read(ending)) {
        return Some(Sign::new(100, format!("the URL promises a `.{ending}` and serves a program ({kind})")));
    }
    match location {
        Location::Ip(ip) if is_public(ip.get()) => {
            Some(Sign::new(70, format!("a bare IP address serves a program ({kind})")))
        }
        _ => None,
    }
}

/// A page that is called like a brand and asks for a password, elsewhere than at the brand's.
fn pretends(page: &Page, brands: &Brands) -> Option<Sign> {
    let title = page.title.as_ref()?.to_lowercase();
    if let Location::Domain(name) = page.final_url.location()
        && brands.own(&Name::of(&name))
    {
        return None;
    }
    let words: Vec<_> = title.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let brand = brands.names().find(|brand| {
        let brand = brand.to_lowercase();
        let parts: Vec<_> = brand.split(' ').collect();
        words.windows(parts.len()).any(|window| window == parts)
    })?;
    let body = &page.body.bytes[..page.body.bytes.len().min(LOOKED_AT)];
    let asks = ["type=\"password\"", "type='password'", "type=password"];
    asks.iter()
        .any(|form| memmem::find(body, form.as_bytes()).is_some())
        .then(|| Sign::new(70, format!("the page calls itself {brand} and asks for a password")).of_brand(brand))
}
