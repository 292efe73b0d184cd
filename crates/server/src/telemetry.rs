//! Logs to standard error and metrics in Prometheus' form.
//!
//! Lines gather in a buffer that a thread writes out twenty times a second: a system call or a wake-up per line would
//! cost a look-up more than anything else it does. A process that is killed loses the last twentieth of a second.

use std::io::{self, BufWriter, Stderr, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Log, LogFormat};

mod request_line;

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// How many bytes of lines gather before they are written at once.
const BUFFER: usize = 64 << 10;
/// How long a line waits at the most.
const WAIT: Duration = Duration::from_millis(50);

/// The buffer that all threads write their lines to.
#[derive(Clone)]
struct Lines(Arc<Mutex<BufWriter<Stderr>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

/// Writes the lines that still wait, and ends the thread, when it is dropped.
pub(crate) struct Guard {
    lines: Lines,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _panicked_and_was_reported = thread.join();
        }
        let _nobody_reads_the_log = self.lines.flush();
    }
}

/// Starts both.
pub(crate) fn start(log: &Log) -> anyhow::Result<Guard> {
    start_metrics()?;
    let requests = if log.requests { "" } else { ",assay::request=off" };
    let filter = EnvFilter::try_new(format!("{}{requests}", log.filter)).context("log.filter cannot be read")?;
    let lines = Lines(Arc::new(Mutex::new(BufWriter::with_capacity(BUFFER, io::stderr()))));
    let writer = lines.clone();
    let registry = tracing_subscriber::registry().with(filter);
    let layer =
        tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).with_ansi(false).with_target(false);
    let started = match log.format {
        LogFormat::Text => {
            let library = tracing_subscriber::fmt::format().with_ansi(false).with_target(false);
            registry.with(layer.event_format(request_line::Text(library))).try_init()
        }
        LogFormat::Json => registry.with(layer.json().flatten_event(true).with_current_span(false)).try_init(),
    };
    started.context("the log was started before")?;
    let (stop, stopped) = mpsc::channel();
    let mut waiting = lines.clone();
    let write_out = move || {
        while stopped.recv_timeout(WAIT) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _nobody_reads_the_log = waiting.flush();
        }
    };
    let thread = std::thread::Builder::new().name("log".to_owned()).spawn(write_out)?;
    Ok(Guard { lines, stop: Some(stop), thread: Some(thread) })
}

/// Starts the metrics alone.
pub(crate) fn start_metrics() -> anyhow::Result<()> {
    const SECONDS: &[f64] = &[0.0001, 0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 120.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .install_recorder()?;
    METRICS.set(handle).ok().context("the metrics were started before")
}

/// Folds what was recorded into the buckets; without it samples would gather until somebody asks for them.
pub(crate) fn fold_metrics() {
    if let Some(handle) = METRICS.get() {
        handle.run_upkeep();
    }
}

/// All figures as text.
pub(crate) fn metrics() -> String {
    METRICS.get().map(PrometheusHandle::render).unwrap_or_default()
}
