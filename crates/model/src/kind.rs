//! A row for each type of object. To add a type: one row.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $wire:literal in $collection:literal;)+) => {
        /// What type an object is of; VirusTotal's words.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Kind { $($(#[doc = $doc])+ #[serde(rename = $wire)] $name,)+ }

        impl Kind {
            /// Every kind, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The `type` of an object on the wire.
            pub const fn wire(self) -> &'static str {
                match self { $(Self::$name => $wire,)+ }
            }

            /// The path segment of its collection under `/api/v3/`.
            pub const fn collection(self) -> &'static str {
                match self { $(Self::$name => $collection,)+ }
            }
        }
    };
}

kinds! {
    /// A file, named by its SHA-256.
    File = "file" in "files";
    /// One run of the engines over a file or an address.
    Analysis = "analysis" in "analyses";
    /// One upload of a file by somebody.
    Submission = "submission" in "submissions";
    /// An account, of a person or of a service.
    User = "user" in "users";
    /// How an account of a service is shown; stored as a [`Kind::User`].
    ServiceAccount = "service_account" in "service_accounts";
    /// Accounts that share a tier and a pool of quotas.
    Group = "group" in "groups";
    /// A secret of an account; named by the key id, never by the secret.
    ApiKey = "api_key" in "api_keys";
    /// Who used a key last; named by the key id.
    KeyUse = "key_use" in "key_uses";
    /// A named set of privileges and limits.
    Tier = "tier" in "tiers";
    /// What an account asks for.
    Request = "request" in "requests";
    /// Something that is said once: a threshold, an approaching end. Named by what it is about.
    Notice = "notice" in "notices";
    /// An entry of the audit log; named so that lists show the newest first.
    ActivityLogEntry = "activity_log_entry" in "activity_log_entries";
    /// Where the chain of the audit log ends; one record, the server's own.
    ActivityLogHead = "activity_log_head" in "activity_log_heads";
    /// Somebody's address that is told of events.
    Webhook = "webhook" in "webhooks";
    /// One event on its way to one webhook; named so that lists show the oldest first.
    WebhookDelivery = "webhook_delivery" in "webhook_deliveries";
    /// A one-time upload address.
    Upload = "upload" in "uploads";
    /// What somebody says about an object.
    Comment = "comment" in "comments";
    /// Somebody's verdict on an object.
    Vote = "vote" in "votes";
    /// Objects that somebody put together.
    Collection = "collection" in "collections";
    /// Objects that somebody drew with what joins them.
    Graph = "graph" in "graphs";
    /// A publication on objects.
    Reference = "reference" in "references";
    /// Who is behind attacks.
    ThreatActor = "threat_actor" in "threat_actors";
    /// A search that somebody kept.
    SavedSearch = "saved_search" in "saved_searches";
    /// A tactic of MITRE ATT&CK.
    AttackTactic = "attack_tactic" in "attack_tactics";
    /// A technique of MITRE ATT&CK.
    AttackTechnique = "attack_technique" in "attack_techniques";
    /// What a list is about that is ordered by time: a tag, a type. It has no record; edges lead to it.
    Topic = "topic" in "topics";
    /// A contract with another server of this API, and its keys.
    Upstream = "upstream" in "upstreams";
    /// What that server answered; in the space of the contract's tenant, named by its question.
    UpstreamAnswer = "upstream_answer" in "upstream_answers";
    /// A URL, named by the SHA-256 of its one form.
    Url = "url" in "urls";
    /// A domain, named by itself.
    Domain = "domain" in "domains";
    /// An IP address, named by itself.
    IpAddress = "ip_address" in "ip_addresses";
    /// A name that stood for an address; named by both.
    Resolution = "resolution" in "resolutions";
    /// A TLS certificate, named by its SHA-256.
    SslCert = "ssl_cert" in "ssl_certs";
    /// What WHOIS said at some time.
    Whois = "whois" in "whois";
    /// A picture of a page or of a sample at work.
    Screenshot = "screenshot" in "screenshots";
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire())
    }
}

/// The text names no kind of the table.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no such object type: {0}")]
pub struct UnknownKind(String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.iter().copied().find(|kind| kind.wire() == text).ok_or_else(|| UnknownKind(text.to_owned()))
    }
}
