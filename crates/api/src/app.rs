//! What every request works with, and what an operator may set about it.

use std::sync::Arc;
use std::time::Duration;

use assay_broker::Broker;
use assay_events::Courier;
use assay_model::Sha256;
use assay_model::apikey::Pepper;
use assay_model::random::Random;
use assay_pipeline::Pipeline;
use assay_store::Store;
use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http_body::Body as _;
use quick_cache::sync::Cache;
use tokio_util::task::TaskTracker;

use crate::attack::Matrix;
use crate::identity::Identities;
use crate::meter::Meter;
use crate::report::Reports;
use crate::request_log::Ids;
use crate::route::Feature;
use crate::turns::Turns;
use crate::usage::Usage;

/// The largest body of `POST /files`, as at VirusTotal.
pub const DIRECT_UPLOAD: u64 = 32 << 20;
/// The largest body of an upload address, as at VirusTotal.
pub const LARGE_UPLOAD: u64 = 650 << 20;

/// How many first reads are remembered; what is forgotten is charged.
const FIRST_READS: usize = 10_000;

/// What is read of a body that nobody wants.
const LINGER_BYTES: usize = 1 << 20;
/// And for how long.
const LINGER_TIME: Duration = Duration::from_secs(2);

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address under which clients reach the server, without a path; where it is not set, what each client used.
    pub public_url: Option<String>,
    /// Whether `https` is what clients speak to this process.
    pub tls: bool,
    /// Whether `X-Forwarded-Proto` and `X-Forwarded-Host` are believed: only behind a proxy that sets them.
    pub trust_forwarded: bool,
    /// Whether API v2 is served under `/vtapi/v2/`.
    pub v2: bool,
    /// How many uploads may be under way at once.
    pub uploads: usize,
    /// How long an upload may send nothing.
    pub upload_patience: Duration,
    /// How many bytes of rendered reports are kept.
    pub report_cache: u64,
    /// How many calls are worked on at once; what is beyond waits by its class.
    pub calls: usize,
    /// What is switched off for everybody.
    pub features_off: Vec<Feature>,
    /// How keys are made and replaced.
    pub keys: KeyRules,
    /// MITRE ATT&CK, where the operator gave a bundle.
    pub matrix: Arc<Matrix>,
}

/// How keys are made and replaced.
#[derive(Debug, Clone)]
pub struct KeyRules {
    /// How many live keys an account may have.
    pub live: usize,
    /// How long a rotated key works on where nobody says otherwise.
    pub overlap: Duration,
    /// And at the most.
    pub overlap_max: Duration,
}

impl Default for KeyRules {
    fn default() -> Self {
        Self { live: 5, overlap: Duration::from_hours(24), overlap_max: Duration::from_hours(30 * 24) }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: None,
            tls: false,
            trust_forwarded: false,
            v2: true,
            uploads: 64,
            upload_patience: Duration::from_mins(1),
            report_cache: 16 << 20,
            calls: 256,
            features_off: Vec::new(),
            keys: KeyRules::default(),
            matrix: Arc::default(),
        }
    }
}

/// What every request works with.
pub struct App {
    /// Store, blobs, engines and clock.
    pub pipeline: Arc<Pipeline>,
    /// The key of keys.
    pub pepper: Pepper,
    /// Randomness for keys, upload addresses and request ids.
    pub random: Arc<dyn Random>,
    /// What the operator set.
    pub settings: Settings,
    /// Who may how often.
    pub meter: Meter,
    /// Who used what.
    pub usage: Usage,
    /// The way out to those who want to hear of events.
    pub courier: Arc<Courier>,
    /// The way to what others know.
    pub broker: Arc<Broker>,
    pub(crate) identities: Identities,
    pub(crate) turns: Arc<Turns>,
    pub(crate) reports: Reports,
    /// Who brought which new file and has not read its report yet: that read is free, as at VirusTotal.
    pub(crate) first_reads: Cache<(Arc<str>, Sha256), ()>,
    pub(crate) uploads: Arc<tokio::sync::Semaphore>,
    pub(crate) requests: Ids,
    lingering: TaskTracker,
}

/// What an [`App`] is put together from.
pub struct Parts {
    /// Store, blobs, engines and clock.
    pub pipeline: Arc<Pipeline>,
    /// The way out to those who want to hear of events.
    pub courier: Arc<Courier>,
    /// The way to what others know.
    pub broker: Arc<Broker>,
    /// The key of keys.
    pub pepper: Pepper,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts, settings: Settings) -> Arc<Self> {
        let Parts { pipeline, courier, broker, pepper, random } = parts;
        Arc::new(Self {
            meter: Meter::new(pipeline.store.clone(), pipeline.clock.clone(), &*random),
            usage: Usage::default(),
            courier,
            broker,
            turns: Turns::new(settings.calls),
            identities: Identities::default(),
            reports: Reports::new(settings.report_cache),
            first_reads: Cache::new(FIRST_READS),
            uploads: Arc::new(tokio::sync::Semaphore::new(settings.uploads)),
            requests: Ids::new(&*random),
            lingering: TaskTracker::new(),
            pipeline,
            pepper,
            random,
            settings,
        })
    }

    /// Reads a little of a body that nobody wants, and throws it away: a connection that is closed while the client
    /// still sends would lose the answer on its way. Bounded in bytes and time.
    pub(crate) fn linger<E>(&self, mut body: impl Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static) {
        self.lingering.spawn(async move {
            let mut left = LINGER_BYTES;
            let read = async {
                while let Some(Ok(piece)) = body.next().await {
                    left = left.saturating_sub(piece.len());
                    if left == 0 {
                        return;
                    }
                }
            };
            let _the_client_is_slow = tokio::time::timeout(LINGER_TIME, read).await;
        });
    }

    /// Lingers over a body, where there is one.
    pub(crate) fn linger_over(&self, body: Body) {
        if !body.is_end_stream() {
            self.linger(body.into_data_stream());
        }
    }

    /// The store.
    pub fn store(&self) -> &dyn Store {
        &*self.pipeline.store
    }

    /// The time.
    pub fn now(&self) -> assay_model::Timestamp {
        self.pipeline.clock.now()
    }
}
