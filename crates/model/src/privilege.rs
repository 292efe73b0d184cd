//! A row for each privilege, by VirusTotal's names (reference 2.6). To add one: one row.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! privileges {
    ($($name:ident = $wire:literal: $unlocks:literal;)+) => {
        /// What an account may do beyond the public tier.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Privilege { $(#[doc = $unlocks] #[serde(rename = $wire)] $name,)+ }

        impl Privilege {
            /// Every privilege, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name on the wire.
            pub const fn wire(self) -> &'static str {
                match self { $(Self::$name => $wire,)+ }
            }

            /// What it unlocks, for messages and documentation.
            pub const fn unlocks(self) -> &'static str {
                match self { $(Self::$name => $unlocks,)+ }
            }
        }
    };
}

privileges! {
    Admin = "admin": "Administration of the whole server";
    AllInfo = "allinfo": "All attributes in reports";
    BigFiles = "big-files": "Uploads beyond the limit of a direct upload";
    DownloadsTier1 = "downloads-tier-1": "Downloads of files";
    DownloadsTier2 = "downloads-tier-2": "Downloads of files, the larger allowance";
    Private = "private": "The premium API and its relationships";
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire())
    }
}

/// The text names no privilege of the table.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no such privilege: {0}")]
pub struct UnknownPrivilege(String);

impl FromStr for Privilege {
    type Err = UnknownPrivilege;

    fn from_str(text: &str) -> Result<Self, UnknownPrivilege> {
        Self::ALL.iter().copied().find(|one| one.wire() == text).ok_or_else(|| UnknownPrivilege(text.to_owned()))
    }
}
