//! The API of the data folder on this machine.

use assay_model::Code;
use async_trait::async_trait;
use serde_json::Value as Json;

use crate::client::door::{Call, Door};
use crate::client::problem::Problem;
use crate::config::Config;

/// The router of this installation.
pub(crate) struct Local;

impl Local {
    /// Opens the installation.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        let _installation = crate::installation::open_existing(config).await?;
        Ok(Self)
    }
}

#[async_trait(?Send)]
impl Door for Local {
    async fn call(&self, _call: &Call) -> Result<Json, Problem> {
        let _ = Code::Internal;
        Err(Problem::local("not yet"))
    }
}
