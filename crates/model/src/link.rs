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
    /// A vote was cast by this account.
    Cast = "cast": Vote -> User;
    /// A collection has this file in it.
    GathersFile = "gathers_file": Collection -> File;
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
    /// A graph is this account's.
    OwnedGraph = "owned_graph": Graph -> User;
    /// A graph belongs to this list.
    ListedGraph = "listed_graph": Graph -> Topic;
    /// A publication names this file.
    CitesFile = "cites_file": Reference -> File;
    /// A reference was entered by this account.
    OwnedReference = "owned_reference": Reference -> User;
    /// A reference belongs to this list.
    ListedReference = "listed_reference": Reference -> Topic;
    /// A saved search is this account's.
    OwnedSearch = "owned_search": SavedSearch -> User;
    /// A saved search belongs to this list.
    ListedSearch = "listed_search": SavedSearch -> Topic;
}
