//! Signs in the rest of a URL.

use std::net::IpAddr;

use assay_model::outbound;
use assay_model::url::Location;
use url::Url;

use super::Sign;
use super::brands::Brands;
use super::name::Name;
use super::words::{is_read, runs};

/// Ports that web servers listen on.
const USUAL_PORTS: &[u16] = &[21, 80, 443, 591, 3000, 5000, 8000, 8008, 8080, 8081, 8088, 8443, 8888];

/// A longer URL is long.
const LONG: usize = 1500;

/// All signs of a URL but those of its name.
pub(super) fn signs(url: &Url, location: &Location, name: Option<&Name>, brands: &Brands) -> Vec<Sign> {
    if name.is_some_and(|name| brands.own(name)) {
        return Vec::new();
    }
    let signs = [raw(location), port(url), ending(url, location), doubled(url), length(url), nested(url, brands)];
    signs.into_iter().flatten().collect()
}

/// Nobody asks people to an address of the public Internet by its number.
fn raw(location: &Location) -> Option<Sign> {
    let Location::Ip(ip) = location else { return None };
    is_public(ip.get()).then(|| Sign::new(30, "the host is a bare IP address").tagged("ip"))
}

fn port(url: &Url) -> Option<Sign> {
    let port = url.port().filter(|port| !USUAL_PORTS.contains(port))?;
    Some(Sign::new(20, format!("port {port} is unusual for the web")).tagged("nonstandard-port"))
}

/// What runs when it is opened; from a bare address it is more than odd.
fn ending(url: &Url, location: &Location) -> Option<Sign> {
    let ending = endings(url).pop().filter(|ending| runs(ending))?;
    match location {
        Location::Ip(ip) if is_public(ip.get()) => {
            Some(Sign::new(60, format!("a bare IP address serves a `.{ending}`, which runs when it is opened")))
        }
        _ => None,
    }
}

/// `invoice.pdf.exe`
fn doubled(url: &Url) -> Option<Sign> {
    let endings = endings(url);
    let [.., first, last] = endings.as_slice() else { return None };
    (is_read(first) && runs(last)).then(|| {
        Sign::new(100, format!("`.{first}.{last}` hides what runs behind what is read")).tagged("double-extension")
    })
}

fn length(url: &Url) -> Option<Sign> {
    let length = url.as_str().len();
    (length > LONG).then(|| Sign::new(15, format!("the URL is {length} characters long")))
}

/// A brand's domain in the path, where it tells nobody's place.
fn nested(url: &Url, brands: &Brands) -> Option<Sign> {
    let segment = url.path_segments()?.find(|segment| {
        let name: Option<Name> = segment.contains('.').then(|| segment.parse().ok().as_ref().map(Name::of)).flatten();
        name.is_some_and(|name| brands.own(&name))
    })?;
    Some(Sign::new(30, format!("the path names `{segment}`, which is elsewhere")))
}

/// The endings of the last part of the path, in lower case: of `a.pdf.exe` `pdf` and `exe`.
fn endings(url: &Url) -> Vec<String> {
    let last = url.path_segments().and_then(Iterator::last).unwrap_or_default().trim_end_matches("%20");
    let parts = last.split('.').skip(1);
    parts.map(|part| part.trim_end_matches("%20").to_ascii_lowercase()).collect()
}

/// Whether an address is of the public Internet.
pub(super) fn is_public(ip: IpAddr) -> bool {
    outbound::forbidden(ip).is_none()
}
