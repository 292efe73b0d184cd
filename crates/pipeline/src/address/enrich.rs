//! Where what is known of an address comes from beside the engines and the visit: the operator's data, look-ups.

use assay_model::Timestamp;
use assay_model::address::{Item, Known};
use async_trait::async_trait;

use crate::Sightings;

/// What somebody knows of an address. Applied to the address as the store holds it then; again, when somebody else was
/// quicker.
pub type Enrichment = Box<dyn Fn(&mut Known, &mut Sightings, Timestamp) + Send + Sync>;

/// Knows something about addresses. Asked once for each analysis, side by side with the others; what it cannot find out
/// it leaves out.
#[async_trait]
pub trait Enrich: Send + Sync {
    /// What it knows of this address.
    async fn enrich(&self, item: &Item) -> Option<Enrichment>;
}
