//! The broker of a server or of a command: what it seals keys under, how it calls, and the contract that the configuration
//! names.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use assay_api::App;
use assay_broker::Broker;
use assay_model::apikey::Pepper;
use assay_model::clock::Clock;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::config::{Config, upstream};
use crate::installation::{Installation, SystemRandom};

/// How long the contract of the configuration is not tried again after it could not be registered.
const AGAIN: Duration = Duration::from_mins(1);

/// Opens the broker over an installation's store.
pub(crate) fn broker(
    config: &Config,
    installation: &Installation,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<Broker>> {
    let section = &config.upstream;
    let calls = assay_upstream::open(&section.calls()?).context("upstream: calls cannot be made")?;
    let own;
    let secret = if section.secret_command.is_empty() {
        &installation.pepper
    } else {
        own = printed_secret(&section.secret_command)?;
        &own
    };
    let settings = section.settings(!config.store.is_empty())?;
    Ok(Broker::new(installation.store.clone(), clock, Arc::new(SystemRandom), calls, secret, settings))
}

/// What the operator's secret store hands out.
#[expect(
    clippy::disallowed_methods,
    reason = "the operator's own command, named in the configuration, without a shell"
)]
fn printed_secret(command: &[String]) -> anyhow::Result<Pepper> {
    let run = Command::new(&command[0]).args(&command[1..]).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let done = run.with_context(|| format!("upstream.secret_command: {} cannot be run", command[0]))?;
    anyhow::ensure!(done.status.success(), "upstream.secret_command: {} has failed ({})", command[0], done.status);
    let printed = Zeroizing::new(String::from_utf8(done.stdout).unwrap_or_default());
    Pepper::from_hex(printed.trim()).context("upstream.secret_command: it does not print 64 hexadecimal digits")
}

/// Registers the contract that the configuration names, where it is not there; tries again until upstream can be asked.
pub(crate) async fn register(app: Arc<App>, section: upstream::Upstream, stop: CancellationToken) {
    if section.host.is_empty() || section.key_file.as_os_str().is_empty() {
        return;
    }
    loop {
        match registered(&app, &section).await {
            Ok(()) => return,
            Err(error) => {
                tracing::warn!(
                    contract = section.name,
                    error = format!("{error:#}"),
                    "the contract is not registered yet"
                );
            }
        }
        if stop.run_until_cancelled(tokio::time::sleep(AGAIN)).await.is_none() {
            return;
        }
    }
}

async fn registered(app: &Arc<App>, section: &upstream::Upstream) -> anyhow::Result<()> {
    let path = &section.key_file;
    let key = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let key = Zeroizing::new(key);
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let wanted = assay_broker::manage::Wanted {
        name: section.name.clone(),
        host: section.host.clone(),
        group: some(&section.group),
        account: some(&section.account),
    };
    let key = assay_upstream::UpstreamKey::new(key.trim());
    assay_api::register_upstream(app, &wanted, &key).await.map_err(|wrong| anyhow::anyhow!(wrong.message))
}

/// What the broker has to do as time passes.
pub(crate) async fn keep(app: Arc<App>, stop: CancellationToken) {
    let mut round = 0_u32;
    loop {
        if let Err(error) = app.broker.every_second().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "contracts could not be read or figures written");
        }
        // A minute after the start at first: a server that is started again and again must not ask each time.
        if round % 60 == 59
            && let Err(error) = app.broker.every_minute().await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "contracts could not be kept up to date");
        }
        round = round.wrapping_add(1);
        if stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(1))).await.is_none() {
            return;
        }
    }
}
