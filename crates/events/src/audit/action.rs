//! A row for each deed that the audit log knows. To add one: one row, and the place that logs it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! actions {
    ($($name:ident = $wire:literal: $meaning:literal;)+) => {
        /// What somebody did.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Action { $(#[doc = $meaning] #[serde(rename = $wire)] $name,)+ }

        impl Action {
            /// Every action, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name on the wire and in the log; never changes once written.
            pub const fn wire(self) -> &'static str {
                match self { $(Self::$name => $wire,)+ }
            }

            /// What was done, for documentation.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)+ }
            }
        }
    };
}

actions! {
    // VirusTotal's (reference 3.9).
    AddGroupUser = "ADD_GROUP_USER": "An account joined a group";
    DeleteGroupUser = "DELETE_GROUP_USER": "An account left a group";
    AddGroupAdmin = "ADD_GROUP_ADMIN": "An account became administrator of a group";
    DeleteGroupAdmin = "DELETE_GROUP_ADMIN": "An account is administrator of a group no more";
    AddGroupServiceAccount = "ADD_GROUP_SERVICE_ACCOUNT": "A group got a service account";
    DeleteGroupServiceAccount = "DELETE_GROUP_SERVICE_ACCOUNT": "A group lost a service account";
    CreateTenant = "CREATE_TENANT": "A group was made";
    DeleteTenant = "DELETE_TENANT": "A group was removed";
    // Ours.
    CreateUser = "CREATE_USER": "An account was made";
    UpdateUser = "UPDATE_USER": "An account was changed";
    DeleteUser = "DELETE_USER": "An account was removed";
    InviteUser = "INVITE_USER": "An address was invited to a group";
    UpdateGroup = "UPDATE_GROUP": "A group was changed";
    UpdateServiceAccount = "UPDATE_SERVICE_ACCOUNT": "A service account was changed";
    CreateKey = "CREATE_KEY": "A key was made";
    ImportKey = "IMPORT_KEY": "A key that was made elsewhere was imported";
    UpdateKey = "UPDATE_KEY": "A key's label, expiry, networks or privileges were changed";
    RotateKey = "ROTATE_KEY": "A key got a successor";
    RestoreKey = "RESTORE_KEY": "A retiring key was made active again";
    RevokeKey = "REVOKE_KEY": "A key was revoked";
    CreateTier = "CREATE_TIER": "A tier was made";
    UpdateTier = "UPDATE_TIER": "A tier was changed";
    DeleteTier = "DELETE_TIER": "A tier was removed";
    OpenRequest = "OPEN_REQUEST": "A higher limit, a privilege or another tier was asked for";
    GrantRequest = "GRANT_REQUEST": "A request was granted";
    DeclineRequest = "DECLINE_REQUEST": "A request was declined";
    CreateWebhook = "CREATE_WEBHOOK": "A webhook was made";
    UpdateWebhook = "UPDATE_WEBHOOK": "A webhook was changed";
    DeleteWebhook = "DELETE_WEBHOOK": "A webhook was removed";
    ReplayDelivery = "REPLAY_DELIVERY": "A delivery to a webhook was made pending again";
    ExposeKey = "EXPOSE_KEY": "A key was found where others can read it";
    CreateUpstream = "CREATE_UPSTREAM": "A contract with another server was registered";
    StageUpstreamKey = "STAGE_UPSTREAM_KEY": "A second key of a contract was registered";
    RotateUpstreamKey = "ROTATE_UPSTREAM_KEY": "The staged key of a contract was taken in use";
    RemoveUpstreamKey = "REMOVE_UPSTREAM_KEY": "A key of a contract was removed";
    RefuseUpstreamKey = "REFUSE_UPSTREAM_KEY": "Upstream refuses a key of a contract";
    EndUpstream = "END_UPSTREAM": "A contract was ended and what it had brought was removed";
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire())
    }
}

/// The text names no action of the table.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no such action: {0}")]
pub struct UnknownAction(String);

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        Self::ALL.iter().copied().find(|one| one.wire() == text).ok_or_else(|| UnknownAction(text.to_owned()))
    }
}
