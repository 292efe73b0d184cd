//! One connection with its statements prepared, and several statements sent in one go.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::try_join_all;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::fault::Fault;
use crate::Durability;

/// A value for a statement.
pub(super) type Value<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// A value for a statement.
pub(super) fn value<'a>(value: impl ToSql + Sync + Send + 'a) -> Value<'a> {
    Box::new(value)
}

/// See the module.
pub(super) struct Session {
    client: Client,
    statements: HashMap<&'static str, Statement>,
    /// A transaction is under way.
    open: AtomicBool,
}

impl Session {
    /// Prepares the statements of a connection.
    pub(super) async fn new(client: Client, texts: &[&'static str]) -> Result<Self, tokio_postgres::Error> {
        let prepared = try_join_all(texts.iter().map(|text| client.prepare(text))).await?;
        let statements = texts.iter().copied().zip(prepared).collect();
        Ok(Self { client, statements, open: AtomicBool::new(false) })
    }

    /// Whether it can be used no more.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs one statement.
    pub(super) async fn query(
        &self,
        text: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        match self.statements.get(text) {
            Some(statement) => self.client.query(statement, values).await,
            None => self.client.query(text, values).await,
        }
    }

    /// Undoes the transaction that is under way, if there is one.
    pub(super) async fn roll_back(&self) -> Result<(), tokio_postgres::Error> {
        if self.open.load(Ordering::SeqCst) {
            self.client.batch_execute("ROLLBACK").await?;
            self.open.store(false, Ordering::SeqCst);
        }
        Ok(())
    }
}

enum Step<'a> {
    Begin(Durability),
    Run(Cow<'static, str>, Vec<Value<'a>>),
    Commit,
}

/// Statements that are sent together and answered in order; when one fails, those after it do too.
#[derive(Default)]
pub(super) struct Steps<'a>(Vec<Step<'a>>);

impl<'a> Steps<'a> {
    /// Starts with the beginning of a transaction.
    pub(super) fn begin(durability: Durability) -> Self {
        Self(vec![Step::Begin(durability)])
    }

    /// Adds a statement; answers its place.
    pub(super) fn add(&mut self, text: impl Into<Cow<'static, str>>, values: Vec<Value<'a>>) -> usize {
        self.0.push(Step::Run(text.into(), values));
        self.0.len() - 1
    }

    /// Ends with the end of the transaction.
    pub(super) fn commit(&mut self) {
        self.0.push(Step::Commit);
    }

    /// Sends them; answers the rows of each.
    pub(super) async fn run(self, session: &Session) -> Result<Vec<Vec<Row>>, Fault> {
        if matches!(self.0.first(), Some(Step::Begin(_))) {
            session.open.store(true, Ordering::SeqCst);
        }
        let answers = try_join_all(self.0.iter().map(|step| run(session, step))).await?;
        if matches!(self.0.last(), Some(Step::Commit)) {
            session.open.store(false, Ordering::SeqCst);
        }
        Ok(answers)
    }
}

async fn run(session: &Session, step: &Step<'_>) -> Result<Vec<Row>, tokio_postgres::Error> {
    let text = match step {
        Step::Begin(Durability::Now) => "BEGIN",
        Step::Begin(Durability::Soon) => "BEGIN; SET LOCAL synchronous_commit = off",
        Step::Commit => "COMMIT",
        Step::Run(text, values) => {
            let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect();
            return session.query(text, &values).await;
        }
    };
    session.client.batch_execute(text).await.map(|()| Vec::new())
}
