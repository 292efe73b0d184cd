//! The shared store as plain rows.

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use super::connect::Connector;
use super::fault::Fault;
use super::pool::{Ask, Done, Pool, Work};
use super::prepare;
use super::session::{Session, Steps, Value, value};
use super::text::{facet, kept, told};
use crate::dump::{Cell, Dump, Holds, Row, Table};
use crate::{Durability, Result};

/// The note of a store that is being filled is in a table of its own; see [`Dump::note`].
pub(super) const NOTED: &str = "SELECT to_regclass('assay_copy') IS NOT NULL";
const NOTE: &str = "SELECT note FROM assay_copy";
const MAKE_NOTE: &str = "CREATE TABLE IF NOT EXISTS assay_copy (note text)";
const CLEAR_NOTE: &str = "DELETE FROM assay_copy";
const PUT_NOTE: &str = "INSERT INTO assay_copy (note) VALUES ($1)";
const DROP_NOTE: &str = "DROP TABLE IF EXISTS assay_copy";
/// What is written from now on comes after what was copied.
const EDGES_FOLLOW: &str = "
    SELECT setval(pg_get_serial_sequence('edges', 'sequence'), (SELECT coalesce(max(sequence), 0) + 1 FROM edges), false)";
const JOBS_FOLLOW: &str = "
    SELECT setval(pg_get_serial_sequence('jobs', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM jobs), false)";

/// Counting a large table takes its time, and nobody waits.
const PATIENCE: Duration = Duration::from_hours(1);

/// See the module.
pub(crate) struct Plain {
    pool: Pool,
}

impl Plain {
    /// Connects, migrating the database where needed.
    pub(crate) async fn open(url: &str, password: Option<&SecretString>) -> Result<Self> {
        let connector = Connector::new(url, password).await?;
        prepare(&connector).await?;
        Ok(Self { pool: Pool::new(connector, Vec::new(), PATIENCE) })
    }
}

fn columns(table: Table, many: usize) -> String {
    table.columns()[..many].iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn places(table: Table, many: usize, of_type: fn(Holds) -> &'static str) -> String {
    let columns = table.columns()[..many].iter().enumerate();
    columns.map(|(place, (_, holds))| format!("${}::{}", place + 1, of_type(*holds))).collect::<Vec<_>>().join(", ")
}

fn one(holds: Holds) -> &'static str {
    match holds {
        Holds::Number => "bigint",
        Holds::Text => "text",
        Holds::Bytes => "bytea",
    }
}

fn many(holds: Holds) -> &'static str {
    match holds {
        Holds::Number => "bigint[]",
        Holds::Text => "text[]",
        Holds::Bytes => "bytea[]",
    }
}

/// A text as it is kept in a column.
fn kept_in<'a>(column: &str, table: Table, text: &'a str) -> std::borrow::Cow<'a, str> {
    if table == Table::Facets && column == "value" { facet(text) } else { kept(text) }
}

fn cell_of(row: &tokio_postgres::Row, place: usize, holds: Holds) -> Result<Cell, Fault> {
    Ok(match holds {
        Holds::Number => Cell::Number(row.try_get(place)?),
        Holds::Bytes => Cell::Bytes(row.try_get(place)?),
        Holds::Text => {
            row.try_get::<_, Option<&str>>(place)?.map_or(Cell::Nothing, |text| Cell::Text(told(text).to_string()))
        }
    })
}

/// The cells of one column.
fn column_of(table: Table, place: usize, rows: &[Row]) -> Value<'_> {
    let (name, holds) = table.columns()[place];
    let cells = rows.iter().map(|row| &row[place]);
    match holds {
        Holds::Number => value(
            cells.map(|cell| if let Cell::Number(number) = cell { Some(*number) } else { None }).collect::<Vec<_>>(),
        ),
        Holds::Bytes => value(
            cells
                .map(|cell| if let Cell::Bytes(bytes) = cell { Some(bytes.as_slice()) } else { None })
                .collect::<Vec<_>>(),
        ),
        Holds::Text => value(
            cells
                .map(|cell| if let Cell::Text(text) = cell { Some(kept_in(name, table, text)) } else { None })
                .collect::<Vec<_>>(),
        ),
    }
}

/// Rows to add, together with the note.
struct Import<'a> {
    table: Table,
    rows: &'a [Row],
    note: &'a str,
}

#[async_trait]
impl Work for Import<'_> {
    type Answer = ();

    async fn run(&self, session: &Session) -> Result<Done<'_, ()>, Fault> {
        let (table, all) = (self.table, self.table.columns().len());
        let mut make = Steps::begin(Durability::Now);
        make.add(MAKE_NOTE, Vec::new());
        make.run(session).await?;
        let mut steps = Steps::default();
        if !self.rows.is_empty() {
            let text = format!(
                "INSERT INTO {} ({names}) SELECT * FROM unnest({})",
                table.stored(),
                places(table, all, many),
                names = columns(table, all),
            );
            steps.add(text, (0..all).map(|place| column_of(table, place, self.rows)).collect());
        }
        steps.add(CLEAR_NOTE, Vec::new());
        steps.add(PUT_NOTE, vec![value(kept(self.note))]);
        steps.run(session).await?;
        Ok(Done::Commit((), Steps::default(), None))
    }
}

/// What makes a store of what was filled.
struct Finish;

#[async_trait]
impl Work for Finish {
    type Answer = ();

    async fn run(&self, session: &Session) -> Result<Done<'_, ()>, Fault> {
        let mut steps = Steps::begin(Durability::Now);
        for text in [EDGES_FOLLOW, JOBS_FOLLOW, DROP_NOTE] {
            steps.add(text, Vec::new());
        }
        steps.run(session).await?;
        Ok(Done::Commit((), Steps::default(), None))
    }
}

#[async_trait]
impl Dump for Plain {
    async fn export(&self, table: Table, after: Option<&[Cell]>, limit: usize) -> Result<Vec<Row>> {
        let all = table.columns();
        let (names, keys) = (columns(table, all.len()), columns(table, table.keys()));
        let beyond = after.map(|_| format!("WHERE ({keys}) > ({})", places(table, table.keys(), one)));
        // Numbers of any width are told as the widest.
        let names = names.split(", ").zip(all).map(|(name, (_, holds))| format!("{name}::{}", one(*holds)));
        let text = format!(
            "SELECT {} FROM {} {} ORDER BY {keys} LIMIT {limit}",
            names.collect::<Vec<_>>().join(", "),
            table.stored(),
            beyond.unwrap_or_default()
        );
        let values = after.unwrap_or_default().iter().zip(all).map(|(cell, (name, _))| match cell {
            Cell::Text(text) => value(kept_in(name, table, text)),
            Cell::Number(number) => value(*number),
            Cell::Bytes(bytes) => value(bytes.as_slice()),
            Cell::Nothing => value(None::<&str>),
        });
        let row = |row: &tokio_postgres::Row| {
            all.iter()
                .enumerate()
                .map(|(place, (_, holds))| cell_of(row, place, *holds))
                .collect::<Result<Row, Fault>>()
        };
        let answer = |rows: &[tokio_postgres::Row]| rows.iter().map(row).collect::<Result<Vec<_>, Fault>>();
        self.pool.run(&Ask { text: text.into(), values: values.collect(), answer }).await
    }

    async fn count(&self, table: Table) -> Result<u64> {
        let answer = |rows: &[tokio_postgres::Row]| Ok(rows[0].try_get::<_, i64>(0)?.unsigned_abs());
        let text = format!("SELECT count(*) FROM {}", table.stored());
        self.pool.run(&Ask { text: text.into(), values: Vec::new(), answer }).await
    }

    async fn import(&self, table: Table, rows: Vec<Row>, note: &str) -> Result<()> {
        self.pool.run(&Import { table, rows: &rows, note }).await
    }

    async fn note(&self) -> Result<Option<String>> {
        let noted = |rows: &[tokio_postgres::Row]| Ok(rows[0].try_get::<_, bool>(0)?);
        if !self.pool.run(&Ask { text: NOTED.into(), values: Vec::new(), answer: noted }).await? {
            return Ok(None);
        }
        let answer = |rows: &[tokio_postgres::Row]| {
            Ok(rows.first().map(|row| row.try_get::<_, String>(0)).transpose()?.map(|note| told(&note).to_string()))
        };
        self.pool.run(&Ask { text: NOTE.into(), values: Vec::new(), answer }).await
    }

    async fn finish(&self) -> Result<()> {
        let analysed = |_: &[tokio_postgres::Row]| Ok(());
        for table in Table::ALL {
            let text = format!("ANALYZE {}", table.stored());
            self.pool.run(&Ask { text: text.into(), values: Vec::new(), answer: analysed }).await?;
        }
        self.pool.run(&Finish).await
    }
}
