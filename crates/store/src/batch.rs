//! What is written together, or not at all.

use std::sync::Arc;

use assay_model::quota::Quota;
use assay_model::record::{Edge, Facet, FacetName, Job, Key};
use assay_model::{Link, Timestamp};

/// What a record must be for a write to go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// It must not exist.
    Absent,
    /// It must be of this version.
    Version(u64),
    /// Whatever it is.
    Any,
}

/// One record to write.
#[derive(Debug, Clone)]
pub struct Put {
    /// Which.
    pub key: Key,
    /// Its new body, JSON.
    pub body: Arc<[u8]>,
    /// What it must be now.
    pub expect: Expect,
}

/// A job that somebody works on until a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The job's number in its store.
    pub id: i64,
    /// Which try this is, from 1. Together with the id it says whose lease it is.
    pub attempt: u32,
    /// The work.
    pub job: Job,
}

/// How a claimed job ends.
#[derive(Debug, Clone)]
pub enum Ending {
    /// It is done.
    Done,
    /// It is to be tried again, not before this moment.
    Again(Timestamp),
    /// It failed too often and is kept for an operator.
    Dead(String),
}

/// When a new job's turn comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Not before this moment, for whoever claims it first.
    From(Timestamp),
    /// At once: its writer has it until this moment.
    Claimed(Timestamp),
}

impl Turn {
    /// Before when nobody else may claim the job.
    pub(crate) fn not_before(self) -> Timestamp {
        match self {
            Self::From(moment) | Self::Claimed(moment) => moment,
        }
    }

    /// Whether its writer has it.
    pub(crate) fn is_claimed(self) -> bool {
        matches!(self, Self::Claimed(_))
    }
}

/// When a commit must have reached the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Before the commit returns: somebody is told that it happened.
    #[default]
    Now,
    /// With the next commit that must: a crash of the machine may undo it, whole. For work that is then repeated.
    Soon,
}

/// What is written together. Build it, then hand it to [`crate::Store::commit`].
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub(crate) puts: Vec<Put>,
    pub(crate) deletes: Vec<Key>,
    pub(crate) unlinked: Vec<(Key, Link, Key)>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) cleared: Vec<(Key, FacetName)>,
    pub(crate) facets: Vec<(Key, Facet)>,
    pub(crate) jobs: Vec<(Job, Turn)>,
    pub(crate) endings: Vec<(Claimed, Ending)>,
    pub(crate) durability: Durability,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// May reach the disk later; see [`Durability::Soon`].
    pub fn soon(&mut self) -> &mut Self {
        self.durability = Durability::Soon;
        self
    }

    /// Writes a record.
    pub fn put(&mut self, key: Key, body: Arc<[u8]>, expect: Expect) -> &mut Self {
        self.puts.push(Put { key, body, expect });
        self
    }

    /// Removes a record with its facets and edges, where it exists.
    pub fn delete(&mut self, key: Key) -> &mut Self {
        self.deletes.push(key);
        self
    }

    /// Joins two objects; joining them again changes nothing.
    pub fn link(&mut self, edge: Edge) -> &mut Self {
        self.edges.push(edge);
        self
    }

    /// Parts two objects; parting them again changes nothing. What the same batch joins is joined anew.
    pub fn unlink(&mut self, from: Key, link: Link, to: Key) -> &mut Self {
        self.unlinked.push((from, link, to));
        self
    }

    /// Makes an object findable; doing so again changes nothing.
    pub fn facet(&mut self, key: Key, facet: Facet) -> &mut Self {
        self.facets.push((key, facet));
        self
    }

    /// Makes an object findable by exactly these values of one facet.
    pub fn replace_facets(
        &mut self,
        key: &Key,
        name: FacetName,
        values: impl IntoIterator<Item = String>,
    ) -> &mut Self {
        self.cleared.push((key.clone(), name));
        self.facets.extend(values.into_iter().map(|value| (key.clone(), Facet { name, value })));
        self
    }

    /// Causes work. A job of the same stage on the same subject that is already there stays as it is.
    pub fn enqueue(&mut self, job: Job) -> &mut Self {
        self.enqueue_at(job, Timestamp::default())
    }

    /// Causes work not before a moment; else as [`Batch::enqueue`].
    pub fn enqueue_at(&mut self, job: Job, not_before: Timestamp) -> &mut Self {
        self.jobs.push((job, Turn::From(not_before)));
        self
    }

    /// Causes work and claims it for the writer until `until`.
    pub fn enqueue_claimed(&mut self, job: Job, until: Timestamp) -> &mut Self {
        self.jobs.push((job, Turn::Claimed(until)));
        self
    }

    /// Ends a claimed job. The whole batch is refused when the claim is no longer the writer's.
    pub fn end(&mut self, claimed: Claimed, ending: Ending) -> &mut Self {
        self.endings.push((claimed, ending));
        self
    }

    /// The keys whose records this batch changes.
    pub fn touched(&self) -> impl Iterator<Item = &Key> {
        self.puts.iter().map(|put| &put.key).chain(&self.deletes)
    }

    /// Whether there is work in it for others to claim.
    pub(crate) fn wakes(&self) -> bool {
        self.jobs.iter().any(|(_, turn)| !turn.is_claimed())
    }
}

/// Something to take from a counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Whose counter.
    pub account: Arc<str>,
    /// Which one.
    pub quota: Quota,
    /// The first second of the window.
    pub window: Timestamp,
    /// What may be taken in the window altogether.
    pub limit: u64,
    /// How much to take; for a refund, how much to give back.
    pub amount: u64,
}

/// What came of an attempt to spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spent {
    /// This much was taken from each counter, in order; at least 1 each.
    Granted(Vec<u64>),
    /// Nothing was taken, because the counter at this place in the list is exhausted.
    Exhausted(usize),
}
