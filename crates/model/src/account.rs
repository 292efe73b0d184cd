//! Users, tiers and keys as they are stored.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::privilege::Privilege;
use crate::quota::Limits;
use crate::record::Class;
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

/// An account. Quotas, usage and history hang on it, never on its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The tier whose privileges and limits it has.
    pub tier: String,
    /// Given name, as shown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub first_name: String,
    /// Family name, as shown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_name: String,
    /// E-mail address; also names the account in paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether it may be used.
    pub status: AccountStatus,
    /// When it was made.
    pub user_since: Timestamp,
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
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_date: Option<Timestamp>,
}

/// The longest account name.
pub const NAME_MAX: usize = 64;

/// Checks the name of an account: letters, digits, `.`, `_` and `-`; 1 to [`NAME_MAX`] characters; no 64 hex digits,
/// which would be a key.
pub fn check_name(name: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(allowed) {
        return Err(Error::invalid_argument(format!(
            "an account name has 1 to {NAME_MAX} letters, digits, dots, underscores or hyphens"
        )));
    }
    if name.len() == 64 && name.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(Error::invalid_argument("an account name must not look like a key (64 hexadecimal digits)"));
    }
    Ok(())
}
