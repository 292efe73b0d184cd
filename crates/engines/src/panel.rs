//! All engines side by side. A sample comes in, one entry per engine goes out, whatever becomes of each: a
//! panic or an error is `failure`, silence is `timeout`, an engine that says that it gave up `confirmed-timeout`. The
//! same for URLs, domains and IP addresses, in the words of their reports, is in `rating`.

mod rating;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use assay_model::Timestamp;
use assay_model::facts::Facts;
use assay_model::verdict::{Category, EngineResult, Method, YaraResult};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::engine::{Edition, Engine, EngineError, Finding, Item, Sample, Status};

pub use rating::Rating;

/// How often [`Panel::watch`] looks for changes.
pub const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// How long an engine may take to say its edition; a report can do without.
const EDITION_PATIENCE: Duration = Duration::from_secs(5);

/// What all engines together say of a sample.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// One entry per engine, by its name.
    pub results: BTreeMap<String, EngineResult>,
    /// The rules that matched.
    pub yara: Vec<YaraResult>,
    /// Why, by the engine's name; only engines that say why.
    pub reasons: BTreeMap<String, Vec<String>>,
}

/// One engine as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EngineStatus {
    /// The engine.
    pub name: String,
    /// Its version and update date.
    pub edition: Edition,
    /// What it holds and what ails it.
    pub status: Status,
}

/// All configured engines.
pub struct Panel {
    engines: Vec<Arc<dyn Engine>>,
}

impl Panel {
    /// A panel of these engines; their names must differ.
    pub fn of(engines: Vec<Arc<dyn Engine>>) -> Self {
        Self { engines }
    }

    /// The engines' names, in the order of the panel.
    pub fn names(&self) -> Vec<String> {
        self.engines.iter().map(|engine| engine.name().to_owned()).collect()
    }

    /// Asks all engines of files at once. Ends when the last has answered or lost its asker's patience; cannot fail.
    pub async fn judge(&self, sample: &Sample, facts: &Facts, now: Timestamp) -> Judgement {
        let mut judgement = Judgement::default();
        let item = Item::File(sample, facts);
        let asked = self.engines.iter().filter(|engine| engine.scope().has_files());
        for answer in join_all(asked.map(|engine| ask(&**engine, item))).await {
            judgement.yara.extend(answer.finding.yara.iter().map(|found| found.dated(now)));
            if !answer.finding.reasons.is_empty() {
                judgement.reasons.insert(answer.name.clone(), answer.finding.reasons.clone());
            }
            judgement.results.insert(answer.name.clone(), answer.into_result());
        }
        judgement
    }

    /// Every engine with its edition and status.
    pub async fn status(&self) -> Vec<EngineStatus> {
        join_all(self.engines.iter().map(|engine| async {
            EngineStatus { name: engine.name().to_owned(), edition: edition(&**engine).await, status: engine.status() }
        }))
        .await
    }

    /// Lets every engine look once for changes of what it is made of.
    pub async fn refresh(&self) {
        join_all(self.engines.iter().map(|engine| async {
            if AssertUnwindSafe(engine.refresh()).catch_unwind().await.is_err() {
                tracing::error!(engine = engine.name(), "the engine panicked while it looked for changes");
            }
        }))
        .await;
    }

    /// Looks for changes every [`WATCH_INTERVAL`] until `stop` is cancelled.
    pub async fn watch(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(WATCH_INTERVAL) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.refresh() => {}
            }
        }
    }
}

/// One engine's answer, whatever became of it.
struct Answer {
    name: String,
    edition: Edition,
    finding: Finding,
}

impl Answer {
    fn into_result(self) -> EngineResult {
        EngineResult {
            method: self.finding.method,
            engine_name: self.name,
            engine_version: self.edition.version,
            engine_update: self.edition.updated.map(Timestamp::compact_date),
            category: self.finding.category,
            result: self.finding.result,
        }
    }
}

async fn ask(engine: &dyn Engine, item: Item<'_>) -> Answer {
    let (edition, finding) = tokio::join!(edition(engine), guarded(engine, item));
    Answer { name: engine.name().to_owned(), edition, finding }
}

/// The engine's finding, or an empty one with the category that says why there is none.
async fn guarded(engine: &dyn Engine, item: Item<'_>) -> Finding {
    answered(engine, item).await.unwrap_or_else(|category| Finding { category, ..Finding::nothing(Method::Blacklist) })
}

async fn answered(engine: &dyn Engine, item: Item<'_>) -> Result<Finding, Category> {
    let name = engine.name();
    let judged = async { if engine.accepts(item) { engine.judge(item).await.map(Some) } else { Ok(None) } };
    match tokio::time::timeout(engine.patience(), AssertUnwindSafe(judged).catch_unwind()).await {
        Ok(Ok(Ok(Some(finding)))) => Ok(finding),
        Ok(Ok(Ok(None))) => Err(Category::TypeUnsupported),
        Ok(Ok(Err(error))) => {
            tracing::warn!(engine = name, %item, error = &error as &dyn std::error::Error, "the engine has no answer");
            Err(category_of(&error))
        }
        Ok(Err(_panic)) => {
            tracing::error!(engine = name, %item, "the engine panicked");
            Err(Category::Failure)
        }
        Err(_elapsed) => {
            let patience = engine.patience();
            tracing::warn!(engine = name, %item, ?patience, "the engine did not answer in time");
            Err(Category::Timeout)
        }
    }
}

fn category_of(error: &EngineError) -> Category {
    match error {
        EngineError::GaveUp(_) => Category::ConfirmedTimeout,
        EngineError::Failed(_) | EngineError::Unavailable(_) => Category::Failure,
    }
}

async fn edition(engine: &dyn Engine) -> Edition {
    let asked = AssertUnwindSafe(engine.edition()).catch_unwind();
    match tokio::time::timeout(EDITION_PATIENCE, asked).await {
        Ok(Ok(edition)) => edition,
        _ => Edition::default(),
    }
}
