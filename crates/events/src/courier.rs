//! What webhooks work with: store, clock, randomness, sealed secrets and the way out.

use std::sync::Arc;
use std::time::Duration;

use assay_model::Result;
use assay_model::apikey::Pepper;
use assay_model::clock::Clock;
use assay_model::outbound::Rules;
use assay_model::random::Random;
use assay_model::seal::Sealer;
use assay_store::Store;
use assay_web::{Names, Outbound, SystemNames};

/// For what the secrets of webhooks are sealed.
const PURPOSE: &str = "webhook secrets";

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// What the operator decides about webhooks.
#[derive(Clone)]
pub struct Settings {
    /// Where they may point to.
    pub rules: Rules,
    /// Authorities to trust beside the system's, PEM.
    pub authorities: Vec<u8>,
    /// How names are resolved.
    pub names: Arc<dyn Names>,
    /// How long an answer is waited for.
    pub patience: Duration,
    /// How many deliveries are under way at once.
    pub at_once: usize,
    /// The pauses between attempts; there is one attempt more. Each is stretched or cut by up to a fifth at random.
    pub pauses: Vec<Duration>,
    /// How long deliveries are kept.
    pub keep: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let pauses = [5, 30, 2 * MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR];
        Self {
            rules: Rules::default(),
            authorities: Vec::new(),
            names: Arc::new(SystemNames),
            patience: Duration::from_secs(15),
            at_once: 4,
            pauses: pauses.map(Duration::from_secs).to_vec(),
            keep: Duration::from_secs(30 * 24 * HOUR),
        }
    }
}

/// See the module.
pub struct Courier {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) sealer: Sealer,
    pub(crate) outbound: Outbound,
    pub(crate) settings: Settings,
}

impl Courier {
    /// Sets up the way out. Fails where the authorities of the settings cannot be read.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        pepper: &Pepper,
        settings: Settings,
    ) -> Result<Arc<Self>> {
        let Settings { rules, names, authorities, patience, .. } = &settings;
        let outbound = Outbound::new(rules.clone(), names.clone(), authorities, *patience)?;
        Ok(Arc::new(Self { store, clock, random, sealer: Sealer::new(pepper, PURPOSE), outbound, settings }))
    }

    /// Checks a URL as making a webhook of it would.
    pub async fn check_url(&self, url: &str) -> Result<()> {
        self.outbound.check_url(url).await.map(drop)
    }
}
