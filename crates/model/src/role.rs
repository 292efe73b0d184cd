//! A row for each role inside a group, by VirusTotal's names (reference 3.4). To add one: one row.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! roles {
    ($($name:ident = $wire:literal: $permits:literal;)+) => {
        /// What an account may do inside its group.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Role { $(#[doc = $permits] #[serde(rename = $wire)] $name,)+ }

        impl Role {
            /// Every role, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name on the wire.
            pub const fn wire(self) -> &'static str {
                match self { $(Self::$name => $wire,)+ }
            }

            /// What it permits, for messages and documentation.
            pub const fn permits(self) -> &'static str {
                match self { $(Self::$name => $permits,)+ }
            }
        }
    };
}

roles! {
    GroupAdmin = "USER_ROLE_GROUP_ADMIN": "To manage members, roles, settings and quotas of the group";
    PrivateScanning = "USER_ROLE_PRIVATE_SCANNING": "To use Private Scanning";
    FileUploads = "USER_ROLE_FILE_UPLOADS": "To submit files";
    FileDownloads = "USER_ROLE_FILE_DOWNLOADS": "To download files";
    PrivateFileUploads = "USER_ROLE_PRIVATE_FILE_UPLOADS": "To submit files to the group's private store";
    PrivateFileDownloads = "USER_ROLE_PRIVATE_FILE_DOWNLOADS": "To download files from the group's private store";
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire())
    }
}

/// The text names no role of the table.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no such role: {0}")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.iter().copied().find(|one| one.wire() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}
