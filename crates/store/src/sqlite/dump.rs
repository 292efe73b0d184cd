//! The embedded store as plain rows.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params_from_iter};

use super::{blocking, connect_to_write};
use crate::dump::{Cell, Dump, Row, Table};
use crate::{Result, StoreError};

/// The note of a store that is being filled is in a table of its own; see [`Dump::note`].
const NOTED: &str = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'assay_copy'";

/// See the module.
pub(crate) struct Plain {
    connection: Arc<Mutex<Connection>>,
}

impl Plain {
    /// Opens or creates the database.
    pub(crate) async fn open(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        let connection = blocking(move || connect_to_write(&path)).await?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let connection = self.connection.clone();
        blocking(move || work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}

/// Refuses a store that is being filled.
pub(super) fn refuse_half_a_copy(connection: &Connection) -> Result<()> {
    if connection.prepare(NOTED)?.exists([])? { Err(crate::half_a_copy()) } else { Ok(()) }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Number(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Self::Nothing => ToSqlOutput::Owned(Value::Null),
        })
    }
}

fn cell(value: ValueRef<'_>) -> Result<Cell> {
    Ok(match value {
        ValueRef::Integer(number) => Cell::Number(number),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).map_err(|cause| StoreError::Corrupt(Box::new(cause)))?;
            Cell::Text(text.to_owned())
        }
        ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
        ValueRef::Null => Cell::Nothing,
        ValueRef::Real(_) => return Err(StoreError::Corrupt("a number that is not whole".into())),
    })
}

/// The names of columns in this backend.
fn columns(table: Table, many: usize) -> String {
    let names = table.columns()[..many].iter().map(|(name, _)| if *name == "opens" { "window" } else { name });
    names.collect::<Vec<_>>().join(", ")
}

fn places(from: usize, many: usize) -> String {
    (from..from + many).map(|nth| format!("?{nth}")).collect::<Vec<_>>().join(", ")
}

#[async_trait]
impl Dump for Plain {
    async fn export(&self, table: Table, after: Option<&[Cell]>, limit: usize) -> Result<Vec<Row>> {
        let (all, keys) = (columns(table, table.columns().len()), columns(table, table.keys()));
        let beyond = after.map(|_| format!("WHERE ({keys}) > ({})", places(1, table.keys()))).unwrap_or_default();
        let text = format!("SELECT {all} FROM {} {beyond} ORDER BY {keys} LIMIT {limit}", table.stored());
        let after = after.unwrap_or_default().to_vec();
        self.with(move |connection| {
            let mut statement = connection.prepare_cached(&text)?;
            let mut rows = statement.query(params_from_iter(after))?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let cells = (0..table.columns().len()).map(|place| cell(row.get_ref(place)?));
                found.push(cells.collect::<Result<Row>>()?);
            }
            Ok(found)
        })
        .await
    }

    async fn count(&self, table: Table) -> Result<u64> {
        let text = format!("SELECT count(*) FROM {}", table.stored());
        self.with(move |connection| Ok(connection.query_row(&text, [], |row| row.get::<_, i64>(0))?.unsigned_abs()))
            .await
    }

    async fn import(&self, table: Table, rows: Vec<Row>, note: &str) -> Result<()> {
        let (all, many) = (columns(table, table.columns().len()), table.columns().len());
        let text = format!("INSERT INTO {} ({all}) VALUES ({})", table.stored(), places(1, many));
        let note = note.to_owned();
        self.with(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut statement = transaction.prepare_cached(&text)?;
            for row in &rows {
                statement.execute(params_from_iter(row))?;
            }
            drop(statement);
            transaction.execute_batch("CREATE TABLE IF NOT EXISTS assay_copy (note TEXT); DELETE FROM assay_copy;")?;
            transaction.execute("INSERT INTO assay_copy (note) VALUES (?1)", [note])?;
            transaction.commit()?;
            Ok(())
        })
        .await
    }

    async fn note(&self) -> Result<Option<String>> {
        self.with(|connection| {
            if !connection.prepare(NOTED)?.exists([])? {
                return Ok(None);
            }
            Ok(connection.query_row("SELECT note FROM assay_copy", [], |row| row.get(0)).optional()?)
        })
        .await
    }

    async fn finish(&self) -> Result<()> {
        self.with(|connection| {
            connection.execute_batch("DROP TABLE IF EXISTS assay_copy; ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")?;
            Ok(())
        })
        .await
    }
}
