//! The only place that opens every seam and puts the server together. In goes a configuration, out comes a running
//! [`Server`].

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use assay_api::app::KeyRules;
use assay_api::attack::Matrix;
use assay_api::{App, Parts, Settings, accounts};
use assay_events::Courier;
use assay_extract::{Identifier, Magika, Options};
use assay_model::account::parse_network;
use assay_model::attack::{Attack, BUNDLE_MAX};
use assay_model::clock::{Clock, System};
use assay_pipeline::worker::{self, Workers};
use assay_pipeline::{Handover, Pipeline};
use secrecy::SecretString;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, MagikaUse};
use crate::installation::{self, FirstKey, Installation, SystemRandom};
use crate::listener::{self, Listening};
use crate::outward::{self, Outward};
use crate::telemetry;
use crate::tls::{self, Tls};
use crate::upstream;

/// How long running requests may take to end when the server stops.
const DRAIN: Duration = Duration::from_secs(30);
/// How many pages are pictured at once: each is a browser with some hundred MiB.
const PICTURES: usize = 2;
/// How often what is over is swept, and figures of the store are taken.
const CHORES: Duration = Duration::from_secs(15);

/// A server that runs.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// `scheme://host:port` for clients on this machine.
    pub(crate) base: String,
    /// The operator's key, where it was just made.
    pub(crate) operator_key: Option<SecretString>,
    /// Where that key was written, where nobody watches.
    pub(crate) key_written_to: Option<PathBuf>,
    /// What clients must trust, where the certificate is our own.
    pub(crate) authority: Option<PathBuf>,
    app: Arc<App>,
    listening: Listening,
    tasks: JoinSet<()>,
    stop: CancellationToken,
    _folder: std::fs::File,
}

/// Starts a server that shows its first key to the caller.
pub(crate) async fn start(config: &Config) -> anyhow::Result<Server> {
    start_with(config, None).await
}

/// Starts a server that writes its first key to a file, where one is named.
pub(crate) async fn start_with(config: &Config, key_file: Option<&Path>) -> anyhow::Result<Server> {
    let clock: Arc<dyn Clock> = Arc::new(System);
    let tls = Tls::parse(&config.tls)?;
    let socket = listener::bind(&config.listen, tls.is_on(), config.insecure_http)?;
    let folder = installation::lock(config)?;
    let installation = installation::open(config).await?;
    installation::write_tiers(&installation, config).await?;
    let (panel, blobs) = tokio::try_join!(
        async { assay_engines::open(&config.engines, &config.data.join("cache")).await.map_err(anyhow::Error::from) },
        async {
            let blobs = assay_blobs::Config::Directory(config.blobs());
            assay_blobs::open(&blobs).await.context("cannot open the folder of files")
        }
    )?;
    let intel = Arc::new(assay_intel::Intel::open(&config.intel)?);
    let Outward { web, browser, enrichers } = outward::open(config, &intel)?;
    let pipeline = Arc::new(Pipeline {
        store: installation.store.clone(),
        blobs,
        panel,
        intel,
        identifier: Arc::new(Identifier::new(Options { magika: magika(config) })),
        clock: clock.clone(),
        web,
        camera: browser.clone().map(|browser| browser as _),
        enrichers,
        handover: Handover::default(),
        visits: Handover::default(),
        pictures: Handover::default(),
    });
    let first = installation::initialise(&installation, config, key_file, &*clock).await?;
    let certificates = tls::open(&tls, &config.data)?;
    let settings = Settings { matrix: matrix(config)?, ..settings(config, certificates.is_some()) };
    let courier = courier(config, &installation, clock.clone())?;
    let broker = upstream::broker(config, &installation, clock.clone())?;
    let parts = Parts {
        pipeline: pipeline.clone(),
        courier: courier.clone(),
        broker,
        pepper: installation.pepper,
        random: Arc::new(SystemRandom),
    };
    let app = App::new(parts, settings);
    let router = listener::with_probes(assay_api::router(&app), app.clone());
    let authority = certificates.as_ref().and_then(|certificates| certificates.authority.clone());
    let scheme = if certificates.is_some() { "https" } else { "http" };
    let (address, listening) = listener::serve(socket, certificates, router)?;
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(worker::run(pipeline.clone(), workers(config), stop.clone()));
    if let Some(browser) = browser {
        let stop = stop.clone();
        tasks.spawn(async move { stop.run_until_cancelled(outward::try_browser(browser)).await.unwrap_or_default() });
    }
    let (watched, watch_stop) = (pipeline.panel.clone(), stop.clone());
    tasks.spawn(async move { watched.watch(watch_stop).await });
    tasks.spawn(pipeline.intel.clone().watch(stop.clone()));
    tasks.spawn(chores(pipeline, clock, stop.clone()));
    tasks.spawn(keep_accounts(app.clone(), stop.clone()));
    tasks.spawn(upstream::keep(app.clone(), stop.clone()));
    tasks.spawn(upstream::register(app.clone(), config.upstream.clone(), stop.clone()));
    tasks.spawn(assay_events::deliver::run(courier, stop.clone()));
    let (operator_key, key_written_to) = match first {
        Some(FirstKey { key, written_to }) => (Some(key), written_to),
        None => (None, None),
    };
    let base = format!("{scheme}://{}", reachable(address));
    Ok(Server { address, base, operator_key, key_written_to, authority, app, listening, tasks, stop, _folder: folder })
}

impl Server {
    /// Drains: running requests end, jobs are left to their leases, what was leased of quotas is given back.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.listening.drain(DRAIN).await?;
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.app.usage.flush(self.app.store(), self.app.now()).await?;
        self.app.broker.settle().await?;
        self.app.meter.settle().await;
        Ok(())
    }
}

fn settings(config: &Config, tls: bool) -> Settings {
    Settings {
        public_url: Some(config.public_url.clone()).filter(|url| !url.is_empty()),
        tls,
        trust_forwarded: config.trust_forwarded,
        v2: config.api_v2,
        uploads: config.pipeline.uploads,
        upload_patience: config.pipeline.upload_patience,
        report_cache: config.memory.reports.as_u64(),
        calls: config.calls,
        features_off: config.features_off.clone(),
        keys: KeyRules { live: config.keys.live, overlap: config.keys.overlap, overlap_max: config.keys.overlap_max },
        matrix: Arc::default(),
    }
}

/// MITRE ATT&CK, where the operator gave a bundle.
fn matrix(config: &Config) -> anyhow::Result<Arc<Matrix>> {
    let path = &config.attack_bundle;
    if path.as_os_str().is_empty() {
        return Ok(Arc::default());
    }
    let wrong = || format!("attack_bundle: cannot read {}", path.display());
    let bytes = std::fs::metadata(path).with_context(wrong)?.len();
    anyhow::ensure!(bytes <= BUNDLE_MAX, "attack_bundle: {} is larger than {BUNDLE_MAX} bytes", path.display());
    let attack = Attack::parse(&std::fs::read(path).with_context(wrong)?).with_context(wrong)?;
    tracing::info!(tactics = attack.tactics.len(), techniques = attack.techniques.len(), "ATT&CK is read");
    Ok(Arc::new(Matrix::new(attack)))
}

fn magika(config: &Config) -> Magika {
    match config.pipeline.magika {
        MagikaUse::Always => Magika::Always,
        MagikaUse::Undecided => Magika::Undecided,
        MagikaUse::Never => Magika::Never,
    }
}

fn workers(config: &Config) -> Workers {
    let samples = match config.pipeline.workers {
        0 => std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
        count => count,
    };
    let pictures = if config.urls.screenshots.as_os_str().is_empty() { 0 } else { PICTURES };
    Workers { samples, addresses: config.urls.at_once.max(1), pictures }
}

/// An unspecified address is reached by the loopback one.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        std::net::IpAddr::V4(ip) if ip.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
        std::net::IpAddr::V6(ip) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// What the command line works with beside or without a server: the service of a data folder, without engines and
/// listener, for [`assay_api::call_locally`].
pub(crate) async fn folder(config: &Config) -> anyhow::Result<Arc<App>> {
    let installation = installation::open_existing(config).await?;
    let courier = courier(config, &installation, Arc::new(System))?;
    let broker = upstream::broker(config, &installation, Arc::new(System))?;
    let pipeline = Arc::new(Pipeline {
        store: installation.store,
        blobs: assay_blobs::open(&assay_blobs::Config::Directory(config.blobs())).await?,
        panel: Arc::new(assay_engines::Panel::of(Vec::new())),
        intel: Arc::default(),
        identifier: Arc::new(Identifier::new(Options { magika: Magika::Never })),
        clock: Arc::new(System),
        web: None,
        camera: None,
        enrichers: Vec::new(),
        handover: Handover::default(),
        visits: Handover::default(),
        pictures: Handover::default(),
    });
    let random = Arc::new(SystemRandom);
    let parts = Parts { pipeline, courier, broker, pepper: installation.pepper, random };
    Ok(App::new(parts, settings(config, false)))
}

/// The way out to those who want to hear of events.
fn courier(config: &Config, installation: &Installation, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<Courier>> {
    let mut settings = assay_events::Settings::default();
    settings.rules.allow_http = config.webhooks.allow_http;
    for network in &config.webhooks.allow {
        let network = parse_network(network).map_err(|wrong| anyhow::anyhow!(wrong.message))?;
        settings.rules.allow.push(network);
    }
    settings.patience = config.webhooks.patience;
    if !config.webhooks.authorities.as_os_str().is_empty() {
        let path = &config.webhooks.authorities;
        settings.authorities = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    }
    let random = Arc::new(SystemRandom);
    let courier = Courier::new(installation.store.clone(), clock, random, &installation.pepper, settings);
    courier.map_err(|wrong| anyhow::anyhow!("webhooks.authorities: {}", wrong.message))
}

/// What accounts and keys need done as time passes.
async fn keep_accounts(app: Arc<App>, stop: CancellationToken) {
    let mut round = 0_u32;
    loop {
        if stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(1))).await.is_none() {
            return;
        }
        if let Err(error) = accounts::every_second(&app).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "usage and leases could not be written");
        }
        if round.is_multiple_of(60)
            && let Err(error) = accounts::every_minute(&app).await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "ends of keys could not be told");
        }
        round = round.wrapping_add(1);
    }
}

/// What has to be done now and then.
async fn chores(pipeline: Arc<Pipeline>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    loop {
        if let Err(error) = assay_api::files::upload_url::sweep(&*pipeline.store, clock.now()).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old upload addresses could not be swept");
        }
        telemetry::fold_metrics();
        if let Ok(backlog) = pipeline.store.backlog().await {
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; the count stays far below 2^52")]
            let (open, dead) = (backlog.open as f64, backlog.dead as f64);
            metrics::gauge!("assay_jobs", "state" => "open").set(open);
            metrics::gauge!("assay_jobs", "state" => "dead").set(dead);
        }
        if stop.run_until_cancelled(tokio::time::sleep(CHORES)).await.is_none() {
            return;
        }
    }
}
