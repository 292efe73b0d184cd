//! A row for each fact that joins two objects. A fact is written once, in the direction of its row, and read from
//! both ends. To add one: a row here, a line in the object's relationships, and the place that finds the fact.

use serde::{Deserialize, Serialize};

macro_rules! links {
    ($($(#[doc = $doc:literal])+ $name:ident = $stored:literal: $from:ident -> $to:ident;)+) => {
        /// A fact that joins two objects.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Link { $($(#[doc = $doc])+ #[serde(rename = $stored)] $name,)+ }

        impl Link {
            /// Every link, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name under which stores keep it; never changes once written.
            pub const fn stored(self) -> &'static str {
                match self { $(Self::$name => $stored,)+ }
            }

            /// The kind at the tail and the kind at the head.
            pub const fn ends(self) -> (crate::Kind, crate::Kind) {
                match self { $(Self::$name => (crate::Kind::$from, crate::Kind::$to),)+ }
            }

            /// The link of that stored name.
            pub fn named(stored: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|link| link.stored() == stored)
            }
        }
    };
}

links! {
    /// An analysis looked at this file.
    Analysed = "analysed": Analysis -> File;
    /// A submission brought this file.
    Submitted = "submitted": Submission -> File;
    /// A key opens this account.
    Opens = "opens": ApiKey -> User;
    /// An account of a person belongs to this group.
    Belongs = "belongs": User -> Group;
    /// An account administers this group.
    Administers = "administers": User -> Group;
    /// An account of a service belongs to this group.
    Serves = "serves": User -> Group;
    /// A request was made by this account.
    Asked = "asked": Request -> User;
    /// An entry of the audit log concerns this group.
    Logged = "logged": ActivityLogEntry -> Group;
    /// A delivery goes to this webhook.
    Delivers = "delivers": WebhookDelivery -> Webhook;
    /// An analysis looked at this URL.
    AnalysedUrl = "analysed_url": Analysis -> Url;
    /// An analysis looked at this domain.
    AnalysedDomain = "analysed_domain": Analysis -> Domain;
    /// An analysis looked at this IP address.
    AnalysedIp = "analysed_ip": Analysis -> IpAddress;
    /// A submission brought this URL.
    SubmittedUrl = "submitted_url": Submission -> Url;
    /// A URL's host is this domain.
    OnDomain = "on_domain": Url -> Domain;
    /// A URL's host is this IP address, or it was served from there.
    OnIp = "on_ip": Url -> IpAddress;
    /// A URL answered by sending its callers on to another.
    Redirects = "redirects": Url -> Url;
    /// The page of a URL links to another or loads it.
    Refers = "refers": Url -> Url;
    /// A URL answered with this file.
    Served = "served": Url -> File;
    /// A URL of this domain answered with this file.
    DomainServed = "domain_served": Domain -> File;
    /// A URL that this IP address served answered with this file.
    IpServed = "ip_served": IpAddress -> File;
    /// The page of a URL holds this script.
    HoldsScript = "holds_script": Url -> File;
    /// The page of a URL calls this domain.
    UrlContactsDomain = "url_contacts_domain": Url -> Domain;
    /// The page of a URL calls this IP address.
    UrlContactsIp = "url_contacts_ip": Url -> IpAddress;
    /// A file asked for this URL when it ran.
    ContactsUrl = "contacts_url": File -> Url;
    /// A file called this domain when it ran.
    ContactsDomain = "contacts_domain": File -> Domain;
    /// A file called this IP address when it ran.
    ContactsIp = "contacts_ip": File -> IpAddress;
    /// A file's content names this URL.
    EmbedsUrl = "embeds_url": File -> Url;
    /// A file's content names this domain.
    EmbedsDomain = "embeds_domain": File -> Domain;
    /// A file's content names this IP address.
    EmbedsIp = "embeds_ip": File -> IpAddress;
    /// A domain is one label below another.
    Below = "below": Domain -> Domain;
    /// A resolution is of this domain.
    ResolvesDomain = "resolves_domain": Resolution -> Domain;
    /// A resolution is to this IP address.
    ResolvesIp = "resolves_ip": Resolution -> IpAddress;
    /// A server under this domain showed this certificate.
    DomainShowed = "domain_showed": Domain -> SslCert;
    /// A server at this IP address showed this certificate.
    IpShowed = "ip_showed": IpAddress -> SslCert;
    /// A WHOIS record is of this domain.
    WhoisOfDomain = "whois_of_domain": Whois -> Domain;
    /// A WHOIS record is of this IP address.
    WhoisOfIp = "whois_of_ip": Whois -> IpAddress;
    /// A domain's CAA record names this domain.
    Caa = "caa": Domain -> Domain;
    /// A domain's CNAME record names this domain.
    Cname = "cname": Domain -> Domain;
    /// A domain's MX record names this domain.
    Mx = "mx": Domain -> Domain;
    /// A domain's NS record names this domain.
    Ns = "ns": Domain -> Domain;
    /// A domain's SOA record names this domain.
    Soa = "soa": Domain -> Domain;
}
