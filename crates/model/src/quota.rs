//! A row for each quota, by VirusTotal's names (reference 2.2), and the windows they are counted in.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

macro_rules! quotas {
    ($($name:ident = $wire:literal, $window:ident: $counts:literal;)+) => {
        /// What is counted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Quota { $(#[doc = $counts] #[serde(rename = $wire)] $name,)+ }

        impl Quota {
            /// Every quota, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name on the wire.
            pub const fn wire(self) -> &'static str {
                match self { $(Self::$name => $wire,)+ }
            }

            /// The window after which it is counted anew.
            pub const fn window(self) -> Window {
                match self { $(Self::$name => Window::$window,)+ }
            }

            /// What counts, for messages and documentation.
            pub const fn counts(self) -> &'static str {
                match self { $(Self::$name => $counts,)+ }
            }
        }
    };
}

quotas! {
    ApiRequestsHourly = "api_requests_hourly", Minute: "API requests; the rate of a minute, told per hour";
    ApiRequestsDaily = "api_requests_daily", Day: "API requests of a UTC day";
    ApiRequestsMonthly = "api_requests_monthly", Month: "API requests of a UTC month";
    IntelligenceSearchesMonthly = "intelligence_searches_monthly", Month: "Intelligence searches";
    IntelligenceDownloadsMonthly = "intelligence_downloads_monthly", Month: "Downloads of files";
    IntelligenceHuntingRules = "intelligence_hunting_rules", Standing: "YARA rules in enabled rulesets";
    IntelligenceRetrohuntJobsMonthly = "intelligence_retrohunt_jobs_monthly", Month: "Retrohunt jobs";
    IntelligenceGraphsPrivate = "intelligence_graphs_private", Standing: "Private graphs";
    IntelligenceVtdiffCreationMonthly = "intelligence_vtdiff_creation_monthly", Month: "Diff sessions";
    CollectionsCreationMonthly = "collections_creation_monthly", Month: "Collections made";
    CasesCreationMonthly = "cases_creation_monthly", Month: "Cases made";
    PrivateScansMonthly = "private_scans_monthly", Month: "Private file scans";
    PrivateScansPerMinute = "private_scans_per_minute", Minute: "Private file scans of a minute";
    PrivateUrlscansMonthly = "private_urlscans_monthly", Month: "Private URL scans";
    PrivateUrlscansPerMinute = "private_urlscans_per_minute", Minute: "Private URL scans of a minute";
    MonitorStorageBytes = "monitor_storage_bytes", Standing: "Bytes in Monitor";
    MonitorStorageFiles = "monitor_storage_files", Standing: "Files in Monitor";
    MonitorUploadedBytes = "monitor_uploaded_bytes", Month: "Bytes uploaded to Monitor";
    MonitorUploadedFiles = "monitor_uploaded_files", Month: "Files uploaded to Monitor";
}

/// When a count starts anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// Sliding minute.
    Minute,
    /// UTC day.
    Day,
    /// UTC month.
    Month,
    /// Never: what stands, counts.
    Standing,
}

impl Window {
    /// The first second of the window around `now`; the epoch for windows without a calendar.
    pub fn start(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Day => now.day(),
            Self::Month => now.month(),
            Self::Minute | Self::Standing => Timestamp(0),
        }
    }

    /// When the window around `now` is over, where the calendar says so.
    pub fn end(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Day => Some(now.next_day()),
            Self::Month => Some(now.next_month()),
            Self::Minute | Self::Standing => None,
        }
    }
}

/// "No limit": the sentinel that VirusTotal shows for a day or a month without a cap.
pub const UNLIMITED: u64 = 1_000_000_000;

/// How much an account or a group may use. [`UNLIMITED`] stands for no limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Limits {
    /// API requests in any minute.
    pub minute: u64,
    /// API requests in a UTC day.
    pub day: u64,
    /// API requests in a UTC month.
    pub month: u64,
    /// Everything else, by quota; nothing of what is not named.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, u64>")]
    pub others: BTreeMap<Quota, u64>,
}

impl Limits {
    /// VirusTotal's public tier: 4 a minute, 500 a day, 15,500 a month.
    pub const PUBLIC: Self = Self { minute: 4, day: 500, month: 15_500, others: BTreeMap::new() };
    /// No limits on requests: the operator.
    pub const NONE: Self = Self { minute: UNLIMITED, day: UNLIMITED, month: UNLIMITED, others: BTreeMap::new() };

    /// The same of everything else.
    #[must_use]
    pub fn with_others(mut self, allowed: u64) -> Self {
        let requests = [Quota::ApiRequestsHourly, Quota::ApiRequestsDaily, Quota::ApiRequestsMonthly];
        let others = Quota::ALL.iter().copied().filter(|quota| !requests.contains(quota));
        self.others = others.map(|quota| (quota, allowed)).collect();
        self
    }

    /// The allowance under one of VirusTotal's quota names; 0 for what these limits do not speak of.
    pub fn of(&self, quota: Quota) -> u64 {
        match quota {
            Quota::ApiRequestsHourly => self.minute.saturating_mul(60),
            Quota::ApiRequestsDaily => self.day,
            Quota::ApiRequestsMonthly => self.month,
            other => self.others.get(&other).copied().unwrap_or(0),
        }
    }

    /// Sets the allowance under one of VirusTotal's quota names. The rate is told per hour and held per minute.
    pub fn set(&mut self, quota: Quota, allowed: u64) {
        match quota {
            Quota::ApiRequestsHourly => self.minute = allowed.div_ceil(60),
            Quota::ApiRequestsDaily => self.day = allowed,
            Quota::ApiRequestsMonthly => self.month = allowed,
            other => _ = self.others.insert(other, allowed),
        }
    }
}

/// The text names no quota of the table.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no such quota: {0}")]
pub struct UnknownQuota(String);

impl FromStr for Quota {
    type Err = UnknownQuota;

    fn from_str(text: &str) -> Result<Self, UnknownQuota> {
        Self::ALL.iter().copied().find(|one| one.wire() == text).ok_or_else(|| UnknownQuota(text.to_owned()))
    }
}
