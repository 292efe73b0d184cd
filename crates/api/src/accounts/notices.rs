//! What is said once: a share of a limit that was passed, a key that ends soon. Whoever writes the notice first says it,
//! on whichever node. One notice is kept for each limit and each key, however often it is passed or changed.

use assay_model::event::EventName;
use assay_model::record::{Key, body};
use assay_model::{Kind, Result};
use assay_store::Expect;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::deed::{Change, persist};
use crate::app::App;
use crate::meter::Threshold;

/// How far something was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    /// The window of a quota, or the end of a key: with another one it begins anew.
    pub(crate) of: i64,
    /// Grows with each thing that there is to tell.
    pub(crate) step: u64,
}

/// Tells of something, unless it or what comes after it was told before.
pub(crate) async fn once(
    app: &App,
    (notice, told): (&str, Told),
    name: EventName,
    account: &str,
    group: Option<&str>,
    data: Value,
) -> Result<()> {
    let key = Key::shared(Kind::Notice, notice);
    persist(|| async {
        let known = app.store().read(&key).await?;
        let before = known.as_ref().map(|record| record.parse::<Told>()).transpose()?;
        if before.is_some_and(|before| before.of == told.of && before.step >= told.step) {
            return Ok(());
        }
        let mut change = Change::default();
        let expected = known.map_or(Expect::Absent, |record| Expect::Version(record.version));
        change.batch.put(key.clone(), body(&told), expected);
        change.event(app, name, account, group, data.clone());
        change.commit(app).await
    })
    .await
}

/// Tells that a share of a limit was passed.
pub(crate) async fn of_threshold(app: &App, passed: &Threshold) -> Result<()> {
    let name = if passed.percent >= 100 { EventName::QuotaExhausted } else { EventName::QuotaThreshold };
    let quota = passed.quota.wire();
    let notice = format!("quota/{}/{quota}", passed.name);
    let told = Told { of: passed.window.0, step: passed.percent };
    let data = json!({ "quota": quota, "percent": passed.percent, "used": passed.used, "allowed": passed.limit });
    let (account, group) = if let Some(group) = passed.name.strip_prefix("group:") {
        (format!("group/{group}"), Some(group.to_owned()))
    } else {
        let group = super::rights::read_user(app, &passed.name).await.ok().and_then(|(user, _)| user.group);
        (passed.name.to_string(), group)
    };
    once(app, (&notice, told), name, &account, group.as_deref(), data).await
}
