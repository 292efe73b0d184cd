//! What is said once: a share of a limit that was passed, a key that ends soon. Whoever writes the notice first says it,
//! on whichever node.

use assay_model::event::EventName;
use assay_model::record::{Key, body};
use assay_model::{Kind, Result};
use assay_store::Expect;
use serde_json::{Value, json};

use super::deed::{Change, persist};
use crate::app::App;
use crate::meter::Threshold;

/// Tells of something, unless it was told before.
pub(crate) async fn once(
    app: &App,
    notice: &str,
    name: EventName,
    account: &str,
    group: Option<&str>,
    data: Value,
) -> Result<()> {
    let key = Key::shared(Kind::Notice, notice);
    persist(|| async {
        if app.store().read(&key).await?.is_some() {
            return Ok(());
        }
        let mut change = Change::default();
        change.batch.put(key.clone(), body(&json!({ "date": app.now() })), Expect::Absent);
        change.event(app, name, account, group, data.clone());
        change.commit(app).await
    })
    .await
}

/// Tells that a share of a limit was passed.
pub(crate) async fn of_threshold(app: &App, passed: &Threshold) -> Result<()> {
    let name = if passed.percent >= 100 { EventName::QuotaExhausted } else { EventName::QuotaThreshold };
    let quota = passed.quota.wire();
    let notice = format!("quota/{}/{quota}/{}/{}", passed.name, passed.window.0, passed.percent);
    let data = json!({ "quota": quota, "percent": passed.percent, "used": passed.used, "allowed": passed.limit });
    let (account, group) = if let Some(group) = passed.name.strip_prefix("group:") {
        (format!("group/{group}"), Some(group.to_owned()))
    } else {
        let group = super::rights::read_user(app, &passed.name).await.ok().and_then(|(user, _)| user.group);
        (passed.name.to_string(), group)
    };
    once(app, &notice, name, &account, group.as_deref(), data).await
}
