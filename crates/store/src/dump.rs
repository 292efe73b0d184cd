//! A store as plain rows, for copying it into another one: what [`crate::Store`] says nothing about, because nobody
//! who works with a store needs it.
//!
//! Rows come in the order of their keys, byte by byte, and are the same from every backend.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// No value.
    Nothing,
}

/// One row, in the order of its table's columns.
pub type Row = Vec<Cell>;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// [`Cell::Number`].
    Number,
    /// [`Cell::Text`] or [`Cell::Nothing`].
    Text,
    /// [`Cell::Bytes`].
    Bytes,
}

macro_rules! tables {
    ($($name:ident = $stored:literal, $keys:literal keys: $($column:literal $holds:ident),+;)+) => {
        /// What a store consists of; rates are not copied, they are over in a minute.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Table { $(#[doc = concat!("The table ", $stored, ".")] $name,)+ }

        impl Table {
            /// All of them, in the order in which they are copied.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name.
            pub const fn stored(self) -> &'static str {
                match self { $(Self::$name => $stored,)+ }
            }

            /// Its columns; the first ones are its key.
            pub const fn columns(self) -> &'static [(&'static str, Holds)] {
                match self { $(Self::$name => &[$(($column, Holds::$holds)),+],)+ }
            }

            /// How many columns its key has.
            pub const fn keys(self) -> usize {
                match self { $(Self::$name => $keys,)+ }
            }
        }
    };
}

tables! {
    Records = "records", 3 keys: "space" Text, "kind" Text, "id" Text, "version" Number, "body" Bytes;
    Edges = "edges", 1 keys: "sequence" Number, "space" Text, "link" Text, "from_id" Text, "to_id" Text, "at" Number,
        "context" Text;
    Facets = "facets", 5 keys: "space" Text, "kind" Text, "name" Text, "value" Text, "id" Text;
    Counters = "counters", 3 keys: "account" Text, "quota" Text, "opens" Number, "used" Number;
    Leases = "leases", 4 keys: "node" Text, "account" Text, "quota" Text, "opens" Number, "returns" Number, "until" Number;
    Tallies = "tallies", 4 keys: "subject" Text, "dimension" Text, "day" Number, "value" Text, "amount" Number;
    Jobs = "jobs", 1 keys: "id" Number, "stage" Text, "space" Text, "kind" Text, "subject" Text, "class" Number,
        "attempt" Number, "not_before" Number, "died_of" Text;
}

impl Table {
    /// The table of that name.
    pub fn named(stored: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|table| table.stored() == stored)
    }
}

/// A store that is read out or filled; see the module. One that is being filled has a note of how far that has come, and
/// cannot be opened as a [`crate::Store`].
#[async_trait]
pub trait Dump: Send + Sync + 'static {
    /// The next rows of a table, after the one with this key.
    async fn export(&self, table: Table, after: Option<&[Cell]>, limit: usize) -> Result<Vec<Row>>;

    /// How many rows a table has.
    async fn count(&self, table: Table) -> Result<u64>;

    /// Adds rows and replaces the note, both or neither. The first note may come without rows.
    async fn import(&self, table: Table, rows: Vec<Row>, note: &str) -> Result<()>;

    /// The note, where the store is being filled.
    async fn note(&self) -> Result<Option<String>>;

    /// Makes a store of what was filled: takes the note away.
    async fn finish(&self) -> Result<()>;
}
