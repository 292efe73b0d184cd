//! Copies one store into another, empty one. In go two configurations, out comes how much was copied; or why not, and
//! then the target is not a store but half a copy, which the next try goes on with.
//!
//! Nobody may write to the source meanwhile. Whether all has arrived is looked at in the end, row by row.
//!
//! Invariant: what is in the target is never overwritten.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::dump::{Cell, Dump, Row, Table};
use crate::facet::shortened;
use crate::{Config, StoreError, postgres, sqlite};

/// Rows that are copied at once: first so many, then as their size allows.
const FIRST: usize = 64;
const MOST: usize = 2048;
/// How many bytes at once are few, and how many are many.
const FEW: usize = 1 << 20;
const MANY: usize = 8 << 20;

/// Why a store was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of the two could not be read or written.
    #[error("the {0} failed")]
    Store(&'static str, #[source] StoreError),
    /// There is something in the target that this copy did not put there.
    #[error("the target is not empty")]
    Occupied,
    /// The target is half a copy of something else.
    #[error("the target is half a copy of another store: {0}")]
    HalfOfAnother(String),
    /// Source and target differ in the end.
    #[error("{table} differ: {source_rows} rows in the source, {target_rows} in the target; {why}")]
    Different {
        /// In what: a table, and of records the kind.
        table: String,
        /// How many rows there are in the source.
        source_rows: u64,
        /// How many rows there are in the target.
        target_rows: u64,
        /// What may have happened.
        why: &'static str,
    },
    /// A store in memory is nothing to copy.
    #[error("a store in memory cannot be copied")]
    Memory,
}

/// Where a copy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is done.
    pub step: Step,
    /// With which table.
    pub table: Table,
    /// How many of its rows are done.
    pub done: u64,
    /// How many rows it has.
    pub total: u64,
}

/// What a copy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Copies rows.
    Copy,
    /// Compares source and target.
    Verify,
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How many rows each table has.
    pub rows: Vec<(Table, u64)>,
    /// Whether an earlier try had begun it.
    pub resumed: bool,
}

/// How far a copy has come, as the target has it.
#[derive(Serialize, Deserialize)]
struct Note {
    /// Of what.
    source: String,
    /// Up to which row.
    table: String,
    after: Option<Vec<Cell>>,
}

/// Copies the store at `from` to `to` and tells `progress` after each portion of rows. When it fails or is dropped, the
/// next call goes on where it was.
pub async fn run(
    from: &Config,
    to: &Config,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Summary, CopyError> {
    let source = open(from, "source").await?;
    let target = open(to, "target").await?;
    let copy = Copy { source: &*source, target: &*target, name: name(from) };
    let (start, resumed) = copy.start().await?;
    copy.copy(start, progress).await?;
    let rows = copy.verify(progress).await?;
    target.finish().await.map_err(|cause| CopyError::Store("target", cause))?;
    Ok(Summary { rows, resumed })
}

async fn open(config: &Config, whose: &'static str) -> Result<Box<dyn Dump>, CopyError> {
    let opened: Result<Box<dyn Dump>, _> = match config {
        Config::Memory => return Err(CopyError::Memory),
        Config::Sqlite { path, .. } => sqlite::Plain::open(path).await.map(|dump| Box::new(dump) as _),
        Config::Postgres { url, password, .. } => {
            postgres::Plain::open(url, password.as_ref()).await.map(|dump| Box::new(dump) as _)
        }
    };
    opened.map_err(|cause| CopyError::Store(whose, cause))
}

/// The source, told apart from others; without its password.
fn name(config: &Config) -> String {
    match config {
        Config::Memory => String::new(),
        Config::Sqlite { path, .. } => path.canonicalize().unwrap_or_else(|_| path.clone()).display().to_string(),
        Config::Postgres { url, .. } => {
            let place = url.split('?').next().unwrap_or_default();
            place.rsplit_once('@').map_or(place, |(_, place)| place).to_owned()
        }
    }
}

struct Copy<'a> {
    source: &'a dyn Dump,
    target: &'a dyn Dump,
    name: String,
}

impl Copy<'_> {
    /// Where to begin: nothing is copied over anything that is not ours.
    async fn start(&self) -> Result<(Option<(Table, Option<Vec<Cell>>)>, bool), CopyError> {
        let failed = |cause| CopyError::Store("target", cause);
        if let Some(text) = self.target.note().await.map_err(failed)? {
            let unreadable = |_| CopyError::HalfOfAnother("its note cannot be read".to_owned());
            let note: Note = serde_json::from_str(&text).map_err(unreadable)?;
            if note.source != self.name {
                return Err(CopyError::HalfOfAnother(note.source));
            }
            let table = Table::named(&note.table).ok_or_else(|| CopyError::HalfOfAnother(note.source))?;
            return Ok((Some((table, note.after)), true));
        }
        for table in Table::ALL {
            if self.target.count(*table).await.map_err(failed)? > 0 {
                return Err(CopyError::Occupied);
            }
        }
        let first = Table::ALL[0];
        self.target.import(first, Vec::new(), &self.note(first, None)).await.map_err(failed)?;
        Ok((None, false))
    }

    fn note(&self, table: Table, after: Option<&[Cell]>) -> String {
        let note =
            Note { source: self.name.clone(), table: table.stored().to_owned(), after: after.map(<[_]>::to_vec) };
        serde_json::to_string(&note).expect("texts and numbers are JSON")
    }

    async fn copy(
        &self,
        start: Option<(Table, Option<Vec<Cell>>)>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), CopyError> {
        let (first, mut after) = start.unwrap_or((Table::ALL[0], None));
        for table in Table::ALL.iter().copied().filter(|table| *table >= first) {
            let total = self.source.count(table).await.map_err(|cause| CopyError::Store("source", cause))?;
            let mut done = self.target.count(table).await.map_err(|cause| CopyError::Store("target", cause))?;
            let mut limit = FIRST;
            loop {
                progress(Progress { step: Step::Copy, table, done, total });
                let rows = next(self.source, "source", table, after.as_deref(), &mut limit).await?;
                let Some(last) = rows.last() else { break };
                after = Some(last[..table.keys()].to_vec());
                done += rows.len() as u64;
                let note = self.note(table, after.as_deref());
                self.target.import(table, rows, &note).await.map_err(|cause| CopyError::Store("target", cause))?;
            }
            after = None;
        }
        Ok(())
    }

    /// Compares all rows; answers how many each table has.
    async fn verify(&self, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Vec<(Table, u64)>, CopyError> {
        let mut rows = Vec::new();
        for table in Table::ALL.iter().copied() {
            let total = self.source.count(table).await.map_err(|cause| CopyError::Store("source", cause))?;
            let mut tell = |done| progress(Progress { step: Step::Verify, table, done: done / 2, total });
            let ours = sums(self.source, "source", table, &mut tell).await?;
            let read = ours.values().map(|sum| sum.rows).sum();
            let theirs = sums(self.target, "target", table, &mut |done| tell(read + done)).await?;
            for kind in ours.keys().chain(theirs.keys()) {
                let sum = |of: &BTreeMap<String, Sum>| of.get(kind).copied().unwrap_or_default();
                let (ours, theirs) = (sum(&ours), sum(&theirs));
                if ours != theirs {
                    return Err(CopyError::Different {
                        table: format!("{} {kind}", table.stored()).trim_end().to_owned(),
                        source_rows: ours.rows,
                        target_rows: theirs.rows,
                        why: "was the source written to meanwhile? Empty the target and copy again",
                    });
                }
            }
            rows.push((table, read));
        }
        Ok(rows)
    }
}

/// The next rows, and how many to take the next time.
async fn next(
    dump: &dyn Dump,
    whose: &'static str,
    table: Table,
    after: Option<&[Cell]>,
    limit: &mut usize,
) -> Result<Vec<Row>, CopyError> {
    let rows = dump.export(table, after, *limit).await.map_err(|cause| CopyError::Store(whose, cause))?;
    match rows.iter().flatten().map(size).sum::<usize>() {
        few if few < FEW => *limit = (*limit * 2).min(MOST),
        many if many > MANY => *limit = (*limit / 4).max(1),
        _ => {}
    }
    Ok(rows)
}

fn size(cell: &Cell) -> usize {
    match cell {
        Cell::Text(text) => text.len(),
        Cell::Bytes(bytes) => bytes.len(),
        Cell::Number(_) | Cell::Nothing => 8,
    }
}

/// How many rows, and a sum over all of their contents, in whatever order they come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    digests: u128,
}

/// The sums of a table, of records for each kind.
async fn sums(
    dump: &dyn Dump,
    whose: &'static str,
    table: Table,
    tell: &mut (dyn FnMut(u64) + Send),
) -> Result<BTreeMap<String, Sum>, CopyError> {
    let (mut sums, mut after, mut limit, mut done): (BTreeMap<String, Sum>, Option<Row>, _, _) =
        (BTreeMap::new(), None, FIRST, 0);
    loop {
        tell(done);
        let rows = next(dump, whose, table, after.as_deref(), &mut limit).await?;
        let Some(last) = rows.last() else { return Ok(sums) };
        after = Some(last[..table.keys()].to_vec());
        done += rows.len() as u64;
        for row in &rows {
            let kind = match (table, row.get(1)) {
                (Table::Records, Some(Cell::Text(kind))) => kind.clone(),
                _ => String::new(),
            };
            let sum = sums.entry(kind).or_default();
            sum.rows += 1;
            sum.digests = sum.digests.wrapping_add(digest(table, row));
        }
    }
}

fn digest(table: Table, row: &Row) -> u128 {
    let mut hasher = Sha256::new();
    for (cell, (column, _)) in row.iter().zip(table.columns()) {
        let (mark, bytes) = match cell {
            // One backend keeps long ones short.
            Cell::Text(text) if table == Table::Facets && *column == "value" => {
                (b't', shortened(text).into_owned().into_bytes())
            }
            Cell::Text(text) => (b't', text.clone().into_bytes()),
            Cell::Bytes(bytes) => (b'b', bytes.clone()),
            Cell::Number(number) => (b'n', number.to_be_bytes().to_vec()),
            Cell::Nothing => (b'-', Vec::new()),
        };
        hasher.update([mark]);
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    }
    let whole: [u8; 32] = hasher.finalize().into();
    let (half, _) = whole.split_first_chunk::<16>().expect("32 bytes have 16");
    u128::from_be_bytes(*half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_named_without_its_password() {
        let config = |url: &str| Config::Postgres { url: url.to_owned(), password: None, cache_bytes: 0 };
        assert_eq!(name(&config("postgres://user:secret@host:5432/data?sslmode=require")), "host:5432/data");
        assert_eq!(name(&config("postgres://host/data")), "postgres://host/data");
    }

    #[test]
    fn every_value_of_a_row_counts() {
        let row = |id: &str, used| {
            vec![Cell::Text(id.to_owned()), Cell::Text("q".to_owned()), Cell::Number(0), Cell::Number(used)]
        };
        assert_eq!(digest(Table::Counters, &row("a", 1)), digest(Table::Counters, &row("a", 1)));
        assert_ne!(digest(Table::Counters, &row("a", 1)), digest(Table::Counters, &row("a", 2)));
        assert_ne!(digest(Table::Counters, &row("aq", 1)), digest(Table::Counters, &row("a", 1)));
    }
}
