//! What the store keeps. The store knows no object types: to it everything is a record under a key, an edge between
//! two keys, a facet by which keys are found, a counter, or a job.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Code, Error};
use crate::{Kind, Link, Timestamp};

/// Whose the object is. No read crosses a space without saying so.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Space {
    /// Seen by every account.
    Shared,
    /// Seen by one group only; its id.
    Private(Arc<str>),
}

impl Space {
    /// The text under which stores keep it: empty for [`Space::Shared`].
    pub fn stored(&self) -> &str {
        match self {
            Self::Shared => "",
            Self::Private(group) => group,
        }
    }

    /// The inverse of [`Space::stored`].
    pub fn from_stored(text: &str) -> Self {
        if text.is_empty() { Self::Shared } else { Self::Private(text.into()) }
    }
}

/// Names one record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Whose it is.
    pub space: Space,
    /// What it is.
    pub kind: Kind,
    /// Its id within the kind, as on the wire.
    pub id: Arc<str>,
}

impl Key {
    /// A key in the shared space.
    pub fn shared(kind: Kind, id: impl Into<Arc<str>>) -> Self {
        Self { space: Space::Shared, kind, id: id.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

/// One version of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its name.
    pub key: Key,
    /// Counts up from 1 with each write.
    pub version: u64,
    /// The object, as JSON text.
    pub body: Arc<[u8]>,
}

impl Record {
    /// The object as a type of ours. Fails only where the store was tampered with or a migration was forgotten.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|cause| {
            Error::new(Code::Internal, format!("a stored {} could not be read", self.key.kind)).because(cause)
        })
    }
}

/// The JSON text of an object of ours, for a record's body.
pub fn body<T: Serialize>(object: &T) -> Arc<[u8]> {
    serde_json::to_vec(object).expect("our own types have string keys and serialise").into()
}

/// A fact that joins two objects, as stored: it reads `from` → `to` and is found from both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The tail.
    pub from: Key,
    /// What joins them.
    pub link: Link,
    /// The head.
    pub to: Key,
    /// When it was found; pages are ordered by it, newest first.
    pub at: Timestamp,
    /// What is said about the fact itself, a JSON object: shown as `context_attributes`.
    pub context: Option<Arc<str>>,
}

impl Edge {
    /// A fact of which nothing more is said.
    pub fn new(from: Key, link: Link, to: Key, at: Timestamp) -> Self {
        Self { from, link, to, at, context: None }
    }

    /// Says something about the fact.
    #[must_use]
    pub fn with_context<T: Serialize>(mut self, context: &T) -> Self {
        let text = serde_json::to_string(context).expect("our own types have string keys and serialise");
        self.context = Some(text.into());
        self
    }
}

/// A property by which records are found: an MD5, a tag, a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FacetName {
    /// A file's MD5.
    Md5,
    /// A file's SHA-1.
    Sha1,
    /// A file's `type_tag`.
    Type,
    /// A file's tag.
    Tag,
    /// A file's structural hash.
    Vhash,
    /// The name that an engine gave to what it found, lower case.
    Detection,
    /// An account's e-mail address, lower case.
    Email,
    /// Where a request stands: its status, and its status with the account's group.
    Status,
    /// The day on which a key ends: its first second.
    Ends,
    /// What an entry of the audit log is filtered by: each combination of group, action, actor and target that it fits.
    Activity,
    /// Whose a webhook is: a group's id; empty for the operator.
    Owner,
    /// A word of a comment, lower case.
    Word,
    /// A tracker in a URL's page, with its id.
    Tracker,
}

impl FacetName {
    /// The name under which stores keep it; never changes once written.
    pub const fn stored(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Type => "type",
            Self::Tag => "tag",
            Self::Vhash => "vhash",
            Self::Detection => "detection",
            Self::Email => "email",
            Self::Status => "status",
            Self::Ends => "ends",
            Self::Activity => "activity",
            Self::Owner => "owner",
            Self::Word => "word",
            Self::Tracker => "tracker",
        }
    }
}

/// One property of one record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Facet {
    /// Which property.
    pub name: FacetName,
    /// Its value.
    pub value: String,
}

impl Facet {
    /// A facet of this name and value.
    pub fn new(name: FacetName, value: impl Into<String>) -> Self {
        Self { name, value: value.into() }
    }
}

/// A stage of the pipeline, as jobs name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    /// Bytes to facts.
    Identify,
    /// Facts and bytes to verdicts.
    Analyse,
    /// What is known to what can be found.
    Index,
    /// An event to a webhook; no stage of a sample's flow, but a job like them.
    Deliver,
    /// An address to what it serves and what others know of it.
    Visit,
    /// What is known of an address to verdicts.
    Rate,
    /// A URL to what its page looks like.
    Picture,
}

impl StageName {
    /// Everything that runs as a job, in the order of the flow.
    pub const ALL: &'static [Self] =
        &[Self::Identify, Self::Analyse, Self::Index, Self::Deliver, Self::Visit, Self::Rate, Self::Picture];

    /// The name under which stores keep it and metrics show it.
    pub const fn stored(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Analyse => "analyse",
            Self::Index => "index",
            Self::Deliver => "deliver",
            Self::Visit => "visit",
            Self::Rate => "rate",
            Self::Picture => "picture",
        }
    }

    /// The inverse of [`StageName::stored`].
    pub fn named(stored: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|stage| stage.stored() == stored)
    }
}

/// Who waits for a job; lower classes are served first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// A person waits.
    Interactive,
    /// A tool waits.
    Normal,
    /// Nobody waits.
    Bulk,
}

impl Class {
    /// The number under which stores order it.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Interactive => 0,
            Self::Normal => 1,
            Self::Bulk => 2,
        }
    }

    /// The inverse of [`Class::rank`]; unknown ranks wait longest.
    pub const fn ranked(rank: u8) -> Self {
        match rank {
            0 => Self::Interactive,
            1 => Self::Normal,
            _ => Self::Bulk,
        }
    }
}

/// Work that a stage has to do on one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Which stage.
    pub stage: StageName,
    /// On what: the analysis that asked; for `deliver` the delivery.
    pub subject: Key,
    /// Who waits.
    pub class: Class,
}
