//! The scripts that stand in a fetched page: each becomes a file with an analysis of its own, joined with the URL that holds it.

use std::collections::BTreeSet;

use assay_blobs::Kept;
use assay_extract::page::Page;
use assay_model::record::Key;
use assay_model::{Kind, Link, Result, Sha256, Timestamp};
use bytes::Bytes;
use serde_json::json;

use super::{AddressSubject, arrival};
use crate::Pipeline;

/// Keeps the bytes of a page's scripts, but for what is kept already.
pub(super) async fn keep(pipeline: &Pipeline, page: &Page, but: Option<&Kept>) -> Result<Vec<Kept>> {
    let mut seen: BTreeSet<Sha256> = but.iter().map(|kept| kept.digests.sha256).collect();
    let mut kept = Vec::with_capacity(page.scripts.len());
    for script in &page.scripts {
        let mut incoming = pipeline.blobs.begin(script.len() as u64).await?;
        incoming.write(Bytes::copy_from_slice(script.as_bytes())).await?;
        let one = incoming.keep().await?;
        if seen.insert(one.digests.sha256) {
            kept.push(one);
        }
    }
    Ok(kept)
}

/// Joins them with the page's URL, and has them analysed.
pub(super) fn join(scripts: &[Kept], page: &str, subject: &mut AddressSubject, now: Timestamp) {
    let url = subject.analysis.item.key();
    for (number, script) in (1..).zip(scripts) {
        let name = format!("inline-{number}.js");
        let file = Key::shared(Kind::File, script.digests.sha256.to_string());
        let context = json!({ "embedded": true, "timestamp": now, "filename": name, "download_url": page });
        subject.sightings.link_anew(url.clone(), Link::HoldsScript, file, now, &context);
        subject.arrivals.push(arrival(script.clone(), Some(name)));
    }
}
