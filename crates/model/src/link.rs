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
    /// A comment is about this file.
    CommentsOnFile = "comments_on_file": Comment -> File;
    /// A comment is about this URL.
    CommentsOnUrl = "comments_on_url": Comment -> Url;
    /// A comment is about this domain.
    CommentsOnDomain = "comments_on_domain": Comment -> Domain;
    /// A comment is about this IP address.
    CommentsOnIp = "comments_on_ip": Comment -> IpAddress;
    /// A comment is about this graph.
    CommentsOnGraph = "comments_on_graph": Comment -> Graph;
    /// A comment is about this collection.
    CommentsOnCollection = "comments_on_collection": Comment -> Collection;
    /// A comment was written by this account.
    Wrote = "wrote": Comment -> User;
    /// A comment speaks to this account.
    Mentions = "mentions": Comment -> User;
    /// A comment belongs to this list.
    Posted = "posted": Comment -> Topic;
    /// A vote is about this file.
    VotesOnFile = "votes_on_file": Vote -> File;
    /// A vote is about this URL.
    VotesOnUrl = "votes_on_url": Vote -> Url;
    /// A vote is about this domain.
    VotesOnDomain = "votes_on_domain": Vote -> Domain;
    /// A vote is about this IP address.
    VotesOnIp = "votes_on_ip": Vote -> IpAddress;
    /// A vote was cast by this account.
    Cast = "cast": Vote -> User;
    /// A collection has this file in it.
    GathersFile = "gathers_file": Collection -> File;
    /// A collection has this URL in it.
    GathersUrl = "gathers_url": Collection -> Url;
    /// A collection has this domain in it.
    GathersDomain = "gathers_domain": Collection -> Domain;
    /// A collection has this IP address in it.
    GathersIp = "gathers_ip": Collection -> IpAddress;
    /// A collection rests on this publication.
    GathersReference = "gathers_reference": Collection -> Reference;
    /// A collection is about this technique.
    GathersTechnique = "gathers_technique": Collection -> AttackTechnique;
    /// A collection is this account's.
    OwnedCollection = "owned_collection": Collection -> User;
    /// A collection belongs to this list.
    ListedCollection = "listed_collection": Collection -> Topic;
    /// A graph shows this file.
    ShowsFile = "shows_file": Graph -> File;
    /// A graph shows this URL.
    ShowsUrl = "shows_url": Graph -> Url;
    /// A graph shows this domain.
    ShowsDomain = "shows_domain": Graph -> Domain;
    /// A graph shows this IP address.
    ShowsIp = "shows_ip": Graph -> IpAddress;
    /// A graph is this account's.
    OwnedGraph = "owned_graph": Graph -> User;
    /// A graph belongs to this list.
    ListedGraph = "listed_graph": Graph -> Topic;
    /// A publication names this file.
    CitesFile = "cites_file": Reference -> File;
    /// A publication names this URL.
    CitesUrl = "cites_url": Reference -> Url;
    /// A publication names this domain.
    CitesDomain = "cites_domain": Reference -> Domain;
    /// A publication names this IP address.
    CitesIp = "cites_ip": Reference -> IpAddress;
    /// A reference was entered by this account.
    OwnedReference = "owned_reference": Reference -> User;
    /// A reference belongs to this list.
    ListedReference = "listed_reference": Reference -> Topic;
    /// A saved search is this account's.
    OwnedSearch = "owned_search": SavedSearch -> User;
    /// A saved search belongs to this list.
    ListedSearch = "listed_search": SavedSearch -> Topic;
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
    /// A picture is of this URL's page.
    Pictures = "pictures": Screenshot -> Url;
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
    /// An archive holds this file.
    Bundles = "bundles": File -> File;
    /// A PE file has this file among its resources.
    PeResource = "pe_resource": File -> File;
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
    /// A graph is shared with this group.
    SharedGraph = "shared_graph": Graph -> Group;
}
