//! Accounts, groups, tiers, keys and requests as they are stored.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::privilege::{Grants, Privilege};
use crate::quota::{Limits, Quota};
use crate::record::Class;
use crate::role::Role;
use crate::{Error, Timestamp};

/// Whether an account may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccountStatus {
    /// It may.
    Active,
    /// It was switched off.
    Inactive,
}

/// The tier of an account or a group, for a while or for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierTerm {
    /// Its name.
    pub name: String,
    /// Until when it holds; for good where it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The tier that holds afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<String>,
}

impl TierTerm {
    /// A tier for good.
    pub fn always(name: impl Into<String>) -> Self {
        Self { name: name.into(), until: None, then: None }
    }

    /// The tier that holds now.
    pub fn at(&self, now: Timestamp) -> &str {
        match (self.until, &self.then) {
            (Some(until), Some(then)) if until <= now => then,
            _ => &self.name,
        }
    }
}

/// A limit that was set for one account or group, beside what its tier says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// What is allowed in the quota's window.
    pub allowed: u64,
    /// Until when; for good where it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// An account, of a person or of a service. Quotas, usage and history hang on it, never on its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Whether it is a service account: it belongs to its group and goes with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub service: bool,
    /// Its own tier; what its group has comes on top.
    pub tier: TierTerm,
    /// Given name, as shown; for a service account the name inside its group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub first_name: String,
    /// Family name, as shown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_name: String,
    /// A line about the person, as shown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub profile_phrase: String,
    /// E-mail address; also names the account in paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether it may be used.
    pub status: AccountStatus,
    /// When it was made.
    pub user_since: Timestamp,
    /// What it keeps for its own clients.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub preferences: Map<String, Value>,
    /// The one group that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What it may do in its group.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<Role>,
    /// What it may take at the most of its group's pool.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub caps: BTreeMap<Quota, u64>,
    /// Caps that are higher until a date.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub raised: BTreeMap<Quota, Allowance>,
    /// Limits beside its tier's; they hold while it belongs to no group.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub allowances: BTreeMap<Quota, Allowance>,
    /// What it may do beyond its tier.
    #[serde(default, skip_serializing_if = "Grants::is_empty")]
    pub privileges: Grants,
    /// Who it waits behind under load, where its tier does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// From where its keys may be used; from anywhere where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_networks: Vec<IpNet>,
}

impl User {
    /// A fresh account of a person.
    pub fn new(tier: impl Into<String>, now: Timestamp) -> Self {
        Self {
            service: false,
            tier: TierTerm::always(tier),
            first_name: String::new(),
            last_name: String::new(),
            profile_phrase: String::new(),
            email: None,
            status: AccountStatus::Active,
            user_since: now,
            preferences: Map::new(),
            group: None,
            roles: BTreeSet::new(),
            caps: BTreeMap::new(),
            raised: BTreeMap::new(),
            allowances: BTreeMap::new(),
            privileges: Grants::default(),
            class: None,
            allowed_networks: Vec::new(),
        }
    }

    /// Whether it administers that group.
    pub fn administers(&self, group: &str) -> bool {
        self.group.as_deref() == Some(group) && self.roles.contains(&Role::GroupAdmin)
    }
}

/// Accounts that share a tier, its privileges and a pool of quotas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The tier that its members inherit, and whose limits are its pool.
    pub tier: TierTerm,
    /// When it was made.
    pub creation_date: Timestamp,
    /// What is said about it: organisation, country, contacts.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub profile: Map<String, Value>,
    /// Settings of its members' clients.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub preferences: Map<String, Value>,
    /// E-mail addresses and patterns (`*@acme.com`) whose new accounts join by themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auto_add_users: Vec<String>,
    /// E-mail addresses that were invited; an account made with one of them joins.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub invitations: BTreeSet<String>,
    /// Limits beside its tier's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub allowances: BTreeMap<Quota, Allowance>,
    /// What its members may do beyond its tier.
    #[serde(default, skip_serializing_if = "Grants::is_empty")]
    pub privileges: Grants,
    /// From where its members' keys may be used; from anywhere where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_networks: Vec<IpNet>,
}

impl Group {
    /// A fresh group.
    pub fn new(tier: impl Into<String>, now: Timestamp) -> Self {
        Self {
            tier: TierTerm::always(tier),
            creation_date: now,
            profile: Map::new(),
            preferences: Map::new(),
            auto_add_users: Vec::new(),
            invitations: BTreeSet::new(),
            allowances: BTreeMap::new(),
            privileges: Grants::default(),
            allowed_networks: Vec::new(),
        }
    }

    /// Whether a new account with this address joins by itself.
    pub fn awaits(&self, email: &str) -> bool {
        let fits = |pattern: &String| match pattern.strip_prefix("*@") {
            Some(domain) => email.rsplit_once('@').is_some_and(|(_, own)| own.eq_ignore_ascii_case(domain)),
            None => pattern.eq_ignore_ascii_case(email),
        };
        self.invitations.iter().any(|invited| invited.eq_ignore_ascii_case(email))
            || self.auto_add_users.iter().any(fits)
    }
}

/// A named set of privileges and limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// What its accounts may do.
    pub privileges: BTreeSet<Privilege>,
    /// How often.
    pub limits: Limits,
    /// Who waits behind whom under load.
    pub class: Class,
    /// Whether an operator has changed it: the configuration no longer does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changed: bool,
}

/// A key at rest: everything but the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// HMAC-SHA-256(pepper, secret), hex.
    pub tag: String,
    /// The account that it opens.
    pub account: String,
    /// When it was made.
    pub creation_date: Timestamp,
    /// What it is for, as its owner says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// From when on it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_date: Option<Timestamp>,
    /// From where it may be used; from anywhere where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_networks: Vec<IpNet>,
    /// The only privileges of its account that it has; all of them where it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privileges: Option<BTreeSet<Privilege>>,
    /// Whether it was made elsewhere and brought in by its hash.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub imported: bool,
    /// The key that it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<String>,
    /// Set when it was rotated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retirement: Option<Retirement>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_date: Option<Timestamp>,
}

/// How a rotated key goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retirement {
    /// The key that replaces it.
    pub successor: String,
    /// Since when it is retiring.
    pub since: Timestamp,
    /// From when on it is refused.
    pub deadline: Timestamp,
    /// Seconds without use after which it goes before its deadline, once the successor was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_quiet: Option<u64>,
}

/// Where a key stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// It works.
    Active,
    /// It works until its deadline; its successor works too.
    Retiring,
    /// Its deadline is over.
    Retired,
    /// It was revoked.
    Revoked,
    /// Its own end has come.
    Expired,
}

impl KeyState {
    /// Whether a key in this state is accepted.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Active | Self::Retiring)
    }
}

impl ApiKey {
    /// A fresh key of an account.
    pub fn new(tag: String, account: impl Into<String>, now: Timestamp) -> Self {
        Self {
            tag,
            account: account.into(),
            creation_date: now,
            label: String::new(),
            expiration_date: None,
            allowed_networks: Vec::new(),
            privileges: None,
            imported: false,
            predecessor: None,
            retirement: None,
            revocation_date: None,
        }
    }

    /// Where it stands.
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.revocation_date.is_some() {
            return KeyState::Revoked;
        }
        if self.expiration_date.is_some_and(|end| end <= now) {
            return KeyState::Expired;
        }
        match &self.retirement {
            Some(retirement) if retirement.deadline <= now => KeyState::Retired,
            Some(_) => KeyState::Retiring,
            None => KeyState::Active,
        }
    }
}

/// Who used a key last. Kept beside the key, so that a use is not a change of the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    /// When.
    pub date: Timestamp,
    /// From where.
    pub ip: String,
    /// With what.
    pub user_agent: String,
}

/// What an account asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Who asks.
    pub account: String,
    /// The group of the account then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What it asks for.
    pub wish: Wish,
    /// Why, in the account's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// When.
    pub date: Timestamp,
    /// What became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// The thing that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Wish {
    /// Another tier.
    Tier {
        /// Its name.
        wanted: String,
    },
    /// One more privilege.
    Privilege {
        /// Which.
        wanted: Privilege,
    },
    /// A higher limit.
    Quota {
        /// Of what.
        wanted: Quota,
        /// How much in the quota's window.
        amount: u64,
    },
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Whether it was granted.
    pub granted: bool,
    /// Who decided.
    pub by: String,
    /// When.
    pub date: Timestamp,
    /// Until when what was granted holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What was said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer: String,
}

/// The longest account name.
pub const NAME_MAX: usize = 64;

/// Checks the name of an account, a group or a tier: letters, digits, `.`, `_` and `-`; 1 to [`NAME_MAX`] characters;
/// no dot or hyphen in front; no 64 hex digits, which would be a key.
pub fn check_name(name: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(allowed) || name.starts_with(['.', '-']) {
        return Err(Error::invalid_argument(format!(
            "a name has 1 to {NAME_MAX} letters (a-z, A-Z), digits, dots, underscores or hyphens, and begins with none of . and -"
        )));
    }
    if name.len() == 64 && name.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(Error::invalid_argument("an account name must not look like a key (64 hexadecimal digits)"));
    }
    Ok(())
}

/// Checks an e-mail address as far as a server can without writing to it; answers it in lower case.
pub fn check_email(email: &str) -> Result<String, Error> {
    let wrong = || Error::invalid_argument(format!("Invalid email address: \"{}\"", email.escape_debug()));
    let (local, domain) = email.rsplit_once('@').ok_or_else(wrong)?;
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '<' | '>' | ',' | ';' | ':' | '(' | ')');
    let good = !local.is_empty()
        && email.len() <= 254
        && !local.contains('@')
        && email.chars().all(plain)
        && domain.contains('.')
        && domain.split('.').all(|label| {
            !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && !label.starts_with('-')
        });
    if good { Ok(email.to_ascii_lowercase()) } else { Err(wrong()) }
}

/// Reads a network in CIDR notation, or one address.
pub fn parse_network(text: &str) -> Result<IpNet, Error> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
    let network = network.map_err(|cause| {
        Error::invalid_argument(format!(
            "\"{}\" is no network: write an address or CIDR, e.g. 192.0.2.0/24 or 2001:db8::/32",
            text.escape_debug()
        ))
        .because(cause)
    })?;
    if network.trunc() != network {
        return Err(Error::invalid_argument(format!(
            "\"{text}\" has address bits beyond its prefix: did you mean {}?",
            network.trunc()
        )));
    }
    Ok(network)
}

/// How many networks a key, an account or a group may name.
pub const NETWORKS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_path_segment_of_plain_letters() {
        for good in ["a", "soc-team", "a.b_c", "Z9"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "../etc", "a/b", ".hidden", "-x", "a b", "\u{430}dmin", "a\0", &"x".repeat(65), &"a".repeat(64)]
        {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_address_needs_a_name_and_a_domain() {
        assert_eq!(check_email("A@Acme.Example").ok().as_deref(), Some("a@acme.example"));
        for bad in ["spellman", "@x.y", "a@", "a@b", "a b@c.d", "a@b..c", "a@-b.c", "\u{430}@b.c"] {
            assert!(check_email(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_network_is_an_address_or_cidr_without_stray_bits() {
        assert!(parse_network("10.0.0.0/8").is_ok() && parse_network("192.0.2.7").is_ok());
        assert!(parse_network("2001:db8::/32").is_ok());
        for bad in ["", "10.0.0.1/8", "10.0.0.0/33", "all", "10.0.0.0/8/8", "::1/129"] {
            assert!(parse_network(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_is_what_its_dates_say() {
        let at = |seconds| Timestamp(seconds);
        let mut key = ApiKey::new(String::new(), "a", at(0));
        assert_eq!(key.state(at(9)), KeyState::Active);
        key.retirement = Some(Retirement { successor: "b".into(), since: at(5), deadline: at(10), when_quiet: None });
        assert_eq!((key.state(at(9)), key.state(at(10))), (KeyState::Retiring, KeyState::Retired));
        key.expiration_date = Some(at(8));
        assert_eq!(key.state(at(8)), KeyState::Expired);
        key.revocation_date = Some(at(1));
        assert_eq!(key.state(at(2)), KeyState::Revoked);
    }

    #[test]
    fn a_term_ends() {
        let term = TierTerm { name: "premium".into(), until: Some(Timestamp(9)), then: Some("public".into()) };
        assert_eq!((term.at(Timestamp(8)), term.at(Timestamp(9))), ("premium", "public"));
    }
}
