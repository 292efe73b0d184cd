//! Where what is known of an address comes from beside the engines and the visit: look-ups with those who should know.

use std::sync::Arc;

use assay_model::Timestamp;
use assay_model::address::{Item, Known};
use async_trait::async_trait;

use crate::Sightings;

/// Puts what somebody knows among what is known of an address.
pub type Describe = Arc<dyn Fn(&mut Known, Timestamp) + Send + Sync>;

/// Notes what somebody tells of beside an address.
pub type Join = Box<dyn Fn(&mut Sightings, Timestamp) + Send + Sync>;

/// What somebody knows of an address. Both parts run again, on what the store holds then, when somebody else was quicker.
pub struct Enrichment {
    /// Puts it among what is known of the address.
    pub describe: Describe,
    /// Notes what else it tells of.
    pub join: Join,
}

/// Knows something about domains and IP addresses. Asked once for each analysis of one, or of a URL whose host it is,
/// side by side with the others; what it cannot find out it leaves out.
#[async_trait]
pub trait Enrich: Send + Sync {
    /// What it knows of this address, of which so much is known so far.
    async fn enrich(&self, item: &Item, known: &Known, now: Timestamp) -> Option<Enrichment>;
}

impl Enrichment {
    /// Applies it to the address that was asked about, where that is the subject itself.
    pub(super) fn apply(&self, known: &mut Known, sightings: &mut Sightings, now: Timestamp) {
        (self.describe)(known, now);
        (self.join)(sightings, now);
    }

    /// Applies it to the address that was asked about, where that is another one than the subject.
    pub(super) fn apply_to_host(&self, host: &Item, sightings: &mut Sightings, now: Timestamp) {
        let describe = self.describe.clone();
        sightings.update(host, now, move |known| describe(known, now));
        (self.join)(sightings, now);
    }
}
