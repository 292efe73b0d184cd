//! What RDAP says of a domain or an IP address (RFC 9083): JSON in, the facts that reports have out, and all of it as the
//! text that WHOIS would have answered with.

use std::collections::BTreeMap;
use std::net::IpAddr;

use assay_model::Timestamp;
use assay_model::address::Item;
use serde_json::Value;

use crate::calendar;

mod contact;
mod tree;

use contact::{Contact, with_role};

/// A longer answer is not read.
pub const ANSWER_MAX: usize = 1 << 20;
/// How many lines are made of an answer.
const FIELDS: usize = 200;
/// How many servers, states and the like are told.
const LISTED: usize = 50;
/// A longer text is cut.
const TEXT: usize = 1024;

/// By whose servers one knows a regional registry.
const REGISTRIES: [(&str, &str); 5] = [
    ("afrinic.net", "AFRINIC"),
    ("apnic.net", "APNIC"),
    ("arin.net", "ARIN"),
    ("lacnic.net", "LACNIC"),
    ("ripe.net", "RIPE NCC"),
];

/// What is registered, as far as it is said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Registration {
    /// Through whom it was registered.
    pub registrar: Option<String>,
    /// For whom.
    pub registrant: Option<String>,
    /// The country of who registered it, ISO code.
    pub registrant_country: Option<String>,
    /// When it was registered.
    pub created: Option<Timestamp>,
    /// When that last changed.
    pub changed: Option<Timestamp>,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// Of a network: where it is, ISO code.
    pub country: Option<String>,
    /// Of an IP address: the network that it is in, as CIDR.
    pub network: Option<String>,
    /// Of an IP address: AFRINIC, ARIN, APNIC, LACNIC or RIPE NCC.
    pub registry: Option<&'static str>,
    /// Line by line, as WHOIS has it.
    pub fields: Vec<(&'static str, String)>,
    /// All of it, names in snake case; none where it is too long to be kept.
    pub tree: Option<Value>,
}

impl Registration {
    /// As WHOIS writes it.
    pub fn text(&self) -> String {
        let lines: Vec<_> = self.fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        lines.join("\n")
    }

    /// By the names of the lines; of those that come several times, the texts joined by ` | `.
    pub fn map(&self) -> BTreeMap<String, String> {
        let mut map: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in &self.fields {
            let known = map.entry((*name).to_owned()).or_default();
            if !known.is_empty() {
                known.push_str(" | ");
            }
            known.push_str(value);
        }
        map
    }

    fn say(&mut self, name: &'static str, value: Option<String>) {
        if let Some(value) = value.filter(|value| !value.is_empty() && self.fields.len() < FIELDS) {
            self.fields.push((name, value));
        }
    }

    fn say_contact(&mut self, names: [&'static str; 5], contact: Contact) {
        let values = [contact.name, contact.organization, contact.country, contact.email, contact.phone];
        for (name, value) in names.into_iter().zip(values) {
            self.say(name, value);
        }
    }
}

/// Reads an answer; none where it is none, or is about something else.
pub fn read(bytes: &[u8], about: &Item) -> Option<Registration> {
    if bytes.len() > ANSWER_MAX {
        return None;
    }
    let answer: Value = serde_json::from_slice(bytes).ok()?;
    let mut read = match about {
        Item::Url(_) => return None,
        Item::Domain(name) => domain(&answer, name.as_str())?,
        Item::IpAddress(address) => network(&answer, address.get())?,
    };
    read.tree = tree::of(&answer);
    Some(read)
}

fn domain(answer: &Value, name: &str) -> Option<Registration> {
    let told = text(answer, "ldhName").filter(|told| told.trim_end_matches('.').eq_ignore_ascii_case(name))?;
    if text(answer, "objectClassName")? != "domain" {
        return None;
    }
    let mut read = dated(answer);
    let registrar = with_role(answer, "registrar");
    let registrant = with_role(answer, "registrant").map(contact::read).unwrap_or_default();
    read.registrar = registrar.and_then(|entity| contact::read(entity).name);
    read.registrant = registrant.name.clone().or_else(|| registrant.organization.clone());
    read.registrant_country.clone_from(&registrant.country);
    read.say("Domain Name", Some(told.to_ascii_lowercase()));
    read.say("Registry Domain ID", text(answer, "handle"));
    read.say("Registrar", read.registrar.clone());
    read.say("Registrar IANA ID", registrar.and_then(iana_id));
    let abuse = registrar.and_then(|entity| with_role(entity, "abuse")).map(contact::read).unwrap_or_default();
    read.say("Registrar Abuse Contact Email", abuse.email);
    read.say("Registrar Abuse Contact Phone", abuse.phone);
    read.say("Creation Date", event(answer, "registration"));
    read.say("Updated Date", event(answer, "last changed"));
    read.say("Registry Expiry Date", event(answer, "expiration"));
    say_states(answer, "Domain Status", &mut read);
    read.say_contact(
        ["Registrant Name", "Registrant Organization", "Registrant Country", "Registrant Email", "Registrant Phone"],
        registrant,
    );
    for server in list(answer, "nameservers") {
        read.say("Name Server", text(server, "ldhName").map(|name| name.to_ascii_lowercase()));
    }
    let signed = answer.get("secureDNS").and_then(|dns| dns.get("delegationSigned")).and_then(Value::as_bool);
    read.say("DNSSEC", signed.map(|signed| if signed { "signedDelegation" } else { "unsigned" }.to_owned()));
    Some(read)
}

fn network(answer: &Value, address: IpAddr) -> Option<Registration> {
    if text(answer, "objectClassName")? != "ip network" {
        return None;
    }
    let limit = |key| text(answer, key)?.parse::<IpAddr>().ok();
    let (first, last) = (limit("startAddress")?, limit("endAddress")?);
    if first.is_ipv4() != address.is_ipv4() || !(first..=last).contains(&address) {
        return None;
    }
    let mut read = dated(answer);
    read.country = text(answer, "country").and_then(|code| country(&code));
    read.network = cidr(answer, address).or_else(|| aligned(first, last));
    read.registry = registry(answer);
    let registrant = with_role(answer, "registrant").map(contact::read).unwrap_or_default();
    read.registrant = registrant.name.clone().or_else(|| registrant.organization.clone());
    read.registrant_country = registrant.country.clone().or_else(|| read.country.clone());
    read.say("NetRange", Some(format!("{first} - {last}")));
    read.say("CIDR", read.network.clone());
    read.say("NetName", text(answer, "name"));
    read.say("NetHandle", text(answer, "handle"));
    read.say("Parent", text(answer, "parentHandle"));
    read.say("NetType", text(answer, "type"));
    read.say("Country", read.country.clone());
    read.say("RegDate", event(answer, "registration"));
    read.say("Updated", event(answer, "last changed"));
    say_states(answer, "Status", &mut read);
    read.say_contact(["Registrant", "Organization", "Registrant Country", "Email", "Phone"], registrant);
    let abuse = with_role(answer, "abuse").map(contact::read).unwrap_or_default();
    read.say_contact(["Abuse Name", "Abuse Organization", "Abuse Country", "Abuse Email", "Abuse Phone"], abuse);
    Some(read)
}

fn dated(answer: &Value) -> Registration {
    let moment = |action| event(answer, action).as_deref().and_then(calendar::rfc3339).map(Timestamp);
    Registration {
        created: moment("registration"),
        changed: moment("last changed"),
        expires: moment("expiration"),
        ..Registration::default()
    }
}

fn say_states(answer: &Value, name: &'static str, read: &mut Registration) {
    for state in list(answer, "status") {
        read.say(name, state.as_str().map(tidy));
    }
}

/// When something happened to what is registered. When its database was last written is not among it: that changes
/// without any change of what it says.
fn event(answer: &Value, action: &str) -> Option<String> {
    let is_it = |event: &&Value| event.get("eventAction").and_then(Value::as_str) == Some(action);
    text(list(answer, "events").find(is_it)?, "eventDate")
}

/// The number of a registrar at IANA.
fn iana_id(registrar: &Value) -> Option<String> {
    let is_it = |id: &&Value| id.get("type").and_then(Value::as_str).is_some_and(|kind| kind.contains("IANA"));
    text(list(registrar, "publicIds").find(is_it)?, "identifier")
}

/// The network that holds an address, of those that are told (extension `cidr0`).
fn cidr(answer: &Value, address: IpAddr) -> Option<String> {
    list(answer, "cidr0_cidrs").find_map(|told| {
        let key = if address.is_ipv4() { "v4prefix" } else { "v6prefix" };
        let prefix: IpAddr = text(told, key)?.parse().ok()?;
        let length = u32::try_from(told.get("length")?.as_u64()?).ok()?;
        let (one, width) = bits(prefix);
        let (other, _) = bits(address);
        let same = width.checked_sub(length)?;
        let holds = one.checked_shr(same).unwrap_or(0) == other.checked_shr(same).unwrap_or(0);
        (holds && prefix.is_ipv4() == address.is_ipv4()).then(|| format!("{prefix}/{length}"))
    })
}

/// A range as a network, where it is one.
fn aligned(first: IpAddr, last: IpAddr) -> Option<String> {
    let ((one, width), (other, _)) = (bits(first), bits(last));
    let differing = one ^ other;
    let is_network = differing.wrapping_add(1) & differing == 0 && one & differing == 0;
    let length = width.checked_sub(differing.count_ones())?;
    is_network.then(|| format!("{first}/{length}"))
}

fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u32::from(address).into(), 32),
        IpAddr::V6(address) => (address.into(), 128),
    }
}

fn registry(answer: &Value) -> Option<&'static str> {
    let links = list(answer, "links").filter_map(|link| text(link, "href"));
    let hosts = links.filter_map(|link| url::Url::parse(&link).ok()?.host_str().map(ToOwned::to_owned));
    let mut servers = text(answer, "port43").into_iter().chain(hosts);
    servers.find_map(|server| {
        let is_theirs = |(zone, _): &&(&str, &str)| {
            server.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        REGISTRIES.iter().find(is_theirs).map(|(_, name)| *name)
    })
}

/// An ISO code, in capitals.
fn country(text: &str) -> Option<String> {
    (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic())).then(|| text.to_ascii_uppercase())
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(tidy).filter(|text| !text.is_empty())
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten().take(LISTED)
}

/// On one line, and not too long.
fn tidy(text: &str) -> String {
    let line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(TEXT).collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests;
