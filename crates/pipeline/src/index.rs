//! What is known to what can be found: the facets of a file by its latest report.

use std::collections::BTreeSet;

use assay_model::Result;
use assay_model::file::StoredFile;
use assay_model::record::{FacetName, Key, StageName};
use assay_store::Batch;
use async_trait::async_trait;

use crate::records::{file_key, subject};
use crate::{Observed, Pipeline, Stage};

/// See the module.
pub(crate) struct Index;

struct Indexed(Key);

#[async_trait]
impl Stage for Index {
    async fn observe(&self, _: &Pipeline, key: &Key) -> Result<Box<dyn Observed>> {
        Ok(Box::new(Indexed(key.clone())))
    }
}

#[async_trait]
impl Observed for Indexed {
    async fn record(&self, pipeline: &Pipeline) -> Result<(Batch, Option<StageName>)> {
        let (_, (file, _)) = subject(&*pipeline.store, &self.0).await?;
        let key = file_key(&file.attributes.sha256);
        let mut batch = Batch::new();
        for (name, values) in facets(&file)? {
            batch.replace_facets(&key, name, values);
        }
        Ok((batch, None))
    }
}

fn facets(file: &StoredFile) -> Result<[(FacetName, BTreeSet<String>); 4]> {
    let facts = file.facts()?;
    let results = file.attributes.last_analysis_results.iter().flat_map(|results| results.values());
    let detections = results.filter_map(|result| result.result.as_ref()).map(|name| name.to_lowercase()).collect();
    Ok([
        (FacetName::Type, BTreeSet::from([facts.type_tag])),
        (FacetName::Tag, facts.tags.into_iter().collect()),
        (FacetName::Vhash, facts.vhash.into_iter().collect()),
        (FacetName::Detection, detections),
    ])
}
