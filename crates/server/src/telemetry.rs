//! Logs to standard error and metrics in Prometheus' form. Lines are written by a thread of their own, so that no
//! request waits for a slow terminal.

use std::sync::OnceLock;

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Log, LogFormat};

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// How many lines may wait; beyond it requests wait for the log rather than lose a line.
const LINES: usize = 16_384;

/// Starts both. The guard writes what still waits when it is dropped.
pub(crate) fn start(log: &Log) -> anyhow::Result<WorkerGuard> {
    start_metrics()?;
    let requests = if log.requests { "" } else { ",assay::request=off" };
    let filter = EnvFilter::try_new(format!("{}{requests}", log.filter)).context("log.filter cannot be read")?;
    let lines = std::io::BufWriter::with_capacity(64 << 10, std::io::stderr());
    let (writer, guard) = NonBlockingBuilder::default().lossy(false).buffered_lines_limit(LINES).finish(lines);
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false).with_target(false);
    let started = match log.format {
        LogFormat::Text => registry.with(lines).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true).with_current_span(false)).try_init(),
    };
    started.context("the log was started before")?;
    Ok(guard)
}

/// Starts the metrics alone.
pub(crate) fn start_metrics() -> anyhow::Result<()> {
    const SECONDS: &[f64] = &[0.0001, 0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 120.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .install_recorder()?;
    METRICS.set(handle).ok().context("the metrics were started before")
}

/// All figures as text.
pub(crate) fn metrics() -> String {
    METRICS.get().map(PrometheusHandle::render).unwrap_or_default()
}
