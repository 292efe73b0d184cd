//! A row for each privilege, by VirusTotal's names (reference 2.6). To add one: one row.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

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
    Staff = "staff": "An internal flag of the operator";
    SalesStaff = "sales-staff": "An internal flag of the operator";
    Dogfooder = "dogfooder": "Features before their release";
    AllInfo = "allinfo": "All attributes in reports";
    BigFiles = "big-files": "Uploads beyond the limit of a direct upload";
    ClickToAccept = "click_to_accept": "An agreement was accepted";
    OemClickToAccept = "oem_click_to_accept": "An agreement of a reseller was accepted";
    Creditcards = "creditcards": "Views around leaked payment cards";
    Cases = "cases": "Cases";
    Intelligence = "intelligence": "Intelligence search and what belongs to it";
    IntelligenceSearchTier1 = "intelligence-search-tier-1": "Intelligence searches, the smallest allowance";
    IntelligenceSearchTier2 = "intelligence-search-tier-2": "Intelligence searches, the middle allowance";
    IntelligenceSearchTier3 = "intelligence-search-tier-3": "Intelligence searches, the largest allowance";
    DownloadsTier1 = "downloads-tier-1": "Downloads of files";
    DownloadsTier2 = "downloads-tier-2": "Downloads of files, the larger allowance";
    Livehunt = "livehunt": "Livehunt rulesets";
    Retrohunt = "retrohunt": "Retrohunt jobs";
    RetrohuntTier1 = "retrohunt-tier-1": "Retrohunt over 90 days";
    RetrohuntTier2 = "retrohunt-tier-2": "Retrohunt over 180 days";
    RetrohuntTier3 = "retrohunt-tier-3": "Retrohunt over 365 days";
    IocStream = "ioc-stream": "The IoC stream";
    SavedSearch = "saved-search": "Saved searches";
    ActivityLogs = "activity-logs": "The activity log of a group";
    Private = "private": "The premium API and its relationships";
    PrivateCollections = "private-collections": "Private collections";
    FileFeed = "file-feed": "The feed of files";
    UrlFeed = "url-feed": "The feed of URLs";
    DomainFeed = "domain-feed": "The feed of domains";
    IpFeed = "ip-feed": "The feed of IP addresses";
    FileBehaviourFeed = "file-behaviour-feed": "The feed of behaviour reports";
    Distribution = "distribution": "The distribution endpoints of API v2";
    DistributionDownload = "distribution-download": "Downloads through the distribution endpoints of API v2";
    FullDistribution = "full-distribution": "The whole distribution of API v2";
    UrlDistribution = "url-distribution": "The URL distribution of API v2";
    Monitor = "monitor": "Monitor, for makers of software";
    MonitorPartner = "monitor-partner": "Monitor, for makers of engines";
    VtAlerts = "vtalerts": "Alerts";
    VtInsights = "vtinsights": "Insights";
    VtDiffApi = "vtdiff-api": "Diff by the API";
    VtDiffUi = "vtdiff-ui": "Diff in the console";
    UpstreamRefresh = "upstream-refresh": "Asking VirusTotal again although an answer is still fresh (Cache-Control)";
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

impl Privilege {
    /// What it brings with it.
    pub const fn implies(self) -> &'static [Self] {
        match self {
            Self::Intelligence => &[
                Self::ActivityLogs,
                Self::IocStream,
                Self::Livehunt,
                Self::Retrohunt,
                Self::SavedSearch,
                Self::VtDiffUi,
            ],
            _ => &[],
        }
    }

    const fn bit(self) -> u64 {
        1 << self as u32
    }
}

/// Privileges as a set that is asked with each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Privileges(u64);

impl Privileges {
    /// Whether it has one.
    pub const fn contains(self, privilege: Privilege) -> bool {
        self.0 & privilege.bit() != 0
    }

    /// What both have.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl FromIterator<Privilege> for Privileges {
    fn from_iter<I: IntoIterator<Item = Privilege>>(privileges: I) -> Self {
        Self(privileges.into_iter().fold(0, |bits, privilege| bits | privilege.bit()))
    }
}

/// Privileges that were granted to one account or group, each for good or until a moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grants(pub BTreeMap<Privilege, Option<Timestamp>>);

impl Grants {
    /// Whether nothing was granted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What holds now, with when it ends.
    pub fn at(&self, now: Timestamp) -> impl Iterator<Item = (Privilege, Option<Timestamp>)> {
        self.0.iter().map(|(privilege, end)| (*privilege, *end)).filter(move |(_, end)| end.is_none_or(|end| end > now))
    }
}
