//! What every request works with, and what an operator may set about it.

use std::sync::Arc;
use std::time::Duration;

use assay_model::apikey::Pepper;
use assay_model::random::Random;
use assay_pipeline::Pipeline;
use assay_store::Store;

use crate::gate::Identities;
use crate::meter::Meter;
use crate::report::Reports;

/// The largest body of `POST /files`, as at VirusTotal.
pub const DIRECT_UPLOAD: u64 = 32 << 20;
/// The largest body of an upload address, as at VirusTotal.
pub const LARGE_UPLOAD: u64 = 650 << 20;

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
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: None,
            tls: false,
            trust_forwarded: false,
            v2: true,
            uploads: 64,
            upload_patience: Duration::from_secs(60),
            report_cache: 16 << 20,
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
    pub(crate) identities: Identities,
    pub(crate) reports: Reports,
    pub(crate) uploads: Arc<tokio::sync::Semaphore>,
}

impl App {
    /// Puts the parts together.
    pub fn new(pipeline: Arc<Pipeline>, pepper: Pepper, random: Arc<dyn Random>, settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            meter: Meter::new(pipeline.store.clone(), pipeline.clock.clone()),
            identities: Identities::default(),
            reports: Reports::new(settings.report_cache),
            uploads: Arc::new(tokio::sync::Semaphore::new(settings.uploads)),
            pipeline,
            pepper,
            random,
            settings,
        })
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
