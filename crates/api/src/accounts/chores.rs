//! What has to be done about accounts and keys when time passes. Safe on any number of nodes at once.

use assay_model::Result;

use super::{api_keys, notices};
use crate::app::App;
use crate::usage;

/// Figures are written, leases extended, thresholds told, quiet keys retired.
pub async fn every_second(app: &App) -> Result<()> {
    let counted = app.usage.flush(app.store(), app.now()).await;
    let passed = app.meter.beat().await?;
    for threshold in &passed {
        notices::of_threshold(app, threshold).await?;
    }
    api_keys::retire_quiet(app).await?;
    counted
}

/// Ends of keys are told, old figures forgotten.
pub async fn every_minute(app: &App) -> Result<()> {
    api_keys::tell_of_ends(app).await?;
    usage::sweep(app.store(), app.now()).await
}
