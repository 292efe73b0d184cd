//! A row for each event that webhooks tell of, and the event itself. To add one: one row, and the place that announces
//! it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Timestamp;

macro_rules! events {
    ($($name:ident = $wire:literal: $meaning:literal;)+) => {
        /// What can happen that somebody may want to hear of.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum EventName { $(#[doc = $meaning] #[serde(rename = $wire)] $name,)+ }

        impl EventName {
            /// Every event, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name on the wire.
            pub const fn wire(self) -> &'static str {
                match self { $(Self::$name => $wire,)+ }
            }

            /// When it happens, for documentation.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)+ }
            }
        }
    };
}

events! {
    KeyCreated = "key.created": "A key was made or imported";
    KeyRotated = "key.rotated": "A key got a successor and is retiring";
    KeyExpiring = "key.expiring": "A key expires in 14, 7, 3 or 1 days";
    KeyExpired = "key.expired": "A key's date has come; it is refused from now on";
    KeyRevoked = "key.revoked": "A key was revoked or has retired; it is refused from now on";
    KeyExposed = "key.exposed": "A key was found where others can read it";
    QuotaThreshold = "quota.threshold": "An account or group has used 50, 80 or 95 % of a quota";
    QuotaExhausted = "quota.exhausted": "An account or group has used a quota up";
    AccountTierChanged = "account.tier_changed": "An account or group was moved to another tier";
    AccountRequestOpened = "account.request_opened": "An account asks for a higher limit, a privilege or another tier";
    AccountRequestDecided = "account.request_decided": "A request was granted or declined";
    UpstreamKeyRefused = "upstream.key_refused": "VirusTotal refuses a key of a contract; a second one takes its place where there is one";
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire())
    }
}

/// The text names no event of the table.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no such event: {0}")]
pub struct UnknownEvent(String);

impl FromStr for EventName {
    type Err = UnknownEvent;

    fn from_str(text: &str) -> Result<Self, UnknownEvent> {
        Self::ALL.iter().copied().find(|one| one.wire() == text).ok_or_else(|| UnknownEvent(text.to_owned()))
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What.
    pub name: EventName,
    /// When.
    pub date: Timestamp,
    /// The account that it happened to.
    pub account: Option<String>,
    /// The group that it happened to, or the account's; its webhooks hear of it, beside the operator's.
    pub group: Option<String>,
    /// What else there is to say. No secret.
    pub data: Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_found_by_its_name_on_the_wire() {
        for name in EventName::ALL {
            assert_eq!(name.wire().parse::<EventName>().ok(), Some(*name));
            assert_eq!(serde_json::to_value(name).expect("a name"), Value::from(name.wire()));
        }
        assert!("key.made".parse::<EventName>().is_err());
    }
}
